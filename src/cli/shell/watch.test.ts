import { expect, test } from "bun:test";
import { marked } from "#cli/shell/watch";

const plain = (text: string): string => text.replaceAll("\x1b[7m", "[").replaceAll("\x1b[27m", "]");

test("watch marks the words that are others than before", () => {
  expect(plain(marked("eth1  12  up", "eth1  11  up"))).toBe("eth1  [12]  up");
  expect(plain(marked("eth1  12  up", "eth1  12  up"))).toBe("eth1  12  up");
});

test("a column that grows moves nothing but itself", () => {
  expect(plain(marked("  a  100  x", "  a   99  x"))).toBe("  a  [100]  x");
  expect(plain(marked("blue1  7", ""))).toBe("[blue1]  [7]");
});
