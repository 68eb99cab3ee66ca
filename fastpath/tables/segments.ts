/**
 * Ethernet segments of tenant networks (paper §2.2) as forwarders see them: who gets a frame that is for a group. A part of
 * the snapshot, and replaced by itself when members or groups change, since no remembered decision depends on it. Built by
 * segment-builder.ts. Offsets are word indexes of a row; "raw" is as in layout.ts.
 */
import { vmHash } from "#fastpath/tables/layout";

/** A segment that has members here. */
export const SEGMENT_WORDS = 20;
/** Tags of its network, raw: the key of its tunnels. */
export const SG_TAGS = 0;
/** The IPv4 prefix: address and mask, raw. */
export const SG_PREFIX = 1;
export const SG_MASK = 2;
/** SEGMENT_… bits. */
export const SG_FLAGS = 3;
/** Frames to groups that one VM may send: a second, and at once. */
export const SG_RATE = 4;
export const SG_BURST = 5;
/** Rows of `locals`: the first one, all of them, and how many, at the beginning, get every group. */
export const SG_LOCALS = 6;
export const SG_LOCAL_COUNT = 7;
export const SG_LOCAL_ALL = 8;
/** Likewise of `remotes`. */
export const SG_REMOTES = 9;
export const SG_REMOTE_COUNT = 10;
export const SG_REMOTE_ALL = 11;
/** A frame that so many other hypervisors want goes to SG_GROUP once, and not to each of them; 2^31 − 1: never. */
export const SG_MULTICAST_FROM = 12;
/** The segment's group in the fabric, 4 raw words: what comes to it from a member is taken too. */
export const SG_GROUP = 14;

/** ARP requests go to all members; otherwise the router answers them. */
export const SEGMENT_ARP_FLOOD = 1;
/** The router is the network's DHCP server: no VM speaks as one. Without it a VM may. */
export const SEGMENT_DHCP = 2;

/** A VM here that is on a segment. */
export const LOCAL_WORDS = 4;
export const LO_PORT = 0;
/** One of the VM_… values of layout.ts: nothing is delivered to who is only expected. */
export const LO_STATE = 1;
/** Offset of its segment. */
export const LO_SEGMENT = 2;

/** Another hypervisor with members. */
export const REMOTE_WORDS = 8;
/** Its own address, outer destination and source of what is sent to it and by it; 4 raw words. */
export const RM_ADDRESS = 0;
export const RM_SEGMENT = 4;

/** A group that some, but not all, members of a segment listen to. */
export const LISTENED_WORDS = 12;
/** 4 raw words; an IPv4 group as ::ffff:a.b.c.d. */
export const LN_GROUP = 0;
export const LN_SEGMENT = 4;
/** In `listeners`: the first one, and how many; offsets of rows of `locals`, then of `remotes`. None of them gets every group. */
export const LN_LOCALS = 5;
export const LN_LOCAL_COUNT = 6;
export const LN_REMOTES = 7;
export const LN_REMOTE_COUNT = 8;

/** At a switch: how packets of one source to one group go on. */
export const MULTICAST_ROUTE_WORDS = 12;
/** 4 raw words each. */
export const MC_SOURCE = 0;
export const MC_GROUP = 4;
/** The port that they must come in by: the way to the source (reverse path check). */
export const MC_FROM = 8;
/** Ports that they go out of, in `multicastPorts`: the first one, and how many; MC_FROM is not among them. */
export const MC_PORTS = 9;
export const MC_PORT_COUNT = 10;

export interface SegmentTables {
  readonly segments: Int32Array;
  readonly locals: Int32Array;
  readonly remotes: Int32Array;
  readonly listened: Int32Array;
  readonly listeners: Int32Array;
  /** By port: offset in `locals` + 1; 0, and behind its end: on no segment. */
  readonly byPort: Int32Array;
  // Open-addressed hashes of offsets + 1, 0 when free; their sizes are powers of two.
  readonly segmentIndex: Int32Array;
  readonly remoteIndex: Int32Array;
  readonly listenedIndex: Int32Array;
  /** Ports that a packet to a segment's group leaves by, a copy each. */
  readonly uplinks: Int32Array;
  readonly multicastRoutes: Int32Array;
  readonly multicastPorts: Int32Array;
  readonly multicastIndex: Int32Array;
}

