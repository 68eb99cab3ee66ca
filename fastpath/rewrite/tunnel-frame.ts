/** A VM's whole Ethernet frame in a tunnel: IPv6, GRE with a key and protocol type 0x6558, the frame. Paper §2.2; RFC 2784, RFC 2890. */
import { type Frame, GSO_NONE, KIND_ARP, KIND_IPV6 } from "#fastpath/frame";
import type { Scratch } from "#fastpath/scratch";
import { GRE_BRIDGED } from "#fastpath/stages/bridged";
import { P_MAC, PORT_WORDS } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { TUNNEL_HEADERS } from "#fastpath/tables/tunnels";
import { SIZE as ETHERNET } from "#wire/ethernet";
import { PROTOCOL_GRE } from "#wire/protocol";

/** Next header GRE and hop limit 64, raw, in the upper half of their word. */
const HOP_LIMIT = 64;
const GRE_AND_HOP_LIMIT: number = (PROTOCOL_GRE << 16) | (HOP_LIMIT << 24);
const IPV6 = 40;

/** How a frame is wrapped; made once and filled for each. */
export interface Wrapping {
  /** The tunnel's key, raw. */
  tags: number;
  /** First word of the outer header, as flowWord() has it. */
  flow: number;
  /** The outer destination: 4 raw words at `at`. */
  addresses: Int32Array;
  at: number;
}

/** Writes it to scratch memory and describes it in `out`, classified, but for the MAC addresses before it. */
export function wrapFrame(f: Frame, t: Tables, scratch: Scratch, out: Frame, w: Readonly<Wrapping>): void {
  const { words, halves, routerAddress } = t;
  const octets = f.end - f.at;
  const at = scratch.take(ETHERNET + TUNNEL_HEADERS + octets);
  const l3 = at + ETHERNET;
  const i = l3 >> 2;
  const length = TUNNEL_HEADERS - IPV6 + octets;
  const trafficClass = f.kind === KIND_ARP ? 0 : f.trafficClass;
  halves[(at >> 1) + 6] = 0xdd86;
  words[i] = w.flow | (trafficClass >> 4) | ((trafficClass & 15) << 12);
  words[i + 1] = ((length & 0xff) << 8) | ((length >>> 8) & 0xff) | GRE_AND_HOP_LIMIT;
  for (let k = 0; k < 4; k++) {
    words[i + 2 + k] = routerAddress[k]!;
    words[i + 6 + k] = w.addresses[w.at + k]!;
  }
  words[i + 10] = GRE_BRIDGED;
  words[i + 11] = w.tags;
  t.bytes.copyWithin(l3 + TUNNEL_HEADERS, f.at, f.end);
  describe(out, f.port, at, l3 + TUNNEL_HEADERS + octets);
}

function describe(out: Frame, port: number, at: number, end: number): void {
  out.port = port;
  out.at = at;
  out.l3 = at + ETHERNET;
  out.l4 = out.l3 + IPV6;
  out.payload = out.l4;
  out.end = end;
  out.kind = KIND_IPV6;
  out.protocol = PROTOCOL_GRE;
  out.hopLimit = HOP_LIMIT;
  out.ipLength = end - out.l3;
  out.trafficClass = 0;
  out.ports = 0;
  out.unusual = 0;
  out.fragment = 0;
  out.fragmentHeader = 0;
  out.partial = false;
  out.gsoType = GSO_NONE;
  out.headerLength = 0;
  out.connection = 0;
  out.logged = -1;
  out.isFleeting = false;
  out.outer = 0;
  out.place = 0;
  out.tenants = 0;
  out.binding = 0;
  out.vm = -1;
}

/** The Ethernet addresses of a packet to an IPv6 group, out of this port (RFC 2464 §7). */
export function replicatedTo(f: Frame, t: Tables, port: number): void {
  const { halves, ports } = t;
  const h = f.at >> 1;
  const group = (f.l3 + 24) >> 1;
  const high = ports[port * PORT_WORDS + P_MAC]!;
  halves[h] = 0x3333;
  halves[h + 1] = halves[group + 6]!;
  halves[h + 2] = halves[group + 7]!;
  halves[h + 3] = high & 0xffff;
  halves[h + 4] = high >>> 16;
  halves[h + 5] = ports[port * PORT_WORDS + P_MAC + 1]! & 0xffff;
}
