/**
 * Next hops in shared memory: adjacencies (one neighbour on one port) and ECMP groups of them (RFC 2992).
 *
 * An adjacency's MACs lie in two slots; its state word says which is in force. The writer fills the other slot and
 * swings the word, so a forwarder never sees half of one MAC and half of another. A group is 256 buckets, filled by
 * rendezvous hashing with bounded load: when a member leaves, only its flows move (but for a few that even things out).
 */
import type { AdjacencyReader } from "#fastpath/tables/adjacencies";
import { Grace } from "#fastpath/tables/grace";
import { GROUP_FIRST } from "#fastpath/tables/layout";

export const MAX_ADJACENCIES = 4096;
export const MAX_GROUPS = 4096;
/** Next hops of one group. */
export const MAX_MEMBERS = 64;
const BUCKETS = 256;

const SEED = 0;
const ADJACENCIES = 16; // word index
const ADJACENCY = 16; // words each
const A_STATE = 0;
const A_PORT = 1;
const A_MTU = 2;
const A_SLOTS = 3; // two times three words
const A_USED = 9; // forwarders set it, control clears it
const GROUPS = ADJACENCIES + MAX_ADJACENCIES * ADJACENCY;
const WORDS = GROUPS + MAX_GROUPS * BUCKETS;

const UNRESOLVED = 1;
const RESOLVED = 2;
const FAILED = 3;
const STATE = 3;
const SLOT = 4;

export class GroupReader implements AdjacencyReader {
  private readonly m: Int32Array;
  private readonly seed: number;

  constructor(buffer: SharedArrayBuffer) {
    this.m = new Int32Array(buffer);
    this.seed = this.m[SEED]!;
  }

  pick(group: number, hash: number): number {
    // Seeded: routers in a row that hash alike would else all choose alike and leave paths unused.
    const bucket = Math.imul(hash ^ this.seed, 0x9e3779b1) >>> 24;
    return this.m[GROUPS + (group - GROUP_FIRST) * BUCKETS + bucket]!;
  }

  isResolved(adjacency: number): boolean {
    return (this.state(adjacency) & STATE) === RESOLVED;
  }

  hasFailed(adjacency: number): boolean {
    return (this.state(adjacency) & STATE) === FAILED;
  }

  port(adjacency: number): number {
    return this.m[ADJACENCIES + adjacency * ADJACENCY + A_PORT]!;
  }

  mtu(adjacency: number): number {
    return this.m[ADJACENCIES + adjacency * ADJACENCY + A_MTU]!;
  }

  copyMacs(adjacency: number, to: Int32Array, at: number): void {
    const slot = this.slot(adjacency);
    to[at] = this.m[slot]!;
    to[at + 1] = this.m[slot + 1]!;
    to[at + 2] = this.m[slot + 2]!;
  }

  hasMac(adjacency: number, b: Uint8Array, at: number): boolean {
    const slot = this.slot(adjacency);
    return (
      (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)) === this.m[slot] &&
      (b[at + 4]! | (b[at + 5]! << 8)) === (this.m[slot + 1]! & 0xffff)
    );
  }

  markUsed(adjacency: number): void {
    const at = ADJACENCIES + adjacency * ADJACENCY + A_USED;
    if (this.m[at] === 0) this.m[at] = 1; // looked at first: most find it set, and leave the cache line clean
  }

  private state(adjacency: number): number {
    return Atomics.load(this.m, ADJACENCIES + adjacency * ADJACENCY + A_STATE);
  }

  private slot(adjacency: number): number {
    const at = ADJACENCIES + adjacency * ADJACENCY;
    return at + A_SLOTS + (Atomics.load(this.m, at + A_STATE) & SLOT ? 3 : 0);
  }
}

/** A neighbour on a port, its MAC not known yet. */
export interface NewAdjacency {
  /** Output port index. */
  readonly port: number;
  /** Largest IP packet, octets. */
  readonly mtu: number;
  /** The router's own MAC on that port, 6 octets. */
  readonly ownMac: Uint8Array;
}

export interface Member {
  readonly adjacency: number;
  /** 1 … 16, relative to the other members'. */
  readonly weight: number;
  /** Tells this next hop from others, the same after a restart: what the buckets are dealt out by. */
  readonly key: string;
}

interface Group {
  readonly index: number;
  readonly signature: string;
  references: number;
}

/** The control thread's side. A freed index is used again only when no forwarder can still hold it (grace.ts). */
export class GroupWriter {
  readonly buffer = new SharedArrayBuffer(WORDS * 4);
  private readonly m = new Int32Array(this.buffer);
  private readonly adjacencies: FreeList;
  private readonly groups: FreeList;
  private readonly bySignature = new Map<string, Group>();
  private readonly byIndex = new Map<number, Group>();

  /** `seed`: 32 bits that differ from router to router. `turns`: the forwarders' turn counters (grace.ts). */
  constructor(seed: number, turns?: Int32Array) {
    this.m[SEED] = seed;
    this.adjacencies = new FreeList(MAX_ADJACENCIES, turns);
    this.groups = new FreeList(MAX_GROUPS, turns);
  }

