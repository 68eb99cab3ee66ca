/** Packets through a small gateway, in few words: what leaves it, what arrives, and what both look like from the other side. */
import { expect } from "bun:test";
import { parseIpv4 } from "#base/address";
import { u16 } from "#base/bytes";
import { SYN } from "#fastpath/testing/nat-world";
import { build4, build6, counting, type Ip4, type Upper } from "#fastpath/testing/packet";
import { inside, outside } from "#fastpath/testing/small-gateway";
import { BLUE } from "#fastpath/testing/small-router";

export const HOST = parseIpv4("192.0.2.9")!;
export const OTHER = parseIpv4("192.0.2.10")!;
export const VM = parseIpv4("10.0.0.5")!;
const data = counting(37, 3);
export const udp = (source: number, destination: number, more = data): Upper => ({
  kind: "udp",
  source,
  destination,
  data: more,
});
export const tcp = (source: number, destination: number, flags: number = SYN): Upper => ({
  kind: "tcp",
  source,
  destination,
  flags,
});
export const echo = (type: number, id: number): Upper => ({
  kind: "icmp",
  type,
  rest: ((id << 16) | 9) >>> 0,
  body: data,
});

/** From a blue VM to the outside host, unless told otherwise. */
export const out = (upper: Upper, source = inside(BLUE, VM), destination = outside(HOST)): Uint8Array =>
  build6({ source, destination, upper, hopLimit: 60 });
export const into = (upper: Upper, destination: Uint8Array, more: Partial<Ip4> = {}): Uint8Array =>
  build4({ source: HOST, destination, upper, ttl: 50, ...more });

/** A packet that left without its identification, which the router counts up, and the sum over it. */
export const unnumbered = (packet: Uint8Array): Uint8Array => {
  const copy = packet.slice();
  copy.fill(0, 4, 6);
  copy.fill(0, 10, 12);
  return copy;
};
export const left = (upper: Upper, source: Uint8Array, more: Partial<Ip4> = {}): Uint8Array =>
  unnumbered(build4({ source, destination: HOST, upper, ttl: 59, ...more }));
export const arrived = (upper: Upper, destination: Uint8Array): Uint8Array =>
  build6({ source: outside(HOST), destination, upper, hopLimit: 49 });

/** An IPv6 packet without the flow label that the gateway gives. */
export const unlabelled = (packet: Uint8Array): Uint8Array => {
  const copy = packet.slice();
  copy[1] = copy[1]! & 0xf0;
  copy.fill(0, 2, 4);
  return copy;
};

export const only = (sent: { port: number; packet: Uint8Array }[], port: number): Uint8Array => {
  expect(sent.map((each) => each.port)).toEqual([port]);
  return sent[0]!.packet;
};

/** Pool address and port that a packet left with. */
export const natOf = (packet: Uint8Array, at = 20): { address: Uint8Array; port: number } => ({
  address: packet.slice(12, 16),
  port: u16(packet, at),
});
