/** One trace or capture in a forwarder: what it asks of a frame, how often it may tell, and where it tells. */
import type { Frame } from "#fastpath/frame";
import { FrameRing } from "#fastpath/frame-ring";
import { type Answer, compileFilter, type Filter, MAYBE, type Matcher, NO, YES } from "#fastpath/watch/filter";
import type { PacketView } from "#fastpath/watch/packet-view";
import { WAYS } from "#fastpath/watch/way-memory";

export interface WatchOrder {
  readonly id: number;
  readonly kind: "trace" | "capture";
  readonly filter: Filter;
  /** Of FrameRing.create, this forwarder's own. */
  readonly ring: SharedArrayBuffer;
  /** WATCH_COUNTS words that the forwarder counts up. */
  readonly counts: SharedArrayBuffer;
  /** Records a second; 0: as many as there are. */
  readonly rate: number;
  /** Captures: frames as they come in, as they go out. */
  readonly isIn: boolean;
  readonly isOut: boolean;
  /** Octets kept of each frame. */
  readonly snap: number;
  /** Traces: what is sent but into the fabric is taken out instead. */
  readonly catches: boolean;
}

/** Frames that matched. */
export const WC_MATCHED = 0;
/** Of them told of. */
export const WC_TOLD = 1;
/** Not told of: more than the rate allows. */
export const WC_LIMITED = 2;
/** Not told of: the ring was full. */
export const WC_LOST = 3;
export const WATCH_COUNTS = 16;

/** Frames of which only the end tells whether they are meant, for each that may be told of. */
const LOOKS = 20;
const TICKS = 10; // a second
/** Octets of a ring that are as good as none: few records are smaller. */
const FULL = 1 << 14;

export class Watch {
  readonly order: WatchOrder;
  /** True: frames that come in are none of its. */
  readonly isOutOnly: boolean;
  readonly matches: Matcher;
  readonly #ring: FrameRing;
  readonly #counts: Int32Array;
  #tokens: number;
  #looks: number;
  #tick = 0;
  /** Of the frame at hand. */
  said: Answer = NO;
  /** By number of a way, the version of it (way-memory.ts) whose steps have been told; 0: none. */
  readonly told: Int32Array = new Int32Array(WAYS);

  constructor(order: WatchOrder) {
    this.order = order;
    this.isOutOnly = order.kind === "capture" && !order.isIn;
    this.matches = compileFilter(order.filter);
    this.#ring = new FrameRing(order.ring);
    this.#counts = new Int32Array(order.counts);
    this.#tokens = order.rate;
    this.#looks = order.rate * LOOKS;
  }

  /** Asks the filter, the reader and the rate: a frame that cannot be told of is as one that does not match. */
  ask(view: PacketView, now: number): boolean {
    this.said = this.matches(view);
    if (this.said === NO) return false;
    if (!this.order.catches && !this.#ring.hasRoom(FULL)) return this.#lose();
    if (this.order.rate === 0) return true;
    this.#refill(now);
    if (this.said === MAYBE ? this.#looks-- > 0 : this.#tokens > 0) return true;
    this.#counts[WC_LIMITED]!++;
    this.said = NO;
    return false;
  }

  /** Nobody reads: the frame is spared what it costs to be told of. */
  #lose(): boolean {
    if (this.said === YES) {
      this.#counts[WC_MATCHED]!++;
      this.#counts[WC_LOST]!++;
    }
    this.said = NO;
    return false;
  }

  /** False: nobody is told of it. */
  tell(f: Frame, octets: Uint8Array): boolean {
    this.#counts[WC_MATCHED]!++;
    if (this.order.rate !== 0 && this.#tokens-- <= 0) {
      this.#counts[WC_LIMITED]!++;
      return false;
    }
    const isTold = this.#ring.push(f, octets, 0);
    this.#counts[isTold ? WC_TOLD : WC_LOST]!++;
    return isTold;
  }

  #refill(now: number): void {
    const { rate } = this.order;
    const ticks = Math.min(TICKS, Math.max(0, (now - this.#tick) | 0));
    if (ticks === 0) return;
    this.#tick = now;
    this.#tokens = Math.min(rate, Math.max(0, this.#tokens) + (rate * ticks) / TICKS);
    this.#looks = Math.min(rate * LOOKS, Math.max(0, this.#looks) + (rate * LOOKS * ticks) / TICKS);
  }
}
