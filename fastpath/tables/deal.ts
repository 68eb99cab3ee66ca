/**
 * Which next hop of an ECMP group takes which of its buckets. Shares are exact to one bucket; beyond that a bucket goes
 * to the next hop that scores highest on it (rendezvous hashing: Thaler and Ravishankar, 1998), so that the same next
 * hops are dealt the same buckets after a restart. A group that takes another's place leaves all buckets where they are
 * that may stay: when a next hop goes only its flows move, and when one comes only those move that it gets.
 */

export const BUCKETS = 256;

export interface Share {
  readonly adjacency: number;
  /** Relative to the others', > 0. */
  readonly weight: number;
  /** Tells this next hop from others, the same after a restart. */
  readonly key: string;
}

/** The adjacency of each bucket. `before`: the same of the group in whose place this one comes. */
export function deal(shares: readonly Share[], before?: Int32Array): Int32Array {
  const room = quotas(shares);
  const buckets = new Int32Array(BUCKETS).fill(-1);
  if (before !== undefined) keep(shares, room, before, buckets);
  const seeds = shares.map((share) => Bun.hash.xxHash32(share.key));
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    if (buckets[bucket] !== -1) continue;
    const chosen = highest(seeds, room, bucket);
    room[chosen]!--;
    buckets[bucket] = shares[chosen]!.adjacency;
  }
  return buckets;
}

/** Leaves a bucket with the adjacency that had it, until that one has its share. */
function keep(shares: readonly Share[], room: number[], before: Int32Array, buckets: Int32Array): void {
  const places = new Map(shares.map((share, place) => [share.adjacency, place]));
  before.forEach((adjacency, bucket) => {
    const place = places.get(adjacency);
    if (place === undefined || room[place] === 0) return;
    room[place]!--;
    buckets[bucket] = adjacency;
  });
}

/** Buckets of each share: whole ones by weight, what is left to the largest fractions (Hamilton's method). */
function quotas(shares: readonly Share[]): number[] {
  const total = shares.reduce((sum, share) => sum + share.weight, 0);
  const exact = shares.map((share) => (BUCKETS * share.weight) / total);
  const whole = exact.map(Math.floor);
  const left = BUCKETS - whole.reduce((sum, buckets) => sum + buckets, 0);
  const byFraction = shares.map((_, i) => i).sort((a, b) => (exact[b]! % 1) - (exact[a]! % 1));
  for (const i of byFraction.slice(0, left)) whole[i]!++;
  return whole;
}

function highest(seeds: readonly number[], room: readonly number[], bucket: number): number {
  let best = -1;
  let bestScore = -1;
  for (let i = 0; i < seeds.length; i++) {
    const score = mix(seeds[i]!, bucket);
    if (room[i]! > 0 && score > bestScore) [best, bestScore] = [i, score];
  }
  return best;
}

/** 0 … 2^32−1. */
function mix(seed: number, bucket: number): number {
  let x = Math.imul(seed ^ Math.imul(bucket + 1, 0x9e37_79b1), 0x85eb_ca6b);
  x = Math.imul(x ^ (x >>> 15), 0xc2b2_ae35);
  x = Math.imul(x ^ (x >>> 13), 0x27d4_eb2f);
  return (x ^ (x >>> 16)) >>> 0;
}
