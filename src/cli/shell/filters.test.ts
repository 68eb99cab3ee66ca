import { expect, test } from "bun:test";
import { filterCommands, noFiltering, throughAll } from "#cli/shell/filters";
import { LineWriter } from "#cli/shell/line-writer";

/** What comes out of `text` behind filters such as `grep -v a | head 2`. */
function through(line: string, text: string): string {
  const filtering = noFiltering();
  for (const stage of line.split("|")) {
    const words = stage.trim().split(" ");
    filterCommands(filtering).exitOverride().parse(words, { from: "user" });
  }
  let out = "";
  const writer = new LineWriter(filtering.filters, (more) => {
    out += more;
  });
  // In pieces that are no lines.
  for (let i = 0; i < text.length; i += 3) writer.write(text.slice(i, i + 3));
  writer.end();
  return out;
}

const TEXT = "hv1 Full\nhv2 Init\nhv3 full\n";

test("grep shows lines with the expression, -v those without, -i whatever the case", () => {
  expect(through("grep Full", TEXT)).toBe("hv1 Full\n");
  expect(through("grep -v Full", TEXT)).toBe("hv2 Init\nhv3 full\n");
  expect(through("grep -i full", TEXT)).toBe("hv1 Full\nhv3 full\n");
  expect(through("grep hv. F", TEXT)).toBe("hv1 Full\n");
  expect(() => through("grep (", TEXT)).toThrow('found "(", expected a regular expression');
});

test("grep looks at what is to be seen, not at colours", () => {
  expect(through("grep ^red$", "\x1b[31mred\x1b[39m\n")).toBe("\x1b[31mred\x1b[39m\n");
});

test("count, head, tail", () => {
  expect(through("count", TEXT)).toBe("3\n");
  expect(through("head 1", TEXT)).toBe("hv1 Full\n");
  expect(through("tail 1", TEXT)).toBe("hv3 full\n");
  expect(through("head", TEXT)).toBe(TEXT);
  expect(() => through("head 0", TEXT)).toThrow("expected 1 …");
});

test("filters take one another's output", () => {
  expect(through("grep -i full | tail 1 | count", TEXT)).toBe("1\n");
  expect(through("tail 2 | grep Init | head 5", TEXT)).toBe("hv2 Init\n");
});

test("a last line without an end is a line; none is none", () => {
  expect(through("count", "a\nb")).toBe("2\n");
  expect(through("count", "")).toBe("0\n");
});

test("behind json, count counts elements; json comes first", () => {
  expect(through("json | count", JSON.stringify([1, [2, 3]], null, 2))).toBe("2\n");
  expect(through("json | count", '{"a": [1, 2]}')).toBe("1\n");
  expect(() => through("grep a | json", TEXT)).toThrow("json has to be the first filter");
});

test("without filters everything passes as it comes", () => {
  const pieces: string[] = [];
  const writer = new LineWriter([], (text) => pieces.push(text));
  writer.write("a");
  writer.write("b\nc");
  writer.end();
  expect(pieces).toEqual(["a", "b\nc"]);
  expect(throughAll([]).line("x")).toEqual(["x"]);
});
