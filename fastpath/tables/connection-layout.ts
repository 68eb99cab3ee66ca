/**
 * The connection table's memory: one SharedArrayBuffer that all forwarders and the control thread see. Set-associative:
 * a connection may lie in any of the 16 ways of two sets, which its hash chooses; so a lookup looks at two cache
 * lines of tags at most, and a full table shows only when 32 ways are taken.
 *
 *   header │ owners │ tags: 8 words a set │ entries: 32 words each
 *
 * A slot's tag is 0 while it is free. An entry's *control* word says its state and version. It is written last when an
 * entry is made and first when one goes; connection-entries.ts has the protocol. What every packet may write (counters,
 * acknowledgments) lies in the entry's second cache line: who only asks for a connection shares the first with forwarders
 * that do not write it. Words called *raw* hold octets in network order as they lie in memory.
 */
import { DEFAULT_TIMEOUTS, type Timeouts, timeoutTicks } from "#fastpath/tables/connection-states";

export const WAYS = 16;
/** A set's tags: 16 bits a way, so that two sets share a cache line. */
export const TAG_WORDS: number = WAYS / 2;

// Header, words.
export const H_SETS = 0;
export const H_OWNERS = 1;
/** Two words, the hash's key. */
export const H_KEY = 2;
/** Ticks by state, 17 words. */
export const H_TIMEOUTS = 16;
/** The next slot that a sweep looks at, and the next version that no entry had: a line of its own, they are written often. */
export const H_CURSOR = 48;
export const H_VERSION = 49;
export const H_WORDS = 64;

// An owner's record, words.
export const OWNER_WORDS = 2;
export const O_COUNT = 0;
export const O_QUOTA = 1;

// An entry, words: 128 octets, two cache lines.
export const ENTRY_WORDS = 32;
/** Version << STATE_BITS | state. */
export const E_CONTROL = 0;
/** Tick of last use. */
export const E_USED = 1;
/** The first packet's source and destination address, 4 raw words each. */
export const E_SOURCE = 2;
export const E_DESTINATION = 6;
/** The first packet's ports, raw: source in the low half. */
export const E_PORTS = 10;
/** Owner << 8 | protocol. */
export const E_PROTOCOL = 11;
/** Number of the rule that allowed it. */
export const E_RULE = 12;
/** Generation of the rules it was judged by, mixed with the version (connections.ts). */
export const E_GENERATION = 13;
/** Tick of its first packet. */
export const E_MADE = 14;

/** TCP: sequence number after the SYN of the end that began. Here, so that a first packet writes one line only. */
export const E_START = 15;
/** The forward side, and the back side behind it; all 0 in a free slot. */
export const E_SIDES = 16;

// A side of an entry: what the packets of one direction say. Words.
export const SIDE_WORDS = 8;
/** Doubles. */
export const S_PACKETS = 0;
export const S_OCTETS = 2;
/** TCP: what this end acknowledged last, the sequence number it expects. */
export const S_ACKNOWLEDGED = 4;
/** TCP: sequence number after this end's SYN. The back side's only, see E_START. */
export const S_START = 5;

/** Where the parts are; word indexes. */
export interface Places {
  readonly owners: number;
  readonly tags: number;
  readonly entries: number;
  readonly words: number;
}

export function placesOf(sets: number, owners: number): Places {
  const tags = upTo(WAYS, H_WORDS + owners * OWNER_WORDS);
  const entries = upTo(ENTRY_WORDS, tags + sets * TAG_WORDS);
  return { owners: H_WORDS, tags, entries, words: entries + sets * WAYS * ENTRY_WORDS };
}

export interface ConnectionTableSize {
  /** Connections there is sure to be room for, 1 … 2^22. There are a quarter more slots, so that sets even out. */
  readonly entries: number;
  /** Owners are 0 … owners − 1; 1 … 2^23: ports, or the bindings of a NAT (nat.ts). */
  readonly owners: number;
  /** Entries an owner may have, unless changed for it. */
  readonly quota: number;
  /** Two secret random words. */
  readonly key: Int32Array;
  readonly timeouts?: Timeouts;
}

/** An empty table. Throws RangeError for sizes out of range. */
export function createConnectionTable(size: ConnectionTableSize): SharedArrayBuffer {
  const { entries, owners, quota, key } = size;
  if (!(entries >= 1 && entries <= 1 << 22)) throw new RangeError(`a table of ${entries} connections`);
  if (!(owners >= 1 && owners <= 1 << 23)) throw new RangeError(`${owners} owners of connections`);
  const sets = Math.ceil((entries * 1.25) / WAYS) + 1;
  const places = placesOf(sets, owners);
  const buffer = new SharedArrayBuffer(places.words * 4);
  const words = new Int32Array(buffer);
  words[H_SETS] = sets;
  words[H_OWNERS] = owners;
  words[H_KEY] = key[0]!;
  words[H_KEY + 1] = key[1]!;
  words.set(timeoutTicks(size.timeouts ?? DEFAULT_TIMEOUTS), H_TIMEOUTS);
  for (let i = 0; i < owners; i++) words[places.owners + i * OWNER_WORDS + O_QUOTA] = quota;
  return buffer;
}

/** The next multiple of a power of two. */
const upTo = (multiple: number, words: number): number => (words + multiple - 1) & -multiple;
