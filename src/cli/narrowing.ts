/** `ain show ports eth1`: of a view's rows those that are about one thing. */
import { contains, parseAddress, parsePrefix } from "#base/address";
import { FAILED, Failure, MISUSED } from "#cli/failure";
import type { ViewName, Views } from "#router/views";

interface Narrowing<Row> {
  /** What it is narrowed by, as completion knows it. */
  readonly by: string;
  /** The rows that are about it. */
  readonly of: (rows: readonly Row[], which: string) => readonly Row[];
}

const byFields =
  <Row>(...fields: (keyof Row)[]) =>
  (rows: readonly Row[], which: string): readonly Row[] =>
    rows.filter((row) => fields.some((field) => row[field] === which || [row[field]].flat().includes(which as never)));

type RowOf<V> = V extends readonly (infer Row)[] ? Row : never;

const NARROWED: { readonly [What in ViewName]?: Narrowing<RowOf<Views[What]>> } = {
  ports: { by: "port", of: byFields("name", "interface") },
  vms: { by: "vm", of: byFields("name", "network", "address", "networkAddress", "ipv6") },
  routes: { by: "prefix", of: routesTo },
  neighbors: { by: "port", of: byFields("port", "address") },
  homes: { by: "hypervisor", of: byFields("hypervisor", "prefix") },
  dhcp: { by: "vm", of: byFields("vm", "network", "address") },
  networks: { by: "network", of: byFields("name", "tenant") },
  counters: { by: "port", of: byFields("port", "ending") },
};

/** Views that can be narrowed. */
export const NARROWABLE = Object.keys(NARROWED);

/** The kind of value that narrows a view; undefined: none does. */
export const narrowedBy = (what: string | undefined): string | undefined =>
  what === undefined ? undefined : NARROWED[what as ViewName]?.by;

/** Throws Failure when nothing in the view is about `which`. */
export function narrow(what: ViewName, view: unknown, which: string): unknown {
  const narrowing = NARROWED[what] as Narrowing<unknown> | undefined;
  if (narrowing === undefined) {
    throw new Failure(`show ${what} is shown whole; of ${NARROWABLE.join(", ")} one can be chosen`, MISUSED);
  }
  const rows = narrowing.of(view as readonly unknown[], which);
  if (rows.length === 0) throw new Failure(`no ${what} of ${which}`, FAILED);
  return rows;
}

/** The one of that prefix, or the longest that an address matches. */
function routesTo(routes: Views["routes"], which: string): Views["routes"] {
  const address = parseAddress(which);
  if (address === undefined) return routes.filter(({ prefix }) => prefix === which);
  const matching = routes.flatMap((route) => {
    const prefix = parsePrefix(route.prefix);
    return prefix !== undefined && prefix.address.length === address.length && contains(prefix, address)
      ? [{ route, length: prefix.length }]
      : [];
  });
  const longest = Math.max(...matching.map(({ length }) => length));
  return matching.flatMap(({ route, length }) => (length === longest ? [route] : []));
}
