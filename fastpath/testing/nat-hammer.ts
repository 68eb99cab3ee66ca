/** A Worker that uses a NAT as hard as it can beside others, and counts what it finds wrong. */
import { nextBelow, type Random, seeded } from "#base/random";
import type { Nat } from "#fastpath/tables/nat";
import { UDP, vm } from "#fastpath/testing/connection-packets";
import { type Flow, into, type NatBuffers, natOf, out, remote } from "#fastpath/testing/nat-world";

export interface NatHammerOrder extends NatBuffers {
  /** Word 0: 0 before work may begin, −1 when churn is to end. Word 1: the clock. From word 2 on: flows, or packets, each has done. */
  readonly control: SharedArrayBuffer;
  readonly seed: number;
  /** 0 … workers − 1. */
  readonly worker: number;
  readonly workers: number;
  /** bind: every flow, in the same order as the others. churn: anything, until it is to end. */
  readonly work: "bind" | "churn";
  readonly flows: number;
}

export interface NatHammerReport {
  readonly operations: number;
  /** Packets that would have gone to, or have come from, another inside end than they were of. */
  readonly wrong: number;
  /** Bindings refused, by result: REFUSED_ numbers. */
  readonly refused: Record<number, number>;
  /** Of bindings just made or used, those that let nothing in any more: by a thread whose clock is late, which wrote its time. */
  readonly gone: number;
}

export const STATE = 0;
export const CLOCK = 1;
export const PROGRESS = 2;
export const BEGIN = 1;
export const END = -1;
const PATIENCE = 300;

/** Flow `i`: ten ports of an inside address. */
export const hammerFlow = (i: number): Flow => ({
  inside: vm(7, Math.floor(i / 10), 1000 + (i % 10)),
  remote: remote(8, 53),
  protocol: UDP,
});

class Hammer {
  readonly #nat: Nat;
  readonly #control: Int32Array;
  readonly #random: Random;
  readonly #order: NatHammerOrder;
  readonly report = { operations: 0, wrong: 0, refused: {} as Record<number, number>, gone: 0 };

  constructor(order: NatHammerOrder) {
    this.#nat = natOf(order, { seed: order.seed });
    this.#control = new Int32Array(order.control);
    this.#random = seeded(order.seed);
    this.#order = order;
  }

  /** Each flow at the same time as the others, as far as they have a processor just then. */
  bind(): void {
    const { flows, worker } = this.#order;
    while (Atomics.load(this.#control, STATE) === 0);
    for (let flow = 0; flow < flows; flow++) {
      for (let spin = 0; spin < PATIENCE && this.#isAhead(flow); spin++);
      this.#pass(flow, 0);
      Atomics.store(this.#control, PROGRESS + worker, flow + 1);
    }
  }

  #isAhead(flow: number): boolean {
    for (let i = 0; i < this.#order.workers; i++) if (Atomics.load(this.#control, PROGRESS + i) < flow) return true;
    return false;
  }

  churn(): void {
    const control = this.#control;
    while (Atomics.load(control, STATE) !== END) {
      for (let i = 0; i < 100; i++) {
        const now = Atomics.load(control, CLOCK);
        if (nextBelow(this.#random, 8) === 0) this.#nat.sweep(now, 256);
        else this.#pass(nextBelow(this.#random, this.#order.flows), now);
      }
      Atomics.store(control, PROGRESS + this.#order.worker, this.report.operations);
    }
  }

  #pass(flow: number, now: number): void {
    this.report.operations++;
    const wanted = hammerFlow(flow);
    const { result, outside } = out(this.#nat, wanted, now);
    if (outside === undefined) {
      this.report.refused[result] = (this.report.refused[result] ?? 0) + 1;
      return;
    }
    const found = into(this.#nat, outside, wanted, now);
    // A thread that stood still for as long as a session lasts has nothing to complain of.
    if (Atomics.load(this.#control, CLOCK) !== now) return;
    if (typeof found === "number") this.report.gone++;
    else if (found.port !== wanted.inside.port || found.address[3] !== wanted.inside.address[3]) this.report.wrong++;
  }
}

declare const self: Worker;

if (!Bun.isMainThread) {
  self.onmessage = (event: MessageEvent<NatHammerOrder>) => {
    const hammer = new Hammer(event.data);
    if (event.data.work === "bind") hammer.bind();
    else hammer.churn();
    postMessage(hammer.report);
  };
  postMessage("ready");
}
