/** Builds the {@link SegmentTables} from a description in addresses and port indexes. */
import type { Prefix } from "#base/address";
import { fromHex } from "#base/bytes";
import { VM_ACTIVE, VM_HELD, VM_PREPARED, vmHash } from "#fastpath/tables/layout";
import { maskWords, raw, rawOf, rawWords } from "#fastpath/tables/raw-words";
import {
  LISTENED_WORDS,
  LN_LOCAL_COUNT,
  LN_LOCALS,
  LN_REMOTE_COUNT,
  LN_REMOTES,
  LN_SEGMENT,
  LO_PORT,
  LO_SEGMENT,
  LO_STATE,
  LOCAL_WORDS,
  MC_FROM,
  MC_GROUP,
  MC_PORT_COUNT,
  MC_PORTS,
  MULTICAST_ROUTE_WORDS,
  REMOTE_WORDS,
  RM_SEGMENT,
  routeHash,
  SEGMENT_ARP_FLOOD,
  SEGMENT_DHCP,
  SEGMENT_WORDS,
  type SegmentTables,
  SG_BURST,
  SG_FLAGS,
  SG_GROUP,
  SG_LOCAL_ALL,
  SG_LOCAL_COUNT,
  SG_LOCALS,
  SG_MASK,
  SG_MULTICAST_FROM,
  SG_PREFIX,
  SG_RATE,
  SG_REMOTE_ALL,
  SG_REMOTE_COUNT,
  SG_REMOTES,
  SG_TAGS,
  wordsHash,
} from "#fastpath/tables/segments";

/** Groups as 32 hexadecimal digits each, an IPv4 one as ::ffff:a.b.c.d; "all": every group. */
export type ListenedGroups = readonly string[] | "all";

/** A VM here that is on the segment. A port is on one segment only. */
export interface LocalMemberPlan {
  readonly port: number;
  readonly state: "active" | "prepared" | "held";
  readonly groups: ListenedGroups;
}

/** Another hypervisor with members, by its own address: 16 octets. */
export interface RemoteMemberPlan {
  readonly address: Uint8Array;
  readonly groups: ListenedGroups;
}

export interface SegmentPlan {
  /** Of the network, unsigned 32 bits; each segment's are others. */
  readonly tags: number;
  /** IPv4. */
  readonly prefix: Prefix;
  readonly arp: "answer" | "flood";
  /** True: the router is the network's DHCP server. */
  readonly dhcp: boolean;
  /** Frames to groups that one VM may send, a second and at once. */
  readonly rate: number;
  readonly burst: number;
  /** At least one. */
  readonly locals: readonly LocalMemberPlan[];
  readonly remotes: readonly RemoteMemberPlan[];
  /** The segment's group in the fabric, 16 octets. */
  readonly group: Uint8Array;
  /** Copies from which on one packet to the group takes their place; undefined: never. */
  readonly multicastFrom: number | undefined;
}

/** At a switch: packets of this source to this group, both 16 octets, come in by `from` and go out of `to`. */
export interface MulticastRoutePlan {
  readonly source: Uint8Array;
  readonly group: Uint8Array;
  readonly from: number;
  readonly to: readonly number[];
}

export interface SegmentsPlan {
  readonly segments: readonly SegmentPlan[];
  /** Ports that packets to groups leave by. */
  readonly uplinks: readonly number[];
  readonly multicastRoutes: readonly MulticastRoutePlan[];
}

const NEVER = 0x7fff_ffff;
const STATES = { active: VM_ACTIVE, prepared: VM_PREPARED, held: VM_HELD } as const;

export function buildSegments(plan: SegmentsPlan): SegmentTables {
  const rows = new Rows();
  for (const segment of plan.segments) rows.add(segment);
  const segments = Int32Array.from(rows.segments);
  const remotes = Int32Array.from(rows.remotes);
  const listened = Int32Array.from(rows.listened);
  const multicastRoutes = buildRoutes(plan.multicastRoutes);
  return {
    ...{ segments, remotes, listened, multicastRoutes },
    locals: Int32Array.from(rows.locals),
    listeners: Int32Array.from(rows.listeners),
    byPort: byPort(rows.locals),
    segmentIndex: indexOf(segments, SEGMENT_WORDS, (at) => vmHash(segments[at + SG_TAGS]!, 0)),
    remoteIndex: indexOf(remotes, REMOTE_WORDS, (at) => wordsHash(remotes, at, remotes[at + RM_SEGMENT]!)),
    listenedIndex: indexOf(listened, LISTENED_WORDS, (at) => wordsHash(listened, at, listened[at + LN_SEGMENT]!)),
    uplinks: Int32Array.from(plan.uplinks),
    multicastPorts: Int32Array.from(plan.multicastRoutes.flatMap(({ to }) => to)),
    multicastIndex: indexOf(multicastRoutes, MULTICAST_ROUTE_WORDS, (at) => routeHash(multicastRoutes, at)),
  };
}

/** Rows in the making: those of one segment follow one another. */
class Rows {
  readonly segments: number[] = [];
  readonly locals: number[] = [];
  readonly remotes: number[] = [];
  readonly listened: number[] = [];
  readonly listeners: number[] = [];

