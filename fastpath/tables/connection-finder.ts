/**
 * Finding a packet's connection, from either direction: the read-only half of the connection table. See connections.ts.
 */
import { BACK, ConnectionEntries, FORWARD } from "#fastpath/tables/connection-entries";
import { hashEnd, secondHash, setOf } from "#fastpath/tables/connection-hash";
import {
  E_CONTROL,
  E_PORTS,
  E_PROTOCOL,
  E_SOURCE,
  ENTRY_WORDS,
  H_KEY,
  H_SETS,
  WAYS,
} from "#fastpath/tables/connection-layout";
import { FIRST_STATE, STATE_BITS, STATE_MASK } from "#fastpath/tables/connection-states";
import { LoadOrder } from "#fastpath/tables/load-order";

/** A described packet, words of {@link Connections.packet}. An end's address: 0, 0, tags, IPv4, or IPv6; 4 raw words. */
export const C_SOURCE = 0;
export const C_DESTINATION = 4;
/** Raw, source in the low half (as Frame.ports). ICMP echo: the identifier twice. Protocols without ports: 0. */
export const C_PORTS = 8;
/** ICMP's is the same number at both ends' hypervisors only if the caller makes it so; 0 … 255. */
export const C_PROTOCOL = 9;
/** TCP: flags octet, sequence and acknowledgment number in host order. */
export const C_FLAGS = 10;
export const C_SEQUENCE = 11;
export const C_ACKNOWLEDGMENT = 12;
const C_WORDS = 13;

export class ConnectionFinder {
  readonly entries: ConnectionEntries;
  /** The packet that all is about; C_ words. */
  readonly packet: Int32Array = new Int32Array(C_WORDS);
  /** FORWARD or BACK: the packet's direction in what was found. */
  direction: number = FORWARD;
  /** Version of what was found. */
  version = 0;

  /** Of the packet: its hash (never 0), the first slots of its two sets, and the slot in the first that is tried first. */
  tag = 0;
  first = 0;
  second = 0;
  likely = 0;

  readonly #words: Int32Array;
  readonly #key: Int32Array;
  readonly #sets: number;
  readonly #tags: number;
  readonly #firstEntry: number;
  readonly #order = new LoadOrder();

  /** `buffer`: of createConnectionTable. */
  constructor(buffer: SharedArrayBuffer) {
    this.entries = new ConnectionEntries(buffer);
    this.#words = this.entries.words;
    this.#key = this.#words.slice(H_KEY, H_KEY + 2);
    this.#sets = this.#words[H_SETS]!;
    this.#tags = this.entries.places.tags;
    this.#firstEntry = this.entries.places.entries;
  }

  /** Entry of the packet's connection; 0: none. Sets direction and version, changes nothing. `now`: ticks, 10 a second. */
  find(now: number): number {
    this.hash();
    return this.search(now);
  }

  /**
   * Entry of the connection that the packet, quoted in an ICMP error, belongs to; 0: none, the error is about nothing we
   * forwarded. `direction` becomes the error's: it goes against the packet it quotes. The entry is not used thereby:
   * errors keep no connection alive.
   */
  findQuoted(now: number): number {
    const entry = this.find(now);
    if (entry !== 0) this.direction ^= BACK;
    return entry;
  }

  /** To be called once for each packet, before what is below. */
  hash(): void {
    const p = this.packet;
    const ports = p[C_PORTS]!;
    const protocol = p[C_PROTOCOL]! << 16;
    const sum =
      hashEnd(this.#key, p, C_SOURCE, (ports & 0xffff) | protocol) +
      hashEnd(this.#key, p, C_DESTINATION, (ports >>> 16) | protocol);
    const hash = sum | 0;
    this.tag = hash === 0 ? 1 : hash;
    this.first = setOf(hash, this.#sets) * WAYS;
    this.second = setOf(secondHash(hash), this.#sets) * WAYS;
    this.likely = this.first + (this.tag & (WAYS - 1));
  }

  /** Entry of the packet, whose hash is known; 0: none. */
  search(now: number): number {
    const words = this.#words;
    const likely = this.likely + 1;
    if (words[this.#tags + this.likely] === this.tag && this.isPackets(likely))
      if (!this.entries.isExpired(likely, now)) return likely;
    const entry = this.#searchSet(this.first, now);
    return entry !== 0 ? entry : this.#searchSet(this.second, now);
  }

  #searchSet(slot: number, now: number): number {
    const words = this.#words;
    const tag = this.tag;
    const from = this.#tags + slot;
    for (let i = 0; i < WAYS; i++) {
      if (words[from + i] !== tag) continue;
      const entry = slot + i + 1;
      if (this.isPackets(entry) && !this.entries.isExpired(entry, now)) return entry;
    }
    return 0;
  }

  /** True when the entry is of the packet's connection, either way. Sets direction and version. */
  isPackets(entry: number): boolean {
    const words = this.#words;
    const at = this.#firstEntry + (entry - 1) * ENTRY_WORDS;
    const control = words[at + E_CONTROL]!;
    if ((control & STATE_MASK) < FIRST_STATE) return false;
    this.#order.keep();
    const direction = this.#compare(at);
    if (direction < 0) return false;
    this.#order.keep();
    // The state may have changed, the key only with the version.
    const after = words[at + E_CONTROL]!;
    if (after >>> STATE_BITS !== control >>> STATE_BITS || (after & STATE_MASK) < FIRST_STATE) return false;
    this.direction = direction;
    this.version = control >>> STATE_BITS;
    return true;
  }

  /** FORWARD or BACK if the key at word `at` is the packet's; −1: it is not. */
  #compare(at: number): number {
    const words = this.#words;
    const p = this.packet;
    const ports = p[C_PORTS]!;
    if ((words[at + E_PROTOCOL]! & 0xff) !== p[C_PROTOCOL]) return -1;
    const same = at + E_SOURCE;
    if (
      words[at + E_PORTS] === ports &&
      ((words[same]! ^ p[0]!) |
        (words[same + 1]! ^ p[1]!) |
        (words[same + 2]! ^ p[2]!) |
        (words[same + 3]! ^ p[3]!) |
        (words[same + 4]! ^ p[4]!) |
        (words[same + 5]! ^ p[5]!) |
        (words[same + 6]! ^ p[6]!) |
        (words[same + 7]! ^ p[7]!)) ===
        0
    )
      return FORWARD;
    if (
      words[at + E_PORTS] === ((ports << 16) | (ports >>> 16)) &&
      ((words[same]! ^ p[4]!) |
        (words[same + 1]! ^ p[5]!) |
        (words[same + 2]! ^ p[6]!) |
        (words[same + 3]! ^ p[7]!) |
        (words[same + 4]! ^ p[0]!) |
        (words[same + 5]! ^ p[1]!) |
        (words[same + 6]! ^ p[2]!) |
        (words[same + 7]! ^ p[3]!)) ===
        0
    )
      return BACK;
    return -1;
  }

  /** Slots in the order that lookups go: −1 … 31. */
  slotAt(i: number): number {
    if (i < 0) return this.likely;
    return i < WAYS ? this.first + i : this.second + i - WAYS;
  }
}
