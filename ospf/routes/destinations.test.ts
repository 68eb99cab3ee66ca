import { expect, test } from "bun:test";
import fc from "fast-check";
import { contains, formatPrefix, masked, type Prefix, parseIpv6, parsePrefix6 } from "#base/address";
import { Destinations } from "#ospf/routes/destinations";

const prefix = (text: string): Prefix => parsePrefix6(text)!;

/** Few different bits, so that prefixes contain one another often. */
const anyPrefix = fc
  .tuple(fc.array(fc.constantFrom(0, 1, 0x80, 0xff), { minLength: 16, maxLength: 16 }), fc.nat(128))
  .map(([octets, length]) => ({ address: masked(Uint8Array.from(octets), length), length }));

test("equal prefixes have one number, different ones different numbers, and both give the prefix back", () => {
  fc.assert(
    fc.property(fc.array(anyPrefix, { maxLength: 60 }), (prefixes) => {
      const destinations = new Destinations();
      const numbers = new Map<string, number>();
      for (const each of prefixes) {
        const text = formatPrefix(each);
        const number = destinations.add(each);
        expect(number).toBe(numbers.get(text) ?? numbers.size);
        numbers.set(text, number);
        expect(destinations.text(number)).toBe(text);
      }
      for (const each of prefixes) expect(destinations.find(each)).toBe(numbers.get(formatPrefix(each))!);
      expect(destinations.size).toBe(numbers.size);
    }),
  );
});

test("the longest match is that of a linear search, among the wanted", () => {
  fc.assert(
    fc.property(fc.array(anyPrefix, { maxLength: 40 }), anyPrefix, fc.nat(3), (prefixes, { address }, modulus) => {
      const destinations = new Destinations();
      for (const each of prefixes) destinations.add(each);
      const wanted = (number: number): boolean => number % (modulus + 1) === 0;
      let best = -1;
      for (let number = 0; number < destinations.size; number++) {
        const candidate = destinations.prefix(number);
        const longer = best < 0 || candidate.length > destinations.prefix(best).length;
        if (wanted(number) && contains(candidate, address) && longer) best = number;
      }
      expect(destinations.longestMatch(address, wanted)).toBe(best);
    }),
  );
});

test("a prefix that was never added has no number", () => {
  const destinations = new Destinations();
  destinations.add(prefix("2001:db8:1::/48"));
  destinations.add(prefix("2001:db8:2::/48"));
  for (const text of ["::/0", "2001:db8::/32", "2001:db8:1:1::/64", "2001:db8:3::/48"]) {
    expect(destinations.find(prefix(text))).toBe(-1);
  }
  expect(destinations.longestMatch(parseIpv6("2001:db8:3::1")!, () => true)).toBe(-1);
});

test("above its limit it gives no new numbers, and still knows the old ones", () => {
  const destinations = new Destinations(2);
  expect(destinations.add(prefix("2001:db8:1::/48"))).toBe(0);
  expect(destinations.add(prefix("::/0"))).toBe(1);
  expect(destinations.add(prefix("2001:db8:2::/48"))).toBe(-1);
  expect(destinations.add(prefix("2001:db8::/32"))).toBe(-1);
  expect(destinations.add(prefix("2001:db8:1::/48"))).toBe(0);
  expect(destinations.size).toBe(2);
});
