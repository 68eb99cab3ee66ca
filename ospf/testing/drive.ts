/** The computation of routing tables, driven by tests and benchmarks. */
import type { OspfEffect, Turn } from "#ospf/events";
import { compute, newMemory, noChanges } from "#ospf/routes/computation";
import type { RoutingTable } from "#ospf/routes/model";
import type { Routing } from "#ospf/routes/routing";
import type { Work } from "#ospf/routes/work";
import type { Instance } from "#ospf/state";

/** All pieces of a work, one after another. */
export function finish<T>(work: Work<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/** The routing table from nothing. */
export const tableOf = (instance: Instance): RoutingTable =>
  finish(compute(instance, newMemory(instance), noChanges(), instance.table)).table;

/** Lets time pass, from deadline to deadline, until nothing is to be done before `until`. Answers all effects. */
export function runUntil(routing: Routing, until: number): OspfEffect[] {
  const turn: Turn = { now: 0, effects: [] };
  for (let now = 0; ; ) {
    now = Math.max(now, routing.deadline());
    if (now > until) return turn.effects;
    routing.run({ ...turn, now });
  }
}
