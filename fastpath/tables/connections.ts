/**
 * The connection table as a forwarder uses it: which connection does a packet belong to, what does the packet do to it,
 * may a new one begin. Bounded in every way, without locks, without allocation. The memory is connection-layout.ts, an
 * entry's life connection-entries.ts, the states connection-states.ts.
 *
 * For a packet: describe it in {@link Connections.packet}, {@link Connections.find}, and {@link Connections.advance} what
 * was found. Nothing found, or advance() says 0: the rules judge it as the first packet of a connection, and
 * {@link Connections.insert} if they allow it. A decision remembered elsewhere is remembered with entry and version, and
 * {@link Connections.touch} says whether it still holds.
 *
 * One entry a connection: two threads that insert the same at once both publish, and *then* look for the other's. The
 * stores are sequentially consistent, so at least one of them sees both; who does removes the one that a lookup would find
 * later. That is the same one for all, so one stays. For a moment some may use the other: they find its version gone.
 */
import { BACK, ConnectionEntries, FORWARD } from "#fastpath/tables/connection-entries";
import { hashEnd } from "#fastpath/tables/connection-hash";
import {
  E_CONTROL,
  E_DESTINATION,
  E_PORTS,
  E_PROTOCOL,
  E_SOURCE,
  E_USED,
  ENTRY_WORDS,
  H_KEY,
  H_SETS,
  H_TIMEOUTS,
  WAYS,
} from "#fastpath/tables/connection-layout";
import {
  CLAIMED,
  EVENTS,
  FIRST_STATE,
  FREE,
  FROM_BACK,
  GONE,
  ICMP_NEW,
  NEXT,
  NOTHING,
  OTHER_NEW,
  PACKET,
  REPLACEABLE,
  STATE_BITS,
  STATE_MASK,
  STAY,
  UDP_NEW,
} from "#fastpath/tables/connection-states";
import { firstTcpState, noteSegment, type Segment, tcpEvent } from "#fastpath/tables/connection-tcp";

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

/** insert(): no entry for such a packet (a RST begins nothing); the rules decide alone. */
export const NONE = 0;
/** insert(): no room within reach, and nothing there that may be replaced. */
export const REFUSED_FULL: number = -1;
/** insert(): the owner has as many as it may. */
export const REFUSED_QUOTA: number = -2;

const TCP = 6;
const UDP = 17;
const ICMP4 = 1;
const ICMP6 = 58;

/** Times that another thread may take the chosen place away before the packet is given up. */
const TRIES = 8;
const LOADS_IN_ORDER: boolean = process.arch === "x64";
const ANY_OWNER = -1;
/** Free ways of a set that takes all that has it first: more than 4 and the quarter of spare slots would not do. */
const UNCROWDED = 6;

export class Connections {
  readonly entries: ConnectionEntries;
  /** The packet that find, advance and insert are about; C_ words. */
  readonly packet: Int32Array = new Int32Array(C_WORDS);
  /** FORWARD or BACK: the packet's direction in what was found or inserted. */
  direction: number = FORWARD;
  /** Version of what was found or inserted. */
  version = 0;

  readonly #words: Int32Array;
  readonly #key: Int32Array;
  readonly #sets: number;
  readonly #tags: number;
  readonly #firstEntry: number;
  readonly #fence = new Int32Array(1);
  readonly #segment: Segment = { mine: 0, theirs: 0, flags: 0, sequence: 0, acknowledgment: 0 };
  /** Of the packet: its hash (never 0), the first slots of its two sets, and the slot in the first that is tried first. */
  #tag = 0;
  #first = 0;
  #second = 0;
  #likely = 0;
  #peeked = 0;
  /** Control word that the place chosen last was chosen by. */
  #control = 0;

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
    this.#hash();
    return this.#search(now);
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

