/**
 * The small world of the golden cases: a blue VM here, a blue VM at the other home, routers between them. The addresses
 * are those of fastpath/testing/small-router.ts, so that the cases run through a whole router as well.
 */
import { parseIpv4, parseIpv6, parseMac } from "#base/address";
import { build4, build6, type Ip4, type Ip6, type Upper } from "#fastpath/testing/packet";

export const VM = parseIpv4("10.0.0.2")!;
export const VM6 = parseIpv6("2001:db8:a1:1:0:401:a00:2")!;
export const PEER = parseIpv4("10.0.0.3")!;
export const PEER6 = parseIpv6("2001:db8:a1:2:0:401:a00:3")!;
/** The VM's gateway, which its ICMP errors come from. */
export const GATEWAY = parseIpv4("169.254.1.1")!;
/** This hypervisor's own address. */
export const ROUTER6 = parseIpv6("2001:db8:a1:1::1")!;
/** A router on the way, without any IPv4 address, and what the VM sees of it. */
export const FABRIC_ROUTER6 = parseIpv6("2001:db8:a1:ff::1")!;
export const DUMMY = parseIpv4("192.0.0.8")!;
/** A red VM at the other home, with another network's tags. */
export const RED6 = parseIpv6("2001:db8:a1:2:0:801:a00:3")!;
/** Nobody's, outside the fabric. */
export const STRANGER6 = parseIpv6("2001:db8:ffff::1")!;
/** Blue and at this home, but no VM has it. */
export const NOBODY6 = parseIpv6("2001:db8:a1:1:0:401:a00:fe")!;
/** In no prefix of the VM's network. */
export const UNREACHABLE = parseIpv4("172.16.0.1")!;

export const VM_MAC = parseMac("02:00:00:00:01:01")!;
export const GATEWAY_MAC = parseMac("02:41:49:4e:00:01")!;
export const UPLINK_MAC = parseMac("02:00:00:00:00:10")!;
export const NEXT_HOP_MAC = parseMac("02:00:00:00:00:20")!;

/** Flow label and identification are the router's choice; in the cases they are these. */
export const LABEL = 0x12345;
export const GENERATED = 0x4242;

/** An IPv4 packet of the VM's, TTL 64, DF set. */
export const fromVm = (upper: Upper, more: Partial<Ip4> = {}): Uint8Array =>
  build4({ source: VM, destination: PEER, dontFragment: true, identification: 0x1234, upper, ...more });

/** What the fabric gets of it: one hop less. */
export const toFabric = (upper: Upper, more: Partial<Ip6> = {}): Uint8Array =>
  build6({ source: VM6, destination: PEER6, hopLimit: 63, flowLabel: LABEL, upper, ...more });

/** An IPv6 packet of the peer's for the VM, hop limit 64. */
export const fromFabric = (upper: Upper, more: Partial<Ip6> = {}): Uint8Array =>
  build6({ source: PEER6, destination: VM6, flowLabel: 0xabcde, upper, ...more });

/** What the VM gets of it: one hop less, fragmentable. */
export const toVm = (upper: Upper, more: Partial<Ip4> = {}): Uint8Array =>
  build4({ source: PEER, destination: VM, ttl: 63, identification: GENERATED, upper, ...more });

/** The error that the VM's gateway sends about a packet of the VM's. */
export const gatewayError = (type: number, code: number, about: Uint8Array, rest = 0): Uint8Array =>
  build4({
    source: GATEWAY,
    destination: VM,
    tos: 0xc0,
    identification: GENERATED,
    upper: { kind: "icmp", type, code, rest, body: about.slice(0, 548) },
  });

/** The error that this router sends about a fabric packet of the peer's. */
export const routerError = (type: number, code: number, about: Uint8Array, rest = 0): Uint8Array =>
  build6({
    source: ROUTER6,
    destination: about.slice(8, 24),
    upper: { kind: "icmp", type, code, rest, body: about.slice(0, 1232) },
  });
