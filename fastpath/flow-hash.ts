/**
 * The flow hash: equal for all packets of a flow, on every router and after every restart (no seed), so that ECMP and
 * the flow label keep a flow on one path (RFC 6438). Fragments have no ports to see, so all fragments of a packet hash
 * on addresses and protocol only.
 */
import { type Frame, KIND_IPV4, UNUSUAL_FRAGMENT } from "#fastpath/frame";

const mix = (h: number, word: number): number => {
  const m = Math.imul(h ^ word, 0x9e3779b1);
  return m ^ (m >>> 15);
};

const avalanche = (h: number): number => {
  const m = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return m ^ (m >>> 13);
};

export function hashFlow(f: Frame, words: Int32Array): number {
  const ports = (f.unusual & UNUSUAL_FRAGMENT) !== 0 ? 0 : f.ports;
  let w: number;
  if (f.kind === KIND_IPV4) {
    w = (f.l3 + 12) >> 2;
    return avalanche(mix(mix(mix(f.protocol, words[w]!), words[w + 1]!), ports));
  }
  return avalanche(mix(addressHash(words, (f.l3 + 8) >> 2) ^ f.protocol, ports));
}

/** Equal for all packets between two IPv4 hosts, whatever their ports. */
export function hashHosts(f: Frame, words: Int32Array): number {
  const w = (f.l3 + 12) >> 2;
  return avalanche(mix(mix(0, words[w]!), words[w + 1]!));
}

/** Eight words of addresses as one: by products that do not wait for one another, where mix() would be a chain of eight. */
function addressHash(words: Int32Array, w: number): number {
  const h =
    Math.imul(words[w]!, 0x9e3779b1) ^
    Math.imul(words[w + 1]!, 0x85ebca77) ^
    Math.imul(words[w + 2]!, 0xc2b2ae3d) ^
    Math.imul(words[w + 3]!, 0x27d4eb2f) ^
    Math.imul(words[w + 4]!, 0x165667b1) ^
    Math.imul(words[w + 5]!, 0xd3a2646d) ^
    Math.imul(words[w + 6]!, 0xfd7046c5) ^
    Math.imul(words[w + 7]!, 0xb55a4f09);
  return h ^ (h >>> 15);
}

/** What a router between the ends hashes: addresses and flow label (RFC 6438 §3), the ports where the label is 0. */
export function hashTransit(f: Frame, words: Int32Array): number {
  let w = f.l3 >> 2;
  const label = words[w]! & ~0xf0ff; // raw: the label without version and traffic class
  let h = label !== 0 ? label : f.ports ^ f.protocol;
  w += 2;
  for (let i = 0; i < 8; i++) h = mix(h, words[w + i]!);
  return avalanche(h);
}

/** First word of an IPv6 header, raw, with a flow label made of the hash's upper 20 bits; 0 is no label, so never 0. */
export function flowWord(hash: number): number {
  const label = hash >>> 12 || 1;
  return 0x60 | ((label >>> 16) << 8) | (((label >>> 8) & 0xff) << 16) | ((label & 0xff) << 24);
}
