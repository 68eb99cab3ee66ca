import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fromHex, put16 } from "#base/bytes";
import { finish, fold, sum, update } from "#base/checksum";

/** RFC 1071 §1 word by word, carries folded at once. */
function reference(b: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < b.length; i += 2) {
    total += b[i]! * 256 + (b[i + 1] ?? 0);
    if (total > 0xffff) total -= 0xffff;
  }
  return 0xffff - total;
}

/** Both zeros of ones' complement arithmetic are one value. */
const modulo = (field: number): number => field % 0xffff;

describe("the Internet checksum", () => {
  test("of RFC 1071 §3's example: the words add up to ddf2", () => {
    const b = fromHex("0001f203f4f5f6f7")!;
    expect(fold(sum(b, 0, b.length))).toBe(0xddf2);
    expect(finish(sum(b, 0, b.length))).toBe(0x220d);
  });

  test("equals the definition for any octets, at any offset, of odd length too", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(3), (b, at) => {
        const buffer = new Uint8Array(b.length + at + 3).fill(0xa5);
        buffer.set(b, at);
        expect(finish(sum(buffer, at, b.length))).toBe(reference(b));
      }),
    );
  });

  test("is the same summed in parts of even length (RFC 1071 §2)", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(50), (b, words) => {
        const cut = Math.min(2 * words, b.length & ~1);
        expect(fold(sum(b, cut, b.length - cut, sum(b, 0, cut)))).toBe(fold(sum(b, 0, b.length)));
      }),
    );
  });

  test("of the longest packet of all ones does not lose a carry", () => {
    const b = new Uint8Array(65535).fill(0xff);
    expect(finish(sum(b, 0, b.length))).toBe(reference(b));
  });
});

describe("fold", () => {
  test("keeps the value modulo 0xffff and tells zero from all ones, up to 2^48", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), (total) => {
        const folded = fold(total);
        expect(folded >= 0 && folded <= 0xffff).toBe(true);
        expect(folded % 0xffff).toBe(total % 0xffff);
        expect(folded === 0).toBe(total === 0);
      }),
      { numRuns: 2000 },
    );
    for (const total of [0xffff, 0x1_0000, 0x1_fffe, 0xffff_ffff, 0x1_0000_0000, 2 ** 48 - 1]) {
      expect(fold(total) % 0xffff).toBe(total % 0xffff);
    }
  });
});

describe("incremental update", () => {
  test("of RFC 1624 §4's example gives 0, not ffff", () => {
    expect(update(0xdd2f, 0x5555, 0x3285)).toBe(0x0000);
  });

  test("equals summing anew", () => {
    const words = fc.uint8Array({ minLength: 4, maxLength: 40 }).map((b) => b.subarray(0, b.length & ~1));
    fc.assert(
      fc.property(words, fc.nat(19), fc.nat(0xffff), (b, index, word) => {
        const before = finish(sum(b, 0, b.length));
        const at = 2 * (index % (b.length / 2));
        const old = sum(b, at, 2);
        put16(b, at, word);
        expect(modulo(update(before, old, word))).toBe(modulo(finish(sum(b, 0, b.length))));
      }),
      { numRuns: 1000 },
    );
  });
});
