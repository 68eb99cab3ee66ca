import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatIpv6, formatMac, parseIpv4, parseIpv6, parseMac } from "#base/address";
import { echoReply4, echoReply6 } from "#services/echo";
import * as ethernet from "#wire/ethernet";
import * as icmp4 from "#wire/icmp4";
import * as icmp6 from "#wire/icmp6";
import * as ipv4 from "#wire/ipv4";
import * as ipv6 from "#wire/ipv6";

const AT = ethernet.SIZE;
const ASKER_MAC = parseMac("02:00:00:00:00:02")!;
const OUR_MAC = parseMac("02:aa:00:00:00:01")!;
const ASKER4 = parseIpv4("10.0.0.2")!;
const GATEWAY = parseIpv4("10.0.0.1")!;
const ASKER6 = parseIpv6("2001:db8::2")!;
const OWN = parseIpv6("2001:db8::1")!;

const message = (type: number, data: Uint8Array): Uint8Array => Uint8Array.of(type, 0, 0, 0, 0x12, 0x34, 0, 7, ...data);

/** An echo request in a frame, `change` made to it before the checksums are set right. */
function request4(data = new Uint8Array(56), change: (b: Uint8Array) => void = () => {}): Uint8Array {
  const payload = new Uint8Array(ipv4.SIZE + 8 + data.length);
  const totalLength = payload.length;
  ipv4.write(payload, 0, {
    totalLength,
    ttl: 1,
    protocol: 1,
    tos: 0xb8,
    identification: 0xbeef,
    source: ASKER4,
    destination: GATEWAY,
  });
  payload.set(message(icmp4.ECHO, data), ipv4.SIZE);
  const b = ethernet.frame(OUR_MAC, ASKER_MAC, ethernet.ETHERTYPE_IPV4, payload);
  change(b);
  ipv4.writeChecksum(b, AT);
  icmp4.writeChecksum(b, AT + ipv4.headerLength(b, AT), b.length);
  return b;
}

function request6(data = new Uint8Array(56), change: (b: Uint8Array) => void = () => {}): Uint8Array {
  const payload = new Uint8Array(ipv6.SIZE + 8 + data.length);
  const payloadLength = payload.length - ipv6.SIZE;
  ipv6.write(payload, 0, { payloadLength, nextHeader: 58, hopLimit: 3, source: ASKER6, destination: OWN });
  payload.set(message(icmp6.ECHO_REQUEST, data), ipv6.SIZE);
  const b = ethernet.frame(OUR_MAC, ASKER_MAC, ethernet.ETHERTYPE_IPV6, payload);
  change(b);
  icmp6.writeChecksum(b, AT, AT + ipv6.SIZE, b.length);
  return b;
}