  /** Index of a new, unresolved adjacency. Throws RangeError when all 4096 are taken. */
  add({ port, mtu, ownMac }: NewAdjacency): number {
    const adjacency = this.adjacencies.take();
    if (adjacency < 0) throw new RangeError(`more than ${MAX_ADJACENCIES} adjacencies`);
    const at = ADJACENCIES + adjacency * ADJACENCY;
    this.m.fill(0, at, at + ADJACENCY);
    this.m[at + A_PORT] = port;
    this.rebind(adjacency, mtu, ownMac);
    Atomics.store(this.m, at + A_STATE, UNRESOLVED);
    return adjacency;
  }

  /** The neighbour's MAC address: 6 octets, or what is the matter. */
  set(adjacency: number, mac: Uint8Array | "unresolved" | "failed"): void {
    const at = ADJACENCIES + adjacency * ADJACENCY;
    const slot = this.m[at + A_STATE]! & SLOT;
    if (typeof mac === "string") {
      Atomics.store(this.m, at + A_STATE, slot | (mac === "failed" ? FAILED : UNRESOLVED));
      return;
    }
    const other = slot ^ SLOT;
    const w = at + A_SLOTS + (other ? 3 : 0);
    this.m[w] = mac[0]! | (mac[1]! << 8) | (mac[2]! << 16) | (mac[3]! << 24);
    this.m[w + 1] = (this.m[w + 1]! & ~0xffff) | mac[4]! | (mac[5]! << 8);
    Atomics.store(this.m, at + A_STATE, other | RESOLVED);
  }

  /** The port was opened again: its MTU and MAC may be others. The adjacency must be unresolved. */
  rebind(adjacency: number, mtu: number, ownMac: Uint8Array): void {
    const at = ADJACENCIES + adjacency * ADJACENCY;
    this.m[at + A_MTU] = mtu;
    for (const slot of [at + A_SLOTS, at + A_SLOTS + 3]) {
      this.m[slot + 1] = (this.m[slot + 1]! & 0xffff) | ((ownMac[0]! | (ownMac[1]! << 8)) << 16);
      this.m[slot + 2] = ownMac[2]! | (ownMac[3]! << 8) | (ownMac[4]! << 16) | (ownMac[5]! << 24);
    }
  }

  /** True when a frame was sent to it since this was asked last. */
  takeUsed(adjacency: number): boolean {
    return Atomics.exchange(this.m, ADJACENCIES + adjacency * ADJACENCY + A_USED, 0) !== 0;
  }

  /** The caller has taken it out of all groups and tables. */
  remove(adjacency: number): void {
    Atomics.store(this.m, ADJACENCIES + adjacency * ADJACENCY + A_STATE, UNRESOLVED);
    this.adjacencies.give(adjacency);
  }

  /** FIB value of the group with just these members (1 … 64), made when there is none yet; counts one reference. */
  groupFor(members: readonly Member[]): number {
    if (members.length < 1 || members.length > MAX_MEMBERS)
      throw new RangeError(`a group has 1 to ${MAX_MEMBERS} next hops, not ${members.length}`);
    const sorted = [...members].sort((a, b) => (a.key < b.key ? -1 : 1));
    const signature = sorted.map((m) => `${m.adjacency}*${m.weight}`).join(" ");
    const known = this.bySignature.get(signature);
    if (known !== undefined) {
      known.references++;
      return known.index + GROUP_FIRST;
    }
    const index = this.groups.take();
    if (index < 0) throw new RangeError(`more than ${MAX_GROUPS} different groups of next hops`);
    this.m.set(deal(sorted), GROUPS + index * BUCKETS);
    const group = { index, signature, references: 1 };
    this.bySignature.set(signature, group);
    this.byIndex.set(index, group);
    return index + GROUP_FIRST;
  }

  /** One reference less; the route that held it points elsewhere already. */
  release(value: number): void {
    const group = this.byIndex.get(value - GROUP_FIRST);
    if (group === undefined) throw new RangeError(`no group ${value}`);
    if (--group.references > 0) return;
    this.bySignature.delete(group.signature);
    this.byIndex.delete(group.index);
    this.groups.give(group.index);
  }
}

/** Deals 256 buckets: each to the member with the highest score that has not had its share yet. */
function deal(members: readonly Member[]): Int32Array {
  const total = members.reduce((sum, member) => sum + member.weight, 0);
  const room = members.map((member) => Math.ceil((BUCKETS * member.weight) / total));
  return Int32Array.from({ length: BUCKETS }, (_, bucket) => {
    let best = -1;
    let bestScore = -1;
    for (let i = 0; i < members.length; i++) {
      if (room[i]! <= 0) continue;
      const score = Number(Bun.hash.xxHash32(members[i]!.key, bucket));
      if (score > bestScore) [best, bestScore] = [i, score];
    }
    room[best]!--;
    return members[best]!.adjacency;
  });
}

/** Small integers given out lowest first, and again after a grace period. */
class FreeList {
  private readonly free: number[];
  private readonly grace: Grace;

  constructor(count: number, turns: Int32Array | undefined) {
    this.free = Array.from({ length: count }, (_, i) => count - 1 - i);
    this.grace = new Grace(turns);
  }

  /** −1 when none is left. */
  take(): number {
    this.grace.reclaim((index) => this.free.push(index));
    return this.free.pop() ?? -1;
  }

  give(index: number): void {
    this.grace.retire(index);
  }
}
