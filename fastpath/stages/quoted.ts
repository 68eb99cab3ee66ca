/** The packet that an ICMP error quotes, as a question to the rules: RFC 792, RFC 4443 §2.4(c). */
import { type Frame, KIND_IPV4 } from "#fastpath/frame";
import { MAX_EXTENSIONS } from "#fastpath/stages/classify";
import { writeTransportKey } from "#fastpath/stages/rule-key";
import { hostOf, rowOf, writeStandIn } from "#fastpath/stages/tenants";
import { TE_TAGS } from "#fastpath/tables/layout";
import { K_DESTINATION_HOST, K_DESTINATION_TAGS, K_SOURCE_HOST, K_SOURCE_TAGS } from "#fastpath/tables/rule-layout";
import type { Tables } from "#fastpath/tables/tables";
import { PROTOCOL_DESTINATION_OPTIONS, PROTOCOL_FRAGMENT, PROTOCOL_HOP_BY_HOP, PROTOCOL_ROUTING } from "#wire/protocol";

/** Octets of an ICMP error before the packet it quotes. */
const ERROR_HEADER = 8;

/**
 * Fills `t.ruleKey` with the packet quoted in `f`, an error, as `network` (−1: none) knows its ends, and of an IPv6 packet
 * `t.quoted` with these. Returns the offset of its transport header, the frame's end
 * where there is none to see; −1: not even the IP header is there.
 */
export function writeQuotedKey(f: Frame, t: Tables, network: number): number {
  const at = f.l4 + ERROR_HEADER;
  if (f.kind === KIND_IPV4) return quoted4(f, t, at);
  if (f.end - at < 40) return -1;
  writeEnd6(t, network, 0, (at + 8) >> 2);
  writeEnd6(t, network, 4, (at + 24) >> 2);
  return quoted6(f, t, at);
}

/** To `t.quoted` the address at `word`, or what stands for it. */
function writeEnd6(t: Tables, network: number, to: number, word: number): void {
  for (let i = 0; i < 4; i++) t.quoted[to + i] = t.words[word + i]!;
  if (network < 0 || t.isInFabric(t.words, word)) return;
  const row = rowOf(t, network, t.words, word);
  const tags = row < 0 ? 0 : t.networkTenants[row + TE_TAGS]!;
  if (tags !== 0) writeStandIn(t, t.quoted, to, { tags, host: hostOf(t, row), words: t.words, word });
}

/** `resolve` knows which tags the addresses have. */
function quoted4(f: Frame, t: Tables, at: number): number {
  if (f.end - at < 20) return -1;
  const b = t.bytes;
  writeEnds(t, t.quoted, 2, 6);
  const isLater = (b[at + 6]! & 0x1f) !== 0 || b[at + 7] !== 0;
  const transport = isLater ? f.end : at + ((b[at]! & 15) << 2);
  writeTransportKey(t, b[at + 9]!, transport, f.end);
  return transport;
}

function quoted6(f: Frame, t: Tables, at: number): number {
  const b = t.bytes;
  writeEnds(t, t.quoted, 2, 6);
  let next = b[at + 6]!;
  let transport = at + 40;
  for (let count = 0; count < MAX_EXTENSIONS && isSeenThrough(next) && f.end - transport >= 8; count++) {
    const isLater = next === PROTOCOL_FRAGMENT && (b[transport + 2] !== 0 || (b[transport + 3]! & 0xf8) !== 0);
    const length = next === PROTOCOL_FRAGMENT ? 8 : (b[transport + 1]! + 1) << 3;
    next = b[transport]!;
    transport = isLater ? f.end : transport + length;
  }
  writeTransportKey(t, next, transport, f.end);
  return transport;
}

/** The headers that `classify` sees through (RFC 8200 §4). */
const isSeenThrough = (next: number): boolean =>
  next === PROTOCOL_HOP_BY_HOP ||
  next === PROTOCOL_ROUTING ||
  next === PROTOCOL_FRAGMENT ||
  next === PROTOCOL_DESTINATION_OPTIONS;

/** `source`, `destination`: where in `words` their tags are, and their host address after that. */
function writeEnds(t: Tables, words: Int32Array, source: number, destination: number): void {
  const key = t.ruleKey;
  key[K_SOURCE_TAGS] = words[source]!;
  key[K_SOURCE_HOST] = words[source + 1]!;
  key[K_DESTINATION_TAGS] = words[destination]!;
  key[K_DESTINATION_HOST] = words[destination + 1]!;
}
