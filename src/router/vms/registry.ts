/**
 * The VMs of a router while it runs: attached, prepared, activated, held, released, detached, one after another, each with
 * its state, its port and what must not be forgotten of it. events.ts says what the states are.
 */
import type { Millis } from "#base/time";
import type { Configuration, Vm } from "#router/config/model";
import type { Change } from "#router/config/plan";
import { conflictsOf } from "#router/config/vm-conflicts";
import { readVm } from "#router/config/vm-definition";
import type { Log } from "#router/log";
import type { PortState, Ports } from "#router/ports";
import { RouterError } from "#router/router-error";
import type { VmCause, VmEntry, VmObserver, VmRegistry, VmState } from "#router/vms/events";
import { HeldFrames, type HeldFramesIo } from "#router/vms/held-frames";
import { VmNews } from "#router/vms/news";
import { VmStateFile } from "#router/vms/state-file";
import { atStart, onReload, type Takeover } from "#router/vms/takeover";
import { UnknownVmError, VmDefinitionError, VmStateError } from "#router/vms/vm-errors";
import { inState, isSameVm, newRecord, type VmRecord, VmTable, withVms, writtenVm } from "#router/vms/vm-table";
import { formatConfigError, formatPath } from "#runtime/document/config-error";

/** Milliseconds after which a hold that nobody ended ends by itself. */
const LONGEST_HOLD = 10_000;

export interface VmsOptions {
  /** Path of the state file. */
  readonly file: string;
  readonly log: Log;
  readonly ports: Ports;
  readonly frames: HeldFramesIo;
  /** One after another with all that changes the router. */
  readonly inTurn: <T>(act: () => Promise<T>) => Promise<T>;
  /** Takes over a configuration that differs in its VMs alone. */
  readonly become: (configuration: Configuration) => Promise<void>;
  /** Has forwarders know the VMs' states; what `before` injects is the first that they meet then. */
  readonly adopt: (before?: () => void) => Promise<void>;
  /** The VM that was expected at this open port is there: it is spoken to from now on. */
  readonly arrived: (port: PortState) => void;
  /** What is wrong with a configuration that no file has shown; undefined: nothing. */
  readonly check: (configuration: Configuration) => string | undefined;
  /** Frames that forwarders have handed up and nobody has looked at yet are looked at now. */
  readonly drain: () => void;
}

/** The VMs under other files than now. */
export interface VmsPlan extends Pick<Takeover, "records"> {
  /** What the files say. */
  readonly written: Configuration;
  /** What the router would work with. */
  readonly configuration: Configuration;
  readonly errors: readonly string[];
}

export class Vms implements VmRegistry {
  readonly #options: VmsOptions;
  readonly #table = new VmTable();
  readonly #file: VmStateFile;
  readonly #news = new VmNews();
  readonly #holds = new Map<string, Timer>();
  /** Those whose port goes while they go on elsewhere, or that never were here. */
  readonly #moving = new Set<string>();
  /** What the files say. */
  #written: Configuration;

  /** Takes up what an earlier run has left. */
  constructor(options: VmsOptions, written: Configuration) {
    this.#options = options;
    this.#written = written;
    this.#file = new VmStateFile(options.file);
    const { vms, trouble } = this.#file.read();
    if (trouble !== undefined) options.log.error(trouble, "vm-trouble");
    const { records, errors } = atStart(written, vms, options.file);
    for (const { path, found, expected } of errors)
      options.log.error(
        `${options.file}: ${path}: found ${found}, expected ${expected}: that VM is not here`,
        "vm-trouble",
      );
    for (const record of records) this.#table.set(record);
  }