  /** The entry is in use, by a packet that changes no state. False: it is gone, or another's. */
  touch(entry: number, version: number, now: number): boolean {
    const words = this.#words;
    const at = this.#firstEntry + (entry - 1) * ENTRY_WORDS;
    const control = words[at + E_CONTROL]!;
    const state = control & STATE_MASK;
    if (control >>> STATE_BITS !== version || state < FIRST_STATE) return false;
    const idle = (now - words[at + E_USED]!) | 0;
    if (idle > words[H_TIMEOUTS + state]!) return false;
    if (idle > 0) words[at + E_USED] = now;
    return true;
  }

  /**
   * The packet passed on its connection, in this direction. Returns the entry's state; 0: the entry is gone, or has just
   * been removed because the packet begins a new connection the other way. The packet is then to be judged as a first one.
   */
  advance(entry: number, version: number, direction: number, now: number): number {
    if (!this.touch(entry, version, now)) return 0;
    const words = this.#words;
    const at = this.#firstEntry + (entry - 1) * ENTRY_WORDS + E_CONTROL;
    for (let i = 0; i < TRIES; i++) {
      const control = words[at]!;
      const state = control & STATE_MASK;
      if (control >>> STATE_BITS !== version || state < FIRST_STATE) return 0;
      const event = this.#event(entry, direction, state);
      if (event === NOTHING) return state;
      const cell = NEXT[state * EVENTS + event + (direction === BACK ? FROM_BACK : 0)]!;
      if (cell === GONE) {
        this.entries.remove(entry, version);
        return 0;
      }
      const next = cell === STAY ? state : cell;
      if (next !== state && Atomics.compareExchange(words, at, control, (control & ~STATE_MASK) | next) !== control)
        continue; // the other direction was faster
      if (this.packet[C_PROTOCOL] === TCP) noteSegment(words, state, next, this.#segment);
      return next;
    }
    return words[at]! & STATE_MASK;
  }

  /**
   * A connection begins with the packet, which the rules of `generation` allowed by their rule `rule`. `owner`: whom the
   * entry is counted for. Returns the entry (another thread's, if it was faster), NONE, REFUSED_FULL or REFUSED_QUOTA.
   */
  insert(owner: number, generation: number, rule: number, now: number): number {
    const { entries } = this;
    this.#hash();
    const known = this.#search(now);
    if (known !== 0 && this.advance(known, this.version, this.direction, now) !== 0) return known;
    const state = this.#firstState();
    if (state === 0) return NONE;
    const within = entries.reserve(owner);
    const entry = this.#take(within ? ANY_OWNER : owner, now);
    if (entry === 0) {
      if (!within) return REFUSED_QUOTA;
      entries.giveBack(owner);
      return REFUSED_FULL;
    }
    if (!within) entries.exchange(owner);
    entries.begin(entry, now, generation, rule);
    this.#write(entry, owner, state);
    this.direction = FORWARD;
    this.version = entries.version(entry);
    entries.publish(entry, state);
    return this.#settle(entry, now);
  }

  // ---- finding ----

  #hash(): void {
    const p = this.packet;
    const ports = p[C_PORTS]!;
    const protocol = p[C_PROTOCOL]! << 16;
    const sum =
      hashEnd(this.#key, p, C_SOURCE, (ports & 0xffff) | protocol) +
      hashEnd(this.#key, p, C_DESTINATION, (ports >>> 16) | protocol);
    const hash = sum | 0;
    this.#tag = hash === 0 ? 1 : hash;
    let other = Math.imul(hash ^ (hash >>> 15), 0x85eb_ca6b);
    other ^= other >>> 13;
    other = Math.imul(other, 0xc2b2_ae35);
    this.#first = this.#setOf(hash);
    this.#second = this.#setOf(other);
    this.#likely = this.#first + (this.#tag & (WAYS - 1));
  }

  /** First slot of the set that a hash falls into: its share of 2^32, as large for all sets. */
  #setOf(hash: number): number {
    return Math.floor((hash >>> 0) * this.#sets * (1 / 0x1_0000_0000)) * WAYS;
  }

  /** Entry of the packet, whose hash is known; 0: none. */
  #search(now: number): number {
    const words = this.#words;
    const likely = this.#likely + 1;
    // Asked for before it is known to be the one, so that memory is at work on it while the tags are read.
    this.#peeked = words[this.#firstEntry + this.#likely * ENTRY_WORDS]!;
    if (words[this.#tags + this.#likely] === this.#tag && this.#isPackets(likely))
      if (!this.entries.isExpired(likely, now)) return likely;
    const entry = this.#searchSet(this.#first, now);
    return entry !== 0 ? entry : this.#searchSet(this.#second, now);
  }

  #searchSet(slot: number, now: number): number {
    const words = this.#words;
    const tag = this.#tag;
    const from = this.#tags + slot;
    for (let i = 0; i < WAYS; i++) {
      if (words[from + i] !== tag) continue;
      const entry = slot + i + 1;
      if (this.#isPackets(entry) && !this.entries.isExpired(entry, now)) return entry;
    }
    return 0;
  }

  /** True when the entry is of the packet's connection, either way. Sets direction and version. */
  #isPackets(entry: number): boolean {
    const words = this.#words;
    const at = this.#firstEntry + (entry - 1) * ENTRY_WORDS;
    const control = words[at + E_CONTROL]!;
    if ((control & STATE_MASK) < FIRST_STATE) return false;
    this.#keepOrder();
    const direction = this.#compare(at);
    if (direction < 0) return false;
    this.#keepOrder();
    // The state may have changed, the key only with the version.
    const after = words[at + E_CONTROL]!;
    if (after >>> STATE_BITS !== control >>> STATE_BITS || (after & STATE_MASK) < FIRST_STATE) return false;
    this.direction = direction;
    this.version = control >>> STATE_BITS;
    return true;
  }

  /**
   * What was read before is not read again, and what comes after not yet. x86-64 loads in order by itself: there a store to a
   * word of our own is enough, past which no compiler keeps what it has read. Elsewhere the word is changed atomically. Not
   * a load of a shared word by Atomics: Bun makes a locked operation of it, which takes the line from other forwarders.
   */
  #keepOrder(): void {
    if (LOADS_IN_ORDER) this.#fence[0] = this.#tag;
    else Atomics.add(this.#fence, 0, 1);
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

  // ---- a packet's meaning ----

  #firstState(): number {
    const protocol = this.packet[C_PROTOCOL];
    if (protocol === TCP) return firstTcpState(this.packet[C_FLAGS]!);
    if (protocol === UDP) return UDP_NEW;
    return protocol === ICMP4 || protocol === ICMP6 ? ICMP_NEW : OTHER_NEW;
  }

  #event(entry: number, direction: number, state: number): number {
    if (this.packet[C_PROTOCOL] !== TCP) return PACKET;
    this.#describe(entry, direction);
    return tcpEvent(this.#words, state, this.#segment);
  }

  #describe(entry: number, direction: number): void {
    const p = this.packet;
    const s = this.#segment;
    s.mine = this.entries.sideAt(entry, direction);
    s.theirs = this.entries.sideAt(entry, direction ^ BACK);
    s.flags = p[C_FLAGS]!;
    s.sequence = p[C_SEQUENCE]!;
    s.acknowledgment = p[C_ACKNOWLEDGMENT]!;
  }

  // ---- inserting ----

  /** A slot claimed for the packet; 0: none to be had. `owner`: whose entries alone may be replaced, or ANY_OWNER. */
  #take(owner: number, now: number): number {
    for (let i = 0; i < TRIES; i++) {
      const free = owner === ANY_OWNER ? this.#freePlace() : 0;
      const entry = free !== 0 ? free : this.#replaceable(owner, now);
      if (entry === 0) return 0;
      if (this.entries.claim(entry, this.#control)) return entry;
    }
    return 0;
  }

  /**
   * A free slot; 0: none in either set. In the first set while it is not crowded, since lookups begin there; else in the
   * set that has more of them, so that sets fill alike.
   */
  #freePlace(): number {
    const first = this.#freeIn(this.#first);
    const slot = first >= UNCROWDED || first >= this.#freeIn(this.#second) ? this.#first : this.#second;
    if (slot === this.#first && this.#isFree(this.#likely)) return this.#likely + 1;
    return this.#freeSlot(slot) || this.#freeSlot(slot === this.#first ? this.#second : this.#first);
  }

  #freeIn(slot: number): number {
    const words = this.#words;
    const from = this.#tags + slot;
    let free = 0;
    for (let i = from; i < from + WAYS; i++) if (words[i] === 0) free++;
    return free;
  }

  /** Entry of the first free slot of a set; 0: none. */
  #freeSlot(slot: number): number {
    for (let i = slot; i < slot + WAYS; i++) if (this.#isFree(i)) return i + 1;
    return 0;
  }

  /** True when the slot may be claimed by what #control holds then. */
  #isFree(slot: number): boolean {
    if (this.#words[this.#tags + slot] !== 0) return false;
    this.#control = this.#words[this.#firstEntry + slot * ENTRY_WORDS + E_CONTROL]!;
    return (this.#control & STATE_MASK) === FREE;
  }

  /** An expired entry of both sets, else the replaceable one that was idle longest; 0: there is none. */
  #replaceable(owner: number, now: number): number {
    const words = this.#words;
    let best = 0;
    let bestIdle = -0x8000_0000;
    let control = 0;
    for (let i = 0; i < 2 * WAYS; i++) {
      const slot = this.#slotAt(i);
      const at = this.#firstEntry + slot * ENTRY_WORDS;
      const seen = words[at + E_CONTROL]!;
      const state = seen & STATE_MASK;
      if (state <= CLAIMED || (owner !== ANY_OWNER && words[at + E_PROTOCOL]! >>> 8 !== owner)) continue;
      const idle = (now - words[at + E_USED]!) | 0;
      const expired = idle > words[H_TIMEOUTS + state]!;
      if (!expired && (REPLACEABLE[state] === 0 || idle <= bestIdle)) continue;
      best = slot + 1;
      bestIdle = idle;
      control = seen;
      if (expired) break;
    }
    this.#control = control;
    return best;
  }

  #write(entry: number, owner: number, state: number): void {
    const words = this.#words;
    const p = this.packet;
    const at = this.#firstEntry + (entry - 1) * ENTRY_WORDS;
    for (let i = 0; i < 4; i++) {
      words[at + E_SOURCE + i] = p[C_SOURCE + i]!;
      words[at + E_DESTINATION + i] = p[C_DESTINATION + i]!;
    }
    words[at + E_PORTS] = p[C_PORTS]!;
    words[at + E_PROTOCOL] = (owner << 8) | p[C_PROTOCOL]!;
    words[this.#tags + entry - 1] = this.#tag;
    if (p[C_PROTOCOL] !== TCP) return;
    this.#describe(entry, FORWARD);
    noteSegment(words, state, state, this.#segment);
  }

  /**
   * Our entry is published: others of the same connection that a lookup finds later go, and so does ours if one is found
   * earlier. Expired ones go too. Returns the one that stays.
   */
  #settle(mine: number, now: number): number {
    const { entries, version } = this;
    let passed = false;
    for (let i = -1; i < 2 * WAYS; i++) {
      if (i === WAYS && this.#second === this.#first) break;
      const slot = this.#slotAt(i);
      if (slot === mine - 1) passed = true;
      else if (this.#words[this.#tags + slot] === this.#tag && this.#isPackets(slot + 1)) {
        const other = slot + 1;
        if (passed || entries.isExpired(other, now)) entries.remove(other, this.version);
        else {
          entries.remove(mine, version);
          this.advance(other, this.version, this.direction, now);
          return other;
        }
      }
    }
    this.direction = FORWARD;
    this.version = version;
    return mine;
  }

  /** Slots in the order that lookups go: −1 … 31. */
  #slotAt(i: number): number {
    if (i < 0) return this.#likely;
    return i < WAYS ? this.#first + i : this.#second + i - WAYS;
  }
}
