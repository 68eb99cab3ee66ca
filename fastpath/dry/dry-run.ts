/**
 * What the fast path would do with a frame, found out by doing it: an engine of the forwarders' own code, with their tables,
 * that changes nothing. It reads what it only reads where the forwarders do; where it would write, it has shadows
 * (shadow-memory.ts); its ports keep what is sent. For the control thread: it is in nobody's turn, and waits for none.
 */
import { C_ENDINGS, COUNTERS_OCTETS, portCounters } from "#fastpath/counters";
import { R_ADJACENCY } from "#fastpath/decision";
import { ShadowBindings } from "#fastpath/dry/shadow-bindings";
import { ShadowConnections } from "#fastpath/dry/shadow-connections";
import { bringAll } from "#fastpath/dry/shadow-memory";
import { ShadowNat } from "#fastpath/dry/shadow-nat";
import { Engine, type Punts } from "#fastpath/engine";
import { Frame, HEADROOM, MAX_FRAME } from "#fastpath/frame";
import type { Port } from "#fastpath/ports/port";
import { MOST_PER_FRAME, Scratch } from "#fastpath/scratch";
import type { ForwarderStart } from "#fastpath/shared";
import { STEP_WORDS, Steps } from "#fastpath/steps";
import type { AdjacencyReader } from "#fastpath/tables/adjacencies";
import { FibReader } from "#fastpath/tables/fib-reader";
import { Fragments } from "#fastpath/tables/fragments";
import { GroupReader } from "#fastpath/tables/groups";
import type { Snapshot } from "#fastpath/tables/layout";
import { Tables } from "#fastpath/tables/tables";
import { Tunnels } from "#fastpath/tables/tunnels";
import type { Verdict } from "#fastpath/verdicts";

/** The tables that forwarders share, but for adjacencies. */
export type SharedTables = Pick<ForwarderStart, "fib" | "connections" | "fragments" | "bindings" | "tunnels" | "nat">;

/** A port that is open. */
export interface DryPort {
  readonly index: number;
  /** Port.offload. */
  readonly offload: boolean;
}

export interface Question {
  /** What the forwarders work with. */
  readonly snapshot: Snapshot;
  readonly ports: readonly DryPort[];
  /** Ticks, ten a second, as the forwarders count them. */
  readonly now: number;
  /** Port that the frame comes in by. */
  readonly port: number;
  /** The frame, from its Ethernet header on; at most MAX_FRAME. */
  readonly octets: Uint8Array;
}

/** A frame that leaves. */
export interface DrySent {
  readonly port: number;
  readonly octets: Uint8Array;
}

export interface DryResult {
  readonly ending: Verdict;
  /** The one that a frame waits for that is handed up. */
  readonly adjacency: number;
  /** steps.ts. */
  readonly steps: Int32Array;
  readonly stepCount: number;
  /** What the frame became. */
  readonly sent: readonly DrySent[];
  /** The ICMP error that its ending owes its sender. */
  readonly errors: readonly DrySent[];
  /** How the error itself came to nothing, or that it was sent into the fabric; undefined: it is none, or went back to where the frame came from. */
  readonly errorEnding: Verdict | undefined;
}

const ARENA = 4 * MOST_PER_FRAME;

/** Next hops of which none is marked as used, and of which some are supposed to be known that are not. */
export class QuietGroups extends GroupReader {
  /** By adjacency, 6 octets: MAC addresses as they may turn out to be. */
  readonly supposed = new Map<number, Uint8Array>();

  override markUsed(): void {}

  override isResolved(adjacency: number): boolean {
    return super.isResolved(adjacency) || this.supposed.has(adjacency);
  }

  override hasMac(adjacency: number, bytes: Uint8Array, at: number): boolean {
    const mac = super.isResolved(adjacency) ? undefined : this.supposed.get(adjacency);
    return mac === undefined ? super.hasMac(adjacency, bytes, at) : mac.every((octet, i) => octet === bytes[at + i]);
  }

  override copyMacs(adjacency: number, to: Int32Array, at: number): void {
    super.copyMacs(adjacency, to, at);
    const mac = super.isResolved(adjacency) ? undefined : this.supposed.get(adjacency);
    if (mac !== undefined) new Uint8Array(to.buffer, to.byteOffset + 4 * at, 6).set(mac);
  }
}

/** Counts nothing. */
class QuietTunnels extends Tunnels {
  override count(): void {}
}

