/** What RFCs 4787, 5382, 5508, 6146 and 6888 ask of a NAT's tables. */
import { expect, test } from "bun:test";
import { type Nat, REFUSED_FILTERED, REFUSED_NO_SYN, REFUSED_PROTOCOL, REFUSED_UNBOUND } from "#fastpath/tables/nat";
import { GRE, host, ICMP, TCP, UDP, vm } from "#fastpath/testing/connection-packets";
import {
  ACK,
  FIN,
  type Flow,
  into,
  natOf,
  newNat,
  newNatBuffers,
  out,
  quote,
  RST,
  raw,
  rawPool,
  remote,
  SYN,
  sweepAll,
} from "#fastpath/testing/nat-world";

const udp: Flow = { inside: vm(7, 1, 5353), remote: remote(8, 53), protocol: UDP };
const tcp: Flow = { inside: vm(7, 1, 40_000), remote: remote(8, 443), protocol: TCP, flags: SYN };
const echo: Flow = { inside: vm(7, 1, 0x1234), remote: remote(8, 0), protocol: ICMP };
const SECOND = 10;

/** Both ends open and the inside acknowledges. */
function open(nat: Nat, flow: Flow, now: number): { address: number; port: number } {
  const { outside } = out(nat, { ...flow, flags: SYN, sequence: 100 }, now);
  into(nat, outside!, { ...flow, flags: SYN | ACK, sequence: 500, acknowledgment: 101 }, now);
  out(nat, { ...flow, flags: ACK, sequence: 101, acknowledgment: 501 }, now);
  return outside!;
}

test("an inside end has one outside end, whomever it talks to: RFC 4787 §4.1 REQ-1, RFC 5382 §4.1 REQ-1", () => {
  const nat = newNat();
  for (const flow of [udp, tcp, echo]) {
    const first = out(nat, flow, 0).outside;
    expect(first).toBeDefined();
    for (let i = 0; i < 20; i++) expect(out(nat, { ...flow, remote: remote(i, 1000 + i) }, 0).outside).toEqual(first);
  }
});

test("no two inside ends have the same outside end: RFC 4787 §4.2.1 REQ-3, ports are not overloaded", () => {
  const nat = newNat("endpoint-independent", { pool: 1 });
  for (const protocol of [UDP, TCP, ICMP]) {
    const seen = new Set<string>();
    for (let i = 0; i < 200; i++) {
      const { outside } = out(nat, { ...tcp, protocol, inside: vm(7, i % 10, 1000 + i), remote: remote(8, 53) }, 0);
      seen.add(`${outside!.address}:${outside!.port}`);
    }
    expect(seen.size).toBe(200);
  }
});

test("all of an inside address's ports are of one pool address: RFC 4787 §4.1 REQ-2, paired", () => {
  const nat = newNat("endpoint-independent", { pool: 4 });
  const used = new Set<number>();
  for (let who = 0; who < 8; who++) {
    const addresses = new Set<number>();
    for (
      let i = 0;
      i < 200;
      i++ // more than a block's
    )
      addresses.add(out(nat, { ...udp, inside: vm(7, who, 1000 + i) }, 0).outside!.address);
    expect(addresses.size).toBe(1);
    used.add([...addresses][0]!);
  }
  expect(used.size).toBe(4); // and pool addresses are used alike
});

test("endpoint-independent filtering lets anybody in who knows the outside end: RFC 4787 §5 REQ-8", () => {
  const nat = newNat();
  const { outside } = out(nat, udp, 0);
  const stranger = { remote: remote(99, 4444), protocol: UDP };
  expect(into(nat, outside!, stranger, 0)).toEqual(udp.inside);
  expect(out(nat, { ...udp, remote: stranger.remote }, 0).outside).toEqual(outside!);
});

test("address-and-port-dependent filtering lets in who was talked to, port and all: RFC 4787 §5", () => {
  const nat = newNat("address-and-port-dependent");
  const { outside } = out(nat, udp, 0);
  expect(into(nat, outside!, udp, 0)).toEqual(udp.inside);
  expect(into(nat, outside!, { ...udp, remote: remote(8, 54) }, 0)).toBe(REFUSED_FILTERED);
  expect(into(nat, outside!, { ...udp, remote: remote(9, 53) }, 0)).toBe(REFUSED_FILTERED);
  expect(into(nat, outside!, { ...udp, protocol: TCP, flags: SYN }, 0)).toBe(REFUSED_UNBOUND);
});

test("what nobody inside asked for is refused, by whatever filtering", () => {
  const nat = newNat();
  const { outside } = out(nat, udp, 0);
  expect(into(nat, { ...outside!, port: outside!.port ^ 1 }, udp, 0)).toBe(REFUSED_UNBOUND);
  expect(into(nat, { ...outside!, address: rawPool(1) ^ rawPool(0) ^ outside!.address }, udp, 0)).toBe(REFUSED_UNBOUND);
  expect(into(nat, { ...outside!, address: 0x0101_0101 }, udp, 0)).toBe(REFUSED_UNBOUND);
});

