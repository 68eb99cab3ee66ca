/** For tests: packets in tunnels, built from the codecs of src/wire and not by the code they test. */
import { parseIpv6 } from "#base/address";
import { u16, u32 } from "#base/bytes";
import { type Ways, waysOf } from "#fastpath/place";
import { build4, build6, counting, framed, type Ip4, type Tcp, together } from "#fastpath/testing/packet";
import {
  addressesAt,
  BLUE,
  GATEWAY_MAC,
  HOMES,
  hostAddress,
  MAG,
  NEXT_HOP_MAC,
  REMOTE_IPV4,
  ROUTER_ADDRESS,
  type Sent,
  type SmallRouter,
  UPLINK_MAC,
  VM_A,
} from "#fastpath/testing/small-router";
import { networkAddress } from "#policy/homes";
import * as gre from "#wire/gre";

export const OTHER_MAG = parseIpv6("2001:db8:a1:4::1")!;
/** At home here, and not here. */
export const AWAY_IPV4 = addressesAt(0, BLUE, 9)[8]!;
export const AWAY = networkAddress(HOMES[0]!, BLUE, AWAY_IPV4);
export const AWAY_6 = hostAddress(0, BLUE, 77);
/** Somebody at the other home, who sends. */
export const PEER = networkAddress(HOMES[1]!, BLUE, addressesAt(1, BLUE, 4)[3]!);
export const PEER_6 = hostAddress(1, BLUE, 66);

/** A frame of VM a's, to the remote VM unless it says otherwise. */
export const ipv4 = (upper: Ip4["upper"], more: Partial<Ip4> = {}): Uint8Array =>
  framed(
    build4({ source: VM_A.ipv4, destination: REMOTE_IPV4, dontFragment: true, upper, ...more }),
    GATEWAY_MAC,
    VM_A.mac,
  );
/** A packet of the fabric's as it comes, and as it leaves. */
export const native = (packet: Uint8Array): Uint8Array => framed(packet, UPLINK_MAC, NEXT_HOP_MAC);
export const out = (packet: Uint8Array): Uint8Array => framed(packet, NEXT_HOP_MAC, UPLINK_MAC);
export const tcp = (more: Partial<Tcp> = {}): Tcp => ({ kind: "tcp", flags: 16, data: counting(100), ...more });
export const syn = (mss: number): Tcp =>
  tcp({ flags: 2, options: Uint8Array.of(2, 4, mss >> 8, mss), data: counting(0) });
/** Of a SYN whose only option it is. */
export const mssOf = (ipv6: Uint8Array): number => u16(ipv6, 40 + 22);

/** Flow label of a frame's IPv6 packet: hashes of flows are tested elsewhere (flow-hash.test.ts). */
export const labelOf = (frame: Uint8Array): number => u32(frame, 14) & 0xfffff;
export const part = (b: Uint8Array, from: number, to?: number): Uint8Array => b.slice(from, to);

/** The one frame that was sent. */
export function only(sent: readonly Sent[]): Uint8Array {
  if (sent.length !== 1) throw new Error(`${sent.length} frames were sent, not one`);
  return sent[0]!.octets;
}

/** Packets by the way that they took, those of none left out. */
export const ways = (r: SmallRouter): Partial<Ways> =>
  Object.fromEntries(Object.entries(waysOf(r.counters)).filter(([, packets]) => packets > 0));

export interface TunnelOptions {
  readonly source?: Uint8Array;
  readonly destination?: Uint8Array;
  readonly key?: number;
  readonly flowLabel?: number;
  readonly trafficClass?: number;
  readonly hopLimit?: number;
  readonly protocolType?: number;
}

/** Outer packet around an IPv6 packet, as this router sends it to where moved VMs are unless it says otherwise. */
export function tunnelled(inner: Uint8Array, options: TunnelOptions = {}): Uint8Array {
  const header = new Uint8Array(16);
  const { key, protocolType = 0x86dd, source = ROUTER_ADDRESS, destination = MAG, ...more } = options;
  const length = gre.write(header, 0, { protocolType, ...(key !== undefined && { key }) });
  const data = together(header.slice(0, length), inner);
  return build6({ source, destination, upper: { kind: "raw", protocol: 47, data }, hopLimit: 64, ...more });
}

/** A frame of the fabric's with a tunnel's packet, from where moved VMs are, for this router. */
export const tunnelFrame = (inner: Uint8Array, options: TunnelOptions = {}): Uint8Array =>
  framed(tunnelled(inner, { source: MAG, destination: ROUTER_ADDRESS, ...options }), UPLINK_MAC, NEXT_HOP_MAC);

/** The packet in a tunnel frame, octets from the inner header on. */
export const innerOf = (frame: Uint8Array): Uint8Array => frame.slice(14 + 48);
