/** A Worker that uses the connection table as hard as it can beside others, and counts what it finds wrong. */
import { nextBelow, type Random, seeded } from "#base/random";
import { BACK } from "#fastpath/tables/connection-entries";
import { Connections } from "#fastpath/tables/connections";
import { back, describePacket, type TestPacket, UDP, vm } from "#fastpath/testing/connection-packets";

export interface HammerOrder {
  readonly table: SharedArrayBuffer;
  /** Word 0: 0 before work may begin, −1 when churn is to end. Word 1: the clock. From word 2 on: flows each has done. */
  readonly control: SharedArrayBuffer;
  readonly seed: number;
  /** 0 … workers − 1. */
  readonly worker: number;
  readonly workers: number;
  /** insert: every flow, in the same order as the others. churn: anything, until it is to end. */
  readonly work: "insert" | "churn";
  readonly flows: number;
}

export interface HammerReport {
  readonly operations: number;
  /** Entries whose rule or owner is not that of the flow that was asked for. */
  readonly wrong: number;
  /** Insertions that ended without an entry. */
  readonly refused: number;
  /** Insertions that ended with an entry that another worker had made from the other end meanwhile. */
  readonly met: number;
}

export const STATE = 0;
export const CLOCK = 1;
const PROGRESS = 2;
export const BEGIN = 1;
export const END = -1;

export const hammerOwner = (flow: number): number => flow % 7;
export const hammerRule = (flow: number): number => Math.imul(flow, 0x9e37_79b1);
export const hammerPacket = (flow: number): TestPacket => ({
  source: vm(flow, ~flow, flow & 0xffff),
  destination: vm(flow ^ 0x1234, Math.imul(flow, 3), 80),
  protocol: UDP,
});

/** Looks at the others' progress before a worker goes on alone. */
const PATIENCE = 300;

class Hammer {
  readonly #table: Connections;
  readonly #control: Int32Array;
  readonly #random: Random;
  readonly #flows: number;
  readonly #own: number;
  readonly #workers: number;
  readonly report = { operations: 0, wrong: 0, refused: 0, met: 0 };

  constructor(order: HammerOrder) {
    this.#table = new Connections(order.table);
    this.#control = new Int32Array(order.control);
    this.#random = seeded(order.seed);
    this.#flows = order.flows;
    this.#own = PROGRESS + order.worker;
    this.#workers = order.workers;
  }

  /** Each flow at the same time as the others, as far as they have a processor just then. */
  insert(): void {
    while (Atomics.load(this.#control, STATE) === 0);
    for (let flow = 0; flow < this.#flows; flow++) {
      for (let spin = 0; spin < PATIENCE && this.#isAhead(flow); spin++);
      this.#pass(flow, 0);
      Atomics.store(this.#control, this.#own, flow + 1);
    }
  }

  #isAhead(flow: number): boolean {
    for (let i = 0; i < this.#workers; i++) if (Atomics.load(this.#control, PROGRESS + i) < flow) return true;
    return false;
  }

  churn(): void {
    const control = this.#control;
    const { entries } = this.#table;
    while (Atomics.load(control, STATE) !== END) {
      const now = Atomics.load(control, CLOCK);
      for (let i = 0; i < 200; i++) {
        const flow = nextBelow(this.#random, this.#flows);
        const choice = nextBelow(this.#random, 16);
        if (choice === 0) entries.sweep(now, 64);
        else if (choice < 4) this.#remove(flow, now);
        else this.#pass(flow, now);
      }
    }
  }

  #describe(flow: number): void {
    const packet = hammerPacket(flow);
    describePacket(this.#table, nextBelow(this.#random, 2) ? packet : back(packet));
  }

  #pass(flow: number, now: number): void {
    const table = this.#table;
    this.report.operations++;
    this.#describe(flow);
    const found = table.find(now);
    if (found !== 0) {
      this.#check(found, flow);
      if (table.advance(found, table.version, table.direction, now) !== 0) return;
    }
    const entry = table.insert(hammerOwner(flow), 5, hammerRule(flow), now);
    if (entry < 0) this.report.refused++;
    else this.#check(entry, flow);
    if (table.direction === BACK) this.report.met++;
  }

  /** What is read between two looks at the version is of that version. */
  #check(entry: number, flow: number): void {
    const { entries, version } = this.#table;
    const rule = entries.rule(entry);
    const owner = entries.owner(entry);
    const generation = entries.ruleGeneration(entry, version);
    Atomics.load(this.#control, STATE);
    if (entries.version(entry) !== version || entries.state(entry) < 2) return; // gone meanwhile
    if (rule !== hammerRule(flow) || owner !== hammerOwner(flow) || generation !== 5) this.report.wrong++;
  }

  #remove(flow: number, now: number): void {
    this.#describe(flow);
    const entry = this.#table.find(now);
    if (entry !== 0) this.#table.entries.remove(entry, this.#table.version);
  }
}

declare const self: Worker;

if (!Bun.isMainThread) {
  self.onmessage = (event: MessageEvent<HammerOrder>) => {
    const hammer = new Hammer(event.data);
    if (event.data.work === "insert") hammer.insert();
    else hammer.churn();
    postMessage(hammer.report);
  };
  postMessage("ready");
}
