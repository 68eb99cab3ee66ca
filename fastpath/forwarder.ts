/**
 * A forwarder: turns of `wait → adopt tables → receive → pipelines → transmit → punt`. Owns its ports, never waits for
 * the control thread. Runs in a Worker (worker.ts) or, in tests and benchmarks, wherever `turn()` is called.
 */
import {
  C_ENDINGS,
  C_RX_FRAMES,
  C_RX_OCTETS,
  portCounters,
  W_BUSY,
  W_CACHE_HITS,
  W_CACHE_MISSES,
  W_SLEEPS,
  W_TURNS,
} from "#fastpath/counters";
import { R_ADJACENCY } from "#fastpath/decision";
import { DropSamples } from "#fastpath/drop-samples";
import { DropTags, isAmong } from "#fastpath/drop-tags";
import { Engine, type Punts } from "#fastpath/engine";
import { FlowCache } from "#fastpath/flow-cache";
import { Frame, HEADROOM, MAX_FRAME } from "#fastpath/frame";
import { FrameRing } from "#fastpath/frame-ring";
import { cameAt } from "#fastpath/look";
import { PortLosses } from "#fastpath/port-losses";
import { GONE, type Port } from "#fastpath/ports/port";
import { isVital, PuntBudget } from "#fastpath/punt-budget";
import { MOST_AHEAD } from "#fastpath/read-ahead";
import { Scratch } from "#fastpath/scratch";
import {
  BINDING_WANTED,
  type Command,
  DROP_SAMPLE,
  FLOW_SAMPLE,
  type ForwarderStart,
  INJECT_KEPT,
  INJECT_ORIGINATE,
  INJECT_RECEIVE,
  INJECT_REHEARSE,
  type NatBuffers,
  puntTag,
  type Report,
  RULE_LOG,
  S_ARMED,
  S_ASLEEP,
  S_COMMANDS,
  S_DONE,
  S_GATE,
  S_STOP,
} from "#fastpath/shared";
import { Bindings } from "#fastpath/tables/bindings";
import { connectionTicks } from "#fastpath/tables/connection-states";
import { Connections } from "#fastpath/tables/connections";
import { FibReader } from "#fastpath/tables/fib-reader";
import { Fragments } from "#fastpath/tables/fragments";
import { enterTurn, leaveTurn } from "#fastpath/tables/grace";
import { GroupReader } from "#fastpath/tables/groups";
import { Nat } from "#fastpath/tables/nat";
import { Tables } from "#fastpath/tables/tables";
import { Tunnels } from "#fastpath/tables/tunnels";
import { INTERNAL, PUNT_FULL, PUNT_LIMITED, type Verdict } from "#fastpath/verdicts";
import { Watcher } from "#fastpath/watch/watcher";
import { monotonicNanos } from "#sys/clock";
import { EventFd } from "#sys/eventfd";
import { Memory } from "#sys/memory";
import { Poller } from "#sys/poll";
import { isGroup } from "#wire/ethernet";

/** Frames taken from a port in one go. */
const BURST: number = MOST_AHEAD;
/** Turns between looks at ports that had nothing last time, while others have. */
const TURNS_BETWEEN_POLLS = 4;
/** Frames taken from the inject ring in one turn. */
const INJECT_BURST = 64;
const TICK_NANOS = 100_000_000;
/** Octets of each of a forwarder's two frame rings. */
export const RING_OCTETS = 1 << 20;
/** Octets of the punt ring that only what links and routing live on may fill. */
const PUNT_RESERVE = RING_OCTETS / 4;
/** Octets of a frame that a log gets: all headers up to the ports. */
const NOTED = 128;
/** Poll slot of the wake-up event; ports follow. */
const WAKE_SLOT = 0;

/** How the forwarder is fed commands and tells what happened. */
export interface Wires {
  /** The next command, or undefined. */
  nextCommand(): Command | undefined;
  openPort(arena: Memory, command: Extract<Command, { kind: "add-port" }>): Port;
  report(report: Report): void;
}

