/** What a hypervisor makes of hosts outside the data centre: by route, by rule, both families of VMs. */
import { expect, test } from "bun:test";
import { parseIpv4 } from "#base/address";
import { build4, build6, counting, fragments6, framed, together, type Upper } from "#fastpath/testing/packet";
import {
  GATEWAY_MAC,
  HOMES,
  KEY,
  NEXT_HOP_MAC,
  OUTSIDE_PREFIX,
  type Sent,
  SmallRouter,
  UPLINK_MAC,
  VM_A,
  VM_B,
  VM_D,
} from "#fastpath/testing/small-router";
import { allocateNear } from "#policy/homes";
import { OUTSIDE, type Rule } from "#policy/rules";

const HOST = parseIpv4("192.0.2.9")!;
const outside = (ipv4: Uint8Array): Uint8Array => together(OUTSIDE_PREFIX.slice(0, 8), Uint8Array.of(0, 0, 0, 1), ipv4);
const EVERYTHING = [{ tags: 0, host: 0, length: 0 }];
const outward: Rule = {
  ...{
    name: "out",
    priority: 1,
    source: EVERYTHING,
    destination: [OUTSIDE],
    action: "allow",
    stateful: true,
    log: false,
  },
};
const routes = [{ prefix: { address: parseIpv4("192.0.0.0")!, length: 8 }, tags: OUTSIDE.tags }];
const router = (options: { rules?: Rule[]; cacheEntries?: number } = {}): SmallRouter => {
  const { rules = [outward], cacheEntries = 1024 } = options;
  return new SmallRouter({ routes, cacheEntries, rules: rules.map((rule) => ({ rule, owner: undefined })) });
};
const udp = (source: number, destination: number): Upper => ({ kind: "udp", source, destination });
const only = (sent: readonly Sent[], port: number): Uint8Array => {
  expect(sent.map((each) => each.port)).toEqual([port]);
  return sent[0]!.octets.slice(14);
};
const out4 = (r: SmallRouter, source: number, destination = HOST): Sent[] =>
  r.offer(1, framed(build4({ source: VM_A.ipv4, destination, upper: udp(source, 53) }), GATEWAY_MAC, VM_A.mac));
const out6 = (r: SmallRouter, destination = outside(HOST)): Sent[] =>
  r.offer(5, framed(build6({ source: VM_D.ipv6[0]!, destination, upper: udp(7, 53) }), GATEWAY_MAC, VM_D.mac));
const back = (r: SmallRouter, destination: Uint8Array, upper: Upper, source = outside(HOST)): Sent[] =>
  r.offer(0, framed(build6({ source, destination, upper }), UPLINK_MAC, NEXT_HOP_MAC));

test.each([1024, 0])(
  "a VM reaches an outside host, whose answers alone come back (flow cache of %i)",
  (cacheEntries) => {
    const r = router({ cacheEntries });
    for (let i = 0; i < 2; i++) {
      const packet = only(out4(r, 7), 0);
      expect<Uint8Array>(packet.slice(8, 24)).toEqual(VM_A.address);
      expect<Uint8Array>(packet.slice(24, 40)).toEqual(outside(HOST));
      const answer = only(back(r, VM_A.address, udp(53, 7)), 1);
      expect<Uint8Array>(answer.slice(12, 20)).toEqual(together(HOST, VM_A.ipv4));
    }
    expect(back(r, VM_A.address, udp(53, 8))).toEqual([]);
    expect(back(r, VM_B.address, udp(53, 7))).toEqual([]);
    expect(r.endings(0)).toEqual({ "to-vm": 2, "no-rule": 2 });
  },
);

test("one label for all packets between two hosts, so that one gateway sees them all (RFC 6438)", () => {
  const r = router();
  const labelOf = (packet: Uint8Array): number => ((packet[1]! & 15) << 16) | (packet[2]! << 8) | packet[3]!;
  const labels = [1, 2, 3].map((port) => labelOf(only(out4(r, port), 0)));
  expect(new Set(labels).size).toBe(1);
  expect(labelOf(only(out4(r, 1, parseIpv4("192.0.2.10")!), 0))).not.toBe(labels[0]);
});

test("IPv6 VMs reach it under its address in the fabric, as far as a route leads there: NAT64 is the gateway's", () => {
  const r = router();
  expect<Uint8Array>(only(out6(r), 0).slice(24, 40)).toEqual(outside(HOST));
  expect<Uint8Array>(only(back(r, VM_D.ipv6[0]!, udp(53, 7)), 5).slice(8, 24)).toEqual(outside(HOST));
  expect(back(r, VM_D.ipv6[1]!, udp(53, 7))).toEqual([]);
  out6(r, outside(parseIpv4("8.8.8.8")!));
  out6(r, together(OUTSIDE_PREFIX.slice(0, 7), Uint8Array.of(1, 0, 0, 0, 1), HOST));
  expect(r.endings(5)).toEqual({ "to-fabric": 1, "no-network-route": 2 });
});

