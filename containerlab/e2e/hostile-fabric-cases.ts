/** What p may send into fabric link eth2, and how each of it ends. */
import { parseIpv6, parseMac } from "#base/address";
import { build4, type Extension, fragments6, type Icmp, type Ip6, type Raw, together } from "#fastpath/testing/packet";
import * as arp from "#wire/arp";
import { BROADCAST, multicastMac6 } from "#wire/ethernet";
import { write as writeGre } from "#wire/gre";
import { between, type HostileCase, marked, octets, patched, udp, withType } from "./hostile-cases";
import {
  A,
  BEHIND_SILENCE,
  DENIED_PORT,
  DISCARDED,
  frameOfP,
  fromT,
  N6,
  NOBODY,
  P_MAC,
  R,
  RED_REMOTE,
  ROUTER6,
  T,
  UNROUTED,
} from "./hostile-world";
import { BLUE, RED } from "./test-lab";

const OTHER_MAC = parseMac("02:00:00:00:66:66")!;
const ip = (text: string): Uint8Array => parseIpv6(text)!;
/** Nobody's. */
const LINK_LOCAL = ip("fe80::9");
const toRouter = { destination: ROUTER6 } as const;
const raw = (protocol: number, data = marked(40)): Raw => ({ kind: "raw", protocol, data });
const icmp = (type: number, code = 0, body = marked(16)): Icmp => ({ kind: "icmp", type, code, body });
/** An ICMPv6 error goes out as a packet of the router's own, counted at the port that is answered. */
const answers = { originated: 1 } as const;

/** GRE with a key for the router, from where it may come from, around a packet. */
const gre = (key: number, packet: Uint8Array): Raw => {
  const header = new Uint8Array(8);
  writeGre(header, 0, { protocolType: 0x86dd, key });
  return raw(47, together(header, packet));
};
const fromN = { ...toRouter, source: N6 } as const;

const sends = (title: string, ending: string, more: Partial<Ip6>, upper: Parameters<typeof fromT>[0] = udp()) =>
  ({ title, ending, frame: frameOfP(fromT(upper, more)) }) satisfies HostileCase;

const plain = fromT(udp());
const options: Extension = { header: 60, body: octets(1, 4, 0, 0, 0, 0) };
const pad: Extension = { header: 0, body: octets(1, 4, 0, 0, 0, 0) };
const routing: Extension = { header: 43, body: octets(4, 1, 0, 0, 0, 0) };
const foreignQuote = fromT(udp(), { source: NOBODY.ipv6, destination: RED_REMOTE.ipv6 });
const tiny = fragments6({ source: T.ipv6, destination: A.ipv6, upper: { kind: "tcp", data: marked(64) } }, 8, 77)[0]!;
const group = ip("ff02::1234");
const ipv4 = build4({ source: T.ipv4, destination: A.ipv4, upper: udp() });
const request = new Uint8Array(arp.SIZE);
arp.write(request, 0, {
  operation: arp.REQUEST,
  senderHardware: P_MAC,
  senderProtocol: T.ipv4,
  targetHardware: new Uint8Array(6),
  targetProtocol: A.ipv4,
});

const FORWARDED: readonly HostileCase[] = [
  { ...sends("a right packet for a VM", "to-vm", {}), reaches: "a" },
  { ...sends("a right packet for a VM in a tunnel", "to-vm", fromN, gre(BLUE, fromT(udp()))), reaches: "a" },
  { ...sends("a right packet for another router", "transit", { source: A.ipv6, destination: T.ipv6 }), reaches: "n" },
  { ...sends("a ping of the router", "punt-local", toRouter, icmp(128)), also: answers, reaches: "n" },
  {
    ...sends("headers that loop, for another router: not to be read on the way", "transit", {
      destination: RED_REMOTE.ipv6,
      extensions: [pad, pad],
    }),
    reaches: "n",
  },
];