  /** What the router works with. */
  get configuration(): Configuration {
    return withVms(this.#written, this.#table.here());
  }

  /** What the files say. */
  get written(): Configuration {
    return this.#written;
  }

  observe(observer: VmObserver): void {
    this.#news.observe(observer);
  }

  entries(): readonly VmEntry[] {
    return this.#table.all().map((record) => this.#entryOf(record));
  }

  find(name: string): VmEntry | undefined {
    const record = this.#table.get(name);
    return record && this.#entryOf(record);
  }

  stateOf(name: string): VmState | undefined {
    return this.#table.get(name)?.state;
  }

  /** True while the port of a VM goes that goes on elsewhere, or has not come: its link is not to hear of it. */
  isMoving(name: string): boolean {
    return this.#moving.has(name);
  }

  /** The router runs: observers hear of the VMs that are here. */
  started(): void {
    this.#news.begin();
    this.#save();
    for (const { vm, state } of this.#table.all()) this.#news.tell(vm, undefined, state, { cause: "start" });
  }

  stop(): void {
    for (const timer of this.#holds.values()) clearTimeout(timer);
    this.#holds.clear();
  }

  // ---- verbs; each throws VmStateError, UnknownVmError or VmDefinitionError having changed nothing ----

  /** A VM that runs here from now on; `definition` as an element of node.yaml's `vms`. */
  attach = (definition: unknown): Promise<VmEntry> =>
    this.#options.inTurn(() => this.#enter("active", this.#read(definition)));

  /** A VM of the node's file that is away, as it is written there. */
  attachAgain = (name: string): Promise<VmEntry> =>
    this.#options.inTurn(() => {
      const record = this.#require(name, ["away"], "away");
      const vm = writtenVm(this.#written.node, name);
      if (vm === undefined) throw new VmStateError(name, `in no file (it was ${record.source})`, "in the node's file");
      const { node } = this.#written;
      const conflicts = conflictsOf(vm, this.#table.here(), node).map(({ path, found, expected }) => ({
        ...{ file: node.file, line: 0, column: 0 },
        ...{ path: formatPath(["vms", node.vms.indexOf(vm), ...path]), found, expected },
      }));
      if (conflicts.length > 0) throw new VmDefinitionError(conflicts);
      return this.#enter("active", vm);
    });

  /**
   * Everything for a VM that is about to come here; nothing is delivered to it before it is active.
   * @param after the claim that it has where it comes from: this router's will be later, whatever the two clocks say.
   */
  prepare = (definition: unknown, after?: Millis): Promise<VmEntry> =>
    this.#options.inTurn(() => this.#enter("prepared", this.#read(definition), after));

