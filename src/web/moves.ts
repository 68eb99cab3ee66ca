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
/** For so long the other side may not have been looked at since, milliseconds. */
const OTHER_SIDE = 5000;
/** The latest that are told. */
const MOST = 50;

/**
 * @param known `whole`: by a move's id, of those whose reports were fetched; null: they cannot be had. `now`: Unix
 * milliseconds.
 */
export function movesOf(
  routers: readonly Knowledge[],
  { whole, now }: { readonly whole: ReadonlyMap<string, WholeMove | null>; readonly now: number },
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
    moves.set(idOf(target), moveOf({ source, target, report: whole.get(idOf(target)), now }));
  }
  for (const source of sources)
    if (!claimed.has(source)) moves.set(idOf(source), moveOf({ source, target: undefined, report: undefined, now }));
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

const endOf = ({ began, took }: Flight): number => began + (took ?? 0);

interface Sides {
  readonly source: Flight | undefined;
  readonly target: Flight | undefined;
  readonly report: WholeMove | null | undefined;
  readonly now: number;
}

function moveOf({ source, target, report, now }: Sides): FabricMove {
  const whole = report ?? undefined;
  const sides = [source, target].filter((side) => side !== undefined);
  const outcomes = sides.map(({ outcome }) => outcome);
  const tooks = sides.flatMap(({ took }) => (took === null ? [] : [took]));
  const isOpen = outcomes.includes("open");
  const sum = (pick: (flight: Flight) => number): number => sides.reduce((total, side) => total + pick(side), 0);
  return {
    ...{ vm: sides[0]!.vm, source: source?.node ?? null, target: target?.node ?? null },
    outcome: outcomes.includes("aborted") ? "aborted" : isOpen ? "open" : "done",
    isReported: !isOpen && (report !== undefined || (sides.length === 1 && now - endOf(sides[0]!) > OTHER_SIDE)),
    began: Math.min(...sides.map(({ began }) => began)),
    took: whole?.took ?? (isOpen || tooks.length === 0 ? null : Math.max(...tooks)),
    downtime: whole === undefined ? (source?.downtime ?? target?.downtime ?? null) : whole.downtime.total,
    ...{ still: whole?.downtime.still ?? null, network: whole?.downtime.network ?? null },
    ...{ held: sum(({ held }) => held), lost: whole?.lost ?? sum(({ lost }) => lost) },
  };
}
