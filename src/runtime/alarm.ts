/**
 * One deadline of a sans-IO core on the event loop's clock (`performance.now()`, milliseconds). What is due already rings
 * after the events that wait, and not a millisecond later as a timer would: work in slices comes so.
 */
export class Alarm {
  private readonly ring: () => void;
  private timer: Timer | undefined;
  private immediate: NodeJS.Immediate | undefined;
  private at: number | undefined;

  constructor(ring: () => void) {
    this.ring = ring;
  }

  /** Rings once at `deadline`, in place of what was set before; undefined or Infinity: never. */
  set(deadline: number | undefined): void {
    if (deadline === this.at && this.timer !== undefined) return;
    const wait = Math.ceil((deadline ?? Number.POSITIVE_INFINITY) - performance.now());
    if (wait <= 0 && this.immediate !== undefined) return;
    this.cancel();
    if (deadline === undefined || deadline === Number.POSITIVE_INFINITY) return;
    this.at = deadline;
    if (wait <= 0) this.immediate = setImmediate(() => this.rings());
    else this.timer = setTimeout(() => this.rings(), wait);
  }

  cancel(): void {
    clearTimeout(this.timer);
    clearImmediate(this.immediate);
    this.timer = undefined;
    this.immediate = undefined;
    this.at = undefined;
  }

  private rings(): void {
    this.timer = undefined;
    this.immediate = undefined;
    this.at = undefined;
    this.ring();
  }
}