export class Forwarder implements Punts {
  readonly engine: Engine;
  private readonly start: ForwarderStart;
  private readonly wires: Wires;
  private readonly arena: Memory;
  private readonly shared: Int32Array;
  private readonly turns: Int32Array;
  /** Counted up by control when tables change that the snapshot does not hold. */
  private readonly generation: Int32Array;
  /** Of the snapshot. */
  private firstGeneration = 0;
  private readonly counters: Float64Array;
  private readonly puntRing: FrameRing;
  private readonly injectRing: FrameRing;
  private readonly injected = new Frame();
  private wasGated = false;
  private readonly cache: FlowCache | undefined;
  private readonly poller = new Poller(2048);
  private readonly wake: EventFd;
  private readonly frames: readonly Frame[] = Array.from({ length: BURST }, () => new Frame());
  /** Ports in the order they are read; `hot[i]`: had frames last time. */
  private readonly order: Port[] = [];
  private readonly hot: boolean[] = [];
  private readonly puntBudget = new PuntBudget();
  private readonly losses: PortLosses;
  private readonly dropSamples = new DropSamples();
  private readonly dropTags: DropTags;
  /** While something is traced or captured. */
  private watcher: Watcher | undefined;
  private commandsSeen = 0;
  private punted = false;
  private sincePoll = 0;
  private awakeSince = 0;
  private lastTick = 0;

  constructor(start: ForwarderStart, wires: Wires) {
    this.start = start;
    this.wires = wires;
    this.arena = new Memory(start.arenaAddress, start.arenaSize);
    this.shared = new Int32Array(start.shared);
    this.turns = new Int32Array(start.turns);
    this.generation = new Int32Array(start.generation);
    this.counters = new Float64Array(start.counters);
    this.losses = new PortLosses(this.counters);
    this.dropTags = new DropTags(start.dropTags);
    this.puntRing = new FrameRing(start.punt);
    this.injectRing = new FrameRing(start.inject);
    this.wake = new EventFd(start.wakeFd);
    this.poller.set(WAKE_SLOT, start.wakeFd);
    const tables = new Tables(this.arena, new FibReader(start.fib), new GroupReader(start.groups), {
      cacheEntries: start.cacheEntries,
      connections: new Connections(start.connections),
      fragments: new Fragments(start.fragments),
      bindings: new Bindings(start.bindings),
      tunnels: new Tunnels(start.tunnels),
      nat: start.nat && openNat(start.nat, start.salt),
    });
    this.cache = start.cacheEntries > 0 ? new FlowCache(tables, start.cacheEntries, start.salt) : undefined;
    const scratch = new Scratch(start.scratchAt, start.scratchSize);
    this.engine = new Engine(tables, this.counters, scratch, {
      punts: this,
      ...(this.cache !== undefined && { cache: this.cache }),
    });
    this.awakeSince = monotonicNanos();
    tables.now = connectionTicks(this.awakeSince);
  }

  /** Turns until control says stop; then closes the ports. */
  run(): void {
    while (Atomics.load(this.shared, S_STOP) === 0) {
      const frames = this.turn();
      if (frames > 0 && this.sincePoll < TURNS_BETWEEN_POLLS) this.sincePoll++;
      else this.wait(frames > 0);
    }
    for (const port of this.order) port.close();
    this.poller.close();
    this.wake.close(false);
  }

  /** One turn without the wait. Returns how many frames it handled. */
  turn(): number {
    enterTurn(this.turns, this.start.id);
    if (Atomics.load(this.shared, S_COMMANDS) !== this.commandsSeen) this.carryOutCommands();
    this.engine.tables.generation = (this.firstGeneration + Atomics.load(this.generation, 0)) | 0;
    let handled = this.takeInjected();
    for (; this.wasGated && this.injectRing.peekLength() >= 0; handled += this.takeInjected()) {
      this.engine.flush();
      this.engine.scratch.reset();
    }
    this.wasGated = false;
    for (let i = 0; i < this.order.length; i++) {
      if (this.hot[i]) handled += this.readPort(i);
    }
    this.engine.flush();
    for (let i = 0; i < this.order.length; i++) this.order[i]!.release();
    this.engine.scratch.reset();
    leaveTurn(this.turns, this.start.id);
    this.counters[W_TURNS]! += 1;
    if (this.punted) this.tellOfPunts();
    return handled;
  }

  /** From the engine: a frame for the control thread. A port that asks too much is limited before the ring is. */
  punt(f: Frame, verdict: Verdict): Verdict {
    const { bytes } = this.arena;
    if (!this.puntBudget.take(f, verdict, bytes)) return PUNT_LIMITED;
    const adjacency = this.engine.tables.records[R_ADJACENCY]!;
    const reserve = isVital(f, verdict, bytes) ? 0 : PUNT_RESERVE;
    if (!this.puntRing.push(f, bytes, puntTag(verdict, adjacency), reserve)) return PUNT_FULL;
    this.punted = true;
    return verdict;
  }

  /** From the engine: a frame's head, for a log; lost when there are too many. */
  note(f: Frame): void {
    this.tell(f, RULE_LOG, f.logged);
  }