  add(plan: SegmentPlan): void {
    const segment = this.segments.length;
    const firstLocal = this.locals.length;
    const firstRemote = this.remotes.length;
    const locals = allFirst(plan.locals);
    const remotes = allFirst(plan.remotes);
    for (const { port, state } of locals)
      this.locals.push(...row(LOCAL_WORDS, [LO_PORT, port], [LO_STATE, STATES[state]], [LO_SEGMENT, segment]));
    for (const { address } of remotes)
      this.remotes.push(...rawWords(address), ...row(REMOTE_WORDS - RM_SEGMENT, [0, segment]));
    this.segments.push(
      ...row(
        SEGMENT_WORDS,
        [SG_TAGS, rawOf(plan.tags)],
        [SG_PREFIX, raw(plan.prefix.address)],
        [SG_MASK, maskWords(plan.prefix.length, 4)[0]!],
        [SG_FLAGS, (plan.arp === "flood" ? SEGMENT_ARP_FLOOD : 0) | (plan.dhcp ? SEGMENT_DHCP : 0)],
        [SG_RATE, plan.rate],
        [SG_BURST, plan.burst],
        [SG_LOCALS, firstLocal],
        [SG_LOCAL_COUNT, locals.length],
        [SG_LOCAL_ALL, countOfAll(locals)],
        [SG_REMOTES, firstRemote],
        [SG_REMOTE_COUNT, remotes.length],
        [SG_REMOTE_ALL, countOfAll(remotes)],
        [SG_MULTICAST_FROM, plan.multicastFrom ?? NEVER],
        ...[...rawWords(plan.group)].map((word, i) => [SG_GROUP + i, word] as const),
      ),
    );
    const here = byGroup(locals, firstLocal, LOCAL_WORDS);
    const elsewhere = byGroup(remotes, firstRemote, REMOTE_WORDS);
    for (const group of new Set([...here.keys(), ...elsewhere.keys()]))
      this.#listen(segment, group, here.get(group) ?? [], elsewhere.get(group) ?? []);
  }

  #listen(segment: number, group: string, locals: readonly number[], remotes: readonly number[]): void {
    const first = this.listeners.length;
    this.listeners.push(...locals, ...remotes);
    this.listened.push(
      ...rawWords(fromHex(group)!),
      ...row(
        LISTENED_WORDS - LN_SEGMENT,
        [0, segment],
        [LN_LOCALS - LN_SEGMENT, first],
        [LN_LOCAL_COUNT - LN_SEGMENT, locals.length],
        [LN_REMOTES - LN_SEGMENT, first + locals.length],
        [LN_REMOTE_COUNT - LN_SEGMENT, remotes.length],
      ),
    );
  }
}

const row = (words: number, ...set: readonly (readonly [at: number, value: number])[]): number[] => {
  const made = new Array<number>(words).fill(0);
  for (const [at, value] of set) made[at] = value;
  return made;
};

interface Listener {
  readonly groups: ListenedGroups;
}

const allFirst = <Member extends Listener>(members: readonly Member[]): Member[] => [
  ...members.filter(({ groups }) => groups === "all"),
  ...members.filter(({ groups }) => groups !== "all"),
];

const countOfAll = (members: readonly Listener[]): number => members.filter(({ groups }) => groups === "all").length;

/** Group → offsets of the rows of those who listen to it. */
function byGroup(members: readonly Listener[], first: number, words: number): Map<string, number[]> {
  const listeners = new Map<string, number[]>();
  members.forEach(({ groups }, i) => {
    if (groups === "all") return;
    for (const group of new Set(groups)) {
      const known = listeners.get(group);
      if (known === undefined) listeners.set(group, [first + i * words]);
      else known.push(first + i * words);
    }
  });
  return listeners;
}

function byPort(locals: readonly number[]): Int32Array {
  const ports = locals.filter((_, at) => at % LOCAL_WORDS === LO_PORT);
  const table = new Int32Array(Math.max(0, ...ports.map((port) => port + 1)));
  ports.forEach((port, i) => {
    table[port] = i * LOCAL_WORDS + 1;
  });
  return table;
}

/** At most half full, so that a probe for what is not there ends soon. */
function indexOf(rows: Int32Array, words: number, hashOf: (at: number) => number): Int32Array {
  const index = new Int32Array(2 ** Math.ceil(Math.log2((2 * rows.length) / words + 2)));
  const mask = index.length - 1;
  for (let at = 0; at < rows.length; at += words) {
    let slot = hashOf(at) & mask;
    while (index[slot] !== 0) slot = (slot + 1) & mask;
    index[slot] = at + 1;
  }
  return index;
}

function buildRoutes(routes: readonly MulticastRoutePlan[]): Int32Array {
  const rows = new Int32Array(routes.length * MULTICAST_ROUTE_WORDS);
  let port = 0;
  routes.forEach(({ source, group, from, to }, i) => {
    const at = i * MULTICAST_ROUTE_WORDS;
    rows.set(rawWords(source), at);
    rows.set(rawWords(group), at + MC_GROUP);
    rows[at + MC_FROM] = from;
    rows[at + MC_PORTS] = port;
    rows[at + MC_PORT_COUNT] = to.length;
    port += to.length;
  });
  return rows;
}
