/**
 * The next hops of OSPF's routes: routes with the same ones share a group of the forwarders' tables. When a next hop
 * fails or comes back, or its port is replaced, the groups change in place: a handful of them, however many routes.
 */
import { formatIpv6 } from "#base/address";
import type { GroupWriter, Member } from "#fastpath/tables/groups";

export interface Hop {
  /** Name of the uplink. */
  readonly uplink: string;
  /** Link-local address of the next router, 16 octets. */
  readonly address: Uint8Array;
}

/** What this knows of next hops is told by the neighbor cache. */
export interface HopSource {
  readonly groups: GroupWriter;
  /** Its adjacency, made and asked for when it is new; undefined: there is no such uplink any more. */
  adjacencyOf(hop: Hop): number | undefined;
  /** False: it does not answer, or BFD has lost it. */
  isUsable(hop: Hop, adjacency: number): boolean;
}

/** Next hops with the text they are known by together. */
export interface HopList {
  readonly key: string;
  readonly hops: readonly Hop[];
}

/** In any order: they are the same then. */
export const hopList = (hops: readonly Hop[]): HopList => ({ hops, key: hops.map(hopKey).sort().join(",") });

export interface HopSet extends HopList {
  /** In the forwarding table. */
  readonly value: number;
}

interface Held extends HopSet {
  /** Routes that use it. */
  users: number;
  /** The members its group has, to tell whether they changed. */
  dealt: string;
}

export class HopSets {
  private readonly source: HopSource;
  private readonly sets = new Map<string, Held>();
  private nowhere: number | undefined;

  constructor(source: HopSource) {
    this.source = source;
  }

  /**
   * The set of these 1 … 64 next hops, for one more route. `instead`: the set whose place it takes, so that flows stay
   * where they can. Throws RangeError when all groups or adjacencies are taken.
   */
  acquire({ key, hops }: HopList, instead?: HopSet): HopSet {
    const known = this.sets.get(key);
    if (known !== undefined) {
      known.users++;
      return known;
    }
    const members = this.membersOf(hops);
    const value = this.source.groups.ownGroup(members, instead?.value ?? 0);
    const made: Held = { key, hops, value, users: 1, dealt: signatureOf(members) };
    this.sets.set(key, made);
    return made;
  }

  /** One route less. True: that was the last, and its next hops may be needed no more. */
  release({ key }: HopSet): boolean {
    const held = this.sets.get(key);
    if (held === undefined || --held.users > 0) return false;
    this.sets.delete(key);
    this.source.groups.release(held.value);
    return true;
  }

  /** Next hops failed, came back or are on other ports now. True: a group changed. */
  refresh(): boolean {
    let changed = false;
    for (const held of this.sets.values()) {
      const members = this.membersOf(held.hops);
      const signature = signatureOf(members);
      if (signature === held.dealt) continue;
      this.source.groups.redeal(held.value, members);
      held.dealt = signature;
      changed = true;
    }
    return changed;
  }

  /** All next hops in use. */
  *hops(): IterableIterator<Hop> {
    for (const { hops } of this.sets.values()) yield* hops;
  }

  get size(): number {
    return this.sets.size;
  }

  /** Those that work; all of them when none does, so that senders are told. */
  private membersOf(hops: readonly Hop[]): Member[] {
    const there = hops.flatMap((hop) => {
      const adjacency = this.source.adjacencyOf(hop);
      return adjacency === undefined ? [] : [{ hop, member: { adjacency, weight: 1, key: hopKey(hop) } }];
    });
    const usable = there.filter(({ hop, member }) => this.source.isUsable(hop, member.adjacency));
    const members = (usable.length > 0 ? usable : there).map(({ member }) => member);
    return members.length > 0 ? members : [{ adjacency: this.noAdjacency(), weight: 1, key: "" }];
  }

  /** Stands for next hops whose uplinks are gone, until the routes are: senders are told that nobody is there. */
  private noAdjacency(): number {
    const { groups } = this.source;
    if (this.nowhere === undefined) {
      this.nowhere = groups.add({ port: 0, mtu: 1280, ownMac: new Uint8Array(6) });
      groups.set(this.nowhere, "failed");
    }
    return this.nowhere;
  }
}

export const hopKey = ({ uplink, address }: Hop): string => `${uplink} ${formatIpv6(address)}`;

const signatureOf = (members: readonly Member[]): string =>
  members
    .map(({ adjacency }) => adjacency)
    .sort((a, b) => a - b)
    .join(" ");
