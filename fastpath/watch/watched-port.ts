/** A port that shows a watcher what is sent. */
import type { Frame } from "#fastpath/frame";
import type { Port } from "#fastpath/ports/port";

export interface PortWatcher {
  /** A frame is about to be sent. True: it is not to be. */
  leaves(f: Frame, port: number): boolean;
  /** A frame was sent. */
  left(f: Frame, port: number): void;
}

export class WatchedPort implements Port {
  readonly inner: Port;
  readonly index: number;
  readonly fd: number;
  readonly offload: boolean;
  readonly tunnels: boolean;
  readonly #watcher: PortWatcher;

  constructor(inner: Port, watcher: PortWatcher) {
    this.inner = inner;
    this.index = inner.index;
    this.fd = inner.fd;
    this.offload = inner.offload;
    this.tunnels = inner.tunnels;
    this.#watcher = watcher;
  }

  get failure(): number {
    return this.inner.failure;
  }

  get transmitErrors(): number {
    return this.inner.transmitErrors;
  }

  receiveDrops(): number {
    return this.inner.receiveDrops();
  }

  receive(frames: readonly Frame[], from: number): number {
    return this.inner.receive(frames, from);
  }

  transmit(f: Frame): boolean {
    if (this.#watcher.leaves(f, this.index)) return true;
    // Its outer headers are gone when it has been taken, which is at once.
    if (f.isTunnelled) this.#watcher.left(f, this.index);
    const isSent = this.inner.transmit(f);
    if (f.isTunnelled) return isSent;
    if (isSent) this.#watcher.left(f, this.index);
    return isSent;
  }

  flush(): void {
    this.inner.flush();
  }

  release(): void {
    this.inner.release();
  }

  close(): void {
    this.inner.close();
  }
}
