import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fromCode, MANTISSA_8, MANTISSA_16, toCode } from "#wire/group-membership";

describe("times as codes", () => {
  test("of eight bits are linear to 127 and floating behind it (RFC 3376 §4.1.1)", () => {
    expect([0, 1, 127, 128, 0x8f, 0x90, 0xff].map((code) => fromCode(code, MANTISSA_8))).toEqual([
      0, 1, 127, 128, 248, 256, 31744,
    ]);
  });

  test("of 16 bits are linear to 32767 and floating behind it (RFC 3810 §5.1.3)", () => {
    expect([0, 10000, 32767, 32768, 0x8fff, 0x9000, 0xffff].map((code) => fromCode(code, MANTISSA_16))).toEqual([
      0, 10000, 32767, 32768, 65528, 65536, 8387584,
    ]);
  });

  test.each([
    [MANTISSA_8, 255, 31744],
    [MANTISSA_16, 65535, 8387584],
  ])(
    "with a mantissa of %i bits are the largest that is not more than the time (RFC 3376 §8.8)",
    (bits, codes, most) => {
      fc.assert(
        fc.property(fc.nat(codes), (code) => {
          expect(toCode(fromCode(code, bits), bits)).toBe(code);
        }),
      );
      fc.assert(
        fc.property(fc.nat(most), (time) => {
          const code = toCode(time, bits);
          expect(fromCode(code, bits)).toBeLessThanOrEqual(time);
          if (code < codes) expect(fromCode(code + 1, bits)).toBeGreaterThan(time);
        }),
      );
      expect([toCode(most + 1, bits), toCode(2 ** 31, bits)]).toEqual([codes, codes]);
    },
  );
});
