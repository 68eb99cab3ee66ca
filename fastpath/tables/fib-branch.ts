/**
 * A branch of the forwarding table taken apart: what the writer changes, before it is packed into words again.
 * See fib-layout.ts for the words.
 */
import {
  BIT_ROUTES,
  BODY,
  bodyEnd,
  CHILD,
  FULL,
  headOf,
  kindOf,
  NODE,
  OWN,
  ones16,
  SPARSE,
  VALUE,
} from "#fastpath/tables/fib-layout";

/** More runs than this and 256 plain entries are worth their words; a full branch stays one down to half of it. */
const FULL_ABOVE = 64;

/** The code (2 … 511) of the last `bits` (1 … 8) bits that a route has in `octet`; from 256 on it is an octet route. */
export const codeOf = (octet: number, bits: number): number => (256 | octet) >>> (8 - bits);
/** How many bits the route with that code has in the branch's octet. */
export const codeBits = (code: number): number => 31 - Math.clz32(code);
/** First slot of the route with that code; it fills 2^(8−bits) slots. */
export const codeSlot = (code: number): number => (code << (8 - codeBits(code))) & 255;

export class Branch {
  /** Best leaf for each slot among the routes that end here; 0 none. */
  readonly leaf = new Int32Array(256);
  /** Node of the trie beneath each slot; 0 none. */
  readonly child = new Int32Array(256);
  /** Value of each bit route by its code, 2 … 255; 0 none. */
  readonly #bitRoutes = new Int32Array(256);
  #bitCount = 0;

  /** After {@link pack}: the words from the head on, without key. */
  readonly packed = new Int32Array(1 + 256 + 1 + 2 * 254);
  packedWords = 0;
  /** How many of them decide where an entry is found (head and chunks): equal ones may be changed entry by entry. */
  shapeWords = 0;
  /** How many of them forwarders read. */
  entriesEnd = 0;

  clear(): void {
    this.leaf.fill(0);
    this.child.fill(0);
    this.#bitRoutes.fill(0);
    this.#bitCount = 0;
  }

  unpack(memory: Int32Array, node: number): void {
    const head = memory[node + 1]!;
    if (kindOf(head) === FULL) this.#unpackFull(memory, node);
    else this.#unpackSparse(memory, node, head);
    if (this.#bitCount !== 0) this.#bitRoutes.fill(0);
    this.#bitCount = 0;
    if ((head & BIT_ROUTES) === 0) return;
    const list = node + bodyEnd(memory, node);
    this.#bitCount = memory[list]!;
    for (let i = 0; i < this.#bitCount; i++) this.#bitRoutes[memory[list + 1 + 2 * i]!] = memory[list + 2 + 2 * i]!;
  }

  #unpackFull(memory: Int32Array, node: number): void {
    for (let slot = 0; slot < 256; slot++) this.#place(slot, memory[node + BODY + slot]!, memory);
  }

  #unpackSparse(memory: Int32Array, node: number, head: number): void {
    const present = ((head >>> 17) << 1) | 1;
    let chunkAt = node + BODY;
    let entryAt = chunkAt + ones16(present) - 1;
    for (let first = 0; first < 256; first += 16) {
      const begins = (present >>> (first >>> 4)) & 1 ? memory[chunkAt++]! : 0;
      for (let i = 0; i < 16; i++) {
        entryAt += (begins >>> i) & 1;
        this.#place(first + i, memory[entryAt]!, memory);
      }
    }
  }

