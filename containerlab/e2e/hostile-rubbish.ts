/** Floods of rubbish from a seed: random octets, and what is nearly right. */
import { linkLocalFromMac, parseIpv6 } from "#base/address";
import { put16 } from "#base/bytes";
import { type Choices, chance, data, fromSeed, pick } from "#fastpath/testing/choices";
import { generate4, generate6, type Hosts } from "#fastpath/testing/generate";
import { build6, framed, type Upper } from "#fastpath/testing/packet";
import { multicastMac6 } from "#wire/ethernet";
import { ALL_NODES, solicitedNode } from "#wire/nd";
import { octets } from "./hostile-cases";
import {
  A,
  B,
  DISCARDED,
  GATEWAY,
  GATEWAY_MAC,
  GATEWAY6,
  M,
  N6,
  NOBODY,
  O,
  R,
  R_MAC,
  RED_REMOTE,
  ROUTER6,
  T,
  UNROUTED,
  V_MAC,
  V6,
  W6,
  X6,
} from "./hostile-world";

const BROKEN = 40; // percent
const MTU = 1500;

/** Out of red's VM, as its own and as anybody's. */
export function rubbishFromVm(seed: number, count: number): Uint8Array[] {
  const c = fromSeed(seed);
  const hosts: Hosts = {
    vm4: R.ipv4,
    vm6: R.ipv6,
    peers: [A, B, O, NOBODY, T, RED_REMOTE, UNROUTED, DISCARDED],
    wrong4: [A.ipv4, GATEWAY, octets(224, 0, 0, 1), octets(127, 0, 0, 1), octets(0, 0, 0, 0), octets(192, 0, 2, 1)],
    wrong6: [A.ipv6],
    routers6: [ROUTER6],
  };
  const wish = { hosts, mtu: MTU, broken: BROKEN };
  return Array.from({ length: count }, () => {
    const to = chance(c, 90) ? GATEWAY_MAC : data(c, 6);
    return onBadLine(c, framed(generate4(c, wish), to, chance(c, 90) ? R_MAC : data(c, 6)), 0x0806);
  });
}

/** Out of the IPv6 VM, as its own and as anybody's; a few of its packets are right. */
export function rubbishFromVm6(seed: number, count: number): Uint8Array[] {
  const c = fromSeed(seed);
  const hosts: Hosts = {
    ...{ vm4: A.ipv4, vm6: X6, wrong4: [A.ipv4] },
    peers: [{ ipv4: B.ipv4, ipv6: V6 }], // generate6 makes packets from a peer
    wrong6: [W6, A.ipv6, R.ipv6, ROUTER6, GATEWAY6, ALL_NODES, parseIpv6("::")!, parseIpv6("fe80::f")!],
    routers6: [ROUTER6],
  };
  const wish = { hosts, mtu: MTU, broken: BROKEN };
  return Array.from({ length: count }, () => {
    const packet = chance(c, 70) ? generate6(c, wish) : forRouterItself(c, GATEWAY_MAC);
    const group = packet.length >= 40 && packet[24] === 0xff ? multicastMac6(packet.subarray(24, 40)) : GATEWAY_MAC;
    return onBadLine(c, framed(packet, group, chance(c, 90) ? V_MAC : data(c, 6)), 0x86dd);
  });
}

/** Into a fabric link, from the node with that MAC address there, to the router's there. */
export function rubbishForRouter(seed: number, count: number, from: Uint8Array, to: Uint8Array): Uint8Array[] {
  const c = fromSeed(seed);
  const hosts: Hosts = {
    vm4: A.ipv4,
    vm6: A.ipv6,
    peers: [T, RED_REMOTE, UNROUTED],
    wrong4: [A.ipv4],
    wrong6: [R.ipv6, M.ipv6, NOBODY.ipv6, DISCARDED.ipv6, ROUTER6, ALL_NODES, parseIpv6("::1")!, parseIpv6("fe80::9")!],
    routers6: [ROUTER6, parseIpv6("2001:db8:a1:ff::77")!],
  };
  const wish = { hosts, mtu: MTU, broken: BROKEN };
  return Array.from({ length: count }, () => {
    const packet = chance(c, 50) ? generate6(c, wish) : forRouterItself(c, to);
    const group = packet.length >= 40 && packet[24] === 0xff ? multicastMac6(packet.subarray(24, 40)) : to;
    return onBadLine(c, framed(packet, group, from), 0x0800);
  });
}

/**
 * Pings, neighbor discovery true and false (what claims n's address for other MACs is well formed, too), and other ICMPv6,
 * to the router's addresses and groups.
 */
function forRouterItself(c: Choices, mac: Uint8Array): Uint8Array {
  const linkLocal = linkLocalFromMac(mac);
  const source = pick(c, [T.ipv6, N6, data6(c), data6(c), new Uint8Array(16)]);
  const destination = pick(c, [ROUTER6, linkLocal, ALL_NODES, solicitedNode(ROUTER6), solicitedNode(linkLocal)]);
  const target = pick(c, [ROUTER6, linkLocal, N6, data6(c)]);
  const option = pick(c, [
    octets(),
    octets(1, 1, ...data(c, 6)),
    octets(2, 1, ...data(c, 6)),
    octets(1, 0),
    data(c, 8),
  ]);
  const bodies: readonly Upper[] = [
    { kind: "icmp", type: 128, body: data(c, c.below(64)) },
    { kind: "icmp", type: pick(c, [133, 134, 135, 136, 137]), body: Uint8Array.from([...target, ...option]) },
    { kind: "icmp", type: c.below(256), rest: c.below(2 ** 31), body: data(c, c.below(64)) },
    { kind: "raw", protocol: c.below(256), data: data(c, c.below(64)) },
  ];
  const checksum = chance(c, 80) ? ("right" as const) : ("wrong" as const);
  const chosen = pick(c, bodies);
  const upper: Upper = chosen.kind === "icmp" ? { ...chosen, checksum } : chosen;
  return build6({ source, destination, hopLimit: chance(c, 75) ? 255 : c.below(256), upper });
}

/** A link-local address that nobody has. */
const data6 = (c: Choices): Uint8Array => octets(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x66, ...data(c, 7));

/** What a frame may suffer besides what its packet has suffered; `type`: an EtherType that it may pretend to have. */
function onBadLine(c: Choices, frame: Uint8Array, type: number): Uint8Array {
  if (frame.length < 14 || !chance(c, 10)) return frame;
  switch (c.below(3)) {
    case 0:
      return frame.slice(0, 14 + c.below(frame.length - 13));
    case 1: {
      const other = frame.slice();
      put16(other, 12, chance(c, 50) ? type : c.below(65536));
      return other;
    }
    default:
      return Uint8Array.from([...frame.subarray(0, 14), ...data(c, c.below(100))]);
  }
}