  /** A prepared VM has come. Its first frame says so too; what `before` injects is taken first when it is active. */
  activate = (name: string, cause: VmCause = "command", before?: () => void): Promise<VmEntry> =>
    this.#options.inTurn(async () => {
      const record = this.#require(name, ["prepared"], "prepared");
      return this.#change(record, { state: "active", cause, before });
    });

  /** What is to be delivered to it is kept, for at most 10 s. */
  hold = (name: string): Promise<VmEntry> =>
    this.#options.inTurn(async () => {
      const record = this.#require(name, ["active"], "active");
      this.#holds.set(
        name,
        setTimeout(() => void this.#holdEnded(name), LONGEST_HOLD),
      );
      const frames = new HeldFrames(this.#options.frames);
      return this.#change({ ...record, frames }, { state: "held", cause: "command" });
    });

  /** It stays: it gets what was kept for it. */
  resume = (name: string, cause: VmCause = "command"): Promise<VmEntry> =>
    this.#options.inTurn(async () => {
      const record = this.#require(name, ["held"], "held");
      return this.#change(record, { state: "active", cause, before: this.#givingBack(record) });
    });

  /** It is here no more, and nowhere else that we know of. */
  detach = (name: string): Promise<void> =>
    this.#options.inTurn(async () => {
      const record = this.#require(name, ["active", "prepared", "held", "away"], "here");
      const own = writtenVm(this.#written.node, name);
      if (record.state !== "away") await this.#leave(record, own === undefined ? undefined : "away", "command");
      else if (record.source === "runtime") this.#table.delete(name);
      else throw new VmStateError(name, "away", "here (what the node's file says of it stays)");
    });

  /** The mobility host's: it is active elsewhere. */
  released = (name: string): Promise<void> =>
    this.#options.inTurn(async () => {
      const record = this.#table.get(name);
      if (record?.state === "active" || record?.state === "held") await this.#leave(record, "away", "released");
    });

  // ---- frames ----

  /** A frame for a VM that forwarders found held; false: it is not, or no VM here is at that port. */
  keep(port: number, held: Parameters<HeldFrames["keep"]>[0]): boolean {
    const record = this.#table.get(this.#options.ports.all.get(port)?.vm?.name ?? "");
    if (record?.frames === undefined) return false;
    record.frames.keep(held);
    return true;
  }

  // ---- another configuration ----

  /** The VMs under other files; errors: nothing is to change. */
  plan(written: Configuration): VmsPlan {
    const { records, errors } = onReload(written, this.#table.all(), this.#options.file);
    const here = records.flatMap(({ state, vm }) => (state === "away" ? [] : [vm]));
    return { written, records, configuration: withVms(written, here), errors: errors.map(formatConfigError) };
  }

  /** What of these changes cannot be made now, in words. */
  refusals(changes: readonly Change[]): string[] {
    return changes.flatMap(({ what, name, before }) => {
      const state = what === "vm" && before !== undefined ? this.stateOf(name) : undefined;
      return state === "prepared" || state === "held"
        ? [`VM ${name} is ${state}: found a change of it, expected none`]
        : [];
    });
  }

  /** The router works with what was planned. */
  took({ written, records }: Pick<VmsPlan, "written" | "records">): void {
    const before = new Map(this.#table.all().map((record) => [record.vm.name, record]));
    this.#written = written;
    for (const name of before.keys()) this.#table.delete(name);
    for (const record of records) this.#table.set(record);
    this.#save();
    for (const [name, { vm, state }] of before) {
      const now = this.#table.get(name);
      if (now === undefined) this.#news.tell(vm, state, undefined, { cause: "reload" });
      else if (state !== "away" && !isSameAtPort(vm, now.vm)) {
        this.#news.tell(vm, state, undefined, { cause: "reload" });
        this.#news.tell(now.vm, undefined, now.state, { cause: "reload" });
      }
    }
    for (const { vm, state } of records)
      if (!before.has(vm.name)) this.#news.tell(vm, undefined, state, { cause: "reload" });
  }

  // ---- inside ----

  #entryOf({ vm, state, source, since, frames }: VmRecord): VmEntry {
    const port = state === "away" ? undefined : this.#options.ports.find("vm", vm.name)?.index;
    return { vm, state, source, since, port, held: frames?.counts };
  }

  #read(definition: unknown): Vm {
    const { role, name: own } = this.#written.node;
    if (role !== "hypervisor") throw new RouterError(`${own} is a ${role}: VMs are hypervisors'`);
    const name = nameOf(definition);
    const state = name === undefined ? undefined : this.stateOf(name);
    if (name !== undefined && state !== undefined && state !== "away")
      throw new VmStateError(name, state, "away, or not known yet");
    const result = readVm(definition, this.configuration);
    if (!result.ok) throw new VmDefinitionError(result.errors);
    return result.vm;
  }

  #require(name: string, states: readonly VmState[], expected: string): VmRecord {
    const record = this.#table.get(name);
    if (record === undefined) throw new UnknownVmError(name);
    if (!states.includes(record.state)) throw new VmStateError(name, record.state, expected);
    return record;
  }

  async #enter(state: "active" | "prepared", vm: Vm, after?: Millis): Promise<VmEntry> {
    const before = this.#table.get(vm.name);
    const own = writtenVm(this.#written.node, vm.name);
    const isOwn = own !== undefined && isSameVm(own, vm);
    const record = newRecord(isOwn ? own : vm, state, {
      source: isOwn ? "file" : "runtime",
      replaces: own !== undefined && !isOwn,
      after,
    });
    this.#checkRules(vm);
    this.#table.set(record);
    try {
      this.#save();
      await this.#options.become(this.configuration);
    } catch (error) {
      if (before === undefined) this.#table.delete(vm.name);
      else this.#table.set(before);
      this.#save();
      throw error;
    }
    this.#options.log.info(`VM ${vm.name}: ${state === "active" ? "attached" : "prepared"}`, "vm", { vm: vm.name });
    this.#news.tell(record.vm, before?.state, state, { cause: "command" });
    return this.#entryOf(record);
  }

  /** A network that comes here brings its rules. */
  #checkRules(vm: Vm): void {
    const here = this.#table.here();
    if (here.some(({ network }) => network.tags === vm.network.tags)) return;
    const found = this.#options.check(withVms(this.#written, [...here, vm]));
    if (found === undefined) return;
    const place = { file: "VM", line: 0, column: 0, path: "network" };
    throw new VmDefinitionError([{ ...place, found, expected: "a network whose rules there is room for" }]);
  }

  /** Of a VM that stays at its port. */
  async #change(was: VmRecord, { state, cause, before }: Transition): Promise<VmEntry> {
    const { name } = was.vm;
    const record = inState(was, state);
    this.#table.set(record);
    this.#save();
    if (state !== "held") this.#endHold(name);
    const port = was.state === "prepared" ? this.#options.ports.find("vm", name) : undefined;
    if (port !== undefined && port.trouble === undefined) this.#options.arrived(port);
    await this.#options.adopt(before);
    this.#options.log.info(`VM ${name}: ${was.state} → ${state} (${cause})`, "vm", { vm: name });
    this.#news.tell(record.vm, was.state, state, { cause, after: record.after });
    return this.#entryOf(record);
  }

  /** `to`: what is left of it; its port and what was kept for it go in any case. */
  async #leave(record: VmRecord, to: "away" | undefined, cause: VmCause): Promise<void> {
    const { vm, state } = record;
    const own = writtenVm(this.#written.node, vm.name);
    // Forwarders find it here no more, then what was kept goes where it is now, then the port is closed.
    this.#table.set(inState(record, "away"));
    this.#save();
    this.#endHold(vm.name);
    if (state !== "prepared") await this.#options.adopt(this.#givingBack(record));
    if (to === undefined) this.#table.delete(vm.name);
    else if (own !== undefined)
      this.#table.set({ ...newRecord(own, "away", { source: "file" }), frames: record.frames });
    this.#save();
    if (cause === "released" || state === "prepared") this.#moving.add(vm.name);
    await this.#options.become(this.configuration);
    this.#moving.delete(vm.name);
    this.#options.log.info(`VM ${vm.name}: ${state} → ${to ?? "gone"} (${cause})`, "vm", { vm: vm.name });
    this.#news.tell(vm, state, to, { cause });
  }

  /** What is to be done right before forwarders know of the state. */
  #givingBack({ frames }: VmRecord): (() => void) | undefined {
    if (frames === undefined) return undefined;
    return () => {
      this.#options.drain();
      void frames.giveBack();
      this.#options.drain(); // what has come meanwhile
    };
  }

  #endHold(name: string): void {
    clearTimeout(this.#holds.get(name));
    this.#holds.delete(name);
  }

  async #holdEnded(name: string): Promise<void> {
    if (!this.#holds.has(name)) return;
    this.#options.log.warn(
      `VM ${name}: nobody ended its hold in ${LONGEST_HOLD / 1000} s: it stays here`,
      "vm-trouble",
      { vm: name },
    );
    await this.resume(name, "timeout").catch(() => {}); // it was ended just now
  }

  #save(): void {
    this.#file.write(this.#table.kept());
  }
}

/** To another state, at the same port. */
interface Transition {
  readonly state: VmState;
  readonly cause: VmCause;
  /** Right before forwarders know of it. */
  readonly before?: (() => void) | undefined;
}

function nameOf(definition: unknown): string | undefined {
  const name =
    typeof definition === "object" && definition !== null && "name" in definition ? definition.name : undefined;
  return typeof name === "string" ? name : undefined;
}

/** False when the fabric is to hear of a difference: its addresses or its network are others. */
const isSameAtPort = (a: Vm, b: Vm): boolean =>
  a.network.tags === b.network.tags &&
  a.ipv4?.networkAddress.text === b.ipv4?.networkAddress.text &&
  a.ipv6.map(({ text }) => text).join() === b.ipv6.map(({ text }) => text).join();
