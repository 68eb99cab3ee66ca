/** The routing table kept right: what changed, when to compute, and the computation itself, a slice at a time. */
import { type Millis, NEVER } from "#base/time";
import type { Entry } from "#ospf/database/store";
import type { Turn } from "#ospf/events";
import { Backoff, type BackoffState } from "#ospf/routes/backoff";
import { describeChange, type LsaChange, noteChange } from "#ospf/routes/changes";
import { type Changes, compute, type Memory, newMemory, noChanges, type Outcome } from "#ospf/routes/computation";
import type { RoutingTable } from "#ospf/routes/model";
import { isOfNewNeighbor, opensOwnLink } from "#ospf/routes/own-links";
import { type Difference, difference, sameRouters } from "#ospf/routes/table";
import type { Work } from "#ospf/routes/work";
import type { Scope } from "#ospf/scope";
import { type Area, type Instance, isAdjacent } from "#ospf/state";

/** Pieces of work in one call of `run`: a millisecond or two on a machine of today. */
const PIECES = 8;
/** Runs in the log. */
const LOG_LENGTH = 50;
/** Reasons of one run that are written down. */
const MOST_REASONS = 5;

export interface SpfRun {
  /** When the first of its reasons came, when it began, when its table was in force. */
  readonly triggeredAt: Millis;
  readonly startedAt: Millis;
  readonly endedAt: Millis;
  /** The first {@link MOST_REASONS} of `events`. */
  readonly reasons: readonly string[];
  readonly events: number;
  /** "prefix": no tree was computed (see computation.ts). */
  readonly kind: "full" | "prefix";
  /** That RFC 8405 asked for, and its state at the beginning. */
  readonly delay: Millis;
  readonly state: BackoffState;
  /** Calls of `run` that it took, and pieces of work: see `Work`. */
  readonly slices: number;
  readonly pieces: number;
  /** Routers and networks reached, over all areas. */
  readonly vertices: number;
  /** Routes in the table. */
  readonly prefixes: number;
  readonly changed: number;
  readonly removed: number;
  /** Prefixes for which there was no room. */
  readonly leftOut: number;
}

interface Trigger {
  readonly at: Millis;
  readonly reasons: string[];
  events: number;
}

interface Running {
  readonly work: Work<Result>;
  readonly trigger: Trigger;
  readonly startedAt: Millis;
  readonly delay: Millis;
  readonly state: BackoffState;
  slices: number;
  pieces: number;
}

interface Result {
  readonly outcome: Outcome;
  readonly difference: Difference;
}

export class Routing {
  readonly #instance: Instance;
  readonly #memory: Memory;
  #backoff = new Backoff();
  /** Nobody was adjacent when the last event came. */
  #wasAlone = true;
  readonly #log: SpfRun[] = [];
  #changes: Changes = noChanges();
  #trigger: Trigger | undefined;
  #running: Running | undefined;
  /** SPF_TIMER has ended, its computation not begun. */
  #isDue = false;
  /** The latest `now`. */
  #now: Millis = Number.NEGATIVE_INFINITY;
  #suspended = false;
  /** The host is to be told even if nothing changed: after a graceful restart it has routes that we know nothing of. */
  #tellAnyway = false;
  /** What the host was told of. */
  #told: RoutingTable["routes"] = new Map();

  constructor(instance: Instance) {
    this.#instance = instance;
    this.#memory = newMemory(instance);
  }

  /** No routes are told: the table is computed, but the host keeps what it has (RFC 3623 §2.2). */
  get suspended(): boolean {
    return this.#suspended;
  }

  /** A computation is to begin with the next call of {@link run}. */
  get isDue(): boolean {
    return this.#isDue;
  }

  suspend(): void {
    this.#suspended = true;
  }

  /**
   * The end of a graceful restart: all is computed at once, and one `routes` effect comes in any case (RFC 3623 §2.3). A
   * computation that began before may know too little, and is given up.
   */
  resume(now: Millis): void {
    this.#suspended = false;
    this.#tellAnyway = true;
    this.#running = undefined;
    this.topologyChanged(now, "end of the graceful restart");
    this.#isDue = true;
  }