test("an inside end reaches another by its outside end, and is seen by its own: RFC 4787 §6 REQ-9, hairpinning", () => {
  const nat = newNat();
  const server = { ...udp, inside: vm(7, 2, 9000) };
  const to = out(nat, server, 0).outside!;
  const asks = { inside: vm(7, 1, 6000), remote: remote(to.address, to.port), protocol: UDP };
  const from = out(nat, asks, 0).outside!;
  const seen = { remote: remote(from.address, from.port), protocol: UDP };
  expect(into(nat, to, seen, 0)).toEqual(server.inside);
  // And the answer, by the same two steps.
  expect(out(nat, { ...server, ...seen }, 0).outside).toEqual(to);
  expect(into(nat, from, { remote: remote(to.address, to.port), protocol: UDP }, 0)).toEqual(asks.inside);
});

test("an inside end may be an IPv6 host: RFC 6146 §3.1, NAT64", () => {
  const nat = newNat();
  const inside = host([0x1020_0120, 2, 3, 4], 40_000);
  const remoteHost = host([0x9bff_6400, 0, 0, 0x0808_0808], 53);
  const { outside } = out(nat, { inside, remote: remoteHost, protocol: UDP }, 0);
  expect(into(nat, outside!, { remote: remoteHost, protocol: UDP }, 0)).toEqual(inside);
  for (let word = 0; word < 4; word++) {
    const other = { ...inside, address: inside.address.with(word, 77) };
    expect(out(nat, { inside: other, remote: remoteHost, protocol: UDP }, 0).outside).not.toEqual(outside!);
  }
});

test("a UDP binding lasts while its sessions do, 300 s after an answer, and packets either way keep them: RFC 4787 §4.3 REQ-5, REQ-6", () => {
  const nat = newNat();
  const { outside } = out(nat, udp, 0);
  into(nat, outside!, udp, SECOND);
  sweepAll(nat, 301 * SECOND);
  expect(into(nat, outside!, udp, 301 * SECOND)).toEqual(udp.inside);
  sweepAll(nat, 601 * SECOND);
  expect(out(nat, udp, 601 * SECOND).outside).toEqual(outside!);
  sweepAll(nat, 902 * SECOND);
  expect(into(nat, outside!, udp, 902 * SECOND)).toBe(REFUSED_UNBOUND);
});

test("a UDP binding without an answer lasts for 120 s: RFC 4787 §4.3 REQ-5", () => {
  const nat = newNat();
  const { outside } = out(nat, udp, 0);
  sweepAll(nat, 120 * SECOND);
  expect(out(nat, udp, 120 * SECOND).outside).toEqual(outside!);
  sweepAll(nat, 241 * SECOND);
  expect(nat.bindings.find()).toBe(0);
});

test("a TCP binding lasts for 2 h 4 min while its connection is open, and 4 min once it is not: RFC 5382 §5 REQ-5", () => {
  const nat = newNat();
  const outside = open(nat, tcp, 0);
  sweepAll(nat, 7440 * SECOND);
  expect(into(nat, outside, { ...tcp, flags: ACK }, 7440 * SECOND)).toEqual(tcp.inside);
  const end = 7440 * SECOND;
  out(nat, { ...tcp, flags: FIN | ACK, sequence: 101, acknowledgment: 501 }, end);
  into(nat, outside, { ...tcp, flags: FIN | ACK, sequence: 501, acknowledgment: 102 }, end);
  sweepAll(nat, end + 240 * SECOND);
  expect(into(nat, outside, { ...tcp, flags: ACK }, end + 240 * SECOND)).toEqual(tcp.inside);
  sweepAll(nat, end + 481 * SECOND);
  expect(into(nat, outside, { ...tcp, flags: ACK }, end + 481 * SECOND)).toBe(REFUSED_UNBOUND);
});

test("a connection that ends does not take another's binding along: RFC 6146 §3.5.2, sessions of one BIB entry", () => {
  const nat = newNat("address-and-port-dependent");
  const other = { ...tcp, remote: remote(9, 22) };
  const outside = open(nat, tcp, 0);
  expect(open(nat, other, 0)).toEqual(outside);
  into(nat, outside, { ...tcp, flags: RST, sequence: 501 }, SECOND);
  sweepAll(nat, 1000 * SECOND);
  expect(into(nat, outside, { ...tcp, flags: ACK }, 1000 * SECOND)).toBe(REFUSED_FILTERED);
  expect(into(nat, outside, { ...other, flags: ACK }, 1000 * SECOND)).toEqual(tcp.inside);
});

