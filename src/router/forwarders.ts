/** The forwarder threads as the control thread sees them: start, command, inject, listen, stop. */
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { COUNTERS_OCTETS } from "#fastpath/counters";
import { createDropTags, DropTags } from "#fastpath/drop-tags";
import type { SharedTables } from "#fastpath/dry/dry-run";
import { RING_OCTETS, SCRATCH_OCTETS } from "#fastpath/forwarder";
import type { Frame } from "#fastpath/frame";
import { FrameRing, type HeldFrame, takeFrame } from "#fastpath/frame-ring";
import {
  type Command,
  type ForwarderStart,
  type NatBuffers,
  type PortDescriptor,
  puntAdjacency,
  puntVerdict,
  type Report,
  S_ARMED,
  S_ASLEEP,
  S_COMMANDS,
  S_DONE,
  S_GATE,
  S_STOP,
  SHARED_WORDS,
} from "#fastpath/shared";
import { abandonTurn } from "#fastpath/tables/grace";
import type { Snapshot } from "#fastpath/tables/layout";
import type { SegmentTables } from "#fastpath/tables/segments";
import type { WatchOrder } from "#fastpath/watch/watch";
import { threadProgram } from "#runtime/program";
import { createEventFd, EventFd } from "#sys/eventfd";
import type { Arena } from "#sys/memory";

/** A frame that a forwarder handed up, why, and the adjacency it waits for if that is why. */
export type Punt = HeldFrame & { readonly verdict: number; readonly adjacency: number };

export interface ForwarderEvents {
  punted(punt: Punt): void;
  /** The port is closed in that forwarder already. */
  portFailed(index: number, errno: number): void;
  /** A defect of ours: text for the log. */
  defect(text: string): void;
  /** The thread ended by itself: the router cannot go on. */
  died(reason: string): void;
}

export interface ForwardersOptions {
  readonly count: number;
  readonly cacheEntries: number;
  readonly turns: SharedArrayBuffer;
  readonly fib: SharedArrayBuffer;
  readonly groups: SharedArrayBuffer;
  readonly connections: SharedArrayBuffer;
  readonly fragments: SharedArrayBuffer;
  readonly bindings: SharedArrayBuffer;
  readonly tunnels: SharedArrayBuffer;
  /** A gateway's. */
  readonly nat?: NatBuffers | undefined;
}

interface Handle {
  readonly start: ForwarderStart;
  readonly worker: Worker;
  readonly commands: MessagePort;
  readonly shared: Int32Array;
  readonly punt: FrameRing;
  readonly inject: FrameRing;
  readonly wake: EventFd;
  readonly counters: Float64Array;
  readonly dropTags: DropTags;
  sent: number;
  stopping: boolean;
}

/** Punts taken in one go: under a flood of them, timers and the API still get their turn. */
const PUNTS_AT_ONCE = 256;
/** Milliseconds a forwarder has to answer a command or to end; it normally takes microseconds. */
const PATIENCE = 2000;
/**
 * First generations of snapshots are multiples of this (2³² by the plastic ratio): none is within millions of those shortly
 * before it, nor a multiple of what connections mix in for their versions (connection-entries.ts).
 */
const GENERATIONS_APART = 0xc13f_a9a9;

export class Forwarders {
  private readonly arena: Arena;
  private readonly events: ForwarderEvents;
  private readonly generation = new SharedArrayBuffer(64);
  private readonly generationWord = new Int32Array(this.generation);
  /** Snapshots. */
  private adopted = 0;
  private readonly handles: Handle[] = [];
  private readonly turns: Int32Array;
  private current: Snapshot | undefined;

  /** Starts the threads; resolves when all take turns. */
  static async start(arena: Arena, options: ForwardersOptions, events: ForwarderEvents): Promise<Forwarders> {
    const forwarders = new Forwarders(arena, options, events);
    const started: Promise<void>[] = [];
    for (let id = 0; id < options.count; id++) started.push(forwarders.spawn(id, options));
    await Promise.all(started);
    return forwarders;
  }

  private constructor(arena: Arena, options: ForwardersOptions, events: ForwarderEvents) {
    this.arena = arena;
    this.events = events;
    this.turns = new Int32Array(options.turns);
  }

