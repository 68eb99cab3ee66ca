/**
 * Routes by where they come from; for each prefix the best is in the forwarding table. The order: the router's own homes
 * before static routes before OSPF's. Nothing else is compared: a longer prefix wins whoever it is from.
 */
import type { Prefix } from "#base/address";
import type { Routing, Target } from "#router/routing";

export type Origin = "local" | "static" | "ospf";

/** Best first. */
const ORIGINS: readonly Origin[] = ["local", "static", "ospf"];

/** A prefix with its text, by which it is known. */
export interface Destination extends Prefix {
  readonly text: string;
}

interface Candidates {
  readonly prefix: Prefix;
  /** By origin, in their order. */
  readonly targets: (Target | undefined)[];
}

export class Rib {
  private readonly routing: Routing;
  private readonly byText = new Map<string, Candidates>();

  constructor(routing: Routing) {
    this.routing = routing;
  }

  /** The origin whose route packets to just this prefix take; undefined: there is none. */
  winner(text: string): Origin | undefined {
    const candidates = this.byText.get(text);
    return candidates && ORIGINS[bestOf(candidates)];
  }

  /** Adds or replaces the origin's route. Throws FibFullError, RangeError (no group left): nothing has changed then. */
  set(origin: Origin, { address, length, text }: Destination, target: Target): void {
    const known = this.byText.get(text);
    const candidates = known ?? { prefix: { address, length }, targets: [] };
    const rank = ORIGINS.indexOf(origin);
    const isBest = rank <= bestOf(candidates);
    if (isBest) this.routing.set(candidates.prefix, target);
    candidates.targets[rank] = target;
    if (known === undefined) this.byText.set(text, candidates);
  }

  /** Nothing happens when the origin has none. Throws FibFullError, RangeError: nothing has changed then. */
  remove(origin: Origin, text: string): void {
    const candidates = this.byText.get(text);
    const rank = ORIGINS.indexOf(origin);
    if (candidates?.targets[rank] === undefined) return;
    const after = { prefix: candidates.prefix, targets: candidates.targets.with(rank, undefined) };
    const next = bestOf(after);
    if (next === ORIGINS.length) this.routing.remove(candidates.prefix);
    else if (next > rank) this.routing.set(candidates.prefix, after.targets[next]!);
    candidates.targets[rank] = undefined;
    if (next === ORIGINS.length) this.byText.delete(text);
  }
}

/** Its rank; the number of origins when there is none. */
function bestOf({ targets }: Candidates): number {
  let rank = 0;
  while (rank < ORIGINS.length && targets[rank] === undefined) rank++;
  return rank;
}
