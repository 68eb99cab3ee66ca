/** What VM a may send, and how each of it ends. */
import { parseIpv4, parseMac } from "#base/address";
import { build6, fragments4, type Icmp, type Ip4, type Raw, type Tcp, together } from "#fastpath/testing/packet";
import * as arp from "#wire/arp";
import * as dhcp from "#wire/dhcp4";
import { BROADCAST } from "#wire/ethernet";
import { GSO_TCPV4 } from "#wire/virtio-net";
import { between, type HostileCase, MARK, marked, octets, patched, udp, withType } from "./hostile-cases";
import {
  A,
  A_MAC,
  B,
  BEHIND_SILENCE,
  DENIED_PORT,
  DISCARDED,
  frameOfA,
  fromA,
  GATEWAY,
  GATEWAY_MAC,
  NOBODY,
  O,
  T,
  UNROUTED,
} from "./hostile-world";

const OTHER_MAC = parseMac("02:00:00:00:66:66")!;
const GROUP_MAC = parseMac("01:00:5e:00:00:09")!;
const ip = (text: string): Uint8Array => parseIpv4(text)!;
const toGateway = { destination: GATEWAY } as const;
const toAll = { destination: ip("255.255.255.255") } as const;
const raw = (protocol: number, data = marked(40)): Raw => ({ kind: "raw", protocol, data });
const icmp = (type: number, code = 0, body = marked(16)): Icmp => ({ kind: "icmp", type, code, body });
const tcp = (length: number): Tcp => ({ kind: "tcp", data: marked(length) });

/** Sends a packet of a's with this about it changed. */
const sends = (title: string, ending: string, more: Partial<Ip4>, upper: Parameters<typeof fromA>[0] = udp()) =>
  ({ title, ending, frame: frameOfA(fromA(upper, more)) }) satisfies HostileCase;

const arpFrom = (mac: Uint8Array, address: Uint8Array, inFrame = mac): Uint8Array => {
  const message = new Uint8Array(arp.SIZE);
  arp.write(message, 0, {
    operation: arp.REQUEST,
    senderHardware: mac,
    senderProtocol: address,
    targetHardware: new Uint8Array(6),
    targetProtocol: GATEWAY,
  });
  return withType(between(message, BROADCAST, inFrame), 0x0806);
};

/** A DHCP message of VM a's client, whose identifier comes back in the answer (RFC 6842 §3). */
const dhcpFrom = (more: Partial<dhcp.Dhcp4Message>, source = ip("0.0.0.0")): Uint8Array => {
  const zero = new Uint8Array(4);
  const data = dhcp.writeDhcp4({
    ...{ op: dhcp.BOOTREQUEST, hops: 0, xid: 7, secs: 0, broadcast: false, chaddr: A_MAC, type: dhcp.DISCOVER },
    ...{ ciaddr: zero, yiaddr: zero, siaddr: zero, giaddr: zero, options: { clientIdentifier: MARK }, ...more },
  });
  const upper = { kind: "udp", source: 68, destination: 67, data } as const;
  return between(fromA(upper, { source, destination: ip("255.255.255.255") }), BROADCAST, A_MAC);
};
const toPort = (destination: number, source = 68) => ({ ...udp(), source, destination });

const plain = fromA(udp());
const tagged = together(octets(0, 7, 0x08, 0x00), plain);
const overTheTop = fromA(udp(), { totalLength: 200 });
const large = { kind: "udp", data: marked(1460) } as const;
const unsummed = fragments4({ source: A.ipv4, destination: T.ipv4, upper: { ...udp(64), checksum: 0 } }, 32)[0]!;
const sourceRoute = octets(131, 7, 4, 192, 0, 2, 9);
/** An error about a packet that t sent to somebody else. */
const foreignQuote = fromA(udp(), { source: ip("192.0.2.1"), destination: NOBODY.ipv4 });

const FORWARDED: readonly HostileCase[] = [
  { ...sends("a right packet for the fabric", "to-fabric", {}), reaches: "n" },
  { ...sends("a right packet for a VM next door", "hairpin", { destination: O.ipv4 }), reaches: "o" },
  {
    ...sends("a ping of the gateway", "punt-local", toGateway, { ...icmp(8), rest: 7 }),
    also: { originated: 1 },
    reaches: "a",
  },
  {
    title: "a DHCP discovery",
    ending: "punt-dhcp",
    frame: dhcpFrom({}),
    also: { originated: 1 },
    reaches: "a",
  },
  {
    title: "a DHCP request that goes on from its own address",
    ending: "punt-dhcp",
    frame: dhcpFrom({ type: dhcp.REQUEST, ciaddr: A.ipv4 }, A.ipv4),
    also: { originated: 1 },
    reaches: "a",
  },
  {
    title: "an ARP request for the gateway",
    ending: "punt-arp",
    frame: arpFrom(A_MAC, A.ipv4),
    also: { originated: 1 },
    reaches: "a",
  },
];

