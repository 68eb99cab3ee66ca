import { expect, test } from "bun:test";
import fc from "fast-check";
import { masked } from "#base/address";
import { decode, Malformed, type Reader } from "#base/reader";
import { Writer } from "#base/writer";
import {
  type AdvertisedPrefix,
  prefixOctets,
  readPrefixAddress,
  readPrefixStart,
  writePrefixAddress,
  writePrefixStart,
} from "#ospf/packet/prefix";
import { address, hex, prefix } from "#ospf/packet/testing/samples";

function read(r: Reader): AdvertisedPrefix {
  const { length, options } = readPrefixStart(r);
  return { address: readPrefixAddress(r, length), length, options };
}
function write(p: AdvertisedPrefix): Uint8Array {
  const w = new Writer();
  writePrefixStart(w, p);
  writePrefixAddress(w, p);
  return w.finish();
}

test("a prefix takes as many 32-bit words as its length needs (RFC 5340 §A.4.1)", () => {
  expect([0, 1, 32, 33, 64, 65, 96, 97, 128].map(prefixOctets)).toEqual([0, 4, 4, 8, 8, 12, 12, 16, 16]);
});

test("a prefix is these octets, both ways", () => {
  const known = [
    [prefix("::/0"), "0000"],
    [prefix("8000::/1", 0x1b), "011b 80000000"],
    [prefix("2001:db8:0:8000::/49", 0x08), "3108 20010db8 00008000"],
    [prefix("2001:db8::ff/128", 0x02), "8002 20010db8 00000000 00000000 000000ff"],
  ] as const;
  for (const [value, octets] of known) {
    expect(decode(hex(octets), read)).toEqual(value);
    expect(write(value)).toEqual(hex(octets));
  }
});

test("bits after the length are zero once read and once written, whatever they were (§A.4.1)", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(128), (octets, length) => {
      const noisy = { address: octets, length, options: 0 };
      const clean = { ...noisy, address: masked(octets, length) };
      expect(write(noisy)).toEqual(write(clean));
      const wire = new Uint8Array([length, 0, ...octets.subarray(0, prefixOctets(length))]);
      expect(decode(wire, read)).toEqual(clean);
    }),
  );
});

test("a length above 128 is refused (§A.4.1)", () => {
  for (const length of [129, 160, 255]) {
    const found = decode(new Uint8Array(64).fill(length), read);
    expect(found).toEqual(new Malformed("prefix length above 128", 0));
  }
});

test("what is no IPv6 prefix is not written", () => {
  expect(() => write({ address: address("::"), length: 129, options: 0 })).toThrow(RangeError);
  expect(() => write({ address: new Uint8Array(4), length: 8, options: 0 })).toThrow(RangeError);
  expect(() => write({ address: address("::"), length: 0, options: 256 })).toThrow(RangeError);
});
