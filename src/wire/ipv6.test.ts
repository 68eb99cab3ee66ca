import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseIpv6 } from "#base/address";
import { toHex } from "#base/bytes";
import * as ipv6 from "#wire/ipv6";
import * as protocol from "#wire/protocol";
import { expectFields } from "#wire/testing/fields";

const source = parseIpv6("2001:db8::1")!;
const destination = parseIpv6("2001:db8::2")!;

/** A packet whose first next header is `next` and whose payload is `payload`. */
function packet(next: number, payload: number[]): Uint8Array {
  const b = new Uint8Array(ipv6.SIZE + payload.length);
  ipv6.write(b, 0, { payloadLength: payload.length, nextHeader: next, hopLimit: 64, source, destination });
  b.set(payload, ipv6.SIZE);
  return b;
}

/** An options or routing header of `units` + 1 times 8 octets; `fourth`: a routing header's segments left. */
const extension = (next: number, units = 0, fourth = 0): number[] => [
  next,
  units,
  0,
  fourth,
  ...Array(4 + 8 * units).fill(0),
];
const fragment = (next: number, offset: number, more = 0): number[] => [
  next,
  0,
  offset >> 5,
  ((offset << 3) & 0xff) | more,
  1,
  2,
  3,
  4,
];

function walk(b: Uint8Array): [number, ipv6.Extensions] {
  const found = new ipv6.Extensions();
  // What an earlier packet left must not show.
  Object.assign(found, {
    protocol: 99,
    payload: 9,
    fragmentHeader: 9,
    segmentsLeft: 9,
    isLaterFragment: true,
    count: 9,
  });
  return [ipv6.extensions(b, 0, b.length, found), found];
}

describe("IPv6 header", () => {
  test("has the fields of RFC 8200 §3", () => {
    expectFields(ipv6.SIZE, [
      { name: "version", bit: 0, width: 4, get: ipv6.version },
      { name: "trafficClass", bit: 4, width: 8, get: ipv6.trafficClass },
      { name: "flowLabel", bit: 12, width: 20, get: ipv6.flowLabel },
      { name: "payloadLength", bit: 32, width: 16, get: ipv6.payloadLength, set: ipv6.setPayloadLength },
      { name: "nextHeader", bit: 48, width: 8, get: ipv6.nextHeader, set: ipv6.setNextHeader },
      { name: "hopLimit", bit: 56, width: 8, get: ipv6.hopLimit, set: ipv6.setHopLimit },
    ]);
  });

  test("is written as it is read, and nothing around it", () => {
    const b = new Uint8Array(42).fill(0xa5);
    ipv6.write(b, 1, {
      payloadLength: 0x0102,
      nextHeader: 6,
      hopLimit: 64,
      source,
      destination,
      trafficClass: 0xb8,
      flowLabel: 0xabcde,
    });
    expect(toHex(b)).toBe(`a56b8abcde01020640${toHex(source)}${toHex(destination)}a5`);
    expect(ipv6.source(b, 1)).toEqual(source);
    expect(ipv6.destination(b, 1)).toEqual(destination);
  });

  test("is refused when truncated or of another version", () => {
    const b = packet(protocol.PROTOCOL_UDP, Array(10).fill(0));
    for (let end = 0; end < b.length; end++) expect(ipv6.fits(b, 0, end)).toBe(false);
    expect(ipv6.fits(b, 0, b.length)).toBe(true);
    expect(ipv6.fits(b, 0, b.length + 1)).toBe(false);
    expect(ipv6.fitsQuoted(b, 0, 40) && !ipv6.fitsQuoted(b, 0, 39)).toBe(true);
    b[0] = 0x45;
    expect(ipv6.fits(b, 0, b.length)).toBe(false);
  });

  test("gives the pseudo-header's sum (RFC 8200 §8.1)", () => {
    const b = packet(protocol.PROTOCOL_UDP, []);
    expect(ipv6.pseudoHeader(b, 0, 17, 300)).toBe(2 * (0x2001 + 0x0db8) + 3 + 17 + 300);
  });
});