/** RFC 903 §4: who has just begun, or moved, asks for its own address; only who sends it is of interest. */
const rarp = withType(between(new Uint8Array(46), BROADCAST, A_MAC), 0x8035);

const MALFORMED: readonly HostileCase[] = [
  { title: "an announcement of its arrival", ending: "rarp", frame: rarp },
  { title: "a total length beyond the frame", ending: "truncated", frame: frameOfA(overTheTop) },
  { title: "half an IPv4 header", ending: "truncated", frame: frameOfA(plain.subarray(0, 10)) },
  { title: "an ARP message cut short", ending: "truncated", frame: arpFrom(A_MAC, A.ipv4).subarray(0, 40) },
  { title: "an Ethernet header and nothing", ending: "truncated", frame: frameOfA(plain).subarray(0, 14) },
  { title: "IP version 5", ending: "bad-ip-header", frame: frameOfA(patched(plain, 0, 0x55)) },
  { title: "a header of 16 octets", ending: "bad-ip-header", frame: frameOfA(patched(plain, 0, 0x44)) },
  sends("an option that runs out of the header", "bad-ip-header", { options: octets(7, 40, 4, 0) }),
  sends("a total length shorter than the header", "bad-ip-header", { totalLength: 12 }),
  sends("a wrong header checksum", "bad-ip-checksum", { checksum: "wrong" }),
  sends("a UDP length beyond the packet", "bad-transport", {}, { ...udp(), length: 500 }),
  sends("a UDP length of 3", "bad-transport", {}, { ...udp(), length: 3 }),
  sends("half a TCP header", "bad-transport", {}, raw(6, octets(1, 2, 3, 4, 5, 6, 7, 8))),
  sends("a TCP header that ends beyond the packet", "bad-transport", {}, { ...tcp(8), dataOffset: 15 }),
  sends("an ICMP message of 4 octets", "bad-transport", {}, raw(1, octets(8, 0, 0, 0))),
  sends("a first fragment of 8 octets of TCP (RFC 3128)", "tiny-fragment", { moreFragments: true }, raw(6, marked(8))),
  { title: "a fragment of a datagram without checksum", ending: "udp-zero-checksum", frame: frameOfA(unsummed) },
  {
    title: "a checksum to be finished that is no transport's",
    ending: "bad-offload",
    frame: frameOfA(fromA(icmp(8))),
    request: { partial: { start: 34, offset: 2 } },
  },
  {
    title: "a checksum to be finished in the middle of the data",
    ending: "bad-offload",
    frame: frameOfA(fromA(udp(64))),
    request: { partial: { start: 50, offset: 6 } },
  },
  {
    title: "a super-packet in segments of 8 octets for a VM that takes none",
    ending: "segmentation",
    frame: frameOfA(fromA({ ...tcp(600), checksum: "partial" }, { destination: O.ipv4 })),
    request: { partial: { start: 34, offset: 16 }, gso: { type: GSO_TCPV4, size: 8, headerLength: 54 } },
  },
];

const ipv6 = build6({ source: A.ipv6, destination: T.ipv6, upper: udp() });

