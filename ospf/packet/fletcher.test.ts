import { expect, test } from "bun:test";
import fc from "fast-check";
import { fletcher, fletcherHolds } from "#ospf/packet/fletcher";

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** ISO 8473's definition, one octet and one reduction at a time. */
function naive(octets: Uint8Array): readonly [c0: number, c1: number] {
  let [c0, c1] = [0, 0];
  for (const octet of octets) {
    c0 = (c0 + octet) % 255;
    c1 = (c1 + c0) % 255;
  }
  return [c0, c1];
}

const octets = (min: number, max: number) => fc.uint8Array({ minLength: min, maxLength: max });

test("the well-known sums of abcde, abcdef and abcdefgh (0xc8f0, 0x2057, 0x0627) call for these check octets behind them", () => {
  expect(fletcher(ascii("abcde\0\0"), 0, 7, 5)).toBe(0x46c8);
  expect(fletcher(ascii("abcdef\0\0"), 0, 8, 6)).toBe(0x8820);
  expect(fletcher(ascii("abcdefgh\0\0"), 0, 10, 8)).toBe(0xd206);
});

test("check octets anywhere bring both sums to zero and are never zero themselves (RFC 2328 §12.1.7, RFC 1008)", () => {
  fc.assert(
    fc.property(octets(2, 200), fc.nat(), fc.nat(5), (body, place, from) => {
      const checkAt = from + (place % (body.length - 1));
      const b = new Uint8Array(from + body.length + 7).fill(0xa5);
      b.set(body, from);
      b[checkAt] = 0;
      b[checkAt + 1] = 0;
      const end = from + body.length;
      const check = fletcher(b, from, end, checkAt);
      b[checkAt] = check >> 8;
      b[checkAt + 1] = check;
      expect(naive(b.subarray(from, end))).toEqual([0, 0]);
      expect(fletcherHolds(b, from, end)).toBe(true);
      expect([b[checkAt], b[checkAt + 1]]).not.toContain(0);
    }),
  );
});

test("octets hold when the sums taken one octet at a time are zero, and only then", () => {
  fc.assert(
    fc.property(octets(0, 64), (b) => {
      const [c0, c1] = naive(b);
      expect(fletcherHolds(b, 0, b.length)).toBe(c0 === 0 && c1 === 0);
    }),
  );
});

test("the largest LSA of nothing but 0xff, 0xfe or 0xa5 does not overflow the deferred reductions", () => {
  for (const octet of [0xff, 0xfe, 0xa5]) {
    for (const length of [4095, 4096, 4097, 8191, 8192, 8193, 65533]) {
      const b = new Uint8Array(length).fill(octet);
      b[14] = 0;
      b[15] = 0;
      const check = fletcher(b, 0, length, 14);
      b[14] = check >> 8;
      b[15] = check;
      expect([octet, length, ...naive(b)]).toEqual([octet, length, 0, 0]);
      expect(fletcherHolds(b, 0, length)).toBe(true);
    }
  }
});

test("any single bit that changes is noticed", () => {
  const b = ascii("abcdefgh\xd2\x06").slice(0, 8);
  const whole = new Uint8Array([...b, 0xd2, 0x06]);
  for (let bit = 0; bit < 8 * whole.length; bit++) {
    const changed = whole.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    expect([bit, fletcherHolds(changed, 0, changed.length)]).toEqual([bit, false]);
  }
});
