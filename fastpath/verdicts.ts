/**
 * How a frame's way can end. A stage returns CONTINUE or one of these; every frame ends in exactly one of them, and the
 * ending is its counter (per input port). An ending that owes the sender an ICMP error says which one.
 */

/** What an ending means for the frame. */
export type Fate = "forwarded" | "punted" | "consumed" | "dropped";

export interface Ending {
  readonly name: string;
  readonly fate: Fate;
  /** One line for operators: what happened and why. */
  readonly meaning: string;
  /** ICMPv4 type and code owed when the frame is IPv4, undefined when none is. RFC 792, 1812 §5.2.7. */
  readonly icmp4?: readonly [type: number, code: number];
  /** ICMPv6 type and code owed when the frame is IPv6. RFC 4443 §3. */
  readonly icmp6?: readonly [type: number, code: number];
}

const ending = (name: string, fate: Fate, meaning: string, owed: Pick<Ending, "icmp4" | "icmp6"> = {}): Ending => ({
  name,
  fate,
  meaning,
  ...owed,
});

/** Index in this list = the verdict's number. CONTINUE is 0 and never counted. */
export const ENDINGS: readonly Ending[] = [
  ending("continue", "forwarded", "the next stage decides"),
  // forwarded
  ending("to-fabric", "forwarded", "sent into the fabric, translated unless it is IPv6, or to the metadata service"),
  ending("to-vm", "forwarded", "delivered to a local VM, translated unless that is an IPv6 host"),
  ending("to-outside", "forwarded", "sent to the outside by this gateway, translated to IPv4 unless it is IPv6"),
  ending("hairpin", "forwarded", "from one local VM to another, or at a gateway to the outside address of another"),
  ending("transit", "forwarded", "routed from fabric to fabric"),
  ending("flooded", "forwarded", "on an Ethernet segment, to those of its VMs that are to get it, here and elsewhere"),
  ending("replicated", "forwarded", "multicast of the fabric's, on to the ports where it was asked for"),
  ending("originated", "forwarded", "sent by this router itself (ICMP error, reply of the control thread)"),
  // punted
  ending("punt-arp", "punted", "an ARP message for the control thread"),
  ending("punt-nd", "punted", "a VM's neighbor discovery for the control thread"),
  ending("punt-local", "punted", "addressed to this router"),
  ending("punt-dhcp", "punted", "a VM's DHCP request for the control thread"),
  ending("punt-neighbor", "punted", "waits at the control thread until its next hop's MAC address is known"),
  ending("punt-own", "punted", "this router's own packet, waiting for its next hop's MAC address"),
  ending("punt-group", "punted", "what a VM on an Ethernet segment says of multicast groups (IGMP, MLD)"),
  ending("punt-learn", "punted", "the VM's MAC address is not configured and not learnt yet"),
  ending("punt-activate", "punted", "the first frame of a VM that is expected here: it has arrived"),
  ending("punt-held", "punted", "for a VM that is moving away: kept until it is known where it goes on"),
  // consumed
  ending("bfd", "consumed", "a BFD Control packet of a neighbor (RFC 5881)"),
  ending("rarp", "consumed", "a VM's announcement that it is here (RARP, RFC 903), which is known"),
  ending("unheard", "consumed", "on an Ethernet segment, to a group that none of its other VMs listens to"),
  // classify
  ending("truncated", "dropped", "shorter than its headers say"),
  ending("bad-ip-header", "dropped", "IP version, header length or total length is impossible"),
  ending("bad-ip-checksum", "dropped", "IPv4 header checksum is wrong (RFC 1812 §5.2.2)"),
  ending("bad-transport", "dropped", "transport header truncated or its length field lies"),
  ending(
    "tiny-fragment",
    "dropped",
    "first fragment without a whole transport header, or a later one that would write over it (RFC 3128)",
  ),
  ending("bad-extension", "dropped", "IPv6 extension headers truncated, looping or too many"),
  ending("bad-offload", "dropped", "checksum or segmentation request contradicts the packet"),
  ending("bad-source", "dropped", "source is unspecified, loopback, multicast or broadcast"),
  ending("unknown-ethertype", "dropped", "neither IPv4, IPv6 nor ARP"),
  ending("wrong-mac", "dropped", "destination MAC is not this router's"),
  ending("loopback-destination", "dropped", "destination is unspecified, loopback or reserved"),
  // answer, admit
  ending("spoofed-mac", "dropped", "source MAC is not the VM's"),
  ending("spoofed-source", "dropped", "source address is not the VM's"),
  ending(
    "vm-broadcast",
    "dropped",
    "broadcast or multicast from a VM on no Ethernet segment, or none that segments carry",
  ),
  ending("broadcast-limited", "dropped", "more broadcasts and multicasts than a VM may send on its Ethernet segment"),
  ending(
    "oversized-broadcast",
    "dropped",
    "on an Ethernet segment, larger than the tunnels to its other hypervisors allow",
  ),
  ending("rogue-dhcp", "dropped", "to the port of DHCP clients: to VMs only the router speaks as a DHCP server"),
  ending("rogue-ra", "dropped", "a router advertisement or redirect: to VMs only the router speaks as a router"),
  ending("vm-ipv4", "dropped", "IPv4 or ARP from a VM that has no IPv4 address"),
  ending("vm-ipv6", "dropped", "IPv6 from a VM that has no IPv6 address"),
  ending("fabric-ipv4", "dropped", "IPv4 or ARP on a fabric link (the fabric is IPv6 only)"),
  // resolve, home, route
  ending("no-network-route", "dropped", "destination is in no prefix, and no peer, of the VM's network", {
    icmp4: [3, 0],
    icmp6: [1, 0],
  }),
  ending(
    "private-source",
    "dropped",
    "IPv6 from a private address, for the outside, or for another network that does not know whose the address is",
    { icmp6: [1, 5] },
  ),
  ending("no-counterpart", "dropped", "between an IPv6 host and an IPv4 host: neither is anybody to the other", {
    icmp6: [1, 3],
  }),
  ending("no-route", "dropped", "no route into the fabric", { icmp4: [3, 0], icmp6: [1, 0] }),
  ending("discard-route", "dropped", "a discard route covers the destination", { icmp4: [3, 0], icmp6: [1, 0] }),
  ending("neighbor-failed", "dropped", "the next hop does not answer", { icmp4: [3, 1], icmp6: [1, 3] }),
  ending("source-routed", "dropped", "unexpired source route option (RFC 7915 §4.1), or routing header (RFC 5095)", {
    icmp4: [3, 5],
    icmp6: [4, 0],
  }),
  ending("port-down", "dropped", "the output port is down"),
  // fabric side
  ending(
    "link-local",
    "dropped",
    "from or to a link-local address, which means nothing on another link (RFC 4291 §2.5.6)",
  ),
  ending("outside-source", "dropped", "source is outside the fabric's prefixes"),
  ending("infrastructure-source", "dropped", "a fabric router's own address may send a VM ICMPv6 errors only"),
  ending("no-rule", "dropped", "no rule lets it pass: between tenant networks only what a rule allows (§2.4)"),
  ending("rule-denied", "dropped", "a rule forbids it"),
  ending("connections-full", "dropped", "a stateful rule allows it, and there is no room for another connection"),
  ending("connection-quota", "dropped", "a stateful rule allows it, and its VM has all connections it may have"),
  ending("no-such-vm", "dropped", "no VM with that address lives here", { icmp4: [3, 1], icmp6: [1, 3] }),
  ending("no-listener", "dropped", "TCP or UDP for this router itself, which listens on no port", {
    icmp4: [3, 3],
    icmp6: [1, 4],
  }),
  ending("not-a-tunnel-end", "dropped", "GRE for this router, to which no tunnels lead: no VM is here"),
  ending(
    "bad-tunnel",
    "dropped",
    "GRE for this router that is in fragments, has no whole IPv6 packet and a key alone, or met congestion that its packet cannot tell of (RFC 6040)",
  ),
  ending("tunnel-source", "dropped", "GRE for this router, and not from a hypervisor's or gateway's own address"),
  ending("tunnel-key", "dropped", "in a tunnel whose key is not the tags of the VM that the packet is for"),
  ending("tunnel-loop", "dropped", "in a tunnel, for a VM that is known to be where the packet comes from"),
  ending("broadcast-stray", "dropped", "a frame of an Ethernet segment's that no VM here is on"),
  ending("broadcast-stranger", "dropped", "a frame of an Ethernet segment's, from a hypervisor without VMs on it"),
  ending(
    "broadcast-spoofed",
    "dropped",
    "a frame of an Ethernet segment's, in a tunnel and from a sender that no VM on it is",
  ),
  ending(
    "broadcast-unfit",
    "dropped",
    "a tunnel's Ethernet frame that is not whole, or that no Ethernet segment carries",
  ),
  ending("broadcast-echo", "dropped", "a frame of an Ethernet segment's, in a tunnel and from a VM that is here"),
  ending("reverse-path", "dropped", "multicast of the fabric's that does not come by the way to its source"),
  ending("multicast", "dropped", "a multicast group this router is not in"),
  ending("service-stray", "dropped", "from the metadata service, and no answer to a local VM"),
  // outside and NAT
  ending("outside-ipv6", "dropped", "IPv6 on the outside link of a gateway that speaks IPv4 alone there"),
  ending(
    "inside-source",
    "dropped",
    "from outside, under an address that is inside, or that the VM's network has no route outside to (RFC 2827, RFC 3704)",
  ),
  ending(
    "inside-destination",
    "dropped",
    "for the outside, to an address that is inside: by its network's routes only",
    {
      icmp6: [1, 1],
    },
  ),
  ending("outside-stray", "dropped", "from outside, for an address that stands for nobody here"),
  ending("nat-no-block", "dropped", "all port blocks of the NAT addresses are taken", { icmp6: [1, 1] }),
  ending("nat-quota", "dropped", "the VM, or its port, has all ports and sessions that it may have", { icmp6: [1, 1] }),
  ending("nat-full", "dropped", "no room for another binding or session of the NAT", { icmp6: [1, 1] }),
  ending("nat-none", "dropped", "a private address for the outside, and this gateway has no NAT addresses", {
    icmp6: [1, 1],
  }),
  ending("nat-protocol", "dropped", "NAT translates TCP, UDP and ICMP queries only", { icmp6: [1, 1] }),
  ending("nat-no-syn", "dropped", "TCP without a session, and no first packet of one (RFC 6146 §3.5.2.2)"),
  ending("nat-unbound", "dropped", "from outside, for a port of a NAT address that is nobody's"),
  ending("nat-filtered", "dropped", "from outside, for a port in use, and from nobody whom its user talked to"),
  ending("nat-fragment", "dropped", "a later fragment whose first one the NAT has not seen (yet)"),
  // fit and translation
  ending("hop-limit", "dropped", "TTL or hop limit used up", { icmp4: [11, 0], icmp6: [3, 0] }),
  ending("too-big", "dropped", "larger than the way out allows", { icmp4: [3, 4], icmp6: [2, 0] }),
  ending("udp-zero-checksum", "dropped", "fragmented UDP without checksum, or IPv6 UDP without (RFC 7915 §4.5)"),
  ending("icmp-untranslatable", "dropped", "an ICMP type or code without a counterpart (RFC 7915 §4.2, §5.2)"),
  ending("bad-embedded", "dropped", "the packet quoted in an ICMP error is none this sender can have received"),
  ending("untranslatable-protocol", "dropped", "a protocol number that means another thing on the other side", {
    icmp4: [3, 13],
    icmp6: [1, 1],
  }),
  ending("untranslatable-header", "dropped", "IPv6 routing header with segments left (RFC 7915 §5.1)", {
    icmp6: [4, 0],
  }),
  // queues and limits
  ending("punt-limited", "dropped", "more for the control thread than its rate limit allows"),
  ending("punt-full", "dropped", "the control thread's queue is full"),
  ending("inject-full", "dropped", "the queue from the control thread back to the forwarder is full"),
  ending("hold-overflow", "dropped", "waited for a MAC address, and newer packets took its place"),
  ending("hold-full", "dropped", "no room to remember one more neighbor, so nothing to wait for"),
  ending("hold-ended", "dropped", "its next hop or port was removed while it waited for a MAC address"),
  ending(
    "control-ignored",
    "dropped",
    "for the control thread, which has no use for it (no ping, malformed discovery …)",
  ),
  ending("transmit-failed", "dropped", "the output port's queue is full or refuses the frame"),
  ending("segmentation", "dropped", "a super-packet that cannot be cut into segments"),
  ending("internal", "dropped", "a defect of this program; please report it"),
];

