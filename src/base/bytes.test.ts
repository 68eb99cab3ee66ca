import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import * as bytes from "#base/bytes";

const AT = 3;

describe("octets in network order", () => {
  test("are read as DataView reads them, at any offset", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 12 }), (b) => {
        const view = new DataView(b.buffer, b.byteOffset);
        expect(bytes.u8(b, AT)).toBe(view.getUint8(AT));
        expect(bytes.u16(b, AT)).toBe(view.getUint16(AT));
        expect(bytes.u32(b, AT)).toBe(view.getUint32(AT));
        expect(bytes.i32(b, AT)).toBe(view.getInt32(AT));
      }),
    );
  });

  test("are written as they are read, and nothing around them", () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 32 - 1 }), (value) => {
        for (const [width, put, get] of [
          [1, bytes.put8, bytes.u8],
          [2, bytes.put16, bytes.u16],
          [4, bytes.put32, bytes.u32],
        ] as const) {
          const b = new Uint8Array(12).fill(0xa5);
          put(b, AT, value);
          expect(get(b, AT)).toBe((value >>> 0) % 2 ** (8 * width));
          b.fill(0xa5, AT, AT + width);
          expect([...b]).toEqual(Array(12).fill(0xa5));
        }
      }),
    );
  });

  test("are zero outside of the array", () => {
    const b = Uint8Array.of(0xff);
    expect([bytes.u8(b, 9), bytes.u16(b, 9), bytes.i32(b, 9), bytes.u16(b, 0)]).toEqual([0, 0, 0, 0xff00]);
  });

  test("are moved between ranges that may overlap, short and long", () => {
    fc.assert(
      fc.property(fc.nat(120), fc.nat(120), fc.nat(120), (to, from, length) => {
        const b = Uint8Array.from({ length: 240 }, (_, i) => i);
        const expected = b.slice().copyWithin(to, from, from + length);
        bytes.move(b, to, from, length);
        expect(b).toEqual(expected);
      }),
    );
  });

  test("are copied and compared between arrays", () => {
    const from = Uint8Array.of(1, 2, 3, 4);
    const to = new Uint8Array(6).fill(0xa5);
    bytes.copy(to, 1, from, 1, 3);
    expect([...to]).toEqual([0xa5, 2, 3, 4, 0xa5, 0xa5]);
    expect(bytes.equal(to, 1, from, 1, 3)).toBe(true);
    expect(bytes.equal(to, 1, from, 0, 3)).toBe(false);
    expect(bytes.equal(to, 0, from, 0, 0)).toBe(true);
  });
});

describe("hexadecimal text", () => {
  test("is read as it is written", () => {
    fc.assert(fc.property(fc.uint8Array(), (b) => expect(bytes.fromHex(bytes.toHex(b))).toEqual(b)));
    expect(bytes.fromHex("00fF")).toEqual(Uint8Array.of(0, 255));
  });

  test.each(["0", "0g", "0x00", " 00", "00\n"])("%p is refused", (text) => {
    expect(bytes.fromHex(text)).toBeUndefined();
  });
});
