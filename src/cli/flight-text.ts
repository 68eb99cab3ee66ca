/** Reports of moves as text for a person. */
import { columns } from "#cli/columns";
import type { FlightPackets, FlightReport, FlightSummary, MoveReport } from "#router/mobility/views";

/** `show flights`. */
export const flightsText = (flights: readonly FlightSummary[]): string =>
  columns(
    ["FLIGHT", "VM", "SIDE", "BEGAN", "OUTCOME", "TOOK", "DOWNTIME", "HELD", "LOST"],
    flights.map((f) => [
      ...[`${f.id}`, f.vm, f.side, dateTime(f.began), f.outcome, millis(f.took), millis(f.downtime)],
      ...[`${f.held}`, `${f.lost}`],
    ]),
    ["right", "left", "left", "left", "left", "right", "right", "right", "right"],
  );

/** `show flights VM`: one side's. */
export function flightText(report: FlightReport): string {
  const { id, vm, router, side, outcome, began, ended, events, packets, downtime } = report;
  const took = ended === null ? "" : ` after ${millis(ended - began)}`;
  const rows = events.map(({ at, what, peer, detail }) => [
    ...[clock(at), relative(at - began), what],
    [peer, detail].filter(Boolean).join(", "),
  ]);
  return [
    `flight ${id}: ${vm}, ${router} is its ${side}; ${outcome}${took}, began ${dateTime(began)}`,
    "",
    columns(["TIME", "MS", "WHAT", ""], rows, ["left", "right"]),
    "",
    ...(side === "home" ? [] : [`downtime  ${millis(downtime)} as this side saw it`]),
    packetsText(packets),
  ].join("\n");
}

/** `ain move`: both sides'. */
export function moveText(move: MoveReport): string {
  const { vm, source, target, outcome, began, took, timeline, downtime, skew } = move;
  const rows = timeline.map(({ at, relative: ms, router, what, peer, detail }) => [
    ...[clock(at), relative(ms), router, what],
    [peer, detail].filter(Boolean).join(", "),
  ]);
  return [
    `${vm}: ${source} → ${target}, ${outcome} in ${millis(took)}, began ${dateTime(began)}`,
    ...(skew === 0
      ? []
      : [`clocks: ${target}'s is ${skew > 0 ? "ahead" : "behind"} by ${millis(Math.abs(skew))} or more`]),
    "",
    columns(["TIME", "MS", "ROUTER", "WHAT", ""], rows, ["left", "right"]),
    "",
    `downtime    ${millis(downtime.total)}: the VM stood still ${millis(downtime.still)}, the network took ${millis(downtime.network)}`,
    `lost        ${move.lost}`,
    `duplicated  ${move.duplicated ?? "not known to routers"}`,
    `reordered   ${move.reordered ?? "not known to routers"}`,
    `held        ${move.held}, and ${move.stragglers} passed on by ${source} after that`,
  ].join("\n");
}

function packetsText({ held, reinjected, givenUp, stragglers, dropped }: FlightPackets): string {
  const endings = Object.entries(dropped).map(([ending, frames]) => `${frames} ${ending}`);
  return [
    `held      ${held}, of which ${reinjected} went on and ${givenUp} were lost`,
    `passed on ${stragglers} after the VM had gone`,
    `dropped   ${endings.join(", ") || "nothing"} (of this router, for want of a VM)`,
  ].join("\n");
}

/** `12.3ms`, `1.25s`; `-` where it is not known. */
const millis = (ms: number | null): string =>
  ms === null ? "-" : ms < 1000 ? `${Math.round(10 * ms) / 10}ms` : `${(ms / 1000).toFixed(2)}s`;

const relative = (ms: number): string => ms.toFixed(1);

/** Time of day, UTC, to the millisecond. */
const clock = (at: number): string => new Date(at).toISOString().slice(11, 23);

const dateTime = (at: number): string => new Date(at).toISOString().replace("T", " ").slice(0, 19);
