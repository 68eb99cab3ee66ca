import { expect, test } from "bun:test";
import { columns } from "#cli/columns";
import { processSurroundings, within } from "#cli/surroundings";

const inWidth = (width: number, make: () => string): string => within({ ...processSurroundings(), width }, make);
const ROWS = [
  ["eth1", "12", "sent into the fabric, translated unless it is IPv6, or to the metadata service"],
  ["blue1", "7", "delivered to a local VM"],
];
const table = (): string => columns(["PORT", "FRAMES", "MEANING"], ROWS, ["left", "right"]);

test("in a pipe a table is as wide as it needs to be", () => {
  expect(table()).toBe(
    [
      "PORT   FRAMES  MEANING",
      "eth1       12  sent into the fabric, translated unless it is IPv6, or to the metadata service",
      "blue1       7  delivered to a local VM",
    ].join("\n"),
  );
});

test("on a terminal the last column of text is wrapped", () => {
  expect(inWidth(44, table)).toBe(
    [
      "PORT   FRAMES  MEANING",
      "eth1       12  sent into the fabric,",
      "               translated unless it is IPv6,",
      "               or to the metadata service",
      "blue1       7  delivered to a local VM",
    ].join("\n"),
  );
});

test("the widest columns of text are cut with an ellipsis, numbers are not", () => {
  const addresses = (): string =>
    columns(["ADDRESS", "NAME", "COUNT"], [["2001:db8:a1:1:0:401:a00:2", "web", "1234567"]], ["left", "left", "right"]);
  expect(inWidth(32, addresses)).toBe("ADDRESS            NAME    COUNT\n2001:db8:a1:1:0:…  web   1234567");
});

test("no line is wider than the terminal, whatever the table and colours", () => {
  const red = "\x1b[31mred and more of it, so that it is long\x1b[39m";
  for (let width = 10; width < 120; width++) {
    const lines = inWidth(width, () =>
      columns(["A", "B", "C", "D"], [[red, "123456789012", red, red]], ["left", "right"]),
    ).split("\n");
    expect(lines.filter((line) => Bun.stringWidth(line) > width)).toEqual([]);
  }
});