  get count(): number {
    return this.handles.length;
  }

  /** Each forwarder's counters (fastpath/counters.ts says what lies where). */
  get counters(): readonly Float64Array[] {
    return this.handles.map((handle) => handle.counters);
  }

  /** What each forwarder has counted; the very same array each time. */
  get blocks(): readonly { readonly counters: Float64Array; readonly dropTags: DropTags }[] {
    return this.handles;
  }

  /** What the forwarders work with, or are about to. Not before the first {@link adopt}. */
  get snapshot(): Snapshot {
    if (this.current === undefined) throw new Error("no snapshot yet");
    return this.current;
  }

  /** The tables that they share, for who looks at them as they do. */
  get tables(): SharedTables {
    return this.handles[0]!.start;
  }

  /** After any change of a table: decisions remembered from before are forgotten. */
  tablesChanged(): void {
    Atomics.add(this.generationWord, 0, 1);
  }

  /**
   * Resolves when every forwarder works with the new snapshot, and by no decision remembered from before. What `before`
   * injects meets the new one, and forwarder 0 takes it before any frame of a port.
   */
  async adopt(snapshot: Snapshot, before?: () => void): Promise<void> {
    this.current = snapshot;
    const gate = before === undefined ? undefined : this.handles[0]?.shared;
    if (gate !== undefined) Atomics.store(gate, S_GATE, 1);
    before?.();
    const generation = Math.imul(++this.adopted, GENERATIONS_APART);
    await this.command(() => ({ kind: "snapshot", snapshot, generation }));
  }

  /** As {@link adopt}, of a part that no remembered decision depends on. */
  async adoptSegments(segments: SegmentTables): Promise<void> {
    this.current = { ...this.snapshot, segments };
    await this.command(() => ({ kind: "segments", segments }));
  }

  /** Looks at what was punted up to now. */
  drain(): void {
    for (const handle of this.handles) this.takePunts(handle);
  }

  /** One descriptor for each forwarder. */
  async addPort(descriptors: readonly PortDescriptor[]): Promise<void> {
    await this.command((id) => ({ kind: "add-port", port: descriptors[id]! }));
    this.tablesChanged();
  }

  /** Resolves when no forwarder uses the port any more. */
  async removePort(index: number): Promise<void> {
    await this.command(() => ({ kind: "remove-port", index }));
  }

  /** Resolves when the counters say what the kernel lost at the ports until now. */
  async tellLosses(): Promise<void> {
    await this.command(() => ({ kind: "tell-losses" }));
  }

  /** Resolves when every forwarder tells of what it is to watch, by the ring that is its own. */
  async watch(orderOf: (forwarder: number) => WatchOrder): Promise<void> {
    await this.command((id) => ({ kind: "watch", order: orderOf(id) }));
  }

  async unwatch(id: number): Promise<void> {
    await this.command(() => ({ kind: "unwatch", id }));
  }

  /** Resolves when what was injected before has been sent: it is taken in the turn that carries the command out. */
  async settle(): Promise<void> {
    await this.command(() => ({ kind: "tell-losses" }));
  }

  /** Hands a frame to forwarder 0; `tag` is one of INJECT_…. False: its ring is full. */
  inject(frame: Frame, octets: Uint8Array, tag: number): boolean {
    const handle = this.handles[0];
    if (handle === undefined) return false;
    const taken = handle.inject.push(frame, octets, tag);
    if (Atomics.exchange(handle.shared, S_ASLEEP, 0) === 1) handle.wake.signal();
    return taken;
  }

  async stop(): Promise<void> {
    await Promise.all(this.handles.map((handle) => this.stopOne(handle)));
    this.handles.length = 0;
  }

