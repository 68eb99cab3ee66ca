import { expect, test } from "bun:test";
import { assemble } from "#sys/bpf-code";

test("an instruction is opcode, registers, offset and immediate (RFC 9669 §3)", () => {
  expect([...assemble([{ does: "storeValue32", to: 10, offset: -4, value: -2 }])]).toEqual([
    0x62, 0x0a, 0xfc, 0xff, 0xfe, 0xff, 0xff, 0xff,
  ]);
  expect([...assemble([{ does: "moveRegister", to: 6, source: 1 }])]).toEqual([0xbf, 0x16, 0, 0, 0, 0, 0, 0]);
});

test("a jump counts instructions from the next one; a map takes the room of two (RFC 9669 §4.3, §5.4)", () => {
  const code = assemble([
    { does: "jump", label: "end" },
    { does: "loadMap", to: 1, value: 7 },
    { does: "jumpIfEqual", to: 0, value: 0, label: "end" },
    "end",
    { does: "exit" },
  ]);
  expect(code.length).toBe(5 * 8);
  expect([code[2], code[3 * 8 + 2]]).toEqual([3, 0]);
  expect([...code.subarray(8, 24)]).toEqual([0x18, 0x11, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
});

test("a jump to nowhere is an error that names it", () => {
  expect(() => assemble([{ does: "jump", label: "x" }])).toThrow(new RangeError('no line is called "x"'));
});
