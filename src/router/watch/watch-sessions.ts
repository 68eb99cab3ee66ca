/** Traces and captures that are going on: rings to read, forwarders to tell, no more at once than the router bears. */
import { FrameRing } from "#fastpath/frame-ring";
import type { Filter } from "#fastpath/watch/filter";
import { WATCH_COUNTS, type WatchOrder, WC_LIMITED, WC_LOST, WC_TOLD } from "#fastpath/watch/watch";
import { type WatchRecord, WatchRecords } from "#fastpath/watch/watch-record";
import type { Forwarders } from "#router/forwarders";
import { RouterError } from "#router/router-error";

/** At once: each has a ring in every forwarder. */
const MOST_SESSIONS = 16;
/** Milliseconds between looks at the rings. */
const LOOK = 20;
/** Records taken in one go: an hour of them must not keep the API from others. */
const AT_ONCE = 500;

/** What of a WatchOrder is the asker's. */
export interface WatchWish extends Pick<WatchOrder, "kind" | "rate" | "isIn" | "isOut" | "snap" | "catches"> {
  readonly filter: Filter;
  /** Octets of each forwarder's ring: a power of two, at least twice the largest record. */
  readonly ringOctets: number;
}

export interface WatchCountsView {
  readonly told: number;
  readonly limited: number;
  readonly lost: number;
}

/** Who is told. */
export interface WatchTaker {
  /** `ring`: number of the one that it comes from. What is kept of the record is copied. */
  take(record: WatchRecord, ring: number): void;
  /** There is nothing more for the moment. */
  done(): void;
  hasRoom(): boolean;
}

export class WatchSession {
  readonly id: number;
  readonly #rings: readonly FrameRing[];
  readonly #counts: readonly Int32Array[];
  readonly #records = new WatchRecords();
  readonly #taker: WatchTaker;
  readonly #ended: () => Promise<void>;
  #timer: Timer | undefined;
  #isOver = false;

  constructor(
    id: number,
    parts: { rings: readonly FrameRing[]; counts: readonly Int32Array[] },
    taker: WatchTaker,
    ended: () => Promise<void>,
  ) {
    this.id = id;
    this.#rings = parts.rings;
    this.#counts = parts.counts;
    this.#taker = taker;
    this.#ended = ended;
  }

  /** What forwarders tell is taken from now on. */
  begin(): void {
    if (!this.#isOver) this.#timer = setInterval(() => this.look(), LOOK);
  }

  get counts(): WatchCountsView {
    const sum = (which: number): number => this.#counts.reduce((total, counts) => total + (counts[which]! >>> 0), 0);
    return { told: sum(WC_TOLD), limited: sum(WC_LIMITED), lost: sum(WC_LOST) };
  }

  /** Tells of what the forwarders have told. What its reader has no room for stays in their rings: what finds none there is lost. */
  look(): void {
    let isTold = false;
    this.#rings.forEach((ring, number) => {
      for (let count = 0; count < AT_ONCE && this.#taker.hasRoom(); count++) {
        const record = this.#records.take(ring);
        if (record === undefined) break;
        this.#taker.take(record, number);
        isTold = true;
      }
    });
    if (isTold) this.#taker.done();
  }

  /** Resolves when no forwarder watches for it any more. May be called twice. */
  async stop(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#timer);
    await this.#ended();
  }
}

export class WatchSessions {
  readonly #forwarders: () => Pick<Forwarders, "watch" | "unwatch" | "count">;
  readonly #sessions = new Map<number, WatchSession>();
  #next = 1;

  constructor(forwarders: () => Pick<Forwarders, "watch" | "unwatch" | "count">) {
    this.#forwarders = forwarders;
  }

  /** Resolves when every forwarder watches. Throws RouterError when there are too many. */
  async start(wish: WatchWish, taker: WatchTaker): Promise<WatchSession> {
    if (this.#sessions.size >= MOST_SESSIONS)
      throw new RouterError(`${MOST_SESSIONS} traces and captures go on here already: end one of them`);
    const { ringOctets, ...order } = wish;
    const id = this.#next++;
    const forwarders = this.#forwarders();
    const each = Array.from({ length: forwarders.count });
    const rings = each.map(() => FrameRing.create(ringOctets));
    const counts = each.map(() => new Int32Array(new SharedArrayBuffer(WATCH_COUNTS * 4)));
    const session = new WatchSession(id, { rings, counts }, taker, async () => {
      this.#sessions.delete(id);
      await forwarders.unwatch(id);
    });
    this.#sessions.set(id, session);
    try {
      await forwarders.watch((i) => ({
        ...order,
        ...{ id, ring: rings[i]!.buffer, counts: counts[i]!.buffer as SharedArrayBuffer },
      }));
    } catch (error) {
      await session.stop();
      throw error;
    }
    session.begin(); // not before whoever asked has somewhere to put it
    return session;
  }

  /** The router stops: so do they. */
  async stop(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map((session) => session.stop()));
  }
}