  private spawn(id: number, options: ForwardersOptions): Promise<void> {
    const channel = new MessageChannel();
    const punt = FrameRing.create(RING_OCTETS);
    const inject = FrameRing.create(RING_OCTETS);
    const start: ForwarderStart = {
      id,
      arenaAddress: this.arena.address,
      arenaSize: this.arena.size,
      scratchAt: this.arena.allocate(SCRATCH_OCTETS),
      scratchSize: SCRATCH_OCTETS,
      shared: new SharedArrayBuffer(SHARED_WORDS * 4),
      turns: options.turns,
      generation: this.generation,
      counters: new SharedArrayBuffer(COUNTERS_OCTETS),
      dropTags: createDropTags(),
      punt: punt.buffer,
      inject: inject.buffer,
      fib: options.fib,
      groups: options.groups,
      connections: options.connections,
      fragments: options.fragments,
      bindings: options.bindings,
      tunnels: options.tunnels,
      nat: options.nat,
      wakeFd: createEventFd(),
      cacheEntries: options.cacheEntries,
      salt: crypto.getRandomValues(new Int32Array(1))[0]!,
    };
    const worker = new Worker(threadProgram("fastpath/worker.ts"), {
      workerData: { start, commands: channel.port2 },
      transferList: [channel.port2],
    });
    const handle: Handle = {
      start,
      worker,
      commands: channel.port1,
      shared: new Int32Array(start.shared),
      punt,
      inject,
      wake: new EventFd(start.wakeFd),
      counters: new Float64Array(start.counters),
      dropTags: new DropTags(start.dropTags),
      sent: 0,
      stopping: false,
    };
    this.handles.push(handle);
    Atomics.store(handle.shared, S_ARMED, 1);
    return this.listen(handle);
  }

  /** Resolves with the thread's first report. */
  private listen(handle: Handle): Promise<void> {
    return new Promise((resolve, reject) => {
      handle.worker.on("message", (report: Report) => {
        if (report.kind === "started") resolve();
        else this.heard(handle, report);
      });
      handle.worker.on("error", (error: Error) => {
        reject(error);
        this.events.defect(`forwarder ${handle.start.id}: ${error.stack ?? error.message}`);
      });
      handle.worker.on("exit", (code) => {
        abandonTurn(this.turns, handle.start.id);
        if (!handle.stopping) this.events.died(`forwarder ${handle.start.id} ended with code ${code}`);
      });
    });
  }

  private heard(handle: Handle, report: Report): void {
    switch (report.kind) {
      case "punted":
        this.takePunts(handle);
        break;
      case "port-failed":
        this.events.portFailed(report.index, report.errno);
        break;
      case "defect":
        this.events.defect(`forwarder ${handle.start.id}: ${report.message}\n  frame ${report.frame}`);
    }
  }

  /** Armed first, emptied second: a frame that comes in between causes one more message, never one too few. */
  private takePunts(handle: Handle): void {
    Atomics.store(handle.shared, S_ARMED, 1);
    for (let count = 0; count < PUNTS_AT_ONCE; count++) {
      const taken = takeFrame(handle.punt);
      if (taken === undefined) return;
      this.events.punted({
        frame: taken.frame,
        octets: taken.octets,
        verdict: puntVerdict(taken.tag),
        adjacency: puntAdjacency(taken.tag),
      });
    }
    setImmediate(() => this.takePunts(handle));
  }

  private async command(make: (id: number) => Command): Promise<void> {
    const wanted = this.handles.map((handle) => {
      handle.commands.postMessage(make(handle.start.id));
      handle.sent++;
      Atomics.store(handle.shared, S_COMMANDS, handle.sent);
      handle.wake.signal();
      return handle.sent;
    });
    await Promise.all(this.handles.map((handle, i) => this.done(handle, wanted[i]!)));
  }

  private async done(handle: Handle, wanted: number): Promise<void> {
    const deadline = Date.now() + PATIENCE;
    while (Atomics.load(handle.shared, S_DONE) - wanted < 0) {
      if (handle.stopping) return;
      if (Date.now() > deadline) throw new Error(`forwarder ${handle.start.id} does not take commands`);
      await Bun.sleep(0);
    }
  }

  private async stopOne(handle: Handle): Promise<void> {
    handle.stopping = true;
    const ended = new Promise<void>((resolve) => handle.worker.once("exit", () => resolve()));
    Atomics.store(handle.shared, S_STOP, 1);
    handle.wake.signal();
    const { promise: tooLate, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, PATIENCE).unref(); // must not keep the process once the thread has ended
    await Promise.race([ended, tooLate]);
    handle.commands.close();
    handle.wake.close(true);
  }
}
