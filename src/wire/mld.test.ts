import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseIpv6 } from "#base/address";
import { put8, put16, toHex } from "#base/bytes";
import { Malformed } from "#base/reader";
import { BLOCK, fromCode, IS_EX, MANTISSA_8, MANTISSA_16 } from "#wire/group-membership";
import { writeChecksum } from "#wire/icmp6";
import * as ipv6 from "#wire/ipv6";
import * as mld from "#wire/mld";

const ip = (text: string) => parseIpv6(text)!;
const HOST = ip("fe80::2");
const GROUP = ip("ff05::1:3");
const SOURCE = ip("2001:db8::1");
const HEADERS = 48;

const general: mld.MldQuery = {
  ...{ type: mld.QUERY, version: 2, group: ip("::"), maxResponse: 10_000 },
  ...{ suppress: false, robustness: 2, interval: 125, sources: [] },
};
const report = (type: number, sources = [SOURCE]): mld.MldReport => ({
  type: mld.REPORT_2,
  records: [{ type, group: GROUP, sources }],
});
const packetOf = (message: mld.MldMessage, destination = GROUP): mld.MldPacket => ({
  source: HOST,
  destination,
  message,
});

const errorOf = (read: mld.MldPacket | Malformed): mld.MldPacket | string =>
  read instanceof Malformed ? read.error : read;

function readChanged(packet: mld.MldPacket, change: (b: Uint8Array) => void): mld.MldPacket | string {
  const b = mld.writeMld(packet);
  change(b);
  writeChecksum(b, 0, HEADERS, b.length);
  return errorOf(mld.readMld(b, 0, b.length));
}

/** The packet with `octets` added to its message, or taken from it. */
function resized(packet: mld.MldPacket, octets: number): Uint8Array {
  const whole = mld.writeMld(packet);
  const b = new Uint8Array(whole.length + octets);
  b.set(whole.subarray(0, b.length));
  ipv6.setPayloadLength(b, 0, b.length - ipv6.SIZE);
  if (b.length >= HEADERS + 4) writeChecksum(b, 0, HEADERS, b.length);
  return b;
}

const octets = (n: number) => fc.uint8Array({ minLength: n, maxLength: n });
const sources = fc.array(octets(16), { maxLength: 5 });
const message: fc.Arbitrary<mld.MldMessage> = fc.oneof(
  fc.record({
    ...{ type: fc.constant(mld.QUERY), version: fc.constant(1), group: octets(16) },
    maxResponse: fc.nat(0xffff),
  }),
  fc.record({
    ...{ type: fc.constant(mld.QUERY), version: fc.constant(2), group: octets(16) },
    maxResponse: fc.nat(0xffff).map((c) => fromCode(c, MANTISSA_16)),
    ...{ suppress: fc.boolean(), robustness: fc.nat(7), interval: fc.nat(255).map((c) => fromCode(c, MANTISSA_8)) },
    sources,
  }),
  fc.record({ type: fc.constantFrom(mld.REPORT_1, mld.DONE), group: octets(16) }),
  fc.record({
    type: fc.constant(mld.REPORT_2),
    records: fc.array(fc.record({ type: fc.nat(255), group: octets(16), sources }), { maxLength: 4 }),
  }),
) as fc.Arbitrary<mld.MldMessage>;

