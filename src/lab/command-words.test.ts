import { expect, test } from "bun:test";
import { commandWords } from "#lab/command-words";

test.each([
  ["ip link set eth1 up", ["ip", "link", "set", "eth1", "up"]],
  [`sh -c 'echo "a b" > /x' x\\ y`, ["sh", "-c", 'echo "a b" > /x', "x y"]],
  [`a"b c"d '' ""`, ["ab cd", "", ""]],
  [`"\\"\\\\\\n\\$A" '\\n'`, ['"\\\\n$A', "\\n"]],
  ["  \t ", []],
  ["", []],
])("%p is split like a shell's words", (line, words) => {
  expect(commandWords(line)).toEqual(words);
});

test.each([`echo 'a`, `echo "a\\"`])("%p has an open quote", (line) => {
  expect(commandWords(line)).toBeUndefined();
});
