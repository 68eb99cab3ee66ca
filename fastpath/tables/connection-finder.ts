/**
 * Finding a packet's connection, from either direction: the read-only half of the connection table. See connections.ts.
 */
import { BACK, ConnectionEntries, FORWARD } from "#fastpath/tables/connection-entries";
import { hashEnds } from "#fastpath/tables/connection-hash";
import {
  E_CONTROL,
  E_PORTS,
  E_PROTOCOL,
  E_SOURCE,
  ENTRY_WORDS,
  H_KEY,
  H_SETS,
  TAG_WORDS,
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

  /** Of the packet: 16 bits of its hash (never 0), the first slots of its two sets, and the slot that is tried first. */
  tag = 0;
  first = 0;
  second = 0;
  likely = 0;
  /** Nothing: what search() reads ahead has to go somewhere. */
  ahead = 0;

  readonly #words: Int32Array;
  readonly #key: Int32Array;
  /** A set's share of 2^32. */
  readonly #share: number;
  readonly #tags: number;
  readonly #firstEntry: number;
  readonly #order = new LoadOrder();

  /** `buffer`: of createConnectionTable. */
  constructor(buffer: SharedArrayBuffer) {
    this.entries = new ConnectionEntries(buffer);
    this.#words = this.entries.words;
    this.#key = this.#words.slice(H_KEY, H_KEY + 2);
    this.#share = this.#words[H_SETS]! / 0x1_0000_0000;
    this.#tags = this.entries.places.tags;
    this.#firstEntry = this.entries.places.entries;
  }

  /** Entry of the packet's connection; 0: none. Sets direction and version, changes nothing. `now`: ticks, 10 a second. */
  find(now: number): number {
    this.hash();
    return this.search(now);
  }

  /** As find(), where it may be this entry, of a hint; 0: it is not, or there is no hint. */
  findAt(entry: number, now: number): number {
    return entry !== 0 && this.isPackets(entry) && !this.entries.isExpired(entry, now) ? entry : 0;
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
    const hash = hashEnds(this.#key, p, (ports & 0xffff) | protocol, (ports >>> 16) | protocol);
    this.tag = hash & 0xffff || 1;
    // A set's number comes of the upper bits; those of the product have the lower ones in them, which the first has not.
    this.first = (((hash >>> 0) * this.#share) | 0) * WAYS;
    this.second = (((Math.imul(hash, 0x9e37_79b1) >>> 0) * this.#share) | 0) * WAYS;
    this.likely = this.first + (hash & (WAYS - 1));
  }

  /**
   * Entry of the packet, whose hash is known; 0: none. Six in ten lie where they are looked for first, and the processor,
   * betting on it, reads there before it has seen the tag.
   */
  search(now: number): number {
    const likely = this.likely + 1;
    this.ahead = this.#words[this.#tags + (this.second >> 1)]!; // on its way, should it be wanted
    if (this.entries.hasTag(likely, this.tag) && this.isPackets(likely))
      if (!this.entries.isExpired(likely, now)) return likely;
    for (let ways = this.waysWith(this.tag); ways !== 0; ways &= ways - 1) {
      const entry = this.entryOf(ways);
      if (this.isPackets(entry) && !this.entries.isExpired(entry, now)) return entry;
    }
    return 0;
  }

  /**
   * The ways, of the packet's two sets, with this tag; 0: those that are free. A bit each. Without branches: in which way
   * a connection lies, no processor can foresee, and who guesses wrong has wasted the time that memory takes.
   */
  waysWith(tag: number): number {
    const words = this.#words;
    const first = this.#tags + (this.first >> 1);
    const second = this.#tags + (this.second >> 1);
    const both = tag | (tag << 16);
    let ways = 0;
    for (let i = 0; i < TAG_WORDS; i++)
      ways = (ways >>> 1) | equalHalves(words[first + i]! ^ both) | (equalHalves(words[second + i]! ^ both) >>> 8);
    return ways;
  }

  /** Entry of the lowest of the ways, which are not none. */
  entryOf(ways: number): number {
    const bit = 31 - Math.clz32(ways & -ways);
    const isFirst = (bit >> 3) & 1; // reckoned with, as which set it is cannot be foreseen either
    return this.second + ((this.first - this.second) & -isFirst) + ((bit & 7) << 1) + (bit >> 4) + 1;
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
}

/** Bits 15 and 31: which halves of the word are 0. */
const equalHalves = (word: number): number => ~(((word & 0x7fff_7fff) + 0x7fff_7fff) | word) & 0x8000_8000;
