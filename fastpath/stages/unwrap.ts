/**
 * unwrap: GRE for this router becomes the packet in it (RFC 2784, RFC 2890, RFC 7676): an IPv6 packet of the fabric's, as it would
 * have come natively. No octet is moved or written: the frame describes the inner packet where it lies, with
 * `outer` octets before it, among them those where its Ethernet header will be. `rewrap` takes that back.
 *
 * Only the infrastructure's own addresses (tags 0) may send tunnels: hypervisors' and gateways', which no VM can send from
 * (paper §2.4). The key is the tags of who the packet is for (RFC 5845 §3). So a tunnel in a tunnel, which would be for a router,
 * is refused.
 */
import { type Frame, GSO_ECN, GSO_NONE, GSO_TCPV6, GSO_UDP_L4, TENANT_DESTINATION } from "#fastpath/frame";
import { fromMember, isBridged, toFabricGroup } from "#fastpath/stages/bridged";
import { classifyInner } from "#fastpath/stages/classify";
import { isPortMac } from "#fastpath/stages/port-mac";
import { OUTSIDE_TAGS, SERVICE_IPV4 } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { TUNNEL_HEADERS } from "#fastpath/tables/tunnels";
import {
  BAD_OFFLOAD,
  BAD_TUNNEL,
  CONTINUE,
  NOT_A_TUNNEL_END,
  TUNNEL_KEY,
  TUNNEL_SOURCE,
  type Verdict,
} from "#fastpath/verdicts";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "#wire/protocol";

// Headers without options, octets.
const ETHERNET = 14;
const IPV6 = 40;
const TCP = 20;
const UDP = 8;
/** The traffic class's last two bits (RFC 3168 §5). */
const NOT_ECT = 0;
const ECT_1 = 1;
const CE = 3;
/** First word of the GRE header, raw: a key, and nothing else; IPv6 inside. */
const GRE_WORD = 0xdd86_0020 | 0;

/** A frame that classify has found to be GRE in IPv6. What is not for this router stays as it is. */
export function unwrap(f: Frame, t: Tables): Verdict {
  const w = f.l3 >> 2;
  if ((t.bytes[f.at]! & 1) !== 0) return toFabricGroup(f, t);
  if (!t.isUplink(f.port) || !t.isOwn(t.words, w + 6) || !isPortMac(f, t))
    return f.gsoType === GSO_NONE ? CONTINUE : describeSuperPacket(f, t);
  if (t.bindings === undefined || t.gateway !== undefined) return NOT_A_TUNNEL_END;
  if (isBridged(f, t)) return fromMember(f, t);
  const gre = f.l4;
  if (f.unusual !== 0 || gre !== f.l3 + 40 || f.end - gre < 8 + 40 || t.words[gre >> 2] !== GRE_WORD) return BAD_TUNNEL;
  if (!isRouter(t, w + 2)) return TUNNEL_SOURCE;
  const ecn = f.trafficClass & CE;
  move(f, TUNNEL_HEADERS);
  f.l3 = f.at + ETHERNET;
  f.outer = TUNNEL_HEADERS;
  const verdict = classifyInner(f, t);
  if (verdict !== CONTINUE) return verdict;
  const key = t.words[(f.l3 - 4) >> 2]!;
  const destination = (f.l3 + 24) >> 2;
  if (key === 0 || key === OUTSIDE_TAGS) return TUNNEL_KEY;
  if (!t.isInFabric(t.words, destination)) {
    f.tenants = TENANT_DESTINATION;
    f.destinationTags = key;
  } else if (t.words[destination + 2] !== key) return TUNNEL_KEY;
  return ecn === NOT_ECT ? CONTINUE : congested(f, ecn);
}

/**
 * A super-packet in a tunnel that leads on: what its sender asks for has to be about the very packet in it, or whoever cuts
 * it would write elsewhere. Only tunnels as ours are known.
 */
function describeSuperPacket(f: Frame, t: Tables): Verdict {
  const inner = f.l3 + TUNNEL_HEADERS;
  const l4 = inner + IPV6;
  const b = t.bytes;
  if (f.unusual !== 0 || f.l4 !== f.l3 + IPV6 || f.end < l4 + TCP || t.words[f.l4 >> 2] !== GRE_WORD)
    return BAD_OFFLOAD;
  const isTcp = b[inner + 6] === PROTOCOL_TCP;
  if (b[inner]! >> 4 !== 6 || !(isTcp || b[inner + 6] === PROTOCOL_UDP)) return BAD_OFFLOAD;
  if (!f.partial || f.csumStart !== l4 - f.at || f.csumOffset !== (isTcp ? 16 : 6)) return BAD_OFFLOAD;
  const header = isTcp ? (b[l4 + 12]! >> 4) << 2 : UDP;
  f.headerLength = l4 + header - f.at;
  const isCuttable = header >= (isTcp ? TCP : UDP) && f.gsoSize > 0 && f.end - f.at > f.headerLength;
  return isCuttable && (f.gsoType & ~GSO_ECN) === (isTcp ? GSO_TCPV6 : GSO_UDP_L4) ? CONTINUE : BAD_OFFLOAD;
}

/**
 * RFC 6040 §4.2: what the outer header met on its way the packet has met. What cannot tell its receiver of congestion
 * (Not-ECT) is dropped in its place. `forward` and the translation write the traffic class.
 */
function congested(f: Frame, ecn: number): Verdict {
  const own = f.trafficClass & CE;
  if (own === NOT_ECT) return ecn === CE ? BAD_TUNNEL : CONTINUE;
  if (ecn === CE || (ecn === ECT_1 && own !== CE)) f.trafficClass = (f.trafficClass & ~CE) | ecn;
  return CONTINUE;
}

/** The frame as it came, for who takes it from here: the control thread. */
export function rewrap(f: Frame): void {
  move(f, -f.outer);
  f.outer = 0;
}

function move(f: Frame, octets: number): void {
  f.at += octets;
  f.headerLength -= octets;
  f.csumStart -= octets;
}

/** An address of the fabric's with tags 0, neither a metadata service's nor ours. */
function isRouter(t: Tables, word: number): boolean {
  const { words } = t;
  if (words[word + 2] !== 0 || words[word + 3] === SERVICE_IPV4) return false;
  return t.isInFabric(words, word) && !t.isOwn(words, word);
}
