/**
 * Into a tunnel: outer IPv6 header and GRE with a key, written before the packet as it would be in the fabric natively.
 * RFC 2784, RFC 2890, RFC 7676; outer packets are never fragmented, as what does not fit is refused or cut before.
 */
import type { Frame } from "#fastpath/frame";
import { HOME_TUNNEL, tunnelOf, writeHomeAddress } from "#fastpath/place";
import type { Tables } from "#fastpath/tables/tables";
import { TUNNEL_HEADERS } from "#fastpath/tables/tunnels";

/** Next header GRE and hop limit 64, raw, in the upper half of their word. */
const GRE_AND_HOP_LIMIT: number = (47 << 16) | (64 << 24);
/** A key and nothing else; IPv6 inside. Raw. */
const GRE_WORD = 0xdd86_0020 | 0;
/** Octets of GRE: what the outer payload is longer by. */
const GRE_HEADER = 8;

/** Wraps the IPv6 packet at `f.l3`, which says by then how it goes on. The frame grows to the front; no octet moves. */
export function wrap(f: Frame, t: Tables): void {
  const { words: w, routerAddress } = t;
  const tunnels = t.tunnels!;
  const inner = f.l3 >> 2;
  const i = inner - (TUNNEL_HEADERS >> 2);
  const length = f.end - f.l3 + GRE_HEADER;
  // The traffic class is copied (RFC 2983, RFC 6040 §4.1): its bits lie where they do in the inner word.
  w[i] = f.tunnelFlow | (w[inner]! & TRAFFIC_CLASS);
  w[i + 1] = ((length & 0xff) << 8) | ((length >>> 8) & 0xff) | GRE_AND_HOP_LIMIT;
  for (let k = 0; k < 4; k++) w[i + 2 + k] = routerAddress[k]!;
  const tunnel = tunnelOf(f.place);
  if (tunnel === HOME_TUNNEL) {
    writeHomeAddress(f, w, i + 6);
  } else {
    const to = tunnels.addressAt(tunnel);
    for (let k = 0; k < 4; k++) w[i + 6 + k] = tunnels.words[to + k]!;
  }
  w[i + 10] = GRE_WORD;
  w[i + 11] = f.tunnelKey;
  f.at -= TUNNEL_HEADERS;
  f.headerLength += TUNNEL_HEADERS;
  f.csumStart += TUNNEL_HEADERS;
}

/** Of an IPv6 header's first word, raw: 4 bits in the first octet, 4 in the second. */
const TRAFFIC_CLASS = 0xf00f;
