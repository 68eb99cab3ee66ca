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
 * One entry a connection: two threads that insert the same at once both take a slot, and *then* look who else has the tag. A
 * compare-and-exchange is over before what follows it is read, so at least one of them sees both. That one gives the
 * other the time to publish, which is short unless it stands still, and removes the entry that a lookup would find later:
 * the same one for all. One that stood still looks after it has published, and so sees the other in its turn. For a moment some
 * may use the entry that goes: they find its version gone. Even two that stayed would do no harm: all lookups take the
 * same one, the other expires.
 *
 * Nothing waits: every loop has a bound, and a thread that stands still holds up one slot at most.
 */
import { BACK, FORWARD } from "#fastpath/tables/connection-entries";
import {
  C_ACKNOWLEDGMENT,
  C_DESTINATION,
  C_FLAGS,
  C_PORTS,
  C_PROTOCOL,
  C_SEQUENCE,
  C_SOURCE,
  ConnectionFinder,
} from "#fastpath/tables/connection-finder";
import {
  E_CONTROL,
  E_DESTINATION,
  E_PORTS,
  E_PROTOCOL,
  E_SIDES,
  E_SOURCE,
  E_USED,
  ENTRY_WORDS,
  H_OWNERS,
  H_TIMEOUTS,
  S_ACKNOWLEDGED,
} from "#fastpath/tables/connection-layout";
import { ANY_OWNER, ConnectionPlaces } from "#fastpath/tables/connection-places";
import {
  EVENTS,
  FIRST_STATE,
  FROM_BACK,
  GONE,
  ICMP_NEW,
  NEXT,
  NOTHING,
  OTHER_NEW,
  PACKET,
  STATE_BITS,
  STATE_MASK,
  STAY,
  UDP_NEW,
} from "#fastpath/tables/connection-states";
import { firstTcpState, noteSegment, type Segment, tcpEvent } from "#fastpath/tables/connection-tcp";
import { PROTOCOL_ICMP4, PROTOCOL_ICMP6, PROTOCOL_TCP, PROTOCOL_UDP } from "#wire/protocol";

export {
  C_ACKNOWLEDGMENT,
  C_DESTINATION,
  C_FLAGS,
  C_PORTS,
  C_PROTOCOL,
  C_SEQUENCE,
  C_SOURCE,
} from "#fastpath/tables/connection-finder";

/** insert(): no entry for such a packet (a RST begins nothing); the rules decide alone. */
export const NONE = 0;
/** insert(): no room within reach, and nothing there that may be replaced. */
export const REFUSED_FULL: number = -1;
/** insert(): the owner has as many as it may, or is none of the table's. */
export const REFUSED_QUOTA: number = -2;

/** Looks at an entry that is being written: some microseconds, far longer than it takes. */
const PATIENCE = 500;
/** Times that the other direction may change the state first. */
const TRIES = 8;

export class Connections extends ConnectionFinder {
  readonly #words: Int32Array;
  readonly #firstEntry: number;
  readonly #owners: number;
  readonly #places: ConnectionPlaces;
  readonly #segment: Segment = {
    myStart: 0,
    theirStart: 0,
    myAcknowledged: 0,
    theirAcknowledged: 0,
    flags: 0,
    sequence: 0,
    acknowledgment: 0,
  };

  /** `buffer`: of createConnectionTable. */
  constructor(buffer: SharedArrayBuffer) {
    super(buffer);
    this.#words = this.entries.words;
    this.#firstEntry = this.entries.places.entries;
    this.#owners = this.#words[H_OWNERS]!;
    this.#places = new ConnectionPlaces(this);
  }

  /**
   * Reads where the entry lies, for the processor to have it when it is asked for; `sides`: what each packet may write, too.
   * What is returned means nothing.
   */
  peek(entry: number, sides: boolean): number {
    const at = this.#firstEntry + (entry - 1) * ENTRY_WORDS;
    return sides ? this.#words[at]! ^ this.#words[at + E_SIDES]! : this.#words[at]!;
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
      if (this.packet[C_PROTOCOL] === PROTOCOL_TCP) noteSegment(words, state, next, this.#segment);
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
    this.hash();
    const known = this.search(now);
    if (known !== 0 && this.advance(known, this.version, this.direction, now) !== 0) return known;
    const state = this.#firstState();
    if (state === 0) return NONE;
    if (owner >>> 0 >= this.#owners) return REFUSED_QUOTA;
    const within = entries.reserve(owner);
    const entry = this.#places.take(within ? ANY_OWNER : owner, now);
    if (entry === 0) {
      if (!within) return REFUSED_QUOTA;
      entries.giveBack(owner);
      return REFUSED_FULL;
    }
    const control = entries.begin(entry, now, generation, rule);
    this.#write(entry, owner, state);
    entries.publish(entry, control, state);
    this.direction = FORWARD;
    this.version = control >>> STATE_BITS;
    const alike = this.waysWith(this.tag);
    return (alike & (alike - 1)) === 0 ? entry : this.#settle(entry, now);
  }

  // ---- a packet's meaning ----

  #firstState(): number {
    const protocol = this.packet[C_PROTOCOL];
    if (protocol === PROTOCOL_TCP) return firstTcpState(this.packet[C_FLAGS]!);
    if (protocol === PROTOCOL_UDP) return UDP_NEW;
    return protocol === PROTOCOL_ICMP4 || protocol === PROTOCOL_ICMP6 ? ICMP_NEW : OTHER_NEW;
  }

  #event(entry: number, direction: number, state: number): number {
    if (this.packet[C_PROTOCOL] !== PROTOCOL_TCP) return PACKET;
    this.#describe(entry, direction);
    return tcpEvent(this.#words, state, this.#segment);
  }

  #describe(entry: number, direction: number): void {
    const p = this.packet;
    const s = this.#segment;
    s.myStart = this.entries.startAt(entry, direction);
    s.theirStart = this.entries.startAt(entry, direction ^ BACK);
    s.myAcknowledged = this.entries.sideAt(entry, direction) + S_ACKNOWLEDGED;
    s.theirAcknowledged = this.entries.sideAt(entry, direction ^ BACK) + S_ACKNOWLEDGED;
    s.flags = p[C_FLAGS]!;
    s.sequence = p[C_SEQUENCE]!;
    s.acknowledgment = p[C_ACKNOWLEDGMENT]!;
  }

  // ---- inserting ----

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
    if (p[C_PROTOCOL] !== PROTOCOL_TCP) return;
    this.#describe(entry, FORWARD);
    noteSegment(words, state, state, this.#segment);
  }

  /**
   * Our entry is published, and others have its tag: those of the same connection that a lookup finds later go, and so
   * does ours if one is found earlier. Expired ones go too. Returns the one that stays.
   */
  #settle(mine: number, now: number): number {
    const { entries, version } = this;
    const likely = this.likely + 1;
    entries.show(mine);
    let passed = mine === likely;
    for (let ways = this.waysWith(this.tag); ways !== 0; ways &= ways - 1) {
      const other = this.entryOf(ways);
      if (other === mine) passed = true;
      else if (this.#isWritten(other) && this.isPackets(other)) {
        if ((passed && other !== likely) || entries.isExpired(other, now)) entries.remove(other, this.version);
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

  /** Gives a thread that has just taken a slot the time to write its entry; one that stands still does not. */
  #isWritten(entry: number): boolean {
    for (let i = 0; i < PATIENCE; i++) if (this.entries.isShown(entry)) return true;
    return false;
  }
}
