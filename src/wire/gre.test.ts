import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fromHex, toHex } from "#base/bytes";
import * as gre from "#wire/gre";

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

describe("GRE header", () => {
  test.each([
    ["00000800", { protocolType: 0x0800 }],
    ["200086dd00000401", { protocolType: 0x86dd, key: 0x401 }],
    ["1000655800000007", { protocolType: 0x6558, sequence: 7 }],
    ["300008001234567800000007", { protocolType: 0x0800, key: 0x12345678, sequence: 7 }],
    [
      "b00008000000000012345678ffffffff",
      { protocolType: 0x0800, key: 0x12345678, sequence: 0xffffffff, checksum: true },
    ],
  ])("%s is written (RFC 2784 §2.1, RFC 2890 §2)", (hex, fields) => {
    const b = new Uint8Array(20).fill(0xa5);
    expect(gre.write(b, 2, fields)).toBe(hex.length / 2);
    expect(toHex(b)).toBe(`a5a5${hex}${"a5".repeat(18 - hex.length / 2)}`);
  });

  test("is read as it is written, and refused at every truncation", () => {
    const fields = fc.record(
      { protocolType: fc.nat(0xffff), key: u32, sequence: u32, checksum: fc.boolean() },
      { requiredKeys: ["protocolType"] },
    );
    fc.assert(
      fc.property(fields, (h) => {
        const b = new Uint8Array(20).fill(0xa5);
        const length = gre.write(b, 2, h);
        expect(gre.fits(b, 2, 2 + length)).toBe(true);
        for (let end = 2; end < 2 + length; end++) expect(gre.fits(b, 2, end)).toBe(false);
        expect([gre.protocolType(b, 2), gre.headerLength(b, 2)]).toEqual([h.protocolType, length]);
        expect([gre.hasKey(b, 2), gre.hasSequence(b, 2), gre.hasChecksum(b, 2)]).toEqual([
          h.key !== undefined,
          h.sequence !== undefined,
          h.checksum === true,
        ]);
        if (h.key !== undefined) expect(gre.key(b, 2)).toBe(h.key);
        if (h.sequence !== undefined) expect(gre.sequence(b, 2)).toBe(h.sequence);
      }),
    );
  });

  test("is refused with version, routing or another of bits 1–5 set, not with reserved bits 6–12 (RFC 2784 §2.3)", () => {
    for (let bit = 0; bit < 16; bit++) {
      const b = new Uint8Array(20);
      b[bit >> 3] = 0x80 >> (bit & 7);
      const known = bit === 0 || bit === 2 || bit === 3; // checksum, key, sequence
      expect([bit, gre.fits(b, 0, b.length)]).toEqual([bit, known || (bit >= 6 && bit <= 12)]);
    }
  });

  test("checksum covers header and payload, also of odd length (RFC 2784 §2.5)", () => {
    const b = new Uint8Array(8 + 5);
    const at = gre.write(b, 0, { protocolType: 0x0800, checksum: true });
    b.set(fromHex("0102030405")!, at);
    gre.writeChecksum(b, 0, b.length);
    expect(gre.checksumHolds(b, 0, b.length)).toBe(true);
    b[12]! ^= 1;
    expect(gre.checksumHolds(b, 0, b.length)).toBe(false);
    expect(gre.checksumHolds(fromHex("00000800ff")!, 0, 5)).toBe(true); // absent
  });
});
