/** forMe: on a fabric link, what is addressed to this router itself or to a group; frames for other MACs end here. */
import { type Frame, KIND_IPV6 } from "#fastpath/frame";
import { isPortMac } from "#fastpath/stages/port-mac";
import type { Tables } from "#fastpath/tables/tables";
import {
  BFD,
  CONTINUE,
  FABRIC_IPV4,
  MULTICAST,
  NO_LISTENER,
  NOT_A_TUNNEL_END,
  PUNT_LOCAL,
  type Verdict,
  WRONG_MAC,
} from "#fastpath/verdicts";
import { PROTOCOL_GRE, PROTOCOL_TCP, PROTOCOL_UDP } from "#wire/protocol";

export function forMe(f: Frame, t: Tables): Verdict {
  if (f.kind !== KIND_IPV6) return FABRIC_IPV4;
  const destination = (f.l3 + 24) >> 2;
  if ((t.bytes[f.at]! & 1) !== 0)
    return t.bytes[f.l3 + 24] === 0xff && t.isOwn(t.words, destination) ? PUNT_LOCAL : MULTICAST;
  if (!isPortMac(f, t)) return WRONG_MAC;
  if (t.bytes[f.l3 + 24] === 0xff) return t.isOwn(t.words, destination) ? PUNT_LOCAL : MULTICAST;
  if (!t.isOwn(t.words, destination)) return CONTINUE;
  if (isBfd(f)) return BFD;
  return f.protocol === PROTOCOL_GRE ? NOT_A_TUNNEL_END : toRouter(f);
}

/** Port 3784 as it lies in the upper half of `ports`, and the hop limit of a neighbor's packet (RFC 5881 §4, §5). */
const BFD_PORT = 0xc80e;
const BFD_HOP_LIMIT = 255;

/** What the BFD thread's own socket takes (src/router/bfd/bfd-socket.ts): it needs neither an answer nor the control thread. */
const isBfd = (f: Frame): boolean =>
  f.ports >>> 16 === BFD_PORT && f.protocol === PROTOCOL_UDP && f.hopLimit === BFD_HOP_LIMIT && f.unusual === 0;

/** What reaches the router's own address: ports without a listener are refused at once (RFC 4443 §3.1, RFC 1122 §3.2.2.1). */
export const toRouter = (f: Frame): Verdict =>
  f.protocol === PROTOCOL_UDP || f.protocol === PROTOCOL_TCP ? NO_LISTENER : PUNT_LOCAL;
