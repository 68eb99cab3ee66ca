/** Watches all routers of a fabric, and tells what has changed in the model of it. */
import { SETTLE } from "#router/mobility/flights";
import { mergeFlights } from "#router/mobility/move-report";
import type { FlightReport } from "#router/mobility/views";
import { type Happening, happenings } from "#web/events";
import { fabricOf } from "#web/fabric";
import type { Wire } from "#web/members";
import { type Fabric, type FabricEvent, type FabricMove, NOTHING } from "#web/model";
import type { WholeMove } from "#web/moves";
import type { Pace } from "#web/pace";
import { isEmpty, type Patch, patchBetween } from "#web/patch";
import type { Answer } from "#web/router-line";
import { RouterWatch } from "#web/router-watch";

/** A router to be asked. */
export interface Target {
  readonly socket: string;
  /** How the command line is told of it: a name, or the socket's path. */
  readonly shown: string;
}

export interface Fleet {
  readonly title: string;
  /** By name, as of now: routers may come and go. */
  readonly routers: () => ReadonlyMap<string, Target>;
  /** Of a lab. */
  readonly wires: () => readonly Wire[];
}

export interface Told {
  readonly patch: Patch;
  readonly events: readonly FabricEvent[];
}

export interface WatchSettings {
  /** Of this AIN. */
  readonly version: string;
  /** Bits a second; null: not told. */
  readonly linkSpeed: number | null;
  readonly pace: Pace;
}

const MOST_EVENTS = 200;
/** Two machines' clocks may differ by so much, milliseconds. */
const SAME_MOVE = 60_000;

/** Of a move whose two reports are fetched; milliseconds, of {@link now}. */
interface Fetched {
  readonly first: number;
  /** When they are fetched again; Infinity: they tell all that there is to tell. */
  next: number;
}

export class Watcher {
  readonly #fleet: Fleet;
  readonly #settings: WatchSettings;
  readonly #tell: (told: Told) => void;
  readonly #watches = new Map<string, RouterWatch>();
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  readonly #wholeMoves = new Map<string, WholeMove | null>();
  readonly #fetched = new Map<string, Fetched>();
  readonly #began = now();
  #wires: readonly Wire[] = [];
  #spokesmen: ReadonlySet<string> = new Set();
  #isChanged = true;
  #isIntroduced = false;
  #fabric: Fabric = NOTHING;
  #events: FabricEvent[] = [];
  #lastEvent = 0;

  /** @param tell called with each change. */
  constructor(fleet: Fleet, settings: WatchSettings, tell: (told: Told) => void) {
    this.#fleet = fleet;
    this.#settings = settings;
    this.#tell = tell;
    this.#lookAtFleet();
    this.#timers.push(setInterval(() => this.#lookAtFleet(), settings.pace.fleetEvery));
    const model = (): void => {
      this.#remodel();
      this.#fetchReports();
    };
    this.#timers.push(setInterval(model, settings.pace.modelEvery));
  }

  get fabric(): Fabric {
    return this.#fabric;
  }

  /** The latest last. */
  get events(): readonly FabricEvent[] {
    return this.#events;
  }

  /** Asks a router, in its turn. Undefined: no router is called that. */
  ask(router: string, path: string): Promise<Answer> | undefined {
    return this.#watches.get(router)?.line.ask(path);
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const watch of this.#watches.values()) watch.close();
  }