const none = new Int32Array(0);
const empty = new Int32Array(1);
export const NO_SEGMENTS: SegmentTables = {
  ...{ segments: none, locals: none, remotes: none, listened: none, listeners: none, byPort: none },
  ...{ segmentIndex: empty, remoteIndex: empty, listenedIndex: empty },
  ...{ uplinks: none, multicastRoutes: none, multicastPorts: none, multicastIndex: empty },
};

/** Hash of four raw words and a number. */
export function wordsHash(words: Int32Array, at: number, seed: number): number {
  return vmHash(vmHash(seed ^ words[at]!, words[at + 1]!), vmHash(words[at + 2]!, words[at + 3]!));
}

/** Offset of the segment that the VM at this port is on; −1: none. */
export function segmentOfPort(s: SegmentTables, port: number): number {
  const local = s.byPort[port] ?? 0;
  return local === 0 ? -1 : s.locals[local - 1 + LO_SEGMENT]!;
}

/** Offset of the segment of the network with these raw tags; −1: none of its VMs is here. */
export function segmentOfTags(s: SegmentTables, tags: number): number {
  const { segmentIndex, segments } = s;
  const mask = segmentIndex.length - 1;
  let slot = vmHash(tags, 0) & mask;
  for (let probes = 0; probes <= mask; probes++) {
    const entry = segmentIndex[slot]!;
    if (entry === 0) return -1;
    if (segments[entry - 1 + SG_TAGS] === tags) return entry - 1;
    slot = (slot + 1) & mask;
  }
  return -1;
}

/** Offset in `remotes` of the member of the segment whose address is at `word` of `words`; −1: it is no member. */
export function remoteMember(s: SegmentTables, segment: number, words: Int32Array, word: number): number {
  const { remoteIndex, remotes } = s;
  const mask = remoteIndex.length - 1;
  let slot = wordsHash(words, word, segment) & mask;
  for (let probes = 0; probes <= mask; probes++) {
    const entry = remoteIndex[slot]!;
    if (entry === 0) return -1;
    const at = entry - 1;
    if (remotes[at + RM_SEGMENT] === segment && areEqual(remotes, at + RM_ADDRESS, words, word)) return at;
    slot = (slot + 1) & mask;
  }
  return -1;
}

/**
 * Offset in `listened` of the group at `word` of `words` in this segment; −1: only who gets every group listens to it. For
 * groups that are snooped; all others go to all members (RFC 4541 §2.1.2).
 */
export function listenedGroup(s: SegmentTables, segment: number, words: Int32Array, word: number): number {
  const { listenedIndex, listened } = s;
  const mask = listenedIndex.length - 1;
  let slot = wordsHash(words, word, segment) & mask;
  for (let probes = 0; probes <= mask; probes++) {
    const entry = listenedIndex[slot]!;
    if (entry === 0) return -1;
    const at = entry - 1;
    if (listened[at + LN_SEGMENT] === segment && areEqual(listened, at + LN_GROUP, words, word)) return at;
    slot = (slot + 1) & mask;
  }
  return -1;
}

/** Offset in `multicastRoutes` of the IPv6 packet whose source and destination are at `word` of `words`; −1: nobody wants it. */
export function multicastRoute(s: SegmentTables, words: Int32Array, word: number): number {
  const { multicastIndex, multicastRoutes } = s;
  const mask = multicastIndex.length - 1;
  let slot = routeHash(words, word) & mask;
  for (let probes = 0; probes <= mask; probes++) {
    const entry = multicastIndex[slot]!;
    if (entry === 0) return -1;
    const at = entry - 1;
    const isIt = areEqual(multicastRoutes, at, words, word) && areEqual(multicastRoutes, at + 4, words, word + 4);
    if (isIt) return at;
    slot = (slot + 1) & mask;
  }
  return -1;
}

/** Of source and group, eight words. */
export const routeHash = (words: Int32Array, word: number): number =>
  wordsHash(words, word + MC_GROUP, wordsHash(words, word, 0));

function areEqual(a: Int32Array, at: number, b: Int32Array, from: number): boolean {
  return a[at] === b[from] && a[at + 1] === b[from + 1] && a[at + 2] === b[from + 2] && a[at + 3] === b[from + 3];
}
