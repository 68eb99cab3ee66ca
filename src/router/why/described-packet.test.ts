/** Described packets are what their VM would send, right in every field; headers are told of any octets. */
import { describe, expect, test } from "bun:test";
import { parseIpv4, parseIpv6, parseMac } from "#base/address";
import { fromHex } from "#base/bytes";
import { nextBelow, nextOctets, seeded } from "#base/random";
import { describe as told } from "#fastpath/testing/describe";
import { build6, framed, together } from "#fastpath/testing/packet";
import { RouterError } from "#router/router-error";
import { describedFrame } from "#router/why/described-packet";
import { headersOf, icmpText } from "#router/why/headers";
import type { PacketQuestion } from "#router/why/views";

const MAC = { mac: parseMac("02:00:00:00:01:01")!, gatewayMac: parseMac("02:41:49:4e:00:01")! };
const FOUR = { ...MAC, address: parseIpv4("10.0.0.2")! };
const SIX = { ...MAC, address: parseIpv6("2001:db8:a1:1:0:401:0:2")! };
const NONCE = "e0e1e2e3e4e5e6e7e8e9eaebecedeeef";

const packet = (question: Partial<PacketQuestion>, sender = FOUR): string =>
  told(describedFrame({ from: "a", to: "10.0.0.3", ...question }, sender).subarray(14));

describe("a described packet", () => {
  test("is an echo request, a SYN or a datagram with checksums that are right", () => {
    expect(packet({})).toBe("IPv4 10.0.0.2 > 10.0.0.3 ttl 64 DF ICMP 8/0 rest 0xc0000001 sum ok len 16");
    expect(packet({ protocol: "tcp" })).toBe("IPv4 10.0.0.2 > 10.0.0.3 ttl 64 DF TCP 49152 > 80 S len 16 sum ok");
    expect(packet({ protocol: "udp", port: 53, sourcePort: 7 })).toBe(
      "IPv4 10.0.0.2 > 10.0.0.3 ttl 64 DF UDP 7 > 53 len 16 sum ok",
    );
    expect(packet({ protocol: "47" })).toContain("protocol 47 len 16");
  });

  test("of IPv6 likewise", () => {
    const to = "2001:db8:a1:2:0:401:0:3";
    expect(packet({ to }, SIX)).toContain("hops 64 ICMP 128/0 rest 0xc0000001 sum ok");
    expect(packet({ to, protocol: "tcp", port: 22 }, SIX)).toContain("TCP 49152 > 22 S len 16 sum ok");
    expect(packet({ to, protocol: "udp" }, SIX)).toContain("UDP 49152 > 33434 len 16 sum ok");
  });

  test("is as large as asked, and may be cut if so asked", () => {
    expect(describedFrame({ from: "a", to: "10.0.0.3", size: 1500 }, FOUR).length).toBe(1514);
    expect(packet({ fragment: true })).not.toContain("DF");
  });

  test("has its nonce where the payload begins, 4-aligned to the network header", () => {
    for (const protocol of ["icmp", "tcp", "udp", "47"])
      for (const sender of [FOUR, SIX]) {
        const to = sender === FOUR ? "10.0.0.3" : "2001:db8::1";
        const frame = describedFrame({ from: "a", to, protocol, size: 500, nonce: NONCE }, sender);
        const at = Buffer.from(frame).indexOf(fromHex(NONCE)!);
        expect((at - 14) % 4).toBe(0);
        expect(at).toBeLessThan(14 + 64);
      }
  });

  test("that cannot be is refused with what was found and expected", () => {
    for (const wrong of [{ size: 43 }, { size: 65_536 }, { protocol: "tpc" }, { protocol: "256" }, { to: "10.0.0" }])
      expect(() => packet(wrong)).toThrow(RouterError);
  });
});

describe("headers", () => {
  test("are told outermost first", () => {
    const frame = describedFrame({ from: "a", to: "10.0.0.3", protocol: "tcp" }, FOUR);
    expect(headersOf(frame).map(({ header, text }) => `${header}: ${text}`)).toEqual([
      "ethernet: 02:00:00:00:01:01 > 02:41:49:4e:00:01",
      "ipv4: 10.0.0.2 > 10.0.0.3 ttl 64 length 56 DF",
      "tcp: 49152 > 80 SYN",
      "payload: 16 octets",
    ]);
  });

  test('of a frame in a tunnel, as an Ethernet segment\'s are: what is in it, too (docs/wire.md, "Tunnels")', () => {
    const inner = describedFrame({ from: "a", to: "10.0.0.3", protocol: "udp", port: 53, sourcePort: 7 }, FOUR);
    const gre = Uint8Array.of(0x20, 0, 0x65, 0x58, 0, 0, 4, 3);
    const ends = { source: SIX.address, destination: SIX.address };
    const outer = build6({ ...ends, upper: { kind: "raw", protocol: 47, data: together(gre, inner) } });
    const names = headersOf(framed(outer, MAC.gatewayMac, MAC.mac)).map(({ header }) => header);
    expect(names).toEqual(["ethernet", "ipv6", "gre", "ethernet", "ipv4", "udp", "payload"]);
  });

  test("of whatever octets: never more than are there, and no exception", () => {
    const seed = Date.now() >>> 0;
    const random = seeded(seed);
    const good = describedFrame({ from: "a", to: "2001:db8::1", protocol: "udp" }, SIX);
    for (let i = 0; i < 5000; i++) {
      const frame =
        i % 2 === 0 ? nextOctets(random, nextBelow(random, 120)) : good.slice(0, nextBelow(random, good.length));
      if (i % 3 === 0 && frame.length > 14) frame[14 + nextBelow(random, frame.length - 14)] = nextBelow(random, 256);
      if (i % 4 === 0 && frame.length > 14) frame.set([0x86, 0xdd, 0x60], 12);
      expect(() => headersOf(frame), `SEED=${seed}`).not.toThrow();
    }
  });

  test("ICMP's types and codes have words (RFC 792, RFC 4443)", () => {
    expect([icmpText(false, 3, 4), icmpText(true, 2, 0), icmpText(false, 8, 0), icmpText(false, 77, 1)]).toEqual([
      ...["fragmentation needed", "packet too big", "echo request", "type 77 code 1"],
    ]);
  });
});
