/** One report of a move, from those of its two sides. */
import type { FlightEvent, FlightReport, MoveReport } from "#router/mobility/views";

/**
 * What `ain move` tells. Clocks of two machines differ: where an effect shows before its cause, the target's times are
 * taken back (or forward) by as much as that takes.
 */
export function mergeFlights(source: FlightReport, target: FlightReport): MoveReport {
  const skew = skewOf(source, target);
  const there = (at: number | null): number | null => (at === null ? null : at - skew);
  const events = [
    ...source.events.map((event) => ({ ...event, router: source.router })),
    ...target.events.map((event) => ({ ...event, at: event.at - skew, router: target.router })),
  ].sort((a, b) => a.at - b.at);
  const began = events[0]?.at ?? source.began;
  const gone = source.marks.lastToVm ?? timeOf(source.events, "held");
  const runs = there(target.marks.firstFromVm ?? timeOf(target.events, "activated"));
  const back = there(target.marks.firstToVm);
  return {
    ...{ vm: source.vm, source: source.router, target: target.router, outcome: outcomeOf(source, target), began, skew },
    took: (events.at(-1)?.at ?? began) - began,
    timeline: events.map((event) => ({ ...event, relative: event.at - began })),
    lost: lostBy(source) + lostBy(target),
    duplicated: null,
    reordered: null,
    held: source.packets.held + target.packets.held,
    stragglers: source.packets.stragglers + target.packets.stragglers,
    downtime: {
      total: spanOf(gone, back),
      still: spanOf(gone, runs),
      network: gone === null || runs === null ? spanOf(runs, back) : spanOf(Math.max(gone, runs), back),
    },
  };
}

function outcomeOf(source: FlightReport, target: FlightReport): MoveReport["outcome"] {
  if (source.outcome === "aborted" || target.outcome === "aborted") return "aborted";
  return source.outcome === "done" && target.outcome === "done" ? "done" : "open";
}

const lostBy = ({ packets }: FlightReport): number =>
  packets.givenUp + Object.values(packets.dropped).reduce((sum, frames) => sum + frames, 0);

const spanOf = (from: number | null, to: number | null): number | null =>
  from === null || to === null ? null : Math.max(0, to - from);

const timeOf = (events: readonly FlightEvent[], what: string): number | null =>
  events.find((event) => event.what === what)?.at ?? null;

/**
 * By how much the target's clock is ahead at least: negative when it is behind, 0 when both may be right. A VM is held
 * before it is active elsewhere, and released after that.
 */
function skewOf(source: FlightReport, target: FlightReport): number {
  const activated = timeOf(target.events, "activated");
  if (activated === null) return 0;
  const [held, released] = [timeOf(source.events, "held"), timeOf(source.events, "released")];
  if (released !== null && activated > released) return activated - released;
  return held !== null && activated < held ? activated - held : 0;
}
