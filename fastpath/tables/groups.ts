/**
 * Next hops in shared memory: adjacencies (one neighbour on one port) and ECMP groups of them (RFC 2992).
 *
 * An adjacency's MACs lie in two slots; its state word says which is in force and counts the changes. The writer fills the
 * other slot and swings the word; a forwarder that finds the word changed after it read a slot reads again, since the
 * second change from there on writes that very slot. So it never sees half of one MAC and half of another. A group is 256
 * buckets (deal.ts).
 */
import type { AdjacencyReader } from "#fastpath/tables/adjacencies";
import { BUCKETS, deal, type Share } from "#fastpath/tables/deal";
import { Grace } from "#fastpath/tables/grace";
import { GROUP_FIRST } from "#fastpath/tables/layout";

export const MAX_ADJACENCIES = 4096;
export const MAX_GROUPS = 4096;
/** Next hops of one group. */
export const MAX_MEMBERS = 64;

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
const CHANGE = 8; // state word: bits 3–31 count its changes

export class GroupReader implements AdjacencyReader {
  private readonly m: Int32Array;
  private readonly seed: number;

  /** The three words read last. */
  private word0 = 0;
  private word1 = 0;
  private word2 = 0;

  constructor(buffer: SharedArrayBuffer) {
    this.m = new Int32Array(buffer);
    this.seed = this.m[SEED]!;
  }

  pick(group: number, hash: number): number {
    // Seeded: routers in a row that hash alike would else all choose alike and leave paths unused.
    let x = Math.imul(hash ^ this.seed, 0x9e37_79b1);
    x = Math.imul(x ^ (x >>> 15), 0x85eb_ca6b);
    const bucket = (x ^ (x >>> 13)) & (BUCKETS - 1);
    return this.m[GROUPS + (group - GROUP_FIRST) * BUCKETS + bucket]!;
  }

  /** The adjacencies of a group, ascending, each with how many of its {@link BUCKETS} it has. For the control thread. */
  members(group: number): { readonly adjacency: number; readonly buckets: number }[] {
    const from = GROUPS + (group - GROUP_FIRST) * BUCKETS;
    const counts = new Map<number, number>();
    for (const adjacency of this.m.subarray(from, from + BUCKETS))
      counts.set(adjacency, (counts.get(adjacency) ?? 0) + 1);
    return [...counts].sort(([a], [b]) => a - b).map(([adjacency, buckets]) => ({ adjacency, buckets }));
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
    this.readMacs(adjacency);
    to[at] = this.word0;
    to[at + 1] = this.word1;
    to[at + 2] = this.word2;
  }

