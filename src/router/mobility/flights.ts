/**
 * The flight recorder: every move of a VM leaves a report on each router that has a part in it, of what happened when and
 * of what became of the packets meanwhile. A flight begins with the first sign of a move (the VM is prepared here, held
 * here, registered from elsewhere), ends with its outcome, and is looked at a while longer for what still comes.
 */
import type { Millis } from "#base/time";
import { FIRST_REFUSAL } from "#pmip/packet/numbers";
import type {
  FlightEvent,
  FlightMarks,
  FlightOutcome,
  FlightReport,
  FlightSide,
  FlightSummary,
} from "#router/mobility/views";
import type { VmChange } from "#router/vms/events";

/** Reports kept. */
const KEPT = 100;
/** Events that one report has room for: a move has two dozen. */
const MOST_EVENTS = 500;
/** How long after its end a flight is looked at. */
export const SETTLE: Millis = 10_000;
/** A flight of which nothing is heard any more ends by itself; one that is prepared may wait for hours. */
const FORGOTTEN: Millis = 60_000;

/** Counted since the router's start; what a flight tells is the difference. */
export interface FlightCounts {
  /** Frames at the VM's port; undefined: it has none. */
  readonly port: { readonly fromVm: number; readonly toVm: number } | undefined;
  readonly held: number;
  readonly reinjected: number;
  readonly givenUp: number;
  /** Passed on for the VM by its former host. */
  readonly stragglers: number;
  /** Frames that ended here for want of a VM, any VM, by ending. */
  readonly dropped: Readonly<Record<string, number>>;
}

export interface FlightRecorderOptions {
  /** Name of this router. */
  readonly router: string;
  readonly countsOf: (vm: string) => FlightCounts;
}

/** What happens to a VM, as the signalling sees it. */
export interface FlightNote {
  readonly vm: string;
  readonly what: string;
  readonly peer?: string;
  /** The VM's address that it is about. */
  readonly subject?: string;
  /** Of an answer: below 128 it is a good one. */
  readonly status?: number;
  readonly detail?: string;
}

interface Flight {
  readonly id: number;
  readonly vm: string;
  readonly side: FlightSide;
  readonly began: number;
  readonly events: FlightEvent[];
  readonly before: FlightCounts;
  counts: FlightCounts;
  marks: { -readonly [Mark in keyof FlightMarks]: FlightMarks[Mark] };
  outcome: FlightOutcome;
  ended: number | null;
  /** Of what is registered, by address: true once an anchor has accepted it. */
  readonly registered: Map<string, boolean>;
  /** False while the VM cannot be delivered to here: there is nothing to look at. */
  isAirborne: boolean;
  heardAt: number;
  /** Nothing more is added. */
  isClosed: boolean;
}

/** What the time line tells when it is seen for the first time. */
const FIRST_TIMES: readonly (readonly [string, (counts: FlightCounts) => number])[] = [
  ["first-held", ({ held }) => held],
  ["held-sent-on", ({ reinjected }) => reinjected],
  ["first-straggler", ({ stragglers }) => stragglers],
];

const NO_MARKS: FlightMarks = { firstFromVm: null, lastFromVm: null, firstToVm: null, lastToVm: null };

/** All times are Unix milliseconds, with fractions. */
export class FlightRecorder {
  readonly #options: FlightRecorderOptions;
  /** In the order of their beginning. */
  readonly #flights: Flight[] = [];
  #count = 0;

  constructor(options: FlightRecorderOptions) {
    this.#options = options;
  }

  /** True while {@link look} is to be called every millisecond or so. */
  get isWatching(): boolean {
    return this.#flights.some((flight) => flight.isAirborne && !flight.isClosed);
  }

  /** A VM came to another state on this router. */
  state(change: VmChange): void {
    const { vm, from, to, cause, at } = change;
    const open = this.#openOf(vm.name);
    if (to === "prepared") this.#begin(vm.name, "target", at, "prepared");
    else if (to === "held") this.#begin(vm.name, "source", at, "held").isAirborne = true;
    else if (to === "active" && from === "held") this.#end(open, "aborted", at, { at, what: "resumed", detail: cause });
    else if (to === "active" && open !== undefined && open.side === "target") this.#activated(open, cause, at);
    else if (to === "away") {
      const source = open?.side === "source" ? open : this.#begin(vm.name, "source", at, "hosted-elsewhere");
      this.#end(source, "done", at, { at, what: "released" });
    } else if (to === undefined && open?.outcome === "open")
      this.#end(open, "aborted", at, { at, what: "detached", detail: cause });
  }