test("an address that the VM's network does not look for outside comes from there no more (RFC 3704 §2.2)", () => {
  const inward = { ...outward, name: "in", source: [OUTSIDE], destination: EVERYTHING };
  const r = router({ rules: [inward] });
  only(back(r, VM_A.address, udp(53, 7)), 1);
  only(back(r, VM_D.ipv6[0]!, udp(53, 7)), 5);
  for (const source of [VM_B.ipv4, parseIpv4("8.8.8.8")!]) {
    expect(back(r, VM_A.address, udp(53, 7), outside(source))).toEqual([]);
    expect(back(r, VM_D.ipv6[0]!, udp(53, 7), outside(source))).toEqual([]);
  }
  expect(r.endings(0)).toEqual({ "to-vm": 2, "inside-source": 4 });
});

test("without a route it is unreachable, and without a rule nothing goes there", () => {
  const r = router({ rules: [] });
  out4(r, 7, parseIpv4("8.8.8.8")!);
  out4(r, 7);
  expect(r.endings(1)).toEqual({ "no-network-route": 1, "no-rule": 1 });
});

test("errors of the outside's routers come to whom they are about (RFC 4443 §3.3)", () => {
  const r = router();
  const [sent4, sent6] = [only(out4(r, 7), 0), only(out6(r), 0)];
  const routerOutside = outside(parseIpv4("192.0.2.1")!);
  const told4 = only(back(r, VM_A.address, { kind: "icmp", type: 3, body: sent4 }, routerOutside), 1);
  expect<Uint8Array>(told4.slice(12, 16)).toEqual(parseIpv4("192.0.2.1")!);
  expect(told4[20]).toBe(11);
  expect(only(back(r, VM_D.ipv6[0]!, { kind: "icmp", type: 3, body: sent6 }, routerOutside), 5)[40]).toBe(3);
  expect(back(r, VM_B.address, { kind: "icmp", type: 3, body: sent4 }, routerOutside)).toEqual([]);
});

test("another network's public addresses, by a route via gateway: directly from public ones, as outside from private ones", () => {
  const tags = (2 << 10) | 2;
  const pool = { tags, prefixes: [{ address: parseIpv4("198.18.1.0")!, length: 24 }] };
  const elsewhere = { homes: new Set([1]), count: 1, isTaken: () => false };
  const publicHost = allocateNear({ key: KEY, homes: HOMES }, pool, elsewhere)[0]!;
  const routes = [
    { prefix: { address: new Uint8Array(4), length: 0 }, tags: OUTSIDE.tags },
    { prefix: { address: publicHost, length: 32 }, tags, viaGateway: true },
  ];
  const everything: Rule = { ...outward, destination: EVERYTHING };
  const rules = [{ rule: everything, owner: undefined }];
  const r = new SmallRouter({ routes, rules, public4: [VM_B.port] });
  const b = framed(build4({ source: VM_B.ipv4, destination: publicHost, upper: udp(7, 53) }), GATEWAY_MAC, VM_B.mac);
  for (let i = 0; i < 2; i++) {
    expect<Uint8Array>(only(out4(r, 7, publicHost), 0).slice(24, 40)).toEqual(outside(publicHost));
    const direct = only(r.offer(2, b), 0).slice(32, 40);
    expect<Uint8Array>(direct).toEqual(together(Uint8Array.of(0, 0, 8, 2), publicHost));
    const answer = only(back(r, VM_A.address, udp(53, 7), outside(publicHost)), 1);
    expect<Uint8Array>(answer.slice(12, 20)).toEqual(together(publicHost, VM_A.ipv4));
  }
  const sent = only(out4(r, 7, publicHost), 0);
  const error: Upper = { kind: "icmp", type: 1, code: 4, body: sent };
  expect(only(back(r, VM_A.address, error, outside(publicHost)), 1)[20]).toBe(3);
});

test("later fragments of a ping pass where a rule about pings may be meant for them (RFC 1858 §2)", () => {
  const pings: Rule = { ...outward, source: [OUTSIDE], destination: EVERYTHING, protocol: 1, icmp: { type: 8 } };
  const r = router({ rules: [pings] });
  const upper: Upper = { kind: "icmp", type: 128, body: counting(2000) };
  const pieces = fragments6({ source: outside(HOST), destination: VM_A.address, upper }, 1000, 7);
  for (const piece of pieces) r.offer(0, framed(piece, UPLINK_MAC, NEXT_HOP_MAC));
  expect(r.endings(0)).toEqual({ "to-vm": pieces.length });
});