export class DryRun {
  readonly tables: Tables;
  readonly #shared: SharedTables;
  readonly #connections: ShadowConnections;
  readonly #bindings: ShadowBindings;
  readonly #nat: ShadowNat | undefined;
  readonly #fragments: SharedArrayBuffer;
  readonly #engine: Engine;
  readonly #counters = new Float64Array(COUNTERS_OCTETS / 8);
  readonly #bytes: Uint8Array;
  readonly #steps = new Steps();
  /** Nothing waits at the control thread, and nobody is told. */
  readonly #punts: Punts = {
    punt: (_, verdict) => {
      this.#adjacency = this.tables.records[R_ADJACENCY]!;
      return verdict;
    },
    note: () => {},
    ask: () => {},
    drop: () => {},
    flow: () => {},
  };
  #sent: DrySent[] = [];
  #adjacency = 0;
  /** How many of `#sent` there were when the frame's own way ended. */
  #own = -1;

  /** `adjacencies`: such as mark none as used. */
  constructor(shared: SharedTables, adjacencies: AdjacencyReader) {
    this.#shared = shared;
    this.#connections = new ShadowConnections(shared.connections);
    this.#bindings = new ShadowBindings(shared.bindings);
    this.#nat = shared.nat && new ShadowNat(shared.nat, 1);
    this.#fragments = new SharedArrayBuffer(shared.fragments.byteLength);
    bringAll(shared.fragments, this.#fragments);
    const arena = new ArrayBuffer(ARENA);
    this.#bytes = new Uint8Array(arena);
    const views = { bytes: this.#bytes, words: new Int32Array(arena) };
    this.tables = new Tables(views, new FibReader(shared.fib), adjacencies, {
      cacheEntries: 0,
      connections: this.#connections,
      fragments: new Fragments(this.#fragments),
      bindings: this.#bindings,
      tunnels: new QuietTunnels(shared.tunnels),
      nat: this.#nat?.nat,
    });
    const scratch = new Scratch(MOST_PER_FRAME, 3 * MOST_PER_FRAME);
    this.#engine = new Engine(this.tables, this.#counters, scratch, { punts: this.#punts });
  }

  run({ snapshot, ports, now, port, octets }: Question): DryResult {
    if (octets.length > MAX_FRAME) throw new RangeError(`a frame of ${octets.length} octets, more than ${MAX_FRAME}`);
    this.#connections.begin();
    this.#bindings.begin();
    this.#nat?.begin();
    bringAll(this.#shared.fragments, this.#fragments);
    const { rules } = snapshot;
    this.tables.adopt({ ...snapshot, rules: { ...rules, outHits: NO_HITS, inHits: NO_HITS } });
    this.tables.now = now;
    this.#engine.ports.length = 0;
    for (const { index, offload } of ports) this.#engine.ports[index] = this.#port(index, offload);
    for (let i = 0; i < 5; i++) this.#engine.tick(); // errors are owed as if none had been sent lately
    return this.#watch(port, octets);
  }

  #watch(port: number, octets: Uint8Array): DryResult {
    const f = new Frame(); // nothing is left of the one before
    this.tables.records.fill(0);
    f.at = HEADROOM + 2;
    this.#bytes.set(octets, f.at);
    f.end = f.at + octets.length;
    f.port = port;
    this.#sent = [];
    this.#own = -1;
    this.#steps.begin();
    const before = this.#counters.slice(portCounters(port), portCounters(port + 1));
    this.#adjacency = 0;
    const ending = this.#engine.watch(f, this.#steps, () => {
      this.#own = this.#sent.length;
    });
    this.#engine.scratch.reset();
    const errors = this.#sent.splice(this.#own);
    return {
      ending,
      adjacency: this.#adjacency,
      steps: this.#steps.words.slice(0, this.#steps.count * STEP_WORDS),
      stepCount: this.#steps.count,
      sent: this.#sent,
      errors,
      errorEnding: this.#otherEnding(port, before, ending),
    };
  }

  /** What else ended than the frame itself: the error about it. */
  #otherEnding(port: number, before: Float64Array, ending: Verdict): Verdict | undefined {
    const from = portCounters(port) + C_ENDINGS;
    for (let i = 0; i < before.length - C_ENDINGS; i++) {
      const more = this.#counters[from + i]! - before[C_ENDINGS + i]! - (i === ending ? 1 : 0);
      if (more > 0) return i;
    }
    return undefined;
  }

  #port(index: number, offload: boolean): Port {
    return {
      ...{ index, offload, tunnels: false, fd: -1, failure: 0, transmitErrors: 0 },
      receiveDrops: () => 0,
      receive: () => 0,
      transmit: (f) => this.#sent.push({ port: index, octets: this.#bytes.slice(f.at, f.end) }) > 0,
      flush: () => {},
      release: () => {},
      close: () => {},
    };
  }
}

const NO_HITS = new Int32Array(0);
