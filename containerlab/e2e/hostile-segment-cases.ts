/** What VM l, on an Ethernet segment with VM k, may send to all of it, and what p may say of it. */
import { parseIpv4, parseIpv6, parseMac } from "#base/address";
import { build4, build6, framed, type Ip4, type Raw, together, type Upper } from "#fastpath/testing/packet";
import { BROADCAST, ETHERTYPE_BRIDGED, multicastMac4 } from "#wire/ethernet";
import { write as writeGre } from "#wire/gre";
import { type HostileCase, marked, udp } from "./hostile-cases";
import { A, frameOfP, fromT, K, K_MAC, L, L_MAC, LAN, N6, ROUTER6 } from "./hostile-world";

const ip = (text: string): Uint8Array => parseIpv4(text)!;
const ALL = ip("255.255.255.255");
const GROUP = ip("239.9.9.9");
const OTHER_MAC = parseMac("02:00:00:00:66:66")!;
const raw = (protocol: number, data: Uint8Array): Raw => ({ kind: "raw", protocol, data });

const sends = (
  title: string,
  ending: string,
  more: Partial<Ip4>,
  upper: Upper = udp(),
  [to, from]: readonly [Uint8Array, Uint8Array] = [BROADCAST, L_MAC],
): HostileCase => ({
  ...{ title, ending },
  frame: framed(build4({ source: L.ipv4, destination: ALL, upper, ...more }), to, from),
});

const advertisement = build6({
  ...{ source: parseIpv6("fe80::1:1")!, destination: parseIpv6("ff02::1")!, hopLimit: 255 },
  upper: { kind: "icmp", type: 134, body: marked(16) },
});

export const FROM_SEGMENT: readonly HostileCase[] = [
  { ...sends("a broadcast", "flooded", {}), reaches: "k" },
  { ...sends("a broadcast to its prefix", "flooded", { destination: ip("10.0.1.255") }), reaches: "k" },
  sends("a broadcast from another's address", "spoofed-source", { source: K.ipv4 }),
  sends("a broadcast from another's MAC address", "spoofed-mac", {}, udp(), [BROADCAST, K_MAC]),
  sends("a broadcast from nobody", "bad-source", { source: ip("0.0.0.0") }),
  sends("a broadcast to one address", "vm-broadcast", { destination: K.ipv4 }),
  sends("a multicast by another group's MAC address", "vm-broadcast", { destination: GROUP }, udp(), [
    multicastMac4(ip("239.9.9.8")),
    L_MAC,
  ]),
  sends("an answer of DHCP, which the router gives here", "rogue-dhcp", {}, { ...udp(), source: 67, destination: 68 }),
  sends("a frame to another's MAC address, where ARP tells none", "wrong-mac", { destination: K.ipv4 }, udp(), [
    K_MAC,
    L_MAC,
  ]),
  {
    ...sends("IGMP that is none", "punt-group", { destination: ip("224.0.0.22") }, raw(2, marked(16)), [
      multicastMac4(ip("224.0.0.22")),
      L_MAC,
    ]),
    also: { "control-ignored": 1 },
  },
  {
    title: "a router advertisement, of a VM without an IPv6 address",
    ending: "vm-ipv6",
    frame: framed(advertisement, parseMac("33:33:00:00:00:01")!, L_MAC),
  },
];

/** Once k has been asked what it listens to, and has said nothing. */
export const UNHEARD: HostileCase = sends(
  "a multicast that nobody listens to",
  "unheard",
  { destination: GROUP },
  udp(),
  [multicastMac4(GROUP), L_MAC],
);

/** A frame of the segment's for the router, in a tunnel. */
const bridged = (key: number, source: Uint8Array, inner: Uint8Array): Uint8Array => {
  const header = new Uint8Array(8);
  writeGre(header, 0, { protocolType: ETHERTYPE_BRIDGED, key });
  return frameOfP(fromT(raw(47, together(header, inner)), { destination: ROUTER6, source }));
};
const inner = framed(build4({ source: K.ipv4, destination: ALL, upper: udp() }), BROADCAST, OTHER_MAC);

/** From p. */
export const ABOUT_SEGMENT: readonly HostileCase[] = [
  {
    title: "a segment's frame, from who has no VM of it",
    ending: "broadcast-stranger",
    frame: bridged(LAN, N6, inner),
  },
  { title: "a frame of no segment here", ending: "broadcast-stray", frame: bridged(LAN + 7, N6, inner) },
  { title: "a segment's frame, from a VM's address", ending: "tunnel-source", frame: bridged(LAN, A.ipv6, inner) },
  { title: "a segment's frame of nothing", ending: "bad-tunnel", frame: bridged(LAN, N6, inner.slice(0, 13)) },
];

/** One broadcast of l's, as often as it is sent. */
export const BROADCAST_OF_L: Uint8Array = FROM_SEGMENT[0]!.frame;
