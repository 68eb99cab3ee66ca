/** What VM v may send by IPv6, and how each of it ends. */
import { parseIpv6, parseMac } from "#base/address";
import {
  build4,
  type Extension,
  type FragmentExtension,
  fragments6,
  type Icmp,
  type Ip6,
  type Raw,
  together,
} from "#fastpath/testing/packet";
import * as arp from "#wire/arp";
import * as dhcp from "#wire/dhcp6";
import { BROADCAST } from "#wire/ethernet";
import { ALL_NODES, ALL_ROUTERS, solicitedNode } from "#wire/nd";
import { between, type HostileCase, MARK, marked, octets, udp, withType } from "./hostile-cases";
import {
  A,
  B,
  BEYOND,
  DENIED_PORT,
  frameOfV,
  fromV,
  GATEWAY_MAC,
  GATEWAY6,
  host6,
  N6,
  ROUTER6,
  S,
  T,
  V_MAC,
  V6,
  W6,
  X6,
} from "./hostile-world";

const OTHER_MAC = parseMac("02:00:00:00:66:66")!;
const ip = (text: string): Uint8Array => parseIpv6(text)!;
/** What v calls itself on its link. */
const LINK_LOCAL = ip("fe80::f");
const NOBODY = ip("::");
const toGateway = { destination: GATEWAY6 } as const;
const toNeighbor = { destination: W6 } as const;
const asLinkLocal = { source: LINK_LOCAL } as const;
const onLink = { hopLimit: 255 } as const;
const raw = (protocol: number, data = marked(40)): Raw => ({ kind: "raw", protocol, data });
const icmp = (type: number, body = marked(16), code = 0): Icmp => ({ kind: "icmp", type, code, body });
const toPort = (destination: number, source: number) => ({ ...udp(), source, destination });

const sends = (title: string, ending: string, more: Partial<Ip6>, upper: Parameters<typeof fromV>[0] = udp()) =>
  ({ title: `${title} (IPv6)`, ending, frame: frameOfV(fromV(upper, more)) }) satisfies HostileCase;

/** A link-layer address option: RFC 4861 §4.6.1. */
const option = (kind: 1 | 2, mac: Uint8Array): Uint8Array => together(octets(kind, 1), mac);
const solicit = (target: Uint8Array): Icmp => icmp(135, together(target, option(1, V_MAC)));
const claim = (target: Uint8Array): Icmp => ({ ...icmp(136, together(target, option(2, V_MAC))), rest: 0x2000_0000 });
const advertised = marked(16);

/** A DHCPv6 message of v's client, whose identifier comes back in the answer (RFC 8415 §18.3.10). */
const dhcpOf = (type: number, more: dhcp.Dhcp6Message["options"] = {}) => ({
  ...({ kind: "udp", source: dhcp.CLIENT_PORT, destination: dhcp.SERVER_PORT } as const),
  data: dhcp.writeDhcp6({ type, transactionId: 7, options: { clientId: MARK, elapsedTime: 0, ...more } }),
});
const SERVERS = { ...asLinkLocal, destination: dhcp.ALL_DHCP_RELAY_AGENTS_AND_SERVERS };

const options: Extension = { header: 60, body: octets(1, 4, 0, 0, 0, 0) };
const hopByHop: Extension = { header: 0, body: octets(1, 4, 0, 0, 0, 0) };
const routing: Extension = { header: 43, body: octets(4, 1, 0, 0, 0, 0) };
const first: FragmentExtension = { header: 44, offset: 0, more: true, identification: 7 };
const cutAdvertisement = fragments6({ source: V6, ...toNeighbor, upper: icmp(134, marked(64)) }, 24, 9)[0]!;
const plain = fromV(udp());
const request = new Uint8Array(arp.SIZE);
arp.write(request, 0, {
  ...{ operation: arp.REQUEST, senderHardware: V_MAC, senderProtocol: A.ipv4 },
  ...{ targetHardware: new Uint8Array(6), targetProtocol: B.ipv4 },
});
/** An error about a packet that somebody else was sent. */
const foreignQuote = fromV(udp(), { source: X6, destination: W6 });

const FORWARDED: readonly HostileCase[] = [
  { ...sends("a right packet for the fabric", "to-fabric", {}), reaches: "n" },
  { ...sends("a right packet for a VM next door", "hairpin", toNeighbor), reaches: "w" },
  {
    ...sends("a ping of the gateway", "punt-local", { ...toGateway, ...asLinkLocal }, icmp(128)),
    also: { originated: 1 },
    reaches: "v",
  },
  {
    ...sends(
      "a solicitation of the gateway",
      "punt-nd",
      { destination: solicitedNode(GATEWAY6), ...onLink },
      solicit(GATEWAY6),
    ),
    also: { originated: 1 },
  },
  sends(
    "a solicitation of routers, where none is advertised",
    "punt-nd",
    { ...asLinkLocal, destination: ALL_ROUTERS, ...onLink },
    icmp(133, option(1, V_MAC)),
  ),
  {
    ...sends("a DHCPv6 solicitation", "punt-dhcp", SERVERS, dhcpOf(dhcp.SOLICIT)),
    also: { originated: 1 },
    reaches: "v",
  },
];

