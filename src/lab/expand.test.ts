import { expect, test } from "bun:test";
import { expandVariables } from "#lab/expand";

const environment = { A: "1", EMPTY: "", LONG_NAME: "x y" };

test.each([
  ["image: alpine:$A", "image: alpine:1"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the syntax under test
  ["${A}${LONG_NAME}!", "1x y!"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the syntax under test
  ["${NONE}|${NONE-d}|${NONE:-d}|${NONE=d}|${NONE:=d}", "|d|d|d|d"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the syntax under test
  ["${EMPTY}|${EMPTY-d}|${EMPTY:-d}|${EMPTY=d}|${EMPTY:=d}", "||d||d"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the syntax under test
  ["${A+set}|${NONE+set}|${EMPTY+set}|${EMPTY:+set}", "set||set|"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the syntax under test
  ["${NONE:-${A}}-${NONE:-$LONG_NAME}", "1-x y"],
  ["echo $$A costs 5$ or $5", "echo $A costs 5$ or $5"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the syntax under test
  ["${A and ${} and ${1x}", "${A and ${} and ${1x}"],
  ["", ""],
])("containerlab's variables: %p becomes %p", (text, expected) => {
  expect(expandVariables(text, environment)).toBe(expected);
});
