/** What befalls a simulated fabric: VMs move, come and go as their operator wishes, routers crash, packets go to and fro. */
import { nextBetween } from "#base/random";
import type { Millis } from "#base/time";
import type { SimulatedNode } from "#pmip/testing/simulated-node";
import type { Simulation, Truth } from "#pmip/testing/simulation";

export interface ChaosOptions {
  /** Clocks differ by twice this at most; whoever moves a VM without knowing its claim waits longer than that. */
  readonly maxSkew: Millis;
  /** 0 … 1, of steps that crash a router. */
  readonly crashes: number;
}

/** Steps are so far apart. */
const STEP: Millis = 20;

export class Chaos {
  readonly #world: Simulation;
  readonly #options: ChaosOptions;
  /** VMs that are being moved. */
  readonly #busy = new Set<Truth>();
  readonly done: Record<string, number> = {};

  constructor(world: Simulation, options: ChaosOptions) {
    this.#world = world;
    this.#options = options;
  }

  /** A few thousand steps of this are a busy day. */
  step(): void {
    const world = this.#world;
    const dice = world.pick(KINDS);
    if (dice === "crash") {
      if (world.chance(this.#options.crashes * KINDS.length)) this.#crash(world.pick(world.nodes));
    } else if (dice === "traffic") this.#traffic();
    else this.#operate(dice, world.pick(world.vms));
    world.run(nextBetween(world.random, 0, 2 * STEP));
  }

  #count(what: string): void {
    this.done[what] = (this.done[what] ?? 0) + 1;
  }

  #traffic(): void {
    for (let i = 0; i < 4; i++) {
      const from = this.#world.pick(this.#world.vms);
      const to = this.#world.pick(this.#world.vms);
      if (from === to || from.node === undefined || to.node === undefined) continue;
      const node = this.#world.nodes[from.node]!;
      if (node.vms.get(from.vm)?.state === "active") this.#world.send(node, to);
    }
  }

  #crash(node: SimulatedNode): void {
    if (!node.isUp) return;
    this.#count("crash");
    node.crash();
    this.#world.at(this.#world.now + nextBetween(this.#world.random, 50, 15_000), () => node.start());
  }

  #operate(kind: "move" | "home" | "twice" | "cycle", truth: Truth): void {
    if (this.#busy.has(truth)) return;
    if (truth.node === undefined) {
      this.#appear(truth);
      return;
    }
    if (kind === "cycle") {
      if (this.#world.chance(0.2)) this.#vanish(truth);
      return;
    }
    const home = this.#homeOf(truth);
    const target = kind === "home" && home !== undefined ? home : this.#world.pick(this.#world.nodes);
    const again = kind === "twice" ? this.#world.pick(this.#world.nodes) : undefined;
    this.#move(truth, target, again);
  }

  #homeOf({ subject }: Truth): SimulatedNode | undefined {
    const core = this.#world.nodes.find(({ isUp }) => isUp)?.core;
    return core && this.#world.nodeAt(core.instance.plan.homeOf(subject).lma);
  }

  /** Nobody knows a claim here: it waits until all clocks are past the last one. */
  #appear(truth: Truth): void {
    const node = this.#world.pick(this.#world.nodes);
    if (!node.isUp || this.#world.now < truth.since + 2 * this.#options.maxSkew + 1) return;
    this.#count("attach");
    this.#world.place(truth, node.index);
    node.attach(truth, { handoff: false });
  }

  #vanish(truth: Truth): void {
    const node = this.#world.nodes[truth.node!]!;
    if (!node.isUp) return;
    this.#count("detach");
    this.#world.place(truth, undefined);
    this.#world.clear(truth);
  }

  /** prepare, hold, activate; the rest is the cores'. The source's router may be down: then the VM leaves without its notice. */
  #move(truth: Truth, target: SimulatedNode, again?: SimulatedNode): void {
    const world = this.#world;
    const source = world.nodes[truth.node!]!;
    if (target === source || !target.isUp) return;
    this.#busy.add(truth);
    target.prepare(truth);
    world.at(world.now + nextBetween(world.random, 0, 50), () => {
      const local = source.vms.get(truth.vm);
      if (source.isUp && local !== undefined) source.hold(truth);
      world.at(world.now + nextBetween(world.random, 1, 60), () => this.#arrive(truth, source, target, again));
    });
  }

  #arrive(truth: Truth, source: SimulatedNode, target: SimulatedNode, again: SimulatedNode | undefined): void {
    const world = this.#world;
    this.#busy.delete(truth);
    const isReady = target.isUp && target.vms.get(truth.vm)?.state === "prepared";
    if (!isReady || world.chance(0.05)) {
      this.#count("abort");
      if (target.vms.get(truth.vm)?.state === "prepared") target.detach(truth);
      source.resume(truth);
      return;
    }
    const after = source.vms.get(truth.vm)?.claim;
    const isKnown = after !== undefined && world.chance(0.7);
    // Without the claim of where it was, the clocks decide: they may not yet tell the two apart.
    if (!isKnown && world.now < truth.since + 2 * this.#options.maxSkew + 1) {
      this.#count("abort");
      target.detach(truth);
      source.resume(truth);
      return;
    }
    this.#count("move");
    world.place(truth, target.index);
    target.attach(truth, { handoff: true, ...(isKnown && { after }) });
    if (again !== undefined) {
      world.at(world.now + nextBetween(world.random, 0, 30), () => {
        if (truth.node === target.index && !this.#busy.has(truth)) this.#move(truth, again);
      });
    }
  }
}

const KINDS = [
  ...Array<"traffic">(12).fill("traffic"),
  ...Array<"move">(5).fill("move"),
  "home",
  "twice",
  "cycle",
  "crash",
] as const;