  /** Likewise, for who looks after the binding table: what is lost he finds there. */
  ask(f: Frame): void {
    this.tell(f, BINDING_WANTED, f.wanted);
  }

  flow(f: Frame, about: number): void {
    this.tell(f, FLOW_SAMPLE, about);
  }

  drop(f: Frame, ending: Verdict, tags: number): void {
    const { knownTags, now } = this.engine.tables;
    if (tags !== 0 && isAmong(knownTags, tags)) this.dropTags.count(f.port, ending, tags);
    if (this.dropSamples.take(f.port, ending, now)) this.tell(f, DROP_SAMPLE, ending);
  }

  private tell(f: Frame, tag: number, about: number): void {
    const { bytes } = this.arena;
    if (!this.puntBudget.take(f, tag, bytes)) return;
    const { end } = f;
    f.end = Math.min(end, f.at + NOTED);
    if (this.puntRing.push(f, bytes, puntTag(tag, about), PUNT_RESERVE)) this.punted = true;
    f.end = end;
  }

  private readPort(i: number): number {
    const port = this.order[i]!;
    const count = port.receive(this.frames, 0);
    this.hot[i] = count > 0;
    if (count === GONE) {
      this.portFailed(i);
      return 0;
    }
    const c = portCounters(port.index);
    this.counters[c + C_RX_FRAMES]! += count;
    for (let k = 0; k < count; k++) {
      const f = this.frames[k]!;
      f.port = port.index;
      this.counters[c + C_RX_OCTETS]! += f.end - f.at;
    }
    if (this.watcher === undefined) this.engine.readAhead(this.frames, count);
    for (let k = 0; k < count; k++) {
      this.handle(this.frames[k]!);
      if (!this.engine.scratch.hasRoom()) {
        this.engine.flush();
        this.engine.scratch.reset();
      }
    }
    return count;
  }

  /** A defect of ours must cost one frame, not the network. */
  private handle(f: Frame): void {
    const { end } = f;
    const at = cameAt(f);
    try {
      if (this.watcher === undefined) this.engine.receive(f);
      else this.watcher.receive(f);
    } catch (error) {
      this.defect(f, at, end, error);
    }
  }

  /** Likewise, of what control injects. `tag`: one of INJECT_…. */
  private handleInjected(f: Frame, tag: number): void {
    const { at, end } = f;
    try {
      if (tag === INJECT_KEPT && isGroup(this.arena.bytes, f.at)) this.engine.receiveKept(f);
      else if (tag === INJECT_RECEIVE || tag === INJECT_KEPT) (this.watcher ?? this.engine).receive(f);
      else if (tag === INJECT_REHEARSE) this.engine.receive(f);
      else if (tag === INJECT_ORIGINATE) this.engine.originate(f);
      else this.engine.send(f, f.port);
    } catch (error) {
      this.defect(f, at, end, error);
    }
  }

  /** `at`, `end`: where the frame lay before it was handled. */
  private defect(f: Frame, at: number, end: number, error: unknown): void {
    const c = portCounters(f.port) + C_ENDINGS + INTERNAL;
    this.counters[c]! += 1;
    const head = Buffer.from(this.arena.bytes.subarray(at, Math.min(end, at + NOTED))).toString("hex");
    f.at = at;
    f.end = end;
    this.drop(f, INTERNAL, 0);
    if (this.counters[c]! > 10) return;
    const message = error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
    this.wires.report({ kind: "defect", message, frame: head });
  }

  private takeInjected(): number {
    let count = 0;
    if (Atomics.load(this.shared, S_GATE) !== 0) return 0;
    for (; count < INJECT_BURST; count++) {
      const length = this.injectRing.peekLength();
      if (length < 0) break;
      const f = this.injected;
      const tag = this.injectRing.pop(f, this.arena.bytes, this.engine.scratch.take(length));
      f.wasKept = tag === INJECT_KEPT;
      this.handleInjected(f, tag);
      if (!this.engine.scratch.hasRoom()) break;
    }
    return count;
  }

  private carryOutCommands(): void {
    const wanted = Atomics.load(this.shared, S_COMMANDS);
    for (;;) {
      const command = this.wires.nextCommand();
      if (command === undefined) break;
      this.carryOut(command);
    }
    this.commandsSeen = wanted;
    Atomics.store(this.shared, S_DONE, wanted);
  }

