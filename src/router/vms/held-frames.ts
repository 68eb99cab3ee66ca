/** Frames for a VM that is held, in the order in which they came, and their way back into the pipeline. */
import { INJECT_KEPT } from "#fastpath/shared";
import { HOLD_OVERFLOW, INJECT_FULL } from "#fastpath/verdicts";
import type { Punt } from "#router/forwarders";
import type { HeldCounts } from "#router/vms/events";

/** What is kept for one VM: at 1 Gbit/s the octets are full after 34 ms, at 1000 packets a second the frames after 4 s. */
const MOST_OCTETS = 4 * 2 ** 20;
const MOST_FRAMES = 4096;
/** Milliseconds; forwarders empty the ring in less than one. */
const PATIENCE = 1000;

type Held = Pick<Punt, "frame" | "octets">;

export interface HeldFramesIo {
  /** False: the ring is full; nothing is counted. */
  inject(frame: Held["frame"], octets: Uint8Array, tag: number): boolean;
  /** A frame that came in by `port` ends here, for this reason. */
  lost(port: number, ending: number, octets: Uint8Array): void;
}

export class HeldFrames {
  readonly #io: HeldFramesIo;
  readonly #patience: number;
  #frames: Held[] = [];
  #octets = 0;
  #isOver = false;
  #returning = false;
  #kept = 0;
  #returned = 0;
  #givenUp = 0;

  /** `patience`: milliseconds without room after which frames are given up. */
  constructor(io: HeldFramesIo, patience = PATIENCE) {
    this.#io = io;
    this.#patience = patience;
  }

  get counts(): HeldCounts {
    return { kept: this.#kept, returned: this.#returned, givenUp: this.#givenUp };
  }

  /** Keeps a frame; where there are too many, the oldest go. One that comes after the hold goes back after the others. */
  keep(held: Held): void {
    this.#frames.push(held);
    this.#octets += held.octets.length;
    this.#kept++;
    while (this.#octets > MOST_OCTETS || this.#frames.length > MOST_FRAMES) this.#giveUp(HOLD_OVERFLOW);
    if (this.#isOver) void this.giveBack();
  }

  /**
   * The hold is over: sends all back as if they were received now. What the ring has room for goes before this returns; resolves when all
   * have gone.
   */
  async giveBack(): Promise<void> {
    this.#isOver = true;
    if (this.#returning) return;
    this.#returning = true;
    let deadline = performance.now() + this.#patience;
    while (this.#frames.length > 0) {
      if (this.#push()) deadline = performance.now() + this.#patience;
      else if (performance.now() > deadline) this.#giveUp(INJECT_FULL);
      if (this.#frames.length > 0) await Bun.sleep(0);
    }
    this.#returning = false;
  }

  /** As many as there is room for; false: none. */
  #push(): boolean {
    let count = 0;
    for (const { frame, octets } of this.#frames) {
      if (!this.#io.inject(frame, octets, INJECT_KEPT)) break;
      this.#octets -= octets.length;
      count++;
    }
    this.#frames.splice(0, count);
    this.#returned += count;
    return count > 0;
  }

  #giveUp(ending: number): void {
    const oldest = this.#frames.shift();
    if (oldest === undefined) return;
    this.#octets -= oldest.octets.length;
    this.#givenUp++;
    this.#io.lost(oldest.frame.port, ending, oldest.octets);
  }
}