describe("ping of the gateway (RFC 792, RFC 1122 §3.2.2.6)", () => {
  test("comes back to its sender with the same identifier, sequence number, data and TOS, a new TTL, right checksums", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1472 }), (data) => {
        const request = request4(data);
        const padded = new Uint8Array(request.length + 5).fill(0xa5); // Ethernet padding
        padded.set(request);
        for (const b of [request, padded]) {
          const before = b.slice();
          const reply = echoReply4(b)!;
          expect(b).toEqual(before); // the request stays as it was
          expect(reply.length).toBe(request.length);
          expect([ethernet.destination(reply, 0), ethernet.source(reply, 0)]).toEqual([ASKER_MAC, OUR_MAC]);
          expect([ipv4.source(reply, AT), ipv4.destination(reply, AT)]).toEqual([
            ipv4.destination(b, AT),
            ipv4.source(b, AT),
          ]);
          expect([ipv4.ttl(reply, AT), ipv4.tos(reply, AT), ipv4.checksumHolds(reply, AT)]).toEqual([64, 0xb8, true]);
          expect(icmp4.checksumHolds(reply, AT + 20, reply.length)).toBe(true);
          expect(reply.subarray(AT + 20 + 4)).toEqual(request.subarray(AT + 20 + 4));
          expect(icmp4.type(reply, AT + 20)).toBe(icmp4.ECHO_REPLY);
        }
      }),
    );
  });

  test.each([
    ["a fragment", (b: Uint8Array) => ipv4.setFragment(b, AT, ipv4.MORE_FRAGMENTS)],
    ["a later fragment", (b: Uint8Array) => ipv4.setFragment(b, AT, 3)],
    ["from a multicast source", (b: Uint8Array) => ipv4.setSource(b, AT, 0xe0000001)],
    ["from the broadcast address", (b: Uint8Array) => ipv4.setSource(b, AT, 0xffffffff)],
    ["from loopback", (b: Uint8Array) => ipv4.setSource(b, AT, 0x7f000001)],
    ["from nowhere", (b: Uint8Array) => ipv4.setSource(b, AT, 0)],
    ["a broadcast frame", (b: Uint8Array) => ethernet.setDestination(b, 0, ethernet.BROADCAST)],
    ["a reply", (b: Uint8Array) => icmp4.setType(b, AT + 20, icmp4.ECHO_REPLY)],
    ["an error", (b: Uint8Array) => icmp4.setType(b, AT + 20, icmp4.DESTINATION_UNREACHABLE)],
    ["of a code that means nothing", (b: Uint8Array) => icmp4.setCode(b, AT + 20, 1)],
    ["another protocol", (b: Uint8Array) => ipv4.setProtocol(b, AT, 17)],
    ["longer than its frame", (b: Uint8Array) => ipv4.setTotalLength(b, AT, b.length)],
  ])("is not answered when it is %s", (_what, change) => {
    expect(echoReply4(request4(undefined, change))).toBeUndefined();
  });

  test("is not answered with a damaged header or message, wherever the damage is", () => {
    const request = request4(Uint8Array.of(1, 2, 3));
    for (let at = AT; at < request.length; at++) {
      const damaged = request.slice();
      damaged[at]! ^= 0x04;
      expect([at, echoReply4(damaged)]).toEqual([at, undefined]);
    }
    for (let end = 0; end < request.length; end++) expect(echoReply4(request.slice(0, end))).toBeUndefined();
  });

  test("with options comes back with them, but not with a source route that has hops left", () => {
    const withOptions = (options: number[]) => {
      const b = request4(new Uint8Array(options.length));
      b.copyWithin(AT + 20 + options.length, AT + 20, AT + 28); // the ICMP header, after the options
      b.set(options, AT + 20);
      b[AT] = 0x40 | (5 + options.length / 4);
      ipv4.writeChecksum(b, AT);
      icmp4.writeChecksum(b, AT + 20 + options.length, b.length);
      return b;
    };
    const reply = echoReply4(withOptions([1, 1, 1, 0]))!;
    expect([...reply.subarray(AT + 20, AT + 24)]).toEqual([1, 1, 1, 0]);
    expect(ipv4.checksumHolds(reply, AT) && icmp4.checksumHolds(reply, AT + 24, reply.length)).toBe(true);
    expect(echoReply4(withOptions([131, 7, 4, 10, 0, 0, 9, 0]))).toBeUndefined();
    expect(echoReply4(withOptions([7, 9, 0, 0]))).toBeUndefined();
  });
});

describe("ping of the router (RFC 4443 §4.1, §4.2)", () => {
  test("comes back with the same identifier, sequence number and data, a new hop limit, a right checksum", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1452 }), (data) => {
        const b = request6(data);
        const reply = echoReply6(b, OWN)!;
        expect([ipv6.source(reply, AT), ipv6.destination(reply, AT)]).toEqual([OWN, ASKER6]);
        expect([ipv6.hopLimit(reply, AT), icmp6.type(reply, AT + 40)]).toEqual([64, icmp6.ECHO_REPLY]);
        expect(icmp6.checksumHolds(reply, AT, AT + 40, reply.length)).toBe(true);
        expect(reply.subarray(AT + 40 + 4)).toEqual(b.subarray(AT + 40 + 4));
        expect([formatMac(ethernet.destination(reply, 0)), reply.length]).toEqual([formatMac(ASKER_MAC), b.length]);
      }),
    );
  });

  test("of a group is answered from our own address", () => {
    const toGroup = request6(undefined, (b) => b.set(parseIpv6("ff02::2")!, AT + ipv6.DESTINATION));
    expect(formatIpv6(ipv6.source(echoReply6(toGroup, OWN)!, AT))).toBe("2001:db8::1");
  });

  test.each([
    ["from a multicast source", (b: Uint8Array) => b.set(parseIpv6("ff02::1")!, AT + ipv6.SOURCE)],
    ["from the unspecified address", (b: Uint8Array) => b.fill(0, AT + ipv6.SOURCE, AT + ipv6.DESTINATION)],
    ["a fragment", (b: Uint8Array) => ipv6.setNextHeader(b, AT, 44)],
    ["a reply", (b: Uint8Array) => icmp6.setType(b, AT + 40, icmp6.ECHO_REPLY)],
    ["an error", (b: Uint8Array) => icmp6.setType(b, AT + 40, icmp6.PACKET_TOO_BIG)],
    ["of a code that means nothing", (b: Uint8Array) => icmp6.setCode(b, AT + 40, 1)],
  ])("is not answered when it is %s", (_what, change) => {
    expect(echoReply6(request6(undefined, change), OWN)).toBeUndefined();
  });

  test("is not answered with a damaged message, nor cut short", () => {
    const request = request6(Uint8Array.of(1, 2, 3));
    for (let at = AT + ipv6.SOURCE; at < request.length; at++) {
      const damaged = request.slice();
      damaged[at]! ^= 0x04;
      expect([at, echoReply6(damaged, OWN)]).toEqual([at, undefined]);
    }
    for (let end = 0; end < request.length; end++) expect(echoReply6(request.slice(0, end), OWN)).toBeUndefined();
  });
});