  private carryOut(command: Command): void {
    switch (command.kind) {
      case "snapshot":
        this.engine.tables.adopt(command.snapshot);
        this.firstGeneration = command.generation; // before control hears of it: then nothing goes by what was remembered
        // What waits behind the gate goes before anything that ports have, all of it.
        this.wasGated = Atomics.exchange(this.shared, S_GATE, 0) !== 0;
        return;
      case "segments":
        this.engine.tables.segments = command.segments;
        return;
      case "fib":
        this.engine.tables.fib = new FibReader(command.buffer);
        return;
      case "add-port":
        this.addPort(this.wires.openPort(this.arena, command));
        return;
      case "remove-port": {
        const i = this.order.findIndex((port) => port.index === command.index);
        if (i >= 0) this.removePort(i);
        return;
      }
      case "watch":
        this.watcher ??= new Watcher(this.engine);
        this.watcher.add(command.order);
        return;
      case "unwatch":
        this.watcher?.remove(command.id);
        if (this.watcher?.isIdle) this.watcher = undefined;
        return;
      case "tell-losses":
        for (const port of this.order) this.losses.tell(port);
    }
  }

  addPort(port: Port): void {
    this.engine.ports[port.index] = this.watcher?.tap(port) ?? port;
    this.order.push(port);
    this.hot.push(true);
    this.watch();
  }

  private removePort(i: number): void {
    const port = this.order[i]!;
    this.engine.ports[port.index] = undefined;
    this.order.splice(i, 1);
    this.hot.splice(i, 1);
    port.flush(); // what was handed to it in this turn is sent, or counted as refused
    this.losses.forget(port);
    port.close();
    this.watch();
  }

  private portFailed(i: number): void {
    const port = this.order[i]!;
    this.removePort(i);
    this.wires.report({ kind: "port-failed", index: port.index, errno: port.failure });
  }

  private watch(): void {
    for (let i = 0; i < this.poller.capacity - 1; i++) {
      const port = this.order[i];
      if (port !== undefined) this.poller.set(i + 1, port.fd);
      else this.poller.remove(i + 1);
    }
  }

  private tellOfPunts(): void {
    this.punted = false;
    if (Atomics.exchange(this.shared, S_ARMED, 0) === 1) this.wires.report({ kind: "punted" });
  }

  /** Looks at, or waits for, ports with input, commands and injected frames. `busy`: only look. */
  private wait(busy: boolean): void {
    this.sincePoll = 0;
    const before = monotonicNanos();
    this.counters[W_BUSY]! += before - this.awakeSince;
    this.publish();
    let timeout = 0;
    if (!busy) {
      // Told asleep first, looked second: control signals when it sees the word, so nothing slips between.
      Atomics.store(this.shared, S_ASLEEP, 1);
      const pending = this.injectRing.peekLength() >= 0 || Atomics.load(this.shared, S_COMMANDS) !== this.commandsSeen;
      timeout = pending ? 0 : -1;
      this.counters[W_SLEEPS]! += 1;
    }
    this.poller.wait(timeout);
    Atomics.store(this.shared, S_ASLEEP, 0);
    if (this.poller.ready(WAKE_SLOT)) this.wake.drain();
    for (let i = 0; i < this.order.length; i++) if (this.poller.ready(i + 1)) this.hot[i] = true;
    this.awakeSince = monotonicNanos();
    this.engine.tables.now = connectionTicks(this.awakeSince);
    // Now, not before the wait: what woke us after a long sleep finds the budgets full again.
    if (this.awakeSince - this.lastTick > TICK_NANOS) this.tick(this.awakeSince);
  }

  private tick(now: number): void {
    // A long sleep is worth as many ticks; the budgets cap themselves.
    const ticks = Math.min(10, Math.floor((now - this.lastTick) / TICK_NANOS));
    this.lastTick = now;
    for (let k = 0; k < ticks; k++) this.engine.tick();
    this.puntBudget.refill(ticks);
    this.engine.cacheTick();
  }

  private publish(): void {
    if (this.cache === undefined) return;
    this.counters[W_CACHE_HITS] = this.cache.hits;
    this.counters[W_CACHE_MISSES] = this.cache.misses;
  }
}

/** Whom outside an inside end has not talked to does not reach it (RFC 4787 §5). */
const openNat = ({ table, sessions }: NatBuffers, seed: number): Nat =>
  new Nat(table, new Connections(sessions), { filtering: "address-and-port-dependent", seed });

/** Octets of scratch memory a forwarder needs: room for a turn's own packets and injected frames. */
export const SCRATCH_OCTETS = 8 << 20;
/** The largest frame with its headroom. */
export const SLOT_OCTETS = HEADROOM + MAX_FRAME + 64;
