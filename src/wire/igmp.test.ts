import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseIpv4 } from "#base/address";
import { put8, put16, toHex, u16 } from "#base/bytes";
import { finish, sum } from "#base/checksum";
import { Malformed } from "#base/reader";
import { BLOCK, fromCode, IS_EX, MANTISSA_8 } from "#wire/group-membership";
import * as igmp from "#wire/igmp";
import * as ipv4 from "#wire/ipv4";

const ip = (text: string) => parseIpv4(text)!;
const HOST = ip("10.0.0.2");
const GROUP = ip("239.1.2.3");
const SOURCE = ip("192.0.2.1");
const HEADER = 24;

const general: igmp.IgmpQuery = {
  ...{ type: igmp.QUERY, version: 3, group: ip("0.0.0.0"), maxResponse: 10_000 },
  ...{ suppress: false, robustness: 2, interval: 125, sources: [] },
};
const report = (type: number, sources = [SOURCE]): igmp.IgmpReport => ({
  type: igmp.REPORT_3,
  records: [{ type, group: GROUP, sources }],
});
const packetOf = (message: igmp.IgmpMessage, destination = GROUP): igmp.IgmpPacket => ({
  source: HOST,
  destination,
  message,
});

const errorOf = (read: igmp.IgmpPacket | Malformed): igmp.IgmpPacket | string =>
  read instanceof Malformed ? read.error : read;

/** Puts both checksums right again. */
function mend(b: Uint8Array, at = 0): void {
  ipv4.writeChecksum(b, at);
  const message = at + ipv4.headerLength(b, at);
  const length = at + ipv4.totalLength(b, at) - message;
  if (length < 4) return;
  put16(b, message + 2, 0);
  put16(b, message + 2, finish(sum(b, message, length)));
}

function readChanged(packet: igmp.IgmpPacket, change: (b: Uint8Array) => void): igmp.IgmpPacket | string {
  const b = igmp.writeIgmp(packet);
  change(b);
  mend(b);
  return errorOf(igmp.readIgmp(b, 0, b.length));
}

/** The packet with `octets` added to its message, or taken from it. */
function resized(packet: igmp.IgmpPacket, octets: number): Uint8Array {
  const whole = igmp.writeIgmp(packet);
  const b = new Uint8Array(whole.length + octets);
  b.set(whole.subarray(0, b.length));
  ipv4.setTotalLength(b, 0, b.length);
  mend(b);
  return b;
}

const octets = (n: number) => fc.uint8Array({ minLength: n, maxLength: n });
const code = fc.nat(255).map((c) => fromCode(c, MANTISSA_8));
const sources = fc.array(octets(4), { maxLength: 5 });
const details = { suppress: fc.boolean(), robustness: fc.nat(7), interval: code, sources };
const message: fc.Arbitrary<igmp.IgmpMessage> = fc.oneof(
  fc.record({
    ...{ type: fc.constant(igmp.QUERY), version: fc.constant(1), group: octets(4) },
    maxResponse: fc.constant(igmp.VERSION_1_RESPONSE),
  }),
  fc.record({
    ...{ type: fc.constant(igmp.QUERY), version: fc.constant(2), group: octets(4) },
    maxResponse: fc.integer({ min: 1, max: 255 }).map((tenths) => tenths * 100),
  }),
  fc.record({
    ...{ type: fc.constant(igmp.QUERY), version: fc.constant(3), group: octets(4) },
    ...{ maxResponse: code.map((tenths) => tenths * 100), ...details },
  }),
  fc.record({ type: fc.constantFrom(igmp.REPORT_1, igmp.REPORT_2, igmp.LEAVE), group: octets(4) }),
  fc.record({
    type: fc.constant(igmp.REPORT_3),
    records: fc.array(fc.record({ type: fc.nat(255), group: octets(4), sources }), { maxLength: 4 }),
  }),
) as fc.Arbitrary<igmp.IgmpMessage>;