const MALFORMED: readonly HostileCase[] = [
  sends("a payload length beyond the frame", "truncated", { payloadLength: 500 }),
  sends("a UDP length beyond the packet", "bad-transport", {}, { ...udp(), length: 500 }),
  sends("a first fragment of 8 octets of TCP", "bad-transport", { extensions: [first] }, raw(6, marked(8))),
  sends("a first fragment that ends in its headers (RFC 7112)", "bad-extension", { extensions: [first, options] }),
  sends("hop-by-hop options behind others", "bad-extension", { extensions: [options, hopByHop] }),
  sends("nine extension headers", "bad-extension", { extensions: new Array(9).fill(options) }),
];

const FORBIDDEN: readonly HostileCase[] = [
  {
    title: "IPv4 from a VM without",
    ending: "vm-ipv4",
    frame: between(build4({ source: A.ipv4, destination: B.ipv4, upper: udp() }), GATEWAY_MAC, V_MAC),
  },
  {
    title: "ARP from a VM without IPv4",
    ending: "vm-ipv4",
    frame: withType(between(request, BROADCAST, V_MAC), 0x0806),
  },
  { title: "another's MAC address (IPv6)", ending: "spoofed-mac", frame: between(plain, GATEWAY_MAC, OTHER_MAC) },
  {
    title: "a solicitation from another's MAC address",
    ending: "spoofed-mac",
    frame: between(fromV(solicit(GATEWAY6), { ...toGateway, ...onLink }), GATEWAY_MAC, OTHER_MAC),
  },
  {
    title: "another MAC address than the gateway's (IPv6)",
    ending: "wrong-mac",
    frame: between(plain, OTHER_MAC, V_MAC),
  },
  sends("a neighbour's address", "spoofed-source", { source: W6 }),
  sends("an address of its own at another home", "spoofed-source", { source: host6(2, 2), destination: W6 }),
  sends("an IPv4 VM's address in the fabric", "spoofed-source", { source: A.ipv6 }),
  sends("the router's address", "spoofed-source", { source: ROUTER6 }),
  sends("the gateway's address", "spoofed-source", { source: GATEWAY6, ...toNeighbor }),
  sends(
    "a solicitation from a neighbour's address",
    "spoofed-source",
    { source: W6, ...toGateway, ...onLink },
    solicit(GATEWAY6),
  ),
  {
    ...sends("an advertisement of a neighbour's address", "spoofed-source", { ...toGateway, ...onLink }, claim(W6)),
    also: { "punt-nd": 1 },
  },
  {
    ...sends(
      "an advertisement of the gateway's address",
      "spoofed-source",
      { ...asLinkLocal, destination: ALL_NODES, ...onLink },
      claim(GATEWAY6),
    ),
    also: { "punt-nd": 1 },
  },
  {
    ...sends(
      "a solicitation from beyond the link",
      "control-ignored",
      { ...toGateway, hopLimit: 254 },
      solicit(GATEWAY6),
    ),
    also: { "punt-nd": 1 },
  },
  {
    ...sends(
      "a solicitation in fragments (RFC 6980)",
      "control-ignored",
      { ...toGateway, ...onLink, extensions: [first] },
      solicit(GATEWAY6),
    ),
    also: { "punt-nd": 1 },
  },
  sends(
    "a router advertisement to all",
    "rogue-ra",
    { ...asLinkLocal, destination: ALL_NODES, ...onLink },
    icmp(134, advertised),
  ),
  sends("a router advertisement to a VM next door", "rogue-ra", { ...toNeighbor, ...onLink }, icmp(134, advertised)),
  sends("a router advertisement into the fabric", "rogue-ra", onLink, icmp(134, advertised)),
  sends(
    "a router advertisement behind options",
    "rogue-ra",
    { ...toNeighbor, ...onLink, extensions: [options] },
    icmp(134, advertised),
  ),
  { title: "a router advertisement in fragments", ending: "rogue-ra", frame: frameOfV(cutAdvertisement) },
  sends("a redirect", "rogue-ra", { ...toNeighbor, ...onLink }, icmp(137, marked(32))),
  sends("a DHCPv6 server's answer to a VM next door", "rogue-dhcp", toNeighbor, toPort(546, 547)),
  sends("a DHCPv6 server's answer to all", "rogue-dhcp", { ...asLinkLocal, destination: ALL_NODES }, toPort(546, 547)),
  sends(
    "a DHCPv6 request for a VM next door, from its link",
    "link-local",
    { ...asLinkLocal, ...toNeighbor },
    toPort(547, 546),
  ),
  {
    ...sends("rubbish for the DHCPv6 server", "control-ignored", SERVERS, toPort(547, 546)),
    also: { "punt-dhcp": 1 },
  },
  sends("a link-local source, into the fabric", "link-local", asLinkLocal),
  sends("a link-local source, to a listener of the gateway's", "link-local", { ...asLinkLocal, ...toGateway }),
  sends("a link-local destination that is not the gateway", "link-local", { destination: ip("fe80::9") }),
  sends("no source, to somebody", "bad-source", { source: NOBODY }, icmp(128)),
  sends(
    "a report of listeners from nobody",
    "vm-broadcast",
    { source: NOBODY, destination: ip("ff02::16"), extensions: [hopByHop] },
    icmp(143),
  ),
  sends("a group's address", "vm-broadcast", { destination: ip("ff02::fb") }),
  sends("a group beyond the link", "vm-broadcast", { destination: ip("ff0e::1234") }),
  sends("a multicast source", "bad-source", { source: ip("ff02::1") }),
  sends("a loopback destination", "loopback-destination", { destination: ip("::1") }),
  sends("what a rule forbids", "rule-denied", {}, { ...udp(), destination: DENIED_PORT }),
  sends("an error about somebody else's packet", "bad-embedded", {}, icmp(1, foreignQuote, 4)),
  sends("an error that quotes next to nothing", "bad-embedded", {}, icmp(3, octets(0x60, 0, 0, 0))),
];