describe("IPv6 extension headers", () => {
  test("are none where the upper layer follows at once", () => {
    expect(walk(packet(protocol.PROTOCOL_TCP, []))).toEqual([
      ipv6.EXTENSIONS_WHOLE,
      { protocol: 6, payload: 40, fragmentHeader: 0, segmentsLeft: 0, isLaterFragment: false, count: 0 },
    ]);
  });

  test("are stepped over in the order RFC 8200 §4.1 recommends", () => {
    const b = packet(protocol.PROTOCOL_HOP_BY_HOP, [
      ...extension(protocol.PROTOCOL_DESTINATION_OPTIONS, 1),
      ...extension(protocol.PROTOCOL_ROUTING),
      ...extension(protocol.PROTOCOL_FRAGMENT),
      ...fragment(protocol.PROTOCOL_AH, 0, 1),
      ...[protocol.PROTOCOL_DESTINATION_OPTIONS, 4, 0, 0, ...Array(20).fill(0)], // AH counts 4-octet units less 2
      ...extension(protocol.PROTOCOL_UDP),
      ...Array(8).fill(0),
    ]);
    expect(walk(b)).toEqual([
      ipv6.EXTENSIONS_WHOLE,
      { protocol: 17, payload: b.length - 8, fragmentHeader: 72, segmentsLeft: 0, isLaterFragment: false, count: 6 },
    ]);
  });

  test("of a later fragment end with the Fragment header (RFC 8200 §4.5)", () => {
    const b = packet(protocol.PROTOCOL_FRAGMENT, [
      ...fragment(protocol.PROTOCOL_DESTINATION_OPTIONS, 185, 1),
      0xff,
      0xff,
    ]);
    const [outcome, found] = walk(b);
    expect([outcome, found.isLaterFragment, found.protocol, found.payload]).toEqual([
      ipv6.EXTENSIONS_WHOLE,
      true,
      60,
      48,
    ]);
    expect(ipv6.fragmentOffset(b, found.fragmentHeader)).toBe(185);
    expect(ipv6.moreFragments(b, found.fragmentHeader)).toBe(true);
    expect(ipv6.fragmentIdentification(b, found.fragmentHeader)).toBe(0x01020304);
  });

  test("tell where a routing header has segments left (RFC 8200 §4.4)", () => {
    const [outcome, found] = walk(packet(protocol.PROTOCOL_ROUTING, extension(protocol.PROTOCOL_TCP, 0, 1)));
    expect([outcome, found.segmentsLeft, found.protocol]).toEqual([ipv6.EXTENSIONS_WHOLE, 40, 6]);
  });

  test("stop at headers that cannot be read: ESP, no next header, unknown ones", () => {
    for (const next of [protocol.PROTOCOL_ESP, protocol.PROTOCOL_NONE, 253]) {
      expect(walk(packet(protocol.PROTOCOL_DESTINATION_OPTIONS, extension(next)))[1].protocol).toBe(next);
    }
  });

  test("are refused where hop-by-hop options are not first (RFC 8200 §4.1) or a second Fragment header comes", () => {
    const misplaced = [...extension(protocol.PROTOCOL_HOP_BY_HOP), ...extension(protocol.PROTOCOL_UDP)];
    expect(walk(packet(protocol.PROTOCOL_DESTINATION_OPTIONS, misplaced))[0]).toBe(ipv6.EXTENSIONS_ORDER);
    const twice = [...fragment(protocol.PROTOCOL_FRAGMENT, 0), ...fragment(protocol.PROTOCOL_UDP, 0)];
    expect(walk(packet(protocol.PROTOCOL_FRAGMENT, twice))[0]).toBe(ipv6.EXTENSIONS_ORDER);
  });

  test("are bounded in number and in octets", () => {
    const chain = (count: number) =>
      Array.from({ length: count }, (_, i) => extension(i === count - 1 ? 17 : 60)).flat();
    expect(walk(packet(60, chain(ipv6.MAX_EXTENSIONS)))[0]).toBe(ipv6.EXTENSIONS_WHOLE);
    expect(walk(packet(60, chain(ipv6.MAX_EXTENSIONS + 1)))[0]).toBe(ipv6.EXTENSIONS_TOO_MANY);
    expect(walk(packet(60, extension(17, 255)))[0]).toBe(ipv6.EXTENSIONS_WHOLE);
    expect(walk(packet(60, [...extension(60, 255), ...extension(17)]))[0]).toBe(ipv6.EXTENSIONS_TOO_MANY);
  });

  test("are refused at every truncation", () => {
    const b = packet(0, [...extension(43, 1), ...extension(44), ...fragment(51, 0), 17, 4, ...Array(22).fill(0)]);
    const found = new ipv6.Extensions();
    for (let end = ipv6.SIZE; end < b.length; end++) {
      expect(ipv6.extensions(b, 0, end, found)).toBe(ipv6.EXTENSIONS_TRUNCATED);
      expect(found.payload <= end).toBe(true);
    }
    expect(ipv6.extensions(b, 0, b.length, found)).toBe(ipv6.EXTENSIONS_WHOLE);
  });

  test("of any octets are walked without leaving the packet", () => {
    const next = fc.constantFrom(0, 43, 44, 51, 60, 17);
    const noisy = fc
      .array(fc.tuple(next, fc.nat(2), fc.nat(255)), { maxLength: 12 })
      .map((headers) =>
        headers.flatMap(([type, units, noise]) => [type, units, noise, noise, ...Array(4 + 8 * units).fill(noise)]),
      );
    fc.assert(
      fc.property(next, noisy, fc.nat(20), (first, payload, cut) => {
        const b = packet(first, payload);
        const end = Math.max(ipv6.SIZE, b.length - cut);
        const found = new ipv6.Extensions();
        const outcome = ipv6.extensions(b, 0, end, found);
        expect(outcome >= 0 && outcome <= 3 && found.payload <= end && found.count <= ipv6.MAX_EXTENSIONS).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
