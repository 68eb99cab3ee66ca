/**
 * For tests: the small router with an Ethernet segment in each of its networks, both with the same prefix. On blue's are VMs a, b and e here,
 * and two other hypervisors; on red's VM c and one of those.
 */
import { parseIpv4, parseIpv6, parseMac } from "#base/address";
import type { SegmentPlan, SegmentsPlan } from "#fastpath/tables/segment-builder";
import type { Udp } from "#fastpath/testing/packet";
import { build4, build6, counting, framed, type Ip4, type Ip6, type Upper } from "#fastpath/testing/packet";
import {
  BLUE,
  MAG,
  NEXT_HOP_MAC,
  RED,
  ROUTER_ADDRESS,
  type Sent,
  SmallRouter,
  type SmallRouterOptions,
  UPLINK_MAC,
  VM_A,
  VM_B,
  VM_C,
  VM_E,
} from "#fastpath/testing/small-router";
import { OTHER_MAG, tunnelled } from "#fastpath/testing/tunnel-packets";
import * as arp from "#wire/arp";
import { BROADCAST, ETHERTYPE_ARP, ETHERTYPE_BRIDGED, frame, multicastMac4, multicastMac6 } from "#wire/ethernet";

export const PREFIX = { address: parseIpv4("10.0.0.0")!, length: 24 };
export const ALL = parseIpv4("255.255.255.255")!;
export const DIRECTED = parseIpv4("10.0.0.255")!;
export const NOBODY = parseIpv4("0.0.0.0")!;
export const GROUP = parseIpv4("239.1.2.3")!;
export const OTHER_GROUP = parseIpv4("239.1.2.4")!;
export const GROUP_6 = parseIpv6("ff05::1:3")!;
/** ::ffff:239.1.2.3 and ff05::1:3, as the tables name them. */
export const LISTENED = "00000000000000000000ffffef010203";
export const LISTENED_6 = "ff050000000000000000000000010003";
/** Of the fabric. */
export const BLUE_GROUP = parseIpv6("ff38::8000:0401")!;
/** A VM of blue's at another hypervisor. */
export const PEER = { ipv4: parseIpv4("10.0.0.77")!, mac: parseMac("02:00:00:00:09:01")! };

export const segmentPlan = (tags: number, ports: readonly number[], more: Partial<SegmentPlan> = {}): SegmentPlan => ({
  ...{ tags, prefix: PREFIX, arp: "answer", dhcp: false, rate: 1000, burst: 250 },
  locals: ports.map((port) => ({ port, state: "active" as const, groups: [] })),
  remotes: [MAG, OTHER_MAG].map((address) => ({ address, groups: [] })),
  group: BLUE_GROUP,
  multicastFrom: undefined,
  ...more,
});

export const BLUE_PORTS = [VM_A.port, VM_B.port, VM_E.port];

/** `blue`: changes of its segment. */
export const segments = (blue: Partial<SegmentPlan> = {}, more: Partial<SegmentsPlan> = {}): SegmentsPlan => ({
  segments: [
    segmentPlan(BLUE, BLUE_PORTS, blue),
    segmentPlan(RED, [VM_C.port], { remotes: [{ address: MAG, groups: [] }] }),
  ],
  ...{ uplinks: [0], multicastRoutes: [], ...more },
});

export const world = (blue: Partial<SegmentPlan> = {}, options: SmallRouterOptions = {}): SmallRouter =>
  new SmallRouter({ segments: segments(blue), ...options });

interface Sender {
  readonly ipv4?: Uint8Array;
  readonly mac: Uint8Array;
}

export const udp = (more: Partial<Udp> = {}): Udp => ({ kind: "udp", data: counting(32), ...more });
/** From 68 to 67, and back. */
export const DISCOVER: Upper = udp({ source: 68, destination: 67 });
export const OFFER: Upper = udp({ source: 67, destination: 68 });

/** A broadcast, or a multicast, of this VM's. */
export const toAll = (from: Sender = VM_A, more: Partial<Ip4> = {}, mac: Uint8Array = BROADCAST): Uint8Array =>
  framed(build4({ source: from.ipv4!, destination: ALL, upper: udp(), ...more }), mac, from.mac);
export const toGroup = (from: Sender, group: Uint8Array, more: Partial<Ip4> = {}): Uint8Array =>
  toAll(from, { destination: group, ...more }, multicastMac4(group));
export const toGroup6 = (from: Sender, group: Uint8Array, more: Partial<Ip6> = {}): Uint8Array =>
  framed(
    build6({ source: parseIpv6("fe80::a")!, destination: group, upper: udp(), ...more }),
    multicastMac6(more.destination ?? group),
    from.mac,
  );
export const unicast = (from: Sender, to: Sender, more: Partial<Ip4> = {}): Uint8Array =>
  framed(build4({ source: from.ipv4!, destination: to.ipv4!, upper: udp(), ...more }), to.mac, from.mac);

/** A request is for all, a reply for whom it is for, unless `mac` says otherwise. */
export function arpFrame(from: Sender, target: Uint8Array, to?: Uint8Array, sender = from.ipv4!): Uint8Array {
  const payload = new Uint8Array(arp.SIZE);
  arp.write(payload, 0, {
    operation: to === undefined ? arp.REQUEST : arp.REPLY,
    ...{ senderHardware: from.mac, senderProtocol: sender },
    ...{ targetHardware: to ?? new Uint8Array(6), targetProtocol: target },
  });
  return frame(to ?? BROADCAST, from.mac, ETHERTYPE_ARP, payload);
}

export interface Outer {
  readonly source?: Uint8Array;
  readonly destination?: Uint8Array;
  readonly key?: number;
  readonly macs?: readonly [destination: Uint8Array, source: Uint8Array];
}

/** What another hypervisor sends here of a frame. */
export function fromMember(inner: Uint8Array, { macs = [UPLINK_MAC, NEXT_HOP_MAC], ...outer }: Outer = {}): Uint8Array {
  const packet = tunnelled(inner, {
    ...{ source: MAG, destination: ROUTER_ADDRESS, key: BLUE, protocolType: ETHERTYPE_BRIDGED, ...outer },
  });
  return framed(packet, macs[0], macs[1]);
}

/** What leaves the uplink of a frame for that hypervisor, without its flow label. */
export const copyTo = (destination: Uint8Array, inner: Uint8Array, key = BLUE): Uint8Array =>
  unlabelled(
    framed(
      tunnelled(inner, { source: ROUTER_ADDRESS, destination, key, protocolType: ETHERTYPE_BRIDGED }),
      NEXT_HOP_MAC,
      UPLINK_MAC,
    ),
  );

export function unlabelled(octets: Uint8Array): Uint8Array {
  const b = octets.slice();
  b[15] = b[15]! & 0xf0;
  b[16] = 0;
  b[17] = 0;
  return b;
}

/** Ports that something was sent out of, in ascending order, each as often as it was. */
export const portsOf = (sent: readonly Sent[]): number[] => sent.map(({ port }) => port).sort((a, b) => a - b);
/** Destinations of tunnels, hexadecimal, in the order in which they left. */
export const tunnelsOf = (sent: readonly Sent[]): string[] =>
  sent.filter(({ port }) => port === 0).map(({ octets }) => octets.slice(38, 54).toHex());
