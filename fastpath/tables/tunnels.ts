/**
 * Tunnels to other hypervisors: their addresses, what is known of the way there, and how much went in. Control adds and
 * removes, forwarders read; a binding's place names a tunnel by its index (bindings.ts).
 */
import { toHex } from "#base/bytes";

/** Indexes are 0 … MAX_TUNNELS − 1. */
export const MAX_TUNNELS = 65_535;
/** Outer IPv6 header and GRE with a key (RFC 2784, RFC 2890), octets: what a tunnel takes from the MTU. */
export const TUNNEL_HEADERS = 48;

// A tunnel's words.
/** 1: in use. */
const T_STATE = 0;
/** Path MTU, octets. */
const T_MTU = 1;
/** Doubles. */
const T_PACKETS = 2;
const T_OCTETS = 4;
/** Four raw words. */
const T_ADDRESS = 8;
const TUNNEL_WORDS = 16;

/** Nothing is known of the way but its first link. RFC 8201 §4: a path MTU is never less than IPv6's minimum. */
const UNKNOWN_MTU = 65_535;
const LEAST_MTU = 1280;

/** Up to {@link MAX_TUNNELS}; memory that no tunnel uses is never touched. */
export const createTunnelTable = (tunnels = MAX_TUNNELS): SharedArrayBuffer =>
  new SharedArrayBuffer(Math.min(tunnels, MAX_TUNNELS) * TUNNEL_WORDS * 4);

export class Tunnels {
  readonly words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #bytes: Uint8Array;
  readonly #size: number;
  /** Control's, who has one view for all its changes: index by address. */
  readonly #indexes = new Map<string, number>();
  /** Where the search for a free one goes on, so that an index rests for long before it is another's. */
  #next = 0;

  /** `buffer`: of createTunnelTable. */
  constructor(buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer);
    this.#doubles = new Float64Array(buffer);
    this.#bytes = new Uint8Array(buffer);
    this.#size = this.words.length / TUNNEL_WORDS;
  }

  /** Word index in `words` of the other end's address, 4 raw words. */
  addressAt(index: number): number {
    return index * TUNNEL_WORDS + T_ADDRESS;
  }

  /** Path MTU, octets of the outer packet; 65 535 until something less is known. */
  mtu(index: number): number {
    return this.words[index * TUNNEL_WORDS + T_MTU]!;
  }

  /** What goes into the tunnel: packets as they leave, octets of IP without the outer headers. Not exact, see Bindings.count. */
  count(index: number, packets: number, octets: number): void {
    const at = (index * TUNNEL_WORDS) >> 1;
    this.#doubles[at + T_PACKETS / 2]! += packets;
    this.#doubles[at + T_OCTETS / 2]! += octets;
  }

  counters(index: number): { readonly packets: number; readonly octets: number } {
    const at = (index * TUNNEL_WORDS) >> 1;
    return { packets: this.#doubles[at + T_PACKETS / 2]!, octets: this.#doubles[at + T_OCTETS / 2]! };
  }

  // ---- for the control thread ----

  /** Index of the tunnel to the 16-octet address, a new one if need be; −1: there is no room. */
  add(mag: Uint8Array): number {
    const known = this.find(mag);
    if (known >= 0) return known;
    const index = this.#free();
    if (index < 0) return -1;
    const at = index * TUNNEL_WORDS;
    this.#bytes.set(mag, this.addressAt(index) * 4);
    this.words[at + T_MTU] = UNKNOWN_MTU;
    this.#doubles[(at + T_PACKETS) >> 1] = 0;
    this.#doubles[(at + T_OCTETS) >> 1] = 0;
    Atomics.store(this.words, at + T_STATE, 1);
    this.#indexes.set(toHex(mag), index);
    return index;
  }

  /** Index of the tunnel to the address; −1: none. */
  find(mag: Uint8Array): number {
    return this.#indexes.get(toHex(mag)) ?? -1;
  }

  /** No binding's place is the tunnel any more: its index may become another's. */
  remove(index: number): void {
    const { words } = this;
    if (words[index * TUNNEL_WORDS + T_STATE] === 0) return;
    this.#indexes.delete(toHex(this.address(index)));
    Atomics.store(words, index * TUNNEL_WORDS + T_STATE, 0);
  }

  /** A copy of the other end's address, 16 octets. */
  address(index: number): Uint8Array {
    const at = this.addressAt(index) * 4;
    return Uint8Array.from(this.#bytes.subarray(at, at + 16));
  }

  /**
   * The way takes outer packets of so many octets; less than 1280 is not believed. Decisions are remembered with what fits:
   * the tables' generation is to be counted up after this.
   */
  setMtu(index: number, octets: number): void {
    this.words[index * TUNNEL_WORDS + T_MTU] = Math.max(LEAST_MTU, Math.min(octets, UNKNOWN_MTU));
  }

  /** Indexes in use, ascending. */
  *indexes(): Generator<number> {
    for (let i = 0; i < this.#size; i++) if (this.words[i * TUNNEL_WORDS + T_STATE] !== 0) yield i;
  }

  #free(): number {
    for (let i = 0; i < this.#size; i++) {
      const index = (this.#next + i) % this.#size;
      if (this.words[index * TUNNEL_WORDS + T_STATE] !== 0) continue;
      this.#next = index + 1;
      return index;
    }
    return -1;
  }
}
