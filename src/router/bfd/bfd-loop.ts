/**
 * The BFD thread's own loop: waits for packets, commands and the core's deadline, carries out what the core says. It shares
 * nothing with the control thread and the forwarders but the processors, so that whatever keeps them busy takes no
 * session down.
 */
import { toHex } from "#base/bytes";
import { Malformed } from "#base/reader";
import { type Millis, NEVER } from "#base/time";
import { Bfd } from "#bfd/bfd";
import type { BfdEffect, BfdEvent, SessionKey } from "#bfd/events";
import type { BfdCommand, BfdReport, BfdSocket, BfdStart, BfdThreadStatus } from "#router/bfd/bfd-messages";
import { BfdPort } from "#router/bfd/bfd-socket";
import { monotonicNanos } from "#sys/clock";
import { EventFd } from "#sys/eventfd";
import { FrameSocket } from "#sys/frame-socket";
import { POLLERR, Poller } from "#sys/poll";
import { raiseThread, type Scheduling } from "#sys/scheduling";
import { waitMicros } from "#sys/wait";

/** Packets of one port that are read before time passes for the core. */
const BURST = 64;
/** Rest after such a turn, microseconds: a flood gets a quarter of a processor, and no more. */
const REST = 1000;
const LONGEST_WAIT = 3_600_000;
const WAKE_SLOT = 0;

/** How the loop is fed commands and tells what happened. */
export interface BfdWires {
  /** The next command, or undefined. */
  nextCommand(): BfdCommand | undefined;
  report(report: BfdReport): void;
}

/** The kernel's clock, in milliseconds with fractions. */
const clock = (): Millis => monotonicNanos() / 1e6;

export class BfdLoop {
  readonly #wires: BfdWires;
  readonly #core: Bfd;
  readonly #wake: EventFd;
  readonly #poller = new Poller(1025);
  readonly #scheduling: Scheduling;
  /** By port index, which is also the poll slot less one. */
  readonly #ports = new Map<number, BfdPort>();
  /** The neighbors' MAC addresses. */
  readonly #macs = new Map<string, Uint8Array>();
  readonly #malformed: Record<string, number> = {};
  #transmitErrors = 0;
  /** Of sockets that were released. */
  #formerDrops = 0;
  #longestDelay: Millis = 0;
  #stopping = false;