const MALFORMED: readonly HostileCase[] = [
  sends("a payload length beyond the frame", "truncated", { payloadLength: 500 }),
  { title: "half an IPv6 header", ending: "truncated", frame: frameOfP(plain.subarray(0, 20)) },
  { title: "an Ethernet header and nothing", ending: "truncated", frame: frameOfP(plain).subarray(0, 14) },
  { title: "IP version 4 in a frame of IPv6", ending: "bad-ip-header", frame: frameOfP(patched(plain, 0, 0x45)) },
  sends("a UDP length beyond the packet, for a VM", "bad-transport", {}, { ...udp(), length: 500 }),
  sends("half a TCP header, for a VM", "bad-transport", {}, raw(6, marked(8))),
  { title: "a first fragment of 8 octets of TCP", ending: "bad-transport", frame: frameOfP(tiny) },
  sends("hop-by-hop options twice", "bad-extension", { extensions: [pad, pad] }),
  sends("hop-by-hop options behind others", "bad-extension", { extensions: [options, pad] }),
  sends("nine extension headers", "bad-extension", { extensions: new Array(9).fill(options) }),
  sends("an extension header that ends beyond the packet", "bad-extension", {
    extensions: [{ ...options, length: 255 }],
  }),
  sends("an extension header cut short", "bad-extension", {}, raw(60, octets(17, 0, 1))),
  sends("two Fragment headers", "bad-extension", {
    extensions: [1, 2].map((identification) => ({ header: 44, offset: 0, more: false, identification }) as const),
  }),
  sends("UDP without checksum", "udp-zero-checksum", {}, { ...udp(), checksum: 0 }),
  {
    title: "a checksum to be finished that is no transport's",
    ending: "bad-offload",
    frame: frameOfP(fromT(icmp(128))),
    request: { partial: { start: 54, offset: 2 } },
  },
];

const FORBIDDEN: readonly HostileCase[] = [
  { title: "MPLS", ending: "unknown-ethertype", frame: withType(frameOfP(plain), 0x8847) },
  { title: "another MAC address than the router's", ending: "wrong-mac", frame: between(plain, OTHER_MAC, P_MAC) },
  sends("a multicast source", "bad-source", { source: ip("ff02::1") }),
  sends("a loopback source", "bad-source", { source: ip("::1") }),
  sends("no source", "bad-source", { source: ip("::") }),
  sends("a loopback destination", "loopback-destination", { destination: ip("::1") }),
  sends("no destination", "loopback-destination", { destination: ip("::") }),
  { title: "IPv4", ending: "fabric-ipv4", frame: frameOfP(ipv4) },
  { title: "ARP", ending: "fabric-ipv4", frame: withType(between(request, BROADCAST, P_MAC), 0x0806) },
  sends("a source outside the fabric, for a VM", "outside-source", { source: ip("2001:db8:ffff::1") }),
  sends("a router's address, for a VM", "infrastructure-source", { source: N6 }),
  sends("a ping from the router's own address, for a VM", "infrastructure-source", { source: ROUTER6 }, icmp(128)),
  sends("another tenant's address, for a VM", "no-rule", { source: RED_REMOTE.ipv6 }),
  sends("blue's address, for red's VM", "no-rule", { destination: R.ipv6 }),
  sends("what a rule forbids", "rule-denied", {}, { ...udp(), destination: DENIED_PORT }),
  sends("a link-local source, for another router", "link-local", {
    source: LINK_LOCAL,
    destination: RED_REMOTE.ipv6,
  }),
  sends("a link-local destination", "link-local", { destination: LINK_LOCAL }),
  sends(
    "a BFD Control packet of a neighbor's",
    "bfd",
    { ...toRouter, hopLimit: 255 },
    { ...udp(24), destination: 3784 },
  ),
  sends("GRE for the router with nothing in it", "bad-tunnel", fromN, raw(47)),
  sends(
    "a tunnel in fragments",
    "bad-tunnel",
    { ...fromN, extensions: [{ header: 44, offset: 0, more: true, identification: 3 }] },
    gre(BLUE, plain),
  ),
  sends("a tunnel from a VM's address", "tunnel-source", toRouter, gre(BLUE, plain)),
  sends("a tunnel from our own address", "tunnel-source", { ...fromN, source: ROUTER6 }, gre(BLUE, plain)),
  sends("a tunnel with another tenant's key", "tunnel-key", fromN, gre(RED, plain)),
  sends("a tunnel in a tunnel", "tunnel-key", fromN, gre(0, fromT(gre(BLUE, plain), fromN))),
  sends(
    "a tunnel with another tenant's packet",
    "no-rule",
    fromN,
    gre(BLUE, fromT(udp(), { source: RED_REMOTE.ipv6 })),
  ),
  sends(
    "a tunnel that claims to be from a router",
    "infrastructure-source",
    fromN,
    gre(BLUE, fromT(udp(), { source: N6 })),
  ),
  sends(
    "a tunnel with a foreign source",
    "outside-source",
    fromN,
    gre(BLUE, fromT(udp(), { source: ip("2001:db8:ffff::1") })),
  ),
  sends("a group in a frame of the router's", "multicast", { destination: group }),
  {
    title: "a group that this router is not in",
    ending: "multicast",
    frame: between(fromT(udp(), { destination: group }), multicastMac6(group), P_MAC),
  },
  { title: "a unicast packet in a broadcast frame", ending: "multicast", frame: between(plain, BROADCAST, P_MAC) },
  sends("a multicast listener query, for a VM", "icmp-untranslatable", {}, icmp(130)),
  sends("an error about somebody else's packet", "bad-embedded", {}, icmp(1, 4, foreignQuote)),
  sends("an error that quotes next to nothing", "bad-embedded", {}, icmp(3, 0, octets(0x60, 0, 0, 0))),
  {
    ...sends("an experiment's ICMPv6, for the router", "control-ignored", toRouter, icmp(200)),
    also: { "punt-local": 1 },
  },
  {
    ...sends("a neighbor solicitation from beyond the link", "control-ignored", toRouter, {
      ...icmp(135, 0, ROUTER6),
    }),
    also: { "punt-local": 1 },
  },
  {
    ...sends(
      "a solicitation with an option of no length",
      "control-ignored",
      { ...toRouter, hopLimit: 255 },
      {
        ...icmp(135, 0, together(ROUTER6, octets(1, 0, 0, 0, 0, 0, 0, 0))),
      },
    ),
    also: { "punt-local": 1 },
  },
];