describe("IGMP messages", () => {
  test("have TTL 1, precedence and a router alert (RFC 3376 §4, RFC 2113 §2.1)", () => {
    const b = igmp.writeIgmp(packetOf(general, igmp.ALL_SYSTEMS));
    expect(toHex(b)).toBe(
      `46c00024000000000102${toHex(b.subarray(10, 12))}0a000002e000000194040000` +
        `1164${toHex(b.subarray(26, 28))}00000000027d0000`,
    );
    expect(ipv4.checksumHolds(b, 0)).toBe(true);
  });

  test("of version 3 are written as RFC 3376 §4.1 and §4.2 draw them", () => {
    const specific = igmp.writeIgmp(packetOf({ ...general, group: GROUP, suppress: true, sources: [SOURCE, HOST] }));
    expect(toHex(specific.subarray(HEADER + 4))).toBe("ef0102030a7d0002c00002010a000002");
    const told = igmp.writeIgmp(packetOf(report(BLOCK)));
    expect(toHex(told.subarray(HEADER))).toBe(`2200${toHex(told.subarray(26, 28))}0000000106000001ef010203c0000201`);
  });

  test("of versions 1 and 2 are eight octets (RFC 1112 appendix I, RFC 2236 §2)", () => {
    const written = [
      { type: igmp.QUERY, version: 1, group: GROUP, maxResponse: 10_000 },
      { type: igmp.QUERY, version: 2, group: GROUP, maxResponse: 1000 },
      { type: igmp.REPORT_1, group: GROUP },
      { type: igmp.REPORT_2, group: GROUP },
      { type: igmp.LEAVE, group: GROUP },
    ] as const;
    const heads = written.map((m) => toHex(igmp.writeIgmp(packetOf(m)).subarray(HEADER, HEADER + 2)));
    expect(heads).toEqual(["1100", "110a", "1200", "1600", "1700"]);
    for (const m of written) expect(igmp.writeIgmp(packetOf(m)).length).toBe(HEADER + 8);
  });

  test("are read as they are written, and refused at every truncation", () => {
    fc.assert(
      fc.property(octets(4), octets(4), message, (source, destination, m) => {
        const packet = { source, destination, message: m };
        const written = igmp.writeIgmp(packet);
        const buffer = new Uint8Array(written.length + 6).fill(0xa5);
        buffer.set(written, 3);
        expect(igmp.readIgmp(buffer, 3, 3 + written.length)).toEqual(packet);
        expect(igmp.readIgmp(buffer, 3, buffer.length)).toEqual(packet); // Ethernet padding
        for (let end = 3; end < 3 + written.length; end++)
          expect(igmp.readIgmp(buffer, 3, end)).toBeInstanceOf(Malformed);
      }),
    );
  });

  test("cut short with a total length that agrees are refused, or those of an older version", () => {
    for (const m of [general, { ...general, sources: [SOURCE] }, report(IS_EX), report(IS_EX, [])]) {
      const whole = igmp.writeIgmp(packetOf(m));
      for (let cut = 1; cut <= whole.length - HEADER; cut++) {
        const b = resized(packetOf(m), -cut);
        const read = igmp.readIgmp(b, 0, b.length);
        if (read instanceof Malformed) continue;
        expect([b.length, read.message]).toEqual([
          HEADER + 8,
          { type: igmp.QUERY, version: 2, group: general.group, maxResponse: 10_000 },
        ]);
      }
    }
  });

  test("may be longer than what is known of them (RFC 2236 §2.5, RFC 3376 §4.1.10, §4.2.11)", () => {
    for (const m of [general, report(IS_EX), { type: igmp.LEAVE, group: GROUP }] as const) {
      const b = resized(packetOf(m), 5);
      expect(igmp.readIgmp(b, 0, b.length)).toEqual(packetOf(m));
      b[b.length - 1]! ^= 1;
      expect(errorOf(igmp.readIgmp(b, 0, b.length))).toBe("checksum"); // it is over all of the payload
    }
  });

  test("of any octets are read or refused without throwing", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0x11, 0x12, 0x13, 0x22),
        fc.uint8Array({ minLength: 7, maxLength: 80 }),
        (type, body) => {
          const b = new Uint8Array(ipv4.SIZE + 1 + body.length);
          b[ipv4.SIZE] = type;
          b.set(body, ipv4.SIZE + 1);
          ipv4.write(b, 0, { totalLength: b.length, ttl: 1, protocol: 2, source: HOST, destination: GROUP });
          mend(b);
          igmp.readIgmp(b, 0, b.length);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("what is not valid", () => {
  test("is a wrong header checksum (RFC 4541 §2.1.2), or one of IGMP (RFC 2236 §2.3)", () => {
    for (const [at, error] of [
      [1, "header checksum"],
      [HEADER + 5, "checksum"],
    ] as const) {
      const b = igmp.writeIgmp(packetOf(general));
      b[at]! ^= 1;
      expect(errorOf(igmp.readIgmp(b, 0, b.length))).toBe(error);
    }
  });

  test("is a fragment, another protocol, an unknown type (RFC 2236 §2.1)", () => {
    expect(readChanged(packetOf(general), (b) => ipv4.setFragment(b, 0, ipv4.MORE_FRAGMENTS))).toBe("fragment");
    expect(readChanged(packetOf(general), (b) => ipv4.setProtocol(b, 0, 17))).toBe("not IGMP");
    expect(readChanged(packetOf(general), (b) => put8(b, HEADER, 0x13))).toBe(igmp.UNKNOWN_TYPE);
  });

  test("is a query of 9 to 11 octets (RFC 3376 §7.1)", () => {
    for (const octets of [-3, -2, -1]) {
      const b = resized(packetOf(general), octets);
      expect(errorOf(igmp.readIgmp(b, 0, b.length))).toBe("query of no version");
    }
  });

  test("is a record that names more sources than there are octets", () => {
    expect(readChanged(packetOf(report(IS_EX)), (b) => put16(b, HEADER + 10, 0xffff))).toBe("truncated");
    expect(readChanged(packetOf(report(IS_EX)), (b) => put16(b, HEADER + 6, u16(b, HEADER + 6) + 1))).toBe("truncated");
  });
});

test("auxiliary data is stepped over (RFC 3376 §4.2.10)", () => {
  const two = { type: igmp.REPORT_3, records: [...report(IS_EX, []).records, ...report(BLOCK, []).records] } as const;
  const whole = igmp.writeIgmp(packetOf(two));
  const b = new Uint8Array(whole.length + 4);
  b.set(whole.subarray(0, HEADER + 16));
  b.set(whole.subarray(HEADER + 16), HEADER + 20);
  put8(b, HEADER + 9, 1);
  ipv4.setTotalLength(b, 0, b.length);
  mend(b);
  expect(igmp.readIgmp(b, 0, b.length)).toEqual(packetOf(two));
});
