/** How much a transport checksum's sum grows when the pseudo-header's addresses change (RFC 1624, RFC 7915 §4.5). */
import { foldSmall } from "#base/checksum";

/** Raw words are summed as they lie; one swap at the end puts the result in network order (RFC 1071 §2.B). */
export function checksumDelta(
  before: Int32Array,
  beforeAt: number,
  beforeWords: number,
  after: Int32Array,
  afterAt: number,
  afterWords: number,
): number {
  const delta = foldSmall(
    halves(after, afterAt, afterWords) + (~foldSmall(halves(before, beforeAt, beforeWords)) & 0xffff),
  );
  return ((delta & 0xff) << 8) | (delta >>> 8);
}

function halves(words: Int32Array, at: number, count: number): number {
  let total = 0;
  for (let i = at; i < at + count; i++) total += (words[i]! & 0xffff) + (words[i]! >>> 16);
  return total;
}
