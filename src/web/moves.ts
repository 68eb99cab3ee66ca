/** Moves of VMs, out of the two reports that each leaves at the routers that had a part in it. */
import type { Knowledge } from "#web/knowledge";
import type { FabricMove } from "#web/model";
import type { ViewOf } from "#web/router-views";

type Flight = ViewOf<"flights">["flights"][number] & { readonly node: string };

/** What both sides' reports in full say together (src/router/mobility/move-report.ts). */
export interface WholeMove {
  readonly took: number;
  readonly lost: number;
  readonly downtime: { readonly total: number | null; readonly still: number | null; readonly network: number | null };
}

/** Two machines' clocks may differ by so much, milliseconds. */
const SAME_MOVE = 30_000;
/** The latest that are told. */
const MOST = 50;

/** @param whole by a move's id, of those whose reports were fetched. */
export function movesOf(
  routers: readonly Knowledge[],
  whole: ReadonlyMap<string, WholeMove>,
): Record<string, FabricMove> {
  const flights = routers.flatMap(({ name, views }) =>
    (views.flights?.now.value.flights ?? []).map((flight): Flight => ({ ...flight, node: name })),
  );
  const sources = flights.filter(({ side }) => side === "source");
  const moves = new Map<string, FabricMove>();
  const claimed = new Set<Flight>();
  for (const target of flights.filter(({ side }) => side === "target")) {
    const source = closest(
      target,
      sources.filter((each) => !claimed.has(each)),
    );
    if (source !== undefined) claimed.add(source);
    moves.set(idOf(target), moveOf(source, target, whole.get(idOf(target))));
  }
  for (const source of sources) if (!claimed.has(source)) moves.set(idOf(source), moveOf(source, undefined, undefined));
  return Object.fromEntries([...moves].sort(([, x], [, y]) => y.began - x.began).slice(0, MOST));
}

/** Routers count their flights from 1 at each start. */
const idOf = ({ node, id, began }: Flight): string => `${node} ${id} ${Math.round(began)}`;

const closest = (target: Flight, sources: readonly Flight[]): Flight | undefined =>
  sources
    .filter((each) => each.vm === target.vm && each.node !== target.node)
    .map((each) => ({ each, apart: Math.abs(each.began - target.began) }))
    .filter(({ apart }) => apart <= SAME_MOVE)
    .sort((x, y) => x.apart - y.apart)[0]?.each;

function moveOf(source: Flight | undefined, target: Flight | undefined, whole: WholeMove | undefined): FabricMove {
  const sides = [source, target].filter((side) => side !== undefined);
  const outcomes = sides.map(({ outcome }) => outcome);
  const tooks = sides.flatMap(({ took }) => (took === null ? [] : [took]));
  const isOpen = outcomes.includes("open");
  const sum = (pick: (flight: Flight) => number): number => sides.reduce((total, side) => total + pick(side), 0);
  return {
    ...{ vm: sides[0]!.vm, source: source?.node ?? null, target: target?.node ?? null },
    outcome: outcomes.includes("aborted") ? "aborted" : isOpen ? "open" : "done",
    began: Math.min(...sides.map(({ began }) => began)),
    took: whole?.took ?? (isOpen || tooks.length === 0 ? null : Math.max(...tooks)),
    downtime: whole === undefined ? (source?.downtime ?? target?.downtime ?? null) : whole.downtime.total,
    ...{ still: whole?.downtime.still ?? null, network: whole?.downtime.network ?? null },
    ...{ held: sum(({ held }) => held), lost: whole?.lost ?? sum(({ lost }) => lost) },
  };
}