  constructor(start: BfdStart, wires: BfdWires) {
    this.#wires = wires;
    this.#core = new Bfd(start.seed);
    this.#wake = new EventFd(start.wakeFd);
    this.#poller.set(WAKE_SLOT, start.wakeFd);
    this.#scheduling = raiseThread(start.scheduling);
    wires.report({ kind: "started", scheduling: this.#scheduling });
  }

  /** Until it is told to stop. */
  run(): void {
    while (!this.#stopping) {
      const wanted = Math.max(this.#core.deadline(), clock());
      this.#wait(wanted);
      this.#carryOutCommands();
      // Packets first: what waits for a session that is late must save it.
      const full = this.#receiveAll();
      this.#letTimePass(wanted);
      this.#releaseUnused();
      if (full) waitMicros(REST);
    }
    for (const index of [...this.#ports.keys()]) this.#release(index);
    this.#wake.close(false);
  }

  #wait(deadline: Millis): void {
    const wait = deadline === NEVER ? -1 : Math.min(LONGEST_WAIT, Math.max(0, Math.ceil(deadline - clock())));
    this.#poller.wait(wait);
    if (this.#poller.ready(WAKE_SLOT)) this.#wake.drain();
  }

  #letTimePass(wanted: Millis): void {
    const now = clock();
    this.#longestDelay = Math.max(this.#longestDelay, now - wanted);
    if (this.#core.deadline() <= now) this.#tell({ type: "timer" }, now);
  }

  /** True when a port may have more. */
  #receiveAll(): boolean {
    let full = false;
    for (const [index, port] of this.#ports) {
      const slot = index + 1;
      if (!this.#poller.ready(slot)) continue;
      if ((this.#poller.events(slot) & POLLERR) !== 0) this.#failed(index, port);
      if (this.#receive(index, port) === BURST) full = true;
    }
    return full;
  }

  #receive(index: number, port: BfdPort): number {
    let count = 0;
    for (; count < BURST; count++) {
      const datagram = port.receive();
      if (datagram === undefined) break;
      if (datagram instanceof Malformed) countIn(this.#malformed, datagram.error);
      else this.#tell({ type: "packet", port: index, ...datagram });
    }
    return count;
  }

  /** The interface went down, or away: faster than any Detection Time. */
  #failed(index: number, port: BfdPort): void {
    if (port.socket.takeError() === 0) {
      this.#poller.remove(index + 1); // it would be ready for ever
      this.#wires.report({ kind: "defect", message: `socket of port #${index}: an error that the kernel cannot name` });
    }
    this.#tell({ type: "linkDown", port: index });
  }

  /** A defect is told and the event forgotten: one bad packet is worth no session. */
  #tell(event: BfdEvent, now = clock()): void {
    try {
      for (const effect of this.#core.handle(event, now)) this.#carryOut(effect);
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      const octets = event.type === "packet" ? ` ${toHex(event.octets)}` : "";
      this.#wires.report({ kind: "defect", message: `${event.type}${octets}: ${text}` });
    }
  }

  #carryOut(effect: BfdEffect): void {
    if (effect.type === "state") {
      const { type: _, ...change } = effect;
      this.#wires.report({ kind: "state", change });
      return;
    }
    const mac = this.#macs.get(keyOf({ port: effect.port, remoteAddress: effect.destination }));
    const sent = mac !== undefined && this.#ports.get(effect.port)?.send(effect.octets, mac);
    if (!sent) this.#transmitErrors++;
  }

  #carryOutCommands(): void {
    for (;;) {
      const command = this.#wires.nextCommand();
      if (command === undefined) return;
      switch (command.kind) {
        case "add":
          if (command.socket !== undefined) this.#open(command.event.port, command.socket);
          this.#macs.set(keyOf(command.event), command.remoteMac);
          this.#tell(command.event);
          break;
        case "tell":
          this.#tell(command.event);
          break;
        case "moved":
          this.#macs.set(keyOf(command), command.remoteMac);
          break;
        case "status":
          this.#wires.report({ kind: "status", status: this.#status() });
          break;
        case "stop":
          this.#stop();
      }
    }
  }

  #open(index: number, { fd, localMac }: BfdSocket): void {
    this.#release(index);
    this.#ports.set(index, new BfdPort(new FrameSocket(fd), localMac));
    this.#poller.set(index + 1, fd);
  }

  #release(index: number): void {
    const port = this.#ports.get(index);
    if (port === undefined) return;
    this.#ports.delete(index);
    this.#poller.remove(index + 1);
    this.#formerDrops += port.socket.drops();
    port.socket.free();
    this.#wires.report({ kind: "released", fd: port.socket.fd });
  }

  #releaseUnused(): void {
    for (const index of [...this.#ports.keys()]) {
      if (this.#core.uses(index)) continue;
      this.#release(index);
      for (const key of [...this.#macs.keys()]) if (key.startsWith(`${index} `)) this.#macs.delete(key);
    }
  }

  #stop(): void {
    this.#stopping = true;
    for (const { port, remoteAddress } of this.#core.sessions())
      this.#tell({ type: "removeSession", port, remoteAddress });
  }

  #status(): BfdThreadStatus {
    const now = clock();
    const drops = this.#ports.values().map(({ socket }) => socket.drops());
    return {
      scheduling: this.#scheduling,
      longestDelay: this.#longestDelay,
      counters: this.#core.counters,
      malformed: this.#malformed,
      transmitErrors: this.#transmitErrors,
      receiveDrops: drops.reduce((sum, count) => sum + count, this.#formerDrops),
      sessions: this.#core
        .sessions()
        .map((view) => ({ ...view, upFor: view.upSince === null ? null : now - view.upSince })),
    };
  }
}

function countIn(counters: Record<string, number>, reason: string): void {
  counters[reason] = (counters[reason] ?? 0) + 1;
}

const keyOf = ({ port, remoteAddress }: SessionKey): string => `${port} ${toHex(remoteAddress)}`;
