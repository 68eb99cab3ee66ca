/** Which view of a router is to be asked for next: each has its own period, and what never was asked for goes first. */
import type { Knowledge, Moment } from "#web/knowledge";
import { VIEW_PATHS, type ViewPath } from "#web/router-views";

/** Milliseconds between two looks. What moves is looked at most often; router LSAs only when their area's checksum differs. */
const PERIODS: Readonly<Record<Exclude<ViewPath, "ospf/database/router">, number>> = {
  ...{ status: 2000, vms: 1000, flights: 1000, ports: 2000, "ospf/status": 5000, "ospf/neighbors": 2000 },
  ...{ "ospf/interfaces": 5000, "ospf/areas": 2000, bfd: 2000, neighbors: 5000, homes: 20_000 },
  ...{ tunnels: 2000, drops: 4000 },
};
/** LSAs are refreshed all the time (RFC 2328 §12.4), and checksums with them. */
const LSAS_APART = 3000;
/** A view that a router would not tell is asked for so many times more seldom. */
const PATIENCE_WITH_REFUSALS = 10;
/** So many routers are asked at these periods; of more each is asked more seldom. */
const ROUTERS_AT_FULL_RATE = 40;

export interface Due {
  readonly path: ViewPath;
  /** When; 0: it was never asked. */
  readonly at: Moment;
}

export interface Situation {
  /** Of the areas' databases, as they were when router LSAs were last told. */
  readonly checksums: string;
  /** How many are asked. */
  readonly routers: number;
  /** Times as long between two looks. */
  readonly slowness: number;
  /** True: its router LSAs are wanted; others' of the same area say the same. */
  readonly isSpokesman: boolean;
}

/** @param asked when each view was last asked for. */
export function nextDue(
  known: Knowledge,
  asked: ReadonlyMap<ViewPath, Moment>,
  { checksums, routers, isSpokesman, ...situation }: Situation,
): Due {
  const slowness = situation.slowness * Math.max(1, routers / ROUTERS_AT_FULL_RATE);
  const due = VIEW_PATHS.flatMap((path): Due[] => {
    const last = asked.get(path);
    if (path === "ospf/database/router") {
      const isKnown = !isSpokesman || checksumsOf(known) === checksums;
      return isKnown ? [] : [{ path, at: last === undefined ? 0 : last + LSAS_APART * slowness }];
    }
    if (last === undefined) return [{ path, at: 0 }];
    const period = PERIODS[path] * slowness * (known.lacks[path] === undefined ? 1 : PATIENCE_WITH_REFUSALS);
    return [{ path, at: last + period }];
  });
  return due.reduce((first, each) => (each.at < first.at ? each : first));
}

/** "": it has no areas, or has not told. */
export const checksumsOf = ({ views }: Knowledge): string =>
  (views["ospf/areas"]?.now.value ?? []).map(({ area, checksum }) => `${area} ${checksum}`).join(", ");
