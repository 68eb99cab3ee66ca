import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fromHex, toHex } from "#base/bytes";
import * as ipv4 from "#wire/ipv4";
import { expectFields } from "#wire/testing/fields";

/** The example that is worked out in many textbooks: UDP, 192.168.0.1 → 192.168.0.199. */
const HEADER = "45000073000040004011b861c0a80001c0a800c7";

/** A header with `options` (a multiple of 4 octets) and no payload. */
function withOptions(options: number[]): Uint8Array {
  const b = new Uint8Array(20 + options.length);
  b.set(fromHex(HEADER)!);
  b.set(options, 20);
  b[0] = 0x40 | (b.length >> 2);
  ipv4.setTotalLength(b, 0, b.length);
  ipv4.writeChecksum(b, 0);
  return b;
}

describe("IPv4 header", () => {
  test("has the fields of RFC 791 §3.1", () => {
    expectFields(ipv4.SIZE, [
      { name: "version", bit: 0, width: 4, get: ipv4.version },
      { name: "headerLength", bit: 4, width: 4, unit: 4, get: ipv4.headerLength },
      { name: "tos", bit: 8, width: 8, get: ipv4.tos },
      { name: "totalLength", bit: 16, width: 16, get: ipv4.totalLength, set: ipv4.setTotalLength },
      { name: "identification", bit: 32, width: 16, get: ipv4.identification, set: ipv4.setIdentification },
      { name: "fragment", bit: 48, width: 16, get: ipv4.fragment, set: ipv4.setFragment },
      { name: "dontFragment", bit: 49, width: 1, get: ipv4.dontFragment },
      { name: "moreFragments", bit: 50, width: 1, get: ipv4.moreFragments },
      { name: "fragmentOffset", bit: 51, width: 13, get: ipv4.fragmentOffset },
      { name: "ttl", bit: 64, width: 8, get: ipv4.ttl, set: ipv4.setTtl },
      { name: "protocol", bit: 72, width: 8, get: ipv4.protocol, set: ipv4.setProtocol },
      { name: "checksum", bit: 80, width: 16, get: ipv4.checksum },
      { name: "source", bit: 96, width: 32, get: ipv4.source, set: ipv4.setSource },
      { name: "destination", bit: 128, width: 32, get: ipv4.destination, set: ipv4.setDestination },
    ]);
  });

  test("is written with its checksum, and nothing around it", () => {
    const b = new Uint8Array(22).fill(0xa5);
    ipv4.write(b, 1, {
      totalLength: 115,
      ttl: 64,
      protocol: 17,
      fragment: ipv4.DONT_FRAGMENT,
      source: Uint8Array.of(192, 168, 0, 1),
      destination: Uint8Array.of(192, 168, 0, 199),
    });
    expect(toHex(b)).toBe(`a5${HEADER}a5`);
    expect(ipv4.checksumHolds(b, 1)).toBe(true);
  });

  test("fails its checksum when any bit is flipped", () => {
    for (let bit = 8; bit < 160; bit++) {
      const b = fromHex(HEADER)!;
      b[bit >> 3]! ^= 1 << (bit & 7);
      expect(ipv4.checksumHolds(b, 0)).toBe(false);
    }
  });

  test("is refused when truncated, shorter than it says, or of another version", () => {
    const b = new Uint8Array(200);
    b.set(fromHex(HEADER)!);
    for (let end = 0; end < 115; end++) expect(ipv4.fits(b, 0, end)).toBe(false);
    expect(ipv4.fits(b, 0, 115) && ipv4.fits(b, 0, 200)).toBe(true);
    expect(ipv4.fits(b, 0, 201)).toBe(false);
    // What an ICMP error quotes: the header whole, the payload perhaps not.
    expect(ipv4.fitsQuoted(b, 0, 19)).toBe(false);
    expect(ipv4.fitsQuoted(b, 0, 20)).toBe(true);
    for (const first of [0x55, 0x44, 0x40, 0x05]) {
      b[0] = first;
      expect(ipv4.fits(b, 0, 200)).toBe(false);
    }
    b[0] = 0x4f;
    ipv4.setTotalLength(b, 0, 59);
    expect(ipv4.fits(b, 0, 200)).toBe(false);
  });

  test("is a fragment's when it has an offset or more fragments follow, not when it must not be fragmented", () => {
    const b = fromHex(HEADER)!;
    for (const [fragment, expected] of [
      [ipv4.DONT_FRAGMENT, false],
      [ipv4.MORE_FRAGMENTS, true],
      [1, true],
      [0, false],
    ] as const) {
      ipv4.setFragment(b, 0, fragment);
      expect(ipv4.isFragment(b, 0)).toBe(expected);
    }
  });

  test("knows which addresses a host may have (RFC 1122 §3.2.1.3)", () => {
    const hosts = Array.from({ length: 256 }, (_, first) => first).filter((f) =>
      ipv4.isHostAddress(Uint8Array.of(9, f), 1),
    );
    expect(hosts).toEqual(Array.from({ length: 223 }, (_, i) => i + 1).filter((f) => f !== 127));
  });

  test("gives the pseudo-header's sum (RFC 768)", () => {
    const b = fromHex(HEADER)!;
    expect(ipv4.pseudoHeader(b, 0, 17, 95)).toBe(0xc0a8 + 0x0001 + 0xc0a8 + 0x00c7 + 17 + 95);
  });
});

describe("IPv4 options", () => {
  test.each([
    ["none", [], ipv4.OPTIONS_HARMLESS],
    ["no-operations and an end", [1, 1, 0, 0xff], ipv4.OPTIONS_HARMLESS],
    ["a record route", [7, 7, 4, 0, 0, 0, 0, 0], ipv4.OPTIONS_HARMLESS],
    ["a loose source route with a hop left", [131, 7, 4, 10, 0, 0, 1, 0], ipv4.OPTIONS_SOURCE_ROUTE],
    ["a strict source route with a hop left, after padding", [1, 137, 7, 4, 10, 0, 0, 1], ipv4.OPTIONS_SOURCE_ROUTE],
    ["a source route used up", [131, 7, 8, 10, 0, 0, 1, 0], ipv4.OPTIONS_HARMLESS],
    ["a source route after the end of options", [0, 131, 7, 4, 10, 0, 0, 1], ipv4.OPTIONS_HARMLESS],
    ["a source route without a pointer", [131, 2, 0, 0], ipv4.OPTIONS_MALFORMED],
    ["a length of zero", [7, 0, 0, 0], ipv4.OPTIONS_MALFORMED],
    ["a length of one", [7, 1, 0, 0], ipv4.OPTIONS_MALFORMED],
    ["a length past the header", [7, 5, 0, 0], ipv4.OPTIONS_MALFORMED],
    ["a type without a length", [1, 1, 1, 7], ipv4.OPTIONS_MALFORMED],
    ["a malformed option after a source route", [131, 7, 4, 10, 0, 0, 1, 7], ipv4.OPTIONS_MALFORMED],
  ])("with %s (RFC 791 §3.1, RFC 7915 §4.1)", (_what, options, expected) => {
    expect(ipv4.options(withOptions(options), 0)).toBe(expected);
  });

  test("of any octets are walked to an end inside the header", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(255), { minLength: 40, maxLength: 40 }), (options) => {
        expect([0, 1, 2]).toContain(ipv4.options(withOptions(options), 0));
      }),
    );
  });
});