  /** A frame of a VM that is prepared here: it has come, and is activated for it. */
  firstFrame(vm: string, at: number): void {
    const flight = this.#openOf(vm);
    if (flight?.side === "target" && !flight.isAirborne) flight.marks.firstFromVm ??= at;
  }

  /** The address's home, which is neither host, learns that the VM moved: another move than one that was over here. */
  moved(vm: string, at: number): void {
    if (this.#openOf(vm)?.outcome !== "open") this.#begin(vm, "home", at, "moved");
  }

  /** Kept if the VM is in flight. */
  note({ vm, what, peer, subject = "", status = 0, detail }: FlightNote, at: number): void {
    const flight = this.#openOf(vm);
    if (flight === undefined) return;
    const about = [subject, detail].filter(Boolean).join(", ");
    this.#add(flight, { at, what, ...(peer !== undefined && { peer }), ...(about !== "" && { detail: about }) });
    const { registered } = flight;
    if (what === "pbu-sent") registered.set(subject, registered.get(subject) ?? false);
    else if (what === "pba" && status < FIRST_REFUSAL) registered.set(subject, true);
  }

  /** Has the VM sent or been sent anything since? Whose time is over is closed. */
  look(now: number): void {
    for (const flight of this.#flights) {
      if (flight.isClosed) continue;
      if (flight.isAirborne) this.#mark(flight, now);
      const isUp = flight.side === "home" || (flight.side === "target" && flight.isAirborne);
      if (flight.outcome === "open" && isUp && [...flight.registered.values()].every(Boolean))
        this.#end(flight, "done", now);
      if (flight.ended !== null && now - flight.ended > SETTLE) this.#close(flight);
      // Its registration is not answered, or nobody says whether the VM comes back.
      else if (flight.ended === null && flight.isAirborne && now - flight.heardAt > FORGOTTEN)
        this.#end(flight, "aborted", now, { at: now, what: "forgotten" });
    }
  }

  /** The last one of the VM; undefined: there was none. */
  report(vm: string): FlightReport | undefined {
    const flight = this.#flights.findLast((each) => each.vm === vm);
    return flight && this.#reportOf(flight);
  }

  /** The latest first. */
  list(): FlightSummary[] {
    return this.#flights.toReversed().map((flight) => {
      const { id, vm, side, outcome, began, ended, downtime, packets } = this.#reportOf(flight);
      const lost = packets.givenUp + Object.values(packets.dropped).reduce((sum, n) => sum + n, 0);
      const took = ended === null ? null : ended - began;
      return { id, vm, side, outcome, began, took, downtime, held: packets.held, lost };
    });
  }

  // ---- within ----

  #openOf(vm: string): Flight | undefined {
    return this.#flights.findLast((flight) => flight.vm === vm && !flight.isClosed);
  }

  #begin(vm: string, side: FlightSide, at: number, what: string): Flight {
    const last = this.#openOf(vm);
    if (last !== undefined) this.#close(last); // one move after another
    const before = this.#options.countsOf(vm);
    const flight: Flight = {
      ...{ id: ++this.#count, vm, side, began: at, events: [], before, counts: before, marks: { ...NO_MARKS } },
      ...{ outcome: "open", ended: null, registered: new Map(), isAirborne: side === "home", heardAt: at },
      isClosed: false,
    };
    this.#flights.push(flight);
    if (this.#flights.length > KEPT) this.#flights.shift();
    this.#add(flight, { at, what });
    return flight;
  }

  #activated(flight: Flight, cause: VmChange["cause"], at: number): void {
    flight.isAirborne = true;
    flight.counts = { ...this.#options.countsOf(flight.vm) }; // what came before was not the VM's own yet
    if (cause === "frame") flight.marks.firstFromVm ??= at;
    flight.marks.lastFromVm = flight.marks.firstFromVm;
    this.#add(flight, { at, what: "activated", detail: cause === "frame" ? "by its first frame" : `by ${cause}` });
  }

  #mark(flight: Flight, now: number): void {
    const seen = flight.counts;
    const counts = this.#options.countsOf(flight.vm);
    flight.counts = {
      ...{ port: counts.port ?? seen.port, dropped: counts.dropped },
      // What was held before is forgotten when the VM is prepared anew.
      held: Math.max(seen.held, counts.held),
      reinjected: Math.max(seen.reinjected, counts.reinjected),
      givenUp: Math.max(seen.givenUp, counts.givenUp),
      stragglers: Math.max(seen.stragglers, counts.stragglers),
    };
    for (const [what, of] of FIRST_TIMES) {
      if (of(counts) > of(flight.before) && of(seen) === of(flight.before)) this.#add(flight, { at: now, what });
    }
    if (counts.port === undefined || seen.port === undefined) return;
    const { marks } = flight;
    if (counts.port.fromVm > seen.port.fromVm) {
      marks.firstFromVm ??= now;
      marks.lastFromVm = now;
    }
    if (counts.port.toVm > seen.port.toVm) {
      marks.firstToVm ??= now;
      marks.lastToVm = now;
    }
  }

  #add(flight: Flight, event: FlightEvent): void {
    flight.heardAt = event.at;
    if (flight.events.length < MOST_EVENTS) flight.events.push(event);
  }

  #end(flight: Flight | undefined, outcome: FlightOutcome, at: number, event?: FlightEvent): void {
    if (flight === undefined || flight.outcome !== "open") return;
    if (flight.isAirborne) this.#mark(flight, at);
    if (event !== undefined) this.#add(flight, event);
    flight.outcome = outcome;
    flight.ended = at;
    flight.isAirborne = true; // for what still comes
    if (outcome === "aborted") this.#close(flight);
  }

  #close(flight: Flight): void {
    if (flight.outcome === "open") {
      flight.outcome = "aborted";
      flight.ended = flight.heardAt;
    }
    flight.isClosed = true;
  }

  #reportOf(flight: Flight): FlightReport {
    const { id, vm, side, outcome, began, ended, marks, before, counts } = flight;
    const since = (of: (counts: FlightCounts) => number): number => Math.max(0, of(counts) - of(before));
    const dropped = Object.entries(counts.dropped)
      .map(([ending, frames]) => [ending, frames - (before.dropped[ending] ?? 0)] as const)
      .filter(([, frames]) => frames > 0);
    return {
      ...{ id, vm, router: this.#options.router, side, outcome, began, ended },
      events: [...flight.events, ...markEvents(side, marks)].sort((a, b) => a.at - b.at),
      marks: { ...marks },
      packets: {
        held: since((c) => c.held),
        reinjected: since((c) => c.reinjected),
        givenUp: since((c) => c.givenUp),
        stragglers: since((c) => c.stragglers),
        dropped: Object.fromEntries(dropped),
      },
      downtime: downtimeOf(flight),
    };
  }
}

/** The moments that tell something on this side. */
function markEvents(side: FlightSide, marks: FlightMarks): FlightEvent[] {
  const told: Readonly<Record<FlightSide, readonly (readonly [keyof FlightMarks, string])[]>> = {
    source: [
      ["lastFromVm", "last-from-vm"],
      ["lastToVm", "last-to-vm"],
    ],
    target: [
      ["firstFromVm", "first-from-vm"],
      ["firstToVm", "first-to-vm"],
    ],
    home: [],
  };
  return told[side].flatMap(([mark, what]) => (marks[mark] === null ? [] : [{ at: marks[mark], what }]));
}

function downtimeOf({ side, events, marks, outcome }: Flight): number | null {
  const at = (what: string): number | null => events.find((event) => event.what === what)?.at ?? null;
  if (side === "source") {
    const end = outcome === "aborted" ? at("resumed") : (at("held-sent-on") ?? at("released"));
    const [from, to] = [marks.lastToVm ?? at("held"), end];
    return from === null || to === null ? null : Math.max(0, to - from);
  }
  const runs = marks.firstFromVm ?? at("activated");
  return side === "home" || runs === null || marks.firstToVm === null ? null : Math.max(0, marks.firstToVm - runs);
}