  /** To be called for every installation and removal; those that do not change what is said may be left out. */
  lsaChanged(now: Millis, scope: Scope, before: Entry | undefined, after: Entry | undefined): void {
    const change = { scope, before, after };
    if (!noteChange(this.#instance, this.#changes, change) || !this.#mayMatter(change)) return;
    this.#triggered(now, () => describeChange(change));
    // Not after the back-off: others, who may have waited for less, are about to use that link.
    if (opensOwnLink(this.#instance, change, now) || isOfNewNeighbor(change, now)) this.#isDue = true;
  }

  /** Interfaces, neighbors or the configuration changed. */
  topologyChanged(now: Millis, reason = "interfaces, neighbors or configuration changed"): void {
    this.#changes.allTrees = true;
    this.#triggered(now, () => reason);
  }

  /** In the past while there is work to do. */
  deadline(): Millis {
    return this.#running !== undefined || this.#isDue ? this.#now : this.#backoff.deadline();
  }

  /**
   * Does a slice of work, if there is any. True: `instance.table` is another one, and what is originated from it must be
   * looked at again.
   */
  run(turn: Turn): boolean {
    this.#expire(turn.now);
    if (this.#running === undefined) {
      if (!this.#isDue) return false;
      this.#running = this.#begin(turn.now);
    }
    const running = this.#running;
    running.slices++;
    for (let piece = 0; piece < PIECES; piece++) {
      running.pieces++;
      const { done, value } = running.work.next();
      if (done) return this.#finish(turn, running, value);
    }
    return false;
  }

  /** The last 50 computations, the latest last. */
  log(): readonly SpfRun[] {
    return this.#log;
  }

  /** For the operator: RFC 8405's state, and when the next computation begins (NEVER: none is waiting). */
  backoff(): { readonly state: BackoffState; readonly computeAt: Millis } {
    return { state: this.#backoff.state, computeAt: this.deadline() };
  }

  /**
   * Of an area in which we have no neighbor, only our own LSAs count: what others say there comes of a database exchange,
   * and its end will be an event of its own. So an exchange, however long, does not use up the short delays.
   */
  #mayMatter({ scope, before, after }: LsaChange): boolean {
    const { config, areas } = this.#instance;
    if ((after ?? before)!.lsa.header.advertisingRouter === config.routerId) return true;
    switch (scope.kind) {
      case "link":
        return hasNeighbor(scope.interface.area);
      case "area":
        return hasNeighbor(scope.area);
      case "as":
        return [...areas.values()].some(hasNeighbor);
    }
  }

  /**
   * RFC 8405 has routers of a network compute at the same time. One that has no neighbor is none of them yet: what it did
   * alone shall not delay its first routes.
   */
  #noteCompany(): void {
    if (this.#wasAlone && this.#backoff.deadline() === NEVER) this.#backoff = new Backoff();
    this.#wasAlone = ![...this.#instance.areas.values()].some(hasNeighbor);
  }

  #triggered(now: Millis, reason: () => string): void {
    this.#expire(now);
    this.#noteCompany();
    this.#backoff.event(now, this.#instance.config.spf);
    this.#trigger ??= { at: now, reasons: [], events: 0 };
    if (this.#trigger.events++ < MOST_REASONS) this.#trigger.reasons.push(reason());
  }

  #expire(now: Millis): void {
    this.#now = now;
    const isOver = this.#backoff.expire(now, this.#instance.config.spf);
    if (isOver && this.#trigger !== undefined) this.#isDue = true; // else all was computed meanwhile
  }

  #begin(now: Millis): Running {
    const changes = this.#changes;
    const trigger = this.#trigger ?? { at: now, reasons: [], events: 0 };
    this.#changes = noChanges();
    this.#trigger = undefined;
    this.#isDue = false;
    return {
      work: this.#work(changes),
      trigger,
      startedAt: now,
      delay: this.#backoff.delay,
      state: this.#backoff.state,
      slices: 0,
      pieces: 0,
    };
  }

  *#work(changes: Changes): Work<Result> {
    const outcome = yield* compute(this.#instance, this.#memory, changes, this.#instance.table);
    return { outcome, difference: yield* difference(this.#told, outcome.table.routes) };
  }

  #finish(turn: Turn, running: Running, { outcome, difference }: Result): boolean {
    const before = this.#instance.table;
    const { table } = outcome;
    this.#running = undefined;
    this.#instance.table = table;
    this.#write(turn.now, running, { outcome, difference });
    const { changed, removed } = difference;
    const isDifferent = changed.length > 0 || removed.length > 0;
    if (!this.#suspended) {
      this.#told = table.routes;
      if (isDifferent || this.#tellAnyway) turn.effects.push({ type: "routes", changed, removed });
      this.#tellAnyway = false;
    }
    return isDifferent || !sameRouters(before.routers, table.routers);
  }

  #write(now: Millis, running: Running, { outcome, difference }: Result): void {
    const { trigger, startedAt, delay, state, slices, pieces } = running;
    const { table, isFull, vertices, leftOut } = outcome;
    this.#log.push({
      triggeredAt: trigger.at,
      startedAt,
      endedAt: now,
      reasons: trigger.reasons,
      events: trigger.events,
      kind: isFull ? "full" : "prefix",
      delay,
      state,
      slices,
      pieces,
      vertices,
      prefixes: table.routes.size,
      changed: difference.changed.length,
      removed: difference.removed.length,
      leftOut,
    });
    if (this.#log.length > LOG_LENGTH) this.#log.shift();
  }
}

function hasNeighbor({ interfaces }: Area): boolean {
  for (const { neighbors } of interfaces)
    for (const neighbor of neighbors.values()) if (isAdjacent(neighbor)) return true;
  return false;
}