test("both ends may open at once: RFC 5382 §4.2 REQ-2", () => {
  const nat = newNat("address-and-port-dependent");
  const { outside } = out(nat, { ...tcp, sequence: 100 }, 0);
  expect(into(nat, outside!, { ...tcp, flags: SYN, sequence: 500 }, 0)).toEqual(tcp.inside);
  expect(out(nat, { ...tcp, flags: SYN | ACK, sequence: 100, acknowledgment: 501 }, 0).outside).toEqual(outside!);
});

test("a segment without SYN makes no binding; with one it passes: RFC 6146 §3.5.2.2", () => {
  const nat = newNat();
  for (const flags of [ACK, RST, FIN | ACK, SYN | ACK])
    expect(out(nat, { ...tcp, flags }, 0).result).toBe(REFUSED_NO_SYN);
  const outside = open(nat, tcp, 0);
  for (const flags of [ACK, RST]) {
    expect(out(nat, { ...tcp, remote: remote(9, 9), flags }, 0).outside).toEqual(outside);
    expect(into(nat, outside, { ...tcp, remote: remote(10, 9), flags }, 0)).toEqual(tcp.inside);
    expect(nat.session).toBe(0); // which keeps nothing
  }
});

test("an ICMP query is bound by its identifier, for 60 s: RFC 5508 §3.1 REQ-1, §3.2 REQ-2", () => {
  const nat = newNat("address-and-port-dependent");
  const { outside } = out(nat, echo, 0);
  expect(into(nat, outside!, echo, 60 * SECOND)).toEqual(echo.inside);
  expect(into(nat, outside!, { ...echo, remote: remote(9, 0) }, 60 * SECOND)).toBe(REFUSED_FILTERED);
  expect(into(nat, outside!, echo, 121 * SECOND)).toBe(REFUSED_FILTERED);
});

test("the ICMPv6 of a NAT64 and the ICMP outside of it are one protocol", () => {
  const nat = newNat();
  const inside = host([1, 2, 3, 4], 77);
  const { outside } = out(nat, { inside, remote: remote(8, 0), protocol: 58 }, 0);
  expect(into(nat, outside!, { remote: remote(8, 0), protocol: ICMP }, 0)).toEqual(inside);
});

test("protocols without ports have no binding", () => {
  expect(out(newNat(), { ...udp, protocol: GRE }, 0).result).toBe(REFUSED_PROTOCOL);
});

test("an error from outside finds the inside end whose packet it quotes, and changes nothing: RFC 5508 §4.2 REQ-4, §4.3 REQ-6", () => {
  const nat = newNat();
  const { outside, result } = out(nat, udp, 0);
  quote(nat, remote(outside!.address, outside!.port), udp.remote, UDP);
  expect(nat.quotedOutbound(outside!.address, raw(outside!.port), 0)).toBe(result);
  expect([...nat.packet.subarray(0, 4)]).toEqual([...udp.inside.address]);
  // About a packet that was never sent.
  quote(nat, remote(outside!.address, outside!.port), remote(9, 53), UDP);
  expect(nat.quotedOutbound(outside!.address, raw(outside!.port), 0)).toBe(REFUSED_FILTERED);
  expect(nat.quotedOutbound(outside!.address, 0, 0)).toBe(REFUSED_UNBOUND);
  // Errors keep nothing alive (REQ-6): the session expires as if they had not come.
  quote(nat, remote(outside!.address, outside!.port), udp.remote, UDP);
  expect(nat.quotedOutbound(outside!.address, raw(outside!.port), 1201)).toBe(REFUSED_FILTERED);
});

test("an error from inside finds the outside end that the quoted packet was sent to: RFC 5508 §4.2 REQ-5", () => {
  const nat = newNat();
  const { outside, result } = out(nat, udp, 0);
  into(nat, outside!, udp, 0);
  quote(nat, udp.remote, udp.inside, UDP);
  expect(nat.quotedInbound(0)).toBe(result);
  quote(nat, remote(9, 1), udp.inside, UDP);
  expect(nat.quotedInbound(0)).toBe(REFUSED_UNBOUND);
});

test("what another thread has bound and opened holds for all", () => {
  const buffers = newNatBuffers();
  const [one, two] = [natOf(buffers, { seed: 1 }), natOf(buffers, { seed: 2 })];
  const { outside } = out(one, tcp, 0);
  expect(into(two, outside!, { ...tcp, flags: SYN | ACK }, 0)).toEqual(tcp.inside);
  expect(out(two, tcp, 0).outside).toEqual(outside!);
});

test("a remembered session says when its binding's decision is over", () => {
  const nat = newNat();
  out(nat, udp, 0);
  const { session, version, direction, sessions } = nat;
  expect(sessions.advance(session, version, direction, 100)).toBeGreaterThan(0);
  sweepAll(nat, 10_000);
  expect(sessions.advance(session, version, direction, 10_000)).toBe(0);
});
