/**
 * The memory of a gateway's address and port translation: one SharedArrayBuffer that all forwarders and the control thread
 * see. The ends of connections are not here but in a connection table (nat.ts).
 *
 *   header │ pool addresses │ shares │ ranges │ blocks │ ports │ log │ subscribers │ bindings
 *
 * - A *pool address* is an outside IPv4 address of this gateway's. Its 65536 ports are cut into *blocks* of equal size.
 * - A *range* is a run of blocks of one address; a *share* is a list of ranges that one tenant, or several together, may
 *   use. A block belongs to one range, or to none and is never used.
 * - A *subscriber* is an inside address that has blocks, all of one pool address.
 * - A *binding* is an inside address, protocol and port, and the outside port that stands for it. The word of that port in
 *   `ports` says which, for each of three protocols: so an outside end is looked up by an index.
 *
 * Pages that were never written take no memory: the ports' words (786 kB an address) come as blocks are used.
 */
import { WAYS } from "#fastpath/tables/connection-layout";
import { type SlotArea, setsFor, slotArea } from "#fastpath/tables/keyed-slots";
import { raw } from "#fastpath/tables/snapshot";
import { PROTOCOL_ICMP4, PROTOCOL_ICMP6, PROTOCOL_TCP, PROTOCOL_UDP } from "#wire/protocol";

// Header, words.
const H_ADDRESSES = 0;
const H_BLOCK_BITS = 1;
const H_BINDING_SETS = 2;
const H_SUBSCRIBER_SETS = 3;
const H_SHARES = 4;
const H_RANGES = 5;
const H_LOG = 6;
/** Ticks: how long a port, or a block, that was given back rests; and how long a block without ports is kept. */
export const H_REST = 7;
export const H_LINGER = 8;
/** Two words, the hash's key. */
const H_KEY = 10;
/** Ticks by protocol index, 3 words: how long a binding without a connection is kept. */
export const H_IDLE = 12;
/** Events logged so far: a line of its own. */
export const H_LOGGED = 16;
/** The next binding and block that a sweep looks at. */
export const H_BINDING_CURSOR = 32;
export const H_BLOCK_CURSOR = 33;
const H_WORDS = 48;

// A share, words.
export const SHARE_WORDS = 4;
export const SH_FIRST_RANGE = 0;
export const SH_RANGES = 1;
/** Blocks a subscriber may have. */
export const SH_BLOCKS_EACH = 2;

// A range, words.
export const RANGE_WORDS = 4;
/** Index of its pool address. */
export const RG_ADDRESS = 0;
export const RG_FIRST_BLOCK = 1;
export const RG_BLOCKS = 2;
/** Blocks that are free and nobody has claimed. */
export const RG_FREE = 3;

// A block, words.
export const BLOCK_WORDS = 4;
/** 0: free; a subscriber (nat-subscribers.ts), negative while it is being taken away; RESTING. */
export const B_OWNER = 0;
/** Its ports in use, or about to be, of all protocols. */
export const B_USED = 1;
/** Tick when its last port, or the block, was given back. */
export const B_IDLE_SINCE = 2;
/** Its range, plus 1; 0: in no range. */
export const B_RANGE = 3;
/** Given back lately: nobody's, and not to be used yet. */
export const RESTING: number = -0x8000_0000;

/** A log record: its number plus 1, kind, tick, inside address (4 raw words), raw pool address, first port, ports. */
export const LOG_WORDS = 16;

export const SUBSCRIBER_WORDS = 32;
export const BINDING_WORDS = 16;
/** Blocks a subscriber may have at most. */
export const MOST_BLOCKS = 16;
/** Ports a pool address has for each protocol. */
export const PORTS = 65536;
/** Indexes of protocols, in `ports`. */
export const NAT_PROTOCOLS = 3;
const INDEX_TCP = 0;
const INDEX_UDP = 1;
const INDEX_ICMP = 2;

/** 0 … 2; −1: a protocol without ports or identifiers that could be changed. ICMPv6 counts as ICMP. */
export function protocolIndex(protocol: number): number {
  if (protocol === PROTOCOL_TCP) return INDEX_TCP;
  if (protocol === PROTOCOL_UDP) return INDEX_UDP;
  return protocol === PROTOCOL_ICMP4 || protocol === PROTOCOL_ICMP6 ? INDEX_ICMP : -1;
}