const ANSWERED: readonly HostileCase[] = [
  { ...sends("an address that no route leads to", "no-route", { destination: UNROUTED.ipv6 }), owed: [1, 0] },
  { ...sends("an address behind a discard route", "discard-route", { destination: DISCARDED.ipv6 }), owed: [1, 0] },
  { ...sends("an address that no VM has", "no-such-vm", { destination: NOBODY.ipv6 }), owed: [1, 3] },
  { ...sends("UDP for the router", "no-listener", toRouter), owed: [1, 4] },
  { ...sends("TCP for the router", "no-listener", toRouter, { kind: "tcp", data: marked(8) }), owed: [1, 4] },
  { ...sends("a hop limit of 1, for a VM", "hop-limit", { hopLimit: 1 }), owed: [3, 0] },
  {
    ...sends("a hop limit of 0, on its way", "hop-limit", { hopLimit: 0, destination: RED_REMOTE.ipv6 }),
    owed: [3, 0],
  },
  { ...sends("1500 octets, for a VM that takes 1400", "too-big", {}, udp(1452)), owed: [2, 0] },
  { ...sends("ICMPv4 in IPv6, for a VM", "untranslatable-protocol", {}, raw(1)), owed: [1, 1] },
  { ...sends("a routing header with segments left", "untranslatable-header", { extensions: [routing] }), owed: [4, 0] },
].map((each): HostileCase => ({ ...each, owed: each.owed as [number, number], also: answers }));

/** Only while the next hop of home 3 is known not to answer. */
export const UNREACHABLE_FROM_FABRIC: HostileCase = {
  ...sends("an address behind a silent neighbour", "neighbor-failed", { destination: BEHIND_SILENCE.ipv6 }),
  owed: [1, 3],
  also: answers,
};

/** To a silent neighbour's network, and owed an error that cannot be sent either. */
export const ERROR_TO_SILENCE: HostileCase = sends("nowhere, from behind a silent neighbour", "no-route", {
  source: BEHIND_SILENCE.ipv6,
  destination: UNROUTED.ipv6,
});

export const FROM_FABRIC: readonly HostileCase[] = [...FORWARDED, ...MALFORMED, ...FORBIDDEN, ...ANSWERED];