const loss = (name: string, meaning: string): Ending => ending(name, "dropped", meaning);

/** No verdicts of ours: what the kernel lost at a port, before or after the forwarder had the frame. */
export const KERNEL_LOSSES: readonly Ending[] = [
  loss("kernel-receive-drop", "the socket's ring was full: the router never saw it"),
  loss("kernel-transmit-error", "to be sent out of this port, and refused: queue full, interface down"),
  loss("kernel-group-limit", "the VM sends too much to groups: refused by the port's filter in the kernel"),
  loss("interface-receive-drop", "dropped at the interface on its way in, before the socket or TAP had it"),
  loss("interface-transmit-drop", "dropped at the interface on its way out; some are kernel-transmit-error too"),
];

const numbers = new Map(ENDINGS.map((e, i) => [e.name, i]));

function verdict(name: string): number {
  const number = numbers.get(name);
  if (number === undefined) throw new Error(`no ending is called ${name}`);
  return number;
}

export const CONTINUE = 0;
export const TO_FABRIC = verdict("to-fabric");
export const TO_VM = verdict("to-vm");
export const TO_OUTSIDE = verdict("to-outside");
export const HAIRPIN = verdict("hairpin");
export const TRANSIT = verdict("transit");
export const FLOODED = verdict("flooded");
export const REPLICATED = verdict("replicated");
export const ORIGINATED = verdict("originated");
export const PUNT_ARP = verdict("punt-arp");
export const PUNT_ND = verdict("punt-nd");
export const PUNT_LOCAL = verdict("punt-local");
export const PUNT_DHCP = verdict("punt-dhcp");
export const PUNT_NEIGHBOR = verdict("punt-neighbor");
export const PUNT_OWN = verdict("punt-own");
export const PUNT_GROUP = verdict("punt-group");
export const PUNT_LEARN = verdict("punt-learn");
export const PUNT_ACTIVATE = verdict("punt-activate");
export const PUNT_HELD = verdict("punt-held");
export const BFD = verdict("bfd");
export const RARP = verdict("rarp");
export const UNHEARD = verdict("unheard");
export const TRUNCATED = verdict("truncated");
export const BAD_IP_HEADER = verdict("bad-ip-header");
export const BAD_IP_CHECKSUM = verdict("bad-ip-checksum");
export const BAD_TRANSPORT = verdict("bad-transport");
export const TINY_FRAGMENT = verdict("tiny-fragment");
export const BAD_EXTENSION = verdict("bad-extension");
export const BAD_OFFLOAD = verdict("bad-offload");
export const BAD_SOURCE = verdict("bad-source");
export const UNKNOWN_ETHERTYPE = verdict("unknown-ethertype");
export const WRONG_MAC = verdict("wrong-mac");
export const LOOPBACK_DESTINATION = verdict("loopback-destination");
export const SPOOFED_MAC = verdict("spoofed-mac");
export const SPOOFED_SOURCE = verdict("spoofed-source");
export const VM_BROADCAST = verdict("vm-broadcast");
export const BROADCAST_LIMITED = verdict("broadcast-limited");
export const OVERSIZED_BROADCAST = verdict("oversized-broadcast");
export const ROGUE_DHCP = verdict("rogue-dhcp");
export const ROGUE_RA = verdict("rogue-ra");
export const VM_IPV4 = verdict("vm-ipv4");
export const VM_IPV6 = verdict("vm-ipv6");
export const FABRIC_IPV4 = verdict("fabric-ipv4");
export const NO_NETWORK_ROUTE = verdict("no-network-route");
export const PRIVATE_SOURCE = verdict("private-source");
export const NO_COUNTERPART = verdict("no-counterpart");
export const NO_ROUTE = verdict("no-route");
export const DISCARD_ROUTE = verdict("discard-route");
export const NEIGHBOR_FAILED = verdict("neighbor-failed");
export const SOURCE_ROUTED = verdict("source-routed");
export const PORT_DOWN = verdict("port-down");
export const LINK_LOCAL = verdict("link-local");
export const OUTSIDE_SOURCE = verdict("outside-source");
export const INFRASTRUCTURE_SOURCE = verdict("infrastructure-source");
export const NO_RULE = verdict("no-rule");
export const RULE_DENIED = verdict("rule-denied");
export const CONNECTIONS_FULL = verdict("connections-full");
export const CONNECTION_QUOTA = verdict("connection-quota");
export const NO_SUCH_VM = verdict("no-such-vm");
export const NO_LISTENER = verdict("no-listener");
export const NOT_A_TUNNEL_END = verdict("not-a-tunnel-end");
export const BAD_TUNNEL = verdict("bad-tunnel");
export const TUNNEL_SOURCE = verdict("tunnel-source");
export const TUNNEL_KEY = verdict("tunnel-key");
export const TUNNEL_LOOP = verdict("tunnel-loop");
export const BROADCAST_STRAY = verdict("broadcast-stray");
export const BROADCAST_STRANGER = verdict("broadcast-stranger");
export const BROADCAST_SPOOFED = verdict("broadcast-spoofed");
export const BROADCAST_UNFIT = verdict("broadcast-unfit");
export const BROADCAST_ECHO = verdict("broadcast-echo");
export const REVERSE_PATH = verdict("reverse-path");
export const MULTICAST = verdict("multicast");
export const SERVICE_STRAY = verdict("service-stray");
export const OUTSIDE_IPV6 = verdict("outside-ipv6");
export const INSIDE_SOURCE = verdict("inside-source");
export const INSIDE_DESTINATION = verdict("inside-destination");
export const OUTSIDE_STRAY = verdict("outside-stray");
export const NAT_NO_BLOCK = verdict("nat-no-block");
export const NAT_QUOTA = verdict("nat-quota");
export const NAT_FULL = verdict("nat-full");
export const NAT_NONE = verdict("nat-none");
export const NAT_PROTOCOL = verdict("nat-protocol");
export const NAT_NO_SYN = verdict("nat-no-syn");
export const NAT_UNBOUND = verdict("nat-unbound");
export const NAT_FILTERED = verdict("nat-filtered");
export const NAT_FRAGMENT = verdict("nat-fragment");
export const HOP_LIMIT = verdict("hop-limit");
export const TOO_BIG = verdict("too-big");
export const UDP_ZERO_CHECKSUM = verdict("udp-zero-checksum");
export const ICMP_UNTRANSLATABLE = verdict("icmp-untranslatable");
export const BAD_EMBEDDED = verdict("bad-embedded");
export const UNTRANSLATABLE_PROTOCOL = verdict("untranslatable-protocol");
export const UNTRANSLATABLE_HEADER = verdict("untranslatable-header");
export const PUNT_LIMITED = verdict("punt-limited");
export const PUNT_FULL = verdict("punt-full");
export const INJECT_FULL = verdict("inject-full");
export const HOLD_OVERFLOW = verdict("hold-overflow");
export const HOLD_FULL = verdict("hold-full");
export const HOLD_ENDED = verdict("hold-ended");
export const CONTROL_IGNORED = verdict("control-ignored");
export const TRANSMIT_FAILED = verdict("transmit-failed");
export const SEGMENTATION = verdict("segmentation");
export const INTERNAL = verdict("internal");

export type Verdict = number;