  #place(slot: number, entry: number, memory: Int32Array): void {
    this.child[slot] = entry < 0 ? entry & NODE : 0;
    this.leaf[slot] = entry < 0 ? memory[entry & NODE]! : entry;
  }

  /** Value of the route with that code; 0 none. */
  get(code: number): number {
    if (code < 256) return this.#bitRoutes[code]!;
    const leaf = this.leaf[code & 255]!;
    return leaf & OWN ? leaf & VALUE : 0;
  }

  /** Adds, replaces or (value 0) removes the route with that code. */
  set(code: number, value: number): void {
    if (code >= 256) {
      const slot = code & 255;
      this.leaf[slot] = value === 0 ? this.#cover(slot) : OWN | value;
      return;
    }
    this.#bitCount += Number(value !== 0) - Number(this.#bitRoutes[code] !== 0);
    this.#bitRoutes[code] = value;
    const first = codeSlot(code);
    const end = first + (1 << (8 - codeBits(code)));
    for (let slot = first; slot < end; slot++) if ((this.leaf[slot]! & OWN) === 0) this.leaf[slot] = this.#cover(slot);
  }

  /** Value of the longest bit route over a slot. */
  #cover(slot: number): number {
    for (let code = (256 | slot) >>> 1; code > 1; code >>>= 1) {
      const value = this.#bitRoutes[code]!;
      if (value !== 0) return value;
    }
    return 0;
  }

  /** Routes and children together; the count ends at 2. */
  items(): number {
    let items = Math.min(this.#bitCount, 2);
    for (let slot = 0; slot < 256 && items < 2; slot++) {
      items += Number(this.child[slot] !== 0) + Number((this.leaf[slot]! & OWN) !== 0);
    }
    return Math.min(items, 2);
  }

  /** Lowest code that has a route; 0 none. */
  firstRoute(): number {
    for (let code = 2; code < 512; code++) if (this.get(code) !== 0) return code;
    return 0;
  }

  /** Fills {@link packed} for a branch that compares `matchBits`; a branch that is full stays so a little longer. */
  pack(keys: number, matchBits: number, wasFull: boolean): void {
    let runs = 1;
    for (let slot = 1; slot < 256; slot++) if (this.#entry(slot) !== this.#entry(slot - 1)) runs++;
    const full = runs > (wasFull ? FULL_ABOVE / 2 : FULL_ABOVE);
    this.packed[0] = headOf(full ? FULL : SPARSE, keys, matchBits) | (this.#bitCount > 0 ? BIT_ROUTES : 0);
    if (full) this.#packFull();
    else this.#packSparse();
    this.#packBitRoutes();
  }

  #entry(slot: number): number {
    const child = this.child[slot]!;
    return child !== 0 ? CHILD | child : this.leaf[slot]!;
  }

  #packFull(): void {
    for (let slot = 0; slot < 256; slot++) this.packed[1 + slot] = this.#entry(slot);
    this.shapeWords = 1;
    this.entriesEnd = 257;
  }

  #packSparse(): void {
    const { packed } = this;
    let present = 0;
    let chunks = 0;
    for (let first = 0; first < 256; first += 16) {
      const bitmap = this.#begins(first);
      if (bitmap === 0) continue;
      present |= 1 << (first >>> 4);
      packed[++chunks] = bitmap;
    }
    packed[0]! |= (present >>> 1) << 17;
    // Offsets from the node, whose head is packed[0]: the entry at packed[i] is i+1 words from it.
    let end = chunks + 1;
    for (let chunk = 1; chunk <= chunks; chunk++) {
      const bitmap = packed[chunk]!;
      packed[chunk] = (end << 16) | bitmap;
      end += ones16(bitmap);
    }
    this.shapeWords = chunks + 1;
    this.entriesEnd = end;
    let at = chunks + 1;
    for (let slot = 0; slot < 256; slot++) {
      if (slot === 0 || this.#entry(slot) !== this.#entry(slot - 1)) packed[at++] = this.#entry(slot);
    }
  }

  /** Which of the 16 slots from `first` begin a run. */
  #begins(first: number): number {
    let bitmap = 0;
    for (let i = 0; i < 16; i++) {
      const slot = first + i;
      if (slot === 0 || this.#entry(slot) !== this.#entry(slot - 1)) bitmap |= 1 << i;
    }
    return bitmap;
  }

  #packBitRoutes(): void {
    const { packed } = this;
    let at = this.entriesEnd;
    if (this.#bitCount > 0) {
      packed[at++] = this.#bitCount;
      for (let code = 2; code < 256; code++) {
        const value = this.#bitRoutes[code]!;
        if (value === 0) continue;
        packed[at++] = code;
        packed[at++] = value;
      }
    }
    this.packedWords = at;
  }
}