const ANSWERED: readonly HostileCase[] = [
  {
    ...sends("another network of its tenant", "no-network-route", { destination: host6(2, 2, (1 << 10) | 1) }),
    owed: [1, 0],
  },
  { ...sends("another tenant", "no-network-route", { destination: host6(1, 2, (2 << 10) | 1) }), owed: [1, 0] },
  { ...sends("an IPv4 VM of another network", "no-network-route", { destination: S.ipv6 }), owed: [1, 0] },
  { ...sends("an address outside the fabric", "no-network-route", { destination: ip("2001:4860::1") }), owed: [1, 0] },
  { ...sends("from a private address, outside", "private-source", { destination: ip(`${BEYOND}1`) }), owed: [1, 5] },
  { ...sends("the router's own address", "no-network-route", { destination: ROUTER6 }), owed: [1, 0] },
  { ...sends("a fabric router's address", "no-network-route", { destination: N6 }), owed: [1, 0] },
  { ...sends("an IPv4 address of its network", "no-counterpart", { destination: withHost(X6, T.ipv4) }), owed: [1, 3] },
  { ...sends("an address that no VM has", "no-such-vm", { destination: host6(1, 9) }), owed: [1, 3] },
  { ...sends("an address behind a discard route", "discard-route", { destination: host6(4, 2) }), owed: [1, 0] },
  { ...sends("an address that no route leads to", "no-route", { destination: host6(5, 2) }), owed: [1, 0] },
  { ...sends("UDP for the gateway", "no-listener", toGateway), owed: [1, 4] },
  { ...sends("TCP for the gateway", "no-listener", toGateway, { kind: "tcp", data: marked(8) }), owed: [1, 4] },
  { ...sends("a hop limit of 1", "hop-limit", { hopLimit: 1 }), owed: [3, 0] },
  { ...sends("a hop limit of 0, to a VM next door", "hop-limit", { hopLimit: 0, ...toNeighbor }), owed: [3, 0] },
  { ...sends("1500 octets, for a VM that takes 1400", "too-big", toNeighbor, udp(1452)), owed: [2, 0] },
  { ...sends("a routing header with segments left", "source-routed", { extensions: [routing] }), owed: [4, 0] },
];

/** The address with another host part. */
function withHost(address: Uint8Array, ipv4: Uint8Array): Uint8Array {
  const other = address.slice();
  other.set(ipv4, 12);
  return other;
}

/** Only while the next hop of home 3 is known not to answer. */
export const UNREACHABLE_FROM_VM6: HostileCase = {
  ...sends("an address behind a silent neighbour", "neighbor-failed", { destination: host6(3, 2) }),
  owed: [1, 3],
};

export const FROM_VM6: readonly HostileCase[] = [...FORWARDED, ...MALFORMED, ...FORBIDDEN, ...ANSWERED];