const FORBIDDEN: readonly HostileCase[] = [
  { title: "a VLAN tag", ending: "unknown-ethertype", frame: withType(between(tagged, GATEWAY_MAC, A_MAC), 0x8100) },
  { title: "LLDP", ending: "unknown-ethertype", frame: withType(frameOfA(plain), 0x88cc) },
  { title: "another MAC address than the gateway's", ending: "wrong-mac", frame: between(plain, OTHER_MAC, A_MAC) },
  sends("a loopback source", "bad-source", { source: ip("127.0.0.1") }),
  sends("no source", "bad-source", { source: ip("0.0.0.0") }),
  sends("a multicast source", "bad-source", { source: ip("224.0.0.1") }),
  sends("a broadcast source", "bad-source", { source: ip("255.255.255.255") }),
  sends("what a rule forbids", "rule-denied", {}, { ...udp(), destination: DENIED_PORT }),
  sends("a loopback destination", "loopback-destination", { destination: ip("127.0.0.1") }),
  sends("a reserved destination", "loopback-destination", { destination: ip("250.0.0.1") }),
  { title: "another's MAC address", ending: "spoofed-mac", frame: between(plain, GATEWAY_MAC, OTHER_MAC) },
  { title: "ARP with another's MAC address", ending: "spoofed-mac", frame: arpFrom(OTHER_MAC, A.ipv4) },
  { title: "ARP with another MAC than its frame's", ending: "spoofed-mac", frame: arpFrom(OTHER_MAC, A.ipv4, A_MAC) },
  sends("a neighbour's address", "spoofed-source", { source: B.ipv4 }),
  sends("the gateway's address", "spoofed-source", { source: GATEWAY }),
  { title: "ARP for the gateway's address", ending: "spoofed-source", frame: arpFrom(A_MAC, GATEWAY) },
  sends("a group's address", "vm-broadcast", { destination: ip("239.1.2.3") }),
  sends("the broadcast address", "vm-broadcast", { destination: ip("255.255.255.255") }),
  { title: "a broadcast frame", ending: "vm-broadcast", frame: between(plain, BROADCAST, A_MAC) },
  { title: "a multicast frame", ending: "vm-broadcast", frame: between(plain, GROUP_MAC, A_MAC) },
  sends("no source, for another than the DHCP servers", "bad-source", { source: ip("0.0.0.0"), ...toAll }, toPort(69)),
  sends("a neighbour's address, for the DHCP servers", "spoofed-source", { source: B.ipv4, ...toAll }, toPort(67)),
  sends("a DHCP server's offer to all", "rogue-dhcp", toAll, toPort(68, 67)),
  sends("a DHCP server's answer to a VM next door", "rogue-dhcp", { destination: O.ipv4 }, toPort(68, 67)),
  sends("a DHCP server's answer to a VM elsewhere", "rogue-dhcp", {}, toPort(68, 5000)),
  {
    title: "a DHCP discovery by way of a relay",
    ending: "control-ignored",
    frame: dhcpFrom({ giaddr: A.ipv4 }),
    also: { "punt-dhcp": 1 },
  },
  {
    title: "a DHCP discovery for another network card",
    ending: "control-ignored",
    frame: dhcpFrom({ chaddr: OTHER_MAC }),
    also: { "punt-dhcp": 1 },
  },
  {
    title: "a DHCP request for another server",
    ending: "control-ignored",
    frame: dhcpFrom({ type: dhcp.REQUEST, options: { serverIdentifier: B.ipv4, requestedAddress: A.ipv4 } }),
    also: { "punt-dhcp": 1 },
  },
  {
    ...sends("rubbish for the DHCP server", "control-ignored", toGateway, toPort(67)),
    also: { "punt-dhcp": 1 },
  },
  { title: "IPv6", ending: "vm-ipv6", frame: frameOfA(ipv6) },
  sends("IGMP", "icmp-untranslatable", {}, raw(2)),
  sends("an ICMP timestamp request", "icmp-untranslatable", {}, icmp(13)),
  sends("an error about somebody else's packet", "bad-embedded", {}, icmp(3, 3, foreignQuote)),
  sends("an error that quotes next to nothing", "bad-embedded", {}, icmp(11, 0, octets(0x45, 0, 0, 1))),
  {
    ...sends("a timestamp request to the gateway", "control-ignored", toGateway, icmp(13)),
    also: { "punt-local": 1 },
  },
];

const ANSWERED: readonly HostileCase[] = [
  { ...sends("an address outside the network", "no-network-route", { destination: ip("192.0.2.1") }), owed: [3, 0] },
  { ...sends("an address that no route leads to", "no-route", { destination: UNROUTED.ipv4 }), owed: [3, 0] },
  { ...sends("an address behind a discard route", "discard-route", { destination: DISCARDED.ipv4 }), owed: [3, 0] },
  { ...sends("an address that no VM has", "no-such-vm", { destination: NOBODY.ipv4 }), owed: [3, 1] },
  { ...sends("a source route with hops left", "source-routed", { options: sourceRoute }), owed: [3, 5] },
  { ...sends("UDP for the gateway", "no-listener", toGateway), owed: [3, 3] },
  { ...sends("TCP for the gateway", "no-listener", toGateway, tcp(0)), owed: [3, 3] },
  { ...sends("a TTL of 1", "hop-limit", { ttl: 1 }), owed: [11, 0] },
  { ...sends("a TTL of 0", "hop-limit", { ttl: 0 }), owed: [11, 0] },
  {
    ...sends("1488 octets, not to be cut, for a link of 1500", "too-big", { dontFragment: true }, large),
    owed: [3, 4],
  },
  { ...sends("a protocol that would be a routing header", "untranslatable-protocol", {}, raw(43)), owed: [3, 13] },
  { ...sends("ICMPv6 in IPv4", "untranslatable-protocol", {}, raw(58)), owed: [3, 13] },
];

/** Only while the next hop of home 3 is known not to answer. */
export const UNREACHABLE_FROM_VM: HostileCase = {
  ...sends("an address behind a silent neighbour", "neighbor-failed", { destination: BEHIND_SILENCE.ipv4 }),
  owed: [3, 1],
};

export const FROM_VM: readonly HostileCase[] = [...FORWARDED, ...MALFORMED, ...FORBIDDEN, ...ANSWERED];