  #lookAtFleet(): void {
    const routers = this.#fleet.routers();
    this.#wires = this.#fleet.wires();
    for (const [name, watch] of this.#watches) {
      if (routers.has(name)) continue;
      watch.close();
      this.#watches.delete(name);
      this.#isChanged = true;
    }
    const around = {
      routers: () => this.#watches.size,
      isSpokesman: (name: string) => this.#spokesmen.has(name),
      ...{ now, pace: this.#settings.pace },
      changed: () => {
        this.#isChanged = true;
      },
    };
    for (const [name, target] of routers) {
      if (!this.#watches.has(name)) this.#watches.set(name, new RouterWatch(name, target, around));
    }
  }

  #remodel(): void {
    const watches = [...this.#watches.values()];
    this.#spokesmen = spokesmenOf(watches);
    this.#isIntroduced ||=
      watches.every(({ isIntroduced }) => isIntroduced) || now() - this.#began > this.#settings.pace.introduction;
    if (!this.#isChanged || !this.#isIntroduced) return;
    this.#isChanged = false;
    const routers = watches.map(({ known }) => known);
    const before = this.#fabric;
    const { version, linkSpeed } = this.#settings;
    const input = { version, linkSpeed, title: this.#fleet.title, routers, wires: this.#wires, now: now() };
    this.#fabric = fabricOf({ ...input, wholeMoves: this.#wholeMoves }, before);
    const events =
      before === NOTHING ? [] : this.#number(happenings(before, this.#fabric, { at: now(), since: this.#began }));
    this.#forgetReports();
    const patch = patchBetween(before, this.#fabric);
    if (events.length > 0 || !isEmpty(patch)) this.#tell({ patch, events });
  }

  #number(all: readonly Happening[]): FabricEvent[] {
    const events = all.map((each) => ({ ...each, id: ++this.#lastEvent, at: now() }));
    this.#events = [...this.#events, ...events].slice(-MOST_EVENTS);
    return events;
  }

  /**
   * Both sides' reports of moves that are over: only together they tell the downtime, and that not before something was sent to the
   * VM at its new place. So they are fetched again while routers still look at the move.
   */
  #fetchReports(): void {
    for (const [id, move] of Object.entries(this.#fabric.moves)) {
      const { outcome, source, target } = move;
      if (outcome === "open" || source === null || target === null) continue;
      const at = now();
      const fetched = this.#fetched.get(id) ?? { first: at, next: at };
      this.#fetched.set(id, fetched);
      if (at < fetched.next) continue;
      fetched.next = Number.POSITIVE_INFINITY; // until the answer says otherwise
      void this.#fetchReport(id, move, fetched);
    }
  }

  #forgetReports(): void {
    for (const id of this.#fetched.keys()) {
      if (this.#fabric.moves[id] !== undefined) continue;
      this.#fetched.delete(id);
      this.#wholeMoves.delete(id);
    }
  }

  async #fetchReport(id: string, { vm, source, target, began }: FabricMove, fetched: Fetched): Promise<void> {
    const path = `flights/${encodeURIComponent(vm)}`;
    const sides = await Promise.all([this.ask(source!, path), this.ask(target!, path)]);
    const reports = sides.flatMap((side) => (side?.kind === "told" ? [side.json as FlightReport] : []));
    const [left, right] = reports;
    // The last report of a VM's may be of a later move by now.
    const isIt = left?.side === "source" && right?.side === "target" && Math.abs(left.began - began) < SAME_MOVE;
    const whole = isIt ? wholeOf(left, right) : null;
    this.#wholeMoves.set(id, whole);
    this.#isChanged = true;
    if (whole?.downtime.network === null && now() - fetched.first < SETTLE)
      fetched.next = now() + this.#settings.pace.retry;
  }
}

function wholeOf(source: FlightReport, target: FlightReport): WholeMove | null {
  try {
    const { took, lost, downtime } = mergeFlights(source, target);
    return { took, lost, downtime };
  } catch {
    return null; // reports of another version, which lack something
  }
}

/** Of each area the first that answers tells its router LSAs, and every router that says it is in none of the areas told. */
function spokesmenOf(watches: readonly RouterWatch[]): ReadonlySet<string> {
  const spokesmen = new Set<string>();
  const told = new Set<string>();
  for (const { known } of watches) {
    if (known.reach.kind !== "answers") continue;
    const areas = known.views["ospf/areas"]?.now.value ?? [];
    if (areas.every(({ area }) => told.has(area))) continue;
    for (const { area } of areas) told.add(area);
    spokesmen.add(known.name);
  }
  return spokesmen;
}

/** Unix milliseconds that never go back. */
const now = (): number => performance.timeOrigin + performance.now();