/** The protocol's number by its index; ICMP for all ICMP. */
export const PROTOCOL_OF_INDEX: readonly number[] = [PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP4];

export interface NatRange {
  /** Index in `addresses`. */
  readonly address: number;
  /** The first port and how many, multiples of `blockSize`; not 0, which is reserved. */
  readonly firstPort: number;
  readonly ports: number;
}

export interface NatShare {
  readonly ranges: readonly NatRange[];
  /** Blocks that an inside address may have, 1 … 16. */
  readonly blocksEach: number;
}

export interface NatPlan {
  /** The pool: IPv4 addresses, 4 octets each, 1 … 256 of them. */
  readonly addresses: readonly Uint8Array[];
  /** Ports of a block: a power of two, 16 … 4096. */
  readonly blockSize: number;
  /** A block belongs to one share at most. 1 … 65536 shares. */
  readonly shares: readonly NatShare[];
  /** Bindings and inside addresses there is sure to be room for: 1 … 2^22, 1 … 2^19. */
  readonly bindings: number;
  readonly subscribers: number;
  /** Events that the log keeps until they are read, 1 … 2^16. */
  readonly logged: number;
  /** Two secret random words. */
  readonly key: Int32Array;
  readonly timing?: NatTiming;
}

/** Seconds. */
export interface NatTiming {
  /** A port other than TCP's, and a block, is nobody's for so long after its use: 120 (RFC 6888 §3, REQ-8). */
  readonly rest: number;
  /** A block without ports in use is kept for so long, so that not every pause costs two events. */
  readonly linger: number;
  /** A binding is kept for so long since its last connection began, were the connection gone before. */
  readonly tcp: number;
  /** At least 120 (RFC 4787 §4.3, REQ-5). */
  readonly udp: number;
  /** At least 60 (RFC 5508 §3.2, REQ-2). */
  readonly icmp: number;
}

export const DEFAULT_NAT_TIMING: NatTiming = { rest: 120, linger: 60, tcp: 240, udp: 120, icmp: 60 };

/** Where the parts are; word indexes. */
export interface NatPlaces {
  readonly addressCount: number;
  readonly blockBits: number;
  readonly logRecords: number;
  readonly addresses: number;
  readonly shareCount: number;
  readonly shares: number;
  readonly ranges: number;
  readonly blocks: number;
  readonly blockCount: number;
  readonly ports: number;
  readonly log: number;
  readonly subscribers: SlotArea;
  readonly bindings: SlotArea;
}

export const hashKeyOf = (words: Int32Array): Int32Array => words.slice(H_KEY, H_KEY + 2);

export function natPlaces(header: Int32Array): NatPlaces {
  const addressCount = header[H_ADDRESSES]!;
  const blockBits = header[H_BLOCK_BITS]!;
  const blockCount = addressCount * (PORTS >> blockBits);
  const shares = lines(H_WORDS + addressCount);
  const ranges = lines(shares + header[H_SHARES]! * SHARE_WORDS);
  const blocks = lines(ranges + header[H_RANGES]! * RANGE_WORDS);
  const ports = lines(blocks + blockCount * BLOCK_WORDS);
  const log = ports + NAT_PROTOCOLS * addressCount * PORTS;
  const subscribers = slotArea(log + header[H_LOG]! * LOG_WORDS, header[H_SUBSCRIBER_SETS]!, SUBSCRIBER_WORDS);
  return {
    addressCount,
    blockBits,
    logRecords: header[H_LOG]!,
    addresses: H_WORDS,
    shareCount: header[H_SHARES]!,
    shares,
    ranges,
    blocks,
    blockCount,
    ports,
    log,
    subscribers,
    bindings: slotArea(subscribers.end, header[H_BINDING_SETS]!, BINDING_WORDS),
  };
}

/** Up to the next cache line. */
const lines = (word: number): number => (word + 15) & -16;

