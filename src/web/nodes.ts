/** Nodes of the map: routers that are asked, those that OSPF alone knows, LANs, and a backbone that nobody asked is in. */
import type { Lan } from "#web/adjacencies";
import type { Knowledge } from "#web/knowledge";
import { rateOf, rounded } from "#web/load";
import type { Members } from "#web/members";
import type { FabricArea, FabricNode, NodeState } from "#web/model";
import { waysOf } from "#web/tunnels";

export type Untiered = Omit<FabricNode, "tier">;

/** Where areas meet (RFC 5340 and RFC 2328 §3.1: all border routers are in it). */
const BACKBONE = "0.0.0.0";
export const UNSEEN = "unseen backbone";

/**
 * @param version of the AIN that asks.
 * @param levels of drops, by node, as they were before.
 */
export function nodesOf(
  members: Members,
  lans: ReadonlyMap<string, Lan>,
  { version, levels }: { readonly version: string; readonly levels: ReadonlyMap<string, number> },
): Record<string, Untiered> {
  const nodes: Record<string, Untiered> = {};
  const borders = bordersOf(members);
  for (const [id, router] of members.asked) nodes[id] = askedNode(router, version, levels.get(id) ?? 0);
  for (const [id, { name, routerId }] of members.foreign) {
    const areas = [...new Set(areasIn(members, routerId))].sort();
    const isBorder = borders.has(routerId);
    nodes[id] = { ...BLANK, name, routerId, areas, isBorder, kind: "foreign", role: "switch", state: "foreign" };
  }
  for (const { id, area } of lans.values()) {
    nodes[id] = { ...BLANK, name: "LAN", areas: [area], kind: "network", state: "foreign" };
  }
  const all = Object.values(nodes);
  if (all.some(({ isBorder }) => isBorder) && !all.some(({ areas }) => areas.includes(BACKBONE))) {
    const reason = "none of the routers asked is in it";
    nodes[UNSEEN] = { ...BLANK, name: "backbone", areas: [BACKBONE], kind: "unseen", state: "foreign", reason };
  }
  return nodes;
}

const BLANK: Untiered = {
  ...{ name: "", kind: "foreign", role: null, state: "foreign", reason: null, version: null, address: null },
  ...{ routerId: null, areas: [], isBorder: false, started: null, busy: null, drops: null, dropReason: null },
  ...{ dropLevel: 0, ways: null, lacks: {}, socket: null },
};

function askedNode(router: Knowledge, version: string, level: number): Untiered {
  const { name, socket, views, lacks } = router;
  const status = views.status?.now;
  const ospf = views["ospf/status"]?.now.value;
  const drops = dropsOf(router);
  const { state, reason } = stateOf(router, version);
  return {
    ...{ ...BLANK, name, socket, kind: "router", state, reason },
    ...{ role: status?.value.role ?? null, address: status?.value.address ?? null },
    version: versionOf(router),
    routerId: ospf?.routerId ?? null,
    areas: [...(ospf?.areas ?? [])].sort(),
    isBorder: ospf?.isBorder ?? false,
    started: router.started,
    busy: busyOf(router),
    ...drops,
    dropLevel: levelOf(drops.drops ?? 0, level),
    ways: waysOf(router),
    lacks: lacks as Record<string, string>,
  };
}

const versionOf = ({ reach, views }: Knowledge): string | null =>
  (reach.kind === "answers" ? reach.version : null) ?? views.status?.now.value.version ?? null;

function stateOf(router: Knowledge, version: string): { readonly state: NodeState; readonly reason: string | null } {
  const { reach } = router;
  if (reach.kind === "asking") return { state: "asking", reason: "not asked yet" };
  if (reach.kind === "silent") return { state: "unreachable", reason: reach.reason };
  const theirs = versionOf(router);
  if (theirs === null || theirs === version) return { state: "up", reason: null };
  return { state: "other-version", reason: `it runs AIN ${theirs}, this page is of ${version}` };
}

function busyOf({ views: { status } }: Knowledge): number | null {
  const shares = (status?.now.value.forwarders ?? []).map((_, i) =>
    rateOf(status, ({ forwarders }) => forwarders[i]?.busy),
  );
  const known = shares.filter((share) => share !== null);
  return known.length === 0 ? null : Math.min(1, Math.round(Math.max(...known) / 10) / 100);
}

function dropsOf({ views }: Knowledge): { drops: number | null; dropReason: string | null } {
  const reasons = views.drops?.now.value.reasons;
  if (reasons === undefined) return { drops: null, dropReason: null };
  const recent = reasons.filter(({ lastMinute }) => (lastMinute ?? 0) > 0);
  const sum = recent.reduce((total, { lastMinute }) => total + lastMinute!, 0);
  const most = recent.toSorted((x, y) => y.lastMinute! - x.lastMinute!)[0];
  return { drops: rounded(sum), dropReason: most?.reason ?? null };
}

/** The level rises with the rate and falls only when that is well below it, so that it does not flutter. */
export function levelOf(perSecond: number, before: number): number {
  const now = perSecond < 1 ? 0 : Math.floor(Math.log10(perSecond)) + 1;
  return now >= before || 3 * perSecond < 10 ** (before - 1) ? now : before;
}

function bordersOf({ lsas, asked }: Members): ReadonlySet<string> {
  const flagged = lsas.filter(({ body }) => body.flags?.includes("border") === true);
  const told = [...asked.values()].flatMap(({ views }) => views["ospf/areas"]?.now.value ?? []);
  return new Set([
    ...flagged.map(({ advertisingRouter }) => advertisingRouter),
    ...told.flatMap(({ borderRouters }) => borderRouters),
  ]);
}

/** By its LSAs, and by who has it as a neighbor. */
function areasIn({ lsas, asked }: Members, routerId: string): string[] {
  const own = lsas.filter(({ advertisingRouter }) => advertisingRouter === routerId);
  const neighbors = [...asked.values()].flatMap(({ views }) => views["ospf/neighbors"]?.now.value.neighbors ?? []);
  return [
    ...own.map(({ scope }) => scope.replace(/^area /, "")),
    ...neighbors.filter((each) => each.routerId === routerId).map(({ area }) => area),
  ];
}

export function areasOf(members: Members, nodes: Readonly<Record<string, Untiered>>): Record<string, FabricArea> {
  const told = new Map(
    [...members.asked.values()].flatMap(({ views }) =>
      (views["ospf/areas"]?.now.value ?? []).map((area) => [area.area, area] as const),
    ),
  );
  const names = [...new Set(Object.values(nodes).flatMap(({ areas }) => areas))].sort();
  return Object.fromEntries(
    names.map((name) => {
      const { kind = null, summaries = true } = told.get(name) ?? {};
      const inside = Object.values(nodes).filter(({ areas, kind }) => kind !== "network" && areas.includes(name));
      return [name, { kind, summaries, nodes: inside.length }];
    }),
  );
}
