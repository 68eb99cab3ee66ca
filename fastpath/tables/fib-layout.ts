/**
 * How the forwarding table lies in shared memory: what the writer builds and the reader walks.
 *
 * The table is a trie over the address's 16 octets with path compression. Everything is a 32-bit word; a *node* is named
 * by the word index of its default, its key lies before it. Three kinds, chosen by how much is beneath:
 *
 *   tail     one route and nothing else
 *   sparse   a branch over one octet, run-length coded: a run of equal slots is one entry (after Lulea: Degermark et
 *            al., "Small forwarding tables for fast routing lookups", SIGCOMM 1997)
 *   full     a branch over one octet with 256 entries: no arithmetic to read it, one store to change it
 *
 *     node−keys … node−1   the address words (as they lie in a packet) that must match, last one next to the node,
 *                          its bits beyond matchBits zero; they begin with the word of the first octet not yet compared
 *     node                 default: best leaf among the routes that end in the parent's slot; 0 none
 *     node+1               head
 *     node+2 …             tail: leaf │ full: 256 entries │ sparse: chunks, then entries
 *     after the entries    when BIT_ROUTES: a count, then (code, value) pairs. Only the writer reads them.
 *
 *   head   kind 0–1 │ keys 2–4 │ matchBits 5–12 │ BIT_ROUTES 13 │ 14–16 zero │ chunks present 17–31
 *   entry  0 nothing │ leaf │ CHILD + node of the trie beneath this slot
 *   leaf   value 0–29 │ OWN 30: a route ends exactly in this slot (an *octet route*, length 8·octet+8)
 *
 * A *bit route* ends inside a branch's octet (length 8·octet+1 … 8·octet+7) and fills several slots. It is kept under its
 * code: a one followed by the route's bits of that octet, 2 … 255.
 *
 * Sparse: the 256 slots are 16 chunks of 16. Bit i of a chunk says that slot i begins a run. A chunk where none begins is
 * left out; chunk 0 is always there. A chunk word is bitmap 0–15 │ offset from the node to the entry before its first.
 */

export const ROOT = 1; // word index of the entry for the empty prefix
export const HEAP = 16; // word index where nodes begin: a cache line of its own for the root

/** Branches for 16 octets and a tail: no lookup follows more entries, whatever the memory holds. */
export const MAX_HOPS = 17;

export const CHILD = 0x8000_0000 | 0;
export const NODE = 0x7fff_ffff;
export const OWN = 0x4000_0000;
export const VALUE = 0x3fff_ffff;

export const TAIL = 1;
export const SPARSE = 2;
export const FULL = 3;

export const BIT_ROUTES = 1 << 13;
export const BODY = 2; // words from the node to its body

export const kindOf = (head: number): number => head & 3;
export const keysOf = (head: number): number => (head >>> 2) & 7;
/** Bits that the key compares, from the address's first: 8·octet of a branch, a tail's prefix length. */
export const matchBitsOf = (head: number): number => (head >>> 5) & 255;
/** Bit c−1: chunk c is present. */
export const chunksOf = (head: number): number => head >>> 17;

export const headOf = (kind: number, keys: number, matchBits: number): number => kind | (keys << 2) | (matchBits << 5);
export const withKeys = (head: number, keys: number): number => (head & ~(7 << 2)) | (keys << 2);

/** Key words for a node whose first octet not yet compared is `from`. */
export const keysFor = (from: number, matchBits: number): number =>
  matchBits > 8 * from ? ((matchBits - 1) >>> 5) - (from >>> 2) + 1 : 0;

/** Index r: mask of a word's first r bits in the order of the wire, seen on a little-endian machine; 0 means all 32. */
export const FIRST_BITS: Int32Array = Int32Array.from({ length: 32 }, (_, bits) =>
  bits === 0 ? -1 : ((1 << (bits & 24)) - 1) | (((0xff00 >> (bits & 7)) & 0xff) << (bits & 24)),
);

const ONES = Uint8Array.from({ length: 256 }, (_, octet) => {
  let ones = 0;
  for (let rest = octet; rest !== 0; rest &= rest - 1) ones++;
  return ones;
});

/** Number of ones in `x`, 0 … 0xffff. By table: two loads from four hot cache lines beat twelve dependent operations. */
export const ones16 = (x: number): number => ONES[x & 255]! + ONES[x >>> 8]!;

/** Word index of a sparse node's entry for `slot` (0 … 255). */
export function sparseEntry(memory: Int32Array, node: number, head: number, slot: number): number {
  const number = slot >>> 4;
  const present = head >>> 17;
  const chunk = memory[node + BODY + ones16(present & ((1 << number) - 1))]!;
  // Where no run begins in the slot's own chunk, all of the chunk before it counts.
  const mask = (((present << 1) | 1) >>> number) & 1 ? (2 << (slot & 15)) - 1 : 0xffff;
  return node + (chunk >>> 16) + ones16(chunk & mask);
}

/** Words from the node to the end of its entries (a tail: its leaf). */
export function bodyEnd(memory: Int32Array, node: number): number {
  const head = memory[node + 1]!;
  switch (kindOf(head)) {
    case TAIL:
      return BODY + 1;
    case FULL:
      return BODY + 256;
    default:
      return sparseEntry(memory, node, head, 255) - node + 1;
  }
}

/** Words of the node's block, key included; the block begins at `node − keysOf(head)`. */
export function nodeWords(memory: Int32Array, node: number): number {
  const head = memory[node + 1]!;
  const end = bodyEnd(memory, node);
  return keysOf(head) + end + (head & BIT_ROUTES ? 1 + 2 * memory[node + end]! : 0);
}

/** Writes the key of a node (its place and head are settled): the words of an address that it has to match. */
export function writeKey(memory: Int32Array, node: number, address: Int32Array): void {
  const head = memory[node + 1]!;
  const bits = matchBitsOf(head);
  const keys = keysOf(head);
  if (keys === 0) return;
  const last = (bits - 1) >>> 5;
  memory[node - 1] = address[last]! & FIRST_BITS[bits & 31]!;
  for (let i = 1; i < keys; i++) memory[node - 1 - i] = address[last - i]!;
}

/** Puts a node's key over `address`, which already has the octets before it. */
export function readKey(memory: Int32Array, node: number, address: Int32Array): void {
  const head = memory[node + 1]!;
  const last = (matchBitsOf(head) - 1) >>> 5;
  for (let i = 0; i < keysOf(head); i++) address[last - i] = memory[node - 1 - i]!;
}
