/** One deadline of a sans-IO core on the event loop's clock (`performance.now()`, milliseconds). */
export class Alarm {
  private readonly ring: () => void;
  private timer: Timer | undefined;
  private at: number | undefined;

  constructor(ring: () => void) {
    this.ring = ring;
  }

  /** Rings once at `deadline`, in place of what was set before; undefined or Infinity: never. */
  set(deadline: number | undefined): void {
    if (deadline === this.at && this.timer !== undefined) return;
    this.cancel();
    if (deadline === undefined || deadline === Number.POSITIVE_INFINITY) return;
    this.at = deadline;
    const wait = Math.max(0, Math.ceil(deadline - performance.now()));
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.at = undefined;
      this.ring();
    }, wait);
  }

  cancel(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.at = undefined;
  }
}