describe("MLD messages", () => {
  test("have hop limit 1 and a router alert (RFC 3810 §5, RFC 2711 §2.1)", () => {
    const b = mld.writeMld(packetOf(general));
    expect(toHex(b)).toBe(
      `6000000000240001${toHex(HOST)}${toHex(GROUP)}` +
        `3a00050200000100` +
        `8200${toHex(b.subarray(50, 52))}27100000${"00".repeat(16)}027d0000`,
    );
  });

  test("of version 2 are written as RFC 3810 §5.1 and §5.2 draw them", () => {
    const specific = mld.writeMld(packetOf({ ...general, group: GROUP, suppress: true, sources: [SOURCE, HOST] }));
    expect(toHex(specific.subarray(HEADERS + 8))).toBe(`${toHex(GROUP)}0a7d0002${toHex(SOURCE)}${toHex(HOST)}`);
    const told = mld.writeMld(packetOf(report(BLOCK)));
    expect(toHex(told.subarray(HEADERS))).toBe(
      `8f00${toHex(told.subarray(50, 52))}0000000106000001${toHex(GROUP)}${toHex(SOURCE)}`,
    );
  });

  test("of version 1 are 24 octets (RFC 2710 §3)", () => {
    const written = [
      { type: mld.QUERY, version: 1, group: GROUP, maxResponse: 1000 },
      { type: mld.REPORT_1, group: GROUP },
      { type: mld.DONE, group: GROUP },
    ] as const;
    for (const m of written) {
      const b = mld.writeMld(packetOf(m));
      expect([b.length, b[HEADERS], toHex(b.subarray(HEADERS + 8))]).toEqual([HEADERS + 24, m.type, toHex(GROUP)]);
    }
  });

  test("are read as they are written, and refused at every truncation", () => {
    fc.assert(
      fc.property(octets(16), octets(16), message, (source, destination, m) => {
        const packet = { source, destination, message: m };
        const written = mld.writeMld(packet);
        const buffer = new Uint8Array(written.length + 6).fill(0xa5);
        buffer.set(written, 3);
        expect(mld.readMld(buffer, 3, 3 + written.length)).toEqual(packet);
        expect(mld.readMld(buffer, 3, buffer.length)).toEqual(packet); // Ethernet padding
        for (let end = 3; end < 3 + written.length; end++)
          expect(mld.readMld(buffer, 3, end)).toBeInstanceOf(Malformed);
      }),
    );
  });

  test("cut short with a payload length that agrees are refused, or those of version 1 (RFC 3810 §8.1)", () => {
    for (const m of [general, { ...general, sources: [SOURCE] }, report(IS_EX), report(IS_EX, [])]) {
      const whole = mld.writeMld(packetOf(m));
      for (let cut = 1; cut <= whole.length - HEADERS; cut++) {
        const b = resized(packetOf(m), -cut);
        const read = mld.readMld(b, 0, b.length);
        if (read instanceof Malformed) continue;
        expect([b.length, read.message]).toEqual([
          HEADERS + 24,
          { type: mld.QUERY, version: 1, group: general.group, maxResponse: 10_000 },
        ]);
      }
    }
  });

  test("may be longer than what is known of them, but for queries of version 1 (RFC 3810 §5.1.12, §8.1)", () => {
    for (const m of [general, report(IS_EX), { type: mld.DONE, group: GROUP }] as const) {
      const b = resized(packetOf(m), 5);
      expect(mld.readMld(b, 0, b.length)).toEqual(packetOf(m));
    }
    const b = resized(packetOf({ type: mld.QUERY, version: 1, group: GROUP, maxResponse: 1000 }), 3);
    expect(errorOf(mld.readMld(b, 0, b.length))).toBe("query of no version");
  });

  test("of any octets are read or refused without throwing", () => {
    const types = fc.constantFrom(mld.QUERY, mld.REPORT_1, mld.DONE, mld.REPORT_2);
    fc.assert(
      fc.property(types, fc.uint8Array({ minLength: 7, maxLength: 120 }), (type, body) => {
        const b = new Uint8Array(HEADERS + 1 + body.length);
        b.set(mld.writeMld(packetOf(general)).subarray(0, HEADERS));
        b[HEADERS] = type;
        b.set(body, HEADERS + 1);
        ipv6.setPayloadLength(b, 0, b.length - ipv6.SIZE);
        writeChecksum(b, 0, HEADERS, b.length);
        mld.readMld(b, 0, b.length);
      }),
      { numRuns: 500 },
    );
  });
});

describe("what is not valid (RFC 3810 §6.2, §7.4)", () => {
  test("is another hop limit than 1, a wrong checksum, another type", () => {
    expect(readChanged(packetOf(general), (b) => ipv6.setHopLimit(b, 0, 2))).toBe("hop limit is not 1");
    expect(readChanged(packetOf(general), (b) => put8(b, HEADERS, 135))).toBe("not a type of MLD");
    const b = mld.writeMld(packetOf(general));
    b[HEADERS + 9]! ^= 1;
    expect(errorOf(mld.readMld(b, 0, b.length))).toBe("checksum");
  });

  test("is a packet without router alert, or with one that means something else (RFC 2711 §2.1)", () => {
    const none = (b: Uint8Array) => b.set([1, 4, 0, 0, 0, 0], 42);
    const other = (b: Uint8Array) => put16(b, 44, 1); // RSVP
    expect(readChanged(packetOf(general), none)).toBe("no router alert");
    expect(readChanged(packetOf(general), other)).toBe("no router alert");
    const padded = (b: Uint8Array) => b.set([0, 0, 5, 2, 0, 0], 42);
    expect(readChanged(packetOf(general), padded)).toEqual(packetOf(general));
    const bare = mld.writeMld(packetOf(general));
    bare.copyWithin(40, HEADERS);
    ipv6.setNextHeader(bare, 0, 58);
    ipv6.setPayloadLength(bare, 0, bare.length - HEADERS);
    expect(errorOf(mld.readMld(bare, 0, bare.length - 8))).toBe("no router alert");
  });

  test("is a record that names more sources than there are octets", () => {
    expect(readChanged(packetOf(report(IS_EX)), (b) => put16(b, HEADERS + 10, 0xffff))).toBe("truncated");
    expect(readChanged(packetOf(report(IS_EX)), (b) => put16(b, HEADERS + 6, 2))).toBe("truncated");
  });
});

test("types of MLD are told from other ICMPv6", () => {
  expect([128, 129, 130, 131, 132, 133, 142, 143, 144].filter(mld.isMld)).toEqual([130, 131, 132, 143]);
});
