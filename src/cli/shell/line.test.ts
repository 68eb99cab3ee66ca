import { expect, test } from "bun:test";
import fc from "fast-check";
import { quoted, readLine } from "#cli/shell/line";

const words = (line: string): string[][] => readLine(line).stages.map((stage) => stage.map(({ text }) => text));

test("a line is a command and its filters, in words", () => {
  expect(words("show vms | grep -v red | count")).toEqual([["show", "vms"], ["grep", "-v", "red"], ["count"]]);
  expect(words("  ")).toEqual([[]]);
  expect(words("show vms |")).toEqual([["show", "vms"], []]);
  expect(words("a|b")).toEqual([["a"], ["b"]]);
});

test("quotes and backslashes keep a word together, and a | or # that is meant as itself", () => {
  expect(words(`show flights 'blue/prod 10.0.0.5'`)).toEqual([["show", "flights", "blue/prod 10.0.0.5"]]);
  expect(words(`grep "a|b" c\\|d e\\ f`)).toEqual([["grep", "a|b", "c|d", "e f"]]);
  expect(words(`a "b \\" \\x" 'c\\'`)).toEqual([["a", 'b " \\x', "c\\"]]);
  expect(words(`a ""`)).toEqual([["a", ""]]);
});

test("a comment is left out, a # inside a word is none", () => {
  expect(words("show vms # all of them")).toEqual([["show", "vms"]]);
  expect(words("a#b")).toEqual([["a#b"]]);
});

test("a quote that is not closed is told", () => {
  expect(readLine("show 'a b").openQuote).toBe("'");
  expect(readLine("show 'a b'").openQuote).toBe("");
});

test("words know where they are", () => {
  expect(readLine("a 'b c'").stages[0]).toEqual([
    { text: "a", start: 0, end: 1, isQuoted: false },
    { text: "b c", start: 2, end: 7, isQuoted: true },
  ]);
});

test("whatever is quoted is read again as one word", () => {
  const readable = fc.string({ minLength: 1 }).filter((text) => !text.includes("\n"));
  fc.assert(fc.property(readable, (text) => expect(words(`a ${quoted(text)} b`)).toEqual([["a", text, "b"]])));
});