/** An empty table. Throws RangeError for sizes out of range, and for ranges that do not fit the blocks or overlap. */
export function createNatTable(plan: NatPlan): SharedArrayBuffer {
  refuseSizes(plan);
  const header = new Int32Array(H_WORDS);
  header[H_ADDRESSES] = plan.addresses.length;
  header[H_BLOCK_BITS] = Math.log2(plan.blockSize);
  header[H_BINDING_SETS] = setsFor(plan.bindings);
  header[H_SUBSCRIBER_SETS] = setsFor(plan.subscribers);
  header[H_SHARES] = plan.shares.length;
  header[H_RANGES] = plan.shares.reduce((sum, { ranges }) => sum + ranges.length, 0);
  header[H_LOG] = plan.logged;
  header.set(plan.key.subarray(0, 2), H_KEY);
  const places = natPlaces(header);
  const words = new Int32Array(new SharedArrayBuffer(places.bindings.end * 4));
  words.set(header);
  setNatTiming(words, plan.timing ?? DEFAULT_NAT_TIMING);
  plan.addresses.forEach((address, i) => {
    words[places.addresses + i] = raw(address);
  });
  writeShares(words, places, plan);
  return words.buffer as SharedArrayBuffer;
}

const TICKS = 10; // a second (connection-states.ts)

/** Other times, from now on. `words`: the whole table. */
export function setNatTiming(words: Int32Array, timing: NatTiming): void {
  words[H_REST] = timing.rest * TICKS;
  words[H_LINGER] = timing.linger * TICKS;
  words[H_IDLE + INDEX_TCP] = timing.tcp * TICKS;
  words[H_IDLE + INDEX_UDP] = timing.udp * TICKS;
  words[H_IDLE + INDEX_ICMP] = timing.icmp * TICKS;
}

function refuseSizes({ addresses, blockSize, shares, bindings, subscribers, logged }: NatPlan): void {
  const within = (value: number, low: number, high: number, what: string): void => {
    if (!(value >= low && value <= high)) throw new RangeError(`a NAT of ${value} ${what}`);
  };
  within(addresses.length, 1, 256, "pool addresses");
  within(shares.length, 1, 65536, "shares");
  within(bindings, 1, 1 << 22, "bindings");
  within(subscribers, 1, 1 << 19, "subscribers");
  within(logged, 1, 65536, "logged events");
  within(blockSize, 16, 4096, "ports in a block");
  if ((blockSize & (blockSize - 1)) !== 0) throw new RangeError(`blocks of ${blockSize} ports: no power of two`);
}

function writeShares(words: Int32Array, places: NatPlaces, plan: NatPlan): void {
  let range = 0;
  plan.shares.forEach(({ ranges, blocksEach }, i) => {
    if (!(blocksEach >= 1 && blocksEach <= MOST_BLOCKS)) throw new RangeError(`${blocksEach} blocks for an address`);
    const at = places.shares + i * SHARE_WORDS;
    words[at + SH_FIRST_RANGE] = range;
    words[at + SH_RANGES] = ranges.length;
    words[at + SH_BLOCKS_EACH] = blocksEach;
    for (const each of ranges) writeRange(words, places, range++, each);
  });
}

function writeRange(
  words: Int32Array,
  places: NatPlaces,
  range: number,
  { address, firstPort, ports }: NatRange,
): void {
  const size = 1 << places.blockBits;
  const end = firstPort + ports;
  if (!(firstPort % size === 0 && ports % size === 0 && ports > 0 && firstPort > 0 && end <= PORTS))
    throw new RangeError(`ports ${firstPort} to ${end - 1} in blocks of ${size}`);
  if (!(address >= 0 && address < places.addressCount)) throw new RangeError(`pool address ${address}`);
  const first = ((address * PORTS) >> places.blockBits) + firstPort / size;
  const at = places.ranges + range * RANGE_WORDS;
  words[at + RG_ADDRESS] = address;
  words[at + RG_FIRST_BLOCK] = first;
  words[at + RG_BLOCKS] = ports / size;
  words[at + RG_FREE] = ports / size;
  for (let block = first; block < first + ports / size; block++) {
    const own = places.blocks + block * BLOCK_WORDS + B_RANGE;
    if (words[own] !== 0) throw new RangeError(`port ${firstPort + (block - first) * size} is in two ranges`);
    words[own] = range + 1;
  }
}

/** Owners that the connection table of a NAT's sessions needs, one for each binding. `bindings`: as in the plan. */
export const sessionOwners = (bindings: number): number => setsFor(bindings) * WAYS + 1;