  hasMac(adjacency: number, b: Uint8Array, at: number): boolean {
    this.readMacs(adjacency);
    return (
      (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)) === this.word0 &&
      (b[at + 4]! | (b[at + 5]! << 8)) === (this.word1 & 0xffff)
    );
  }

  markUsed(adjacency: number): void {
    const at = ADJACENCIES + adjacency * ADJACENCY + A_USED;
    if (this.m[at] === 0) this.m[at] = 1; // looked at first: most find it set, and leave the cache line clean
  }

  private state(adjacency: number): number {
    return Atomics.load(this.m, ADJACENCIES + adjacency * ADJACENCY + A_STATE);
  }

  /** Atomic loads, which no processor and no compiler lets overtake one another. */
  private readMacs(adjacency: number): void {
    const { m } = this;
    const at = ADJACENCIES + adjacency * ADJACENCY;
    let state: number;
    do {
      state = Atomics.load(m, at + A_STATE);
      const slot = at + A_SLOTS + ((state & SLOT) !== 0 ? 3 : 0);
      this.word0 = Atomics.load(m, slot);
      this.word1 = Atomics.load(m, slot + 1);
      this.word2 = Atomics.load(m, slot + 2);
    } while (Atomics.load(m, at + A_STATE) !== state);
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

/** A next hop of a group; weights are 1 … 16. */
export type Member = Share;

interface Group {
  readonly index: number;
  /** Undefined: it is shared with nobody. */
  readonly signature: string | undefined;
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
      this.swing(at, slot | (mac === "failed" ? FAILED : UNRESOLVED));
      return;
    }
    const other = slot ^ SLOT;
    const w = at + A_SLOTS + (other ? 3 : 0);
    Atomics.store(this.m, w, mac[0]! | (mac[1]! << 8) | (mac[2]! << 16) | (mac[3]! << 24));
    Atomics.store(this.m, w + 1, (this.m[w + 1]! & ~0xffff) | mac[4]! | (mac[5]! << 8));
    this.swing(at, other | RESOLVED);
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
    this.swing(ADJACENCIES + adjacency * ADJACENCY, UNRESOLVED);
    this.adjacencies.give(adjacency);
  }

  /**
   * FIB value of the group with just these members (1 … 64), made when there is none yet; counts one reference. `instead`:
   * FIB value of the group whose place it takes, so that flows stay where they are; 0 for none.
   */
  groupFor(members: readonly Member[], instead = 0): number {
    const sorted = inOrder(members);
    const signature = sorted.map((m) => `${m.adjacency}*${m.weight}`).join(" ");
    const known = this.bySignature.get(signature);
    if (known !== undefined) {
      known.references++;
      return known.index + GROUP_FIRST;
    }
    const group = this.make(sorted, instead, signature);
    this.bySignature.set(signature, group);
    return group.index + GROUP_FIRST;
  }

  /** As {@link groupFor}, but shared with nobody who does not ask for it by its value: its members may be changed. */
  ownGroup(members: readonly Member[], instead = 0): number {
    return this.make(inOrder(members), instead, undefined).index + GROUP_FIRST;
  }

  /**
   * Other next hops (1 … 64) for a group of {@link ownGroup}, for all its routes at once; flows stay where they can.
   * Forwarders see each bucket as it was or as it is.
   */
  redeal(value: number, members: readonly Member[]): void {
    const { index, signature } = this.groupAt(value);
    if (signature !== undefined) throw new RangeError(`group ${value} is shared`);
    const buckets = this.bucketsOf(index);
    const dealt = deal(inOrder(members), buckets);
    for (let i = 0; i < BUCKETS; i++) {
      if (buckets[i] !== dealt[i]) Atomics.store(buckets, i, dealt[i]!);
    }
  }

  /** One reference more. */
  retain(value: number): void {
    this.groupAt(value).references++;
  }

  /** One reference less; the route that held it points elsewhere already. */
  release(value: number): void {
    const group = this.groupAt(value);
    if (--group.references > 0) return;
    if (group.signature !== undefined) this.bySignature.delete(group.signature);
    this.byIndex.delete(group.index);
    this.groups.give(group.index);
  }

  private groupAt(value: number): Group {
    const group = this.byIndex.get(value - GROUP_FIRST);
    if (group === undefined) throw new RangeError(`no group ${value}`);
    return group;
  }

  private make(sorted: readonly Member[], instead: number, signature: string | undefined): Group {
    const index = this.groups.take();
    if (index < 0) throw new RangeError(`more than ${MAX_GROUPS} different groups of next hops`);
    const before = this.byIndex.has(instead - GROUP_FIRST) ? this.bucketsOf(instead - GROUP_FIRST) : undefined;
    this.m.set(deal(sorted, before), GROUPS + index * BUCKETS);
    const group = { index, signature, references: 1 };
    this.byIndex.set(index, group);
    return group;
  }

  private bucketsOf(index: number): Int32Array {
    return this.m.subarray(GROUPS + index * BUCKETS, GROUPS + (index + 1) * BUCKETS);
  }

  private swing(at: number, state: number): void {
    const changes = (this.m[at + A_STATE]! & -CHANGE) + CHANGE;
    Atomics.store(this.m, at + A_STATE, changes | state);
  }
}

function inOrder(members: readonly Member[]): Member[] {
  if (members.length < 1 || members.length > MAX_MEMBERS)
    throw new RangeError(`a group has 1 to ${MAX_MEMBERS} next hops, not ${members.length}`);
  return [...members].sort((a, b) => (a.key < b.key ? -1 : 1));
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
