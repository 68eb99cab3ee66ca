/** OSPF's views as text for a person. */
import { columns } from "#cli/columns";
import type {
  OspfDatabaseView,
  OspfInterfaceView,
  OspfNeighborView,
  OspfPacketsView,
  OspfRouteView,
  OspfSpfRunView,
  OspfViewName,
  OspfViews,
} from "#router/ospf/views";

/** Turns a view, as the API answered it, into lines. */
export function ospfText(what: OspfViewName, view: unknown): string {
  return RENDER[what](view as never);
}

const RENDER: { readonly [What in OspfViewName]: (view: OspfViews[What]) => string } = {
  status: (s) => {
    const roles = [s.isBorder ? "area border router" : "", s.isBoundary ? "AS boundary router" : ""].filter(Boolean);
    return [
      `router ${s.routerId}${roles.map((role) => `, ${role}`).join("")}`,
      `areas ${s.areas.join(" ")}; ${s.interfacesUp} interfaces up; ${s.neighbors} neighbors, ${s.full} full`,
      `${s.lsas} LSAs of at most ${s.maxLsas}; ${s.routes} routes`,
      ...(s.waiting > 0 ? [`${s.waiting} routes wait to be installed`] : []),
      ...(s.withoutRoom > 0 ? [`${s.withoutRoom} routes found no room in the forwarding table`] : []),
      ...(s.isRehearsing ? [`rehearses database exchanges with itself, ${s.rehearsed} so far`] : []),
      ...(s.restartingFor === null ? [] : [`restarts gracefully, for ${span(s.restartingFor)} more at most`]),
    ].join("\n");
  },
  neighbors: ({ neighbors, refused }) => {
    const table = columns(
      ["ROUTER ID", "INTERFACE", "ADDRESS", "AREA", "STATE", "FOR", "DEAD IN", "ASK", "UNACKED", "CHANGES", "TROUBLE"],
      neighbors.map((n) => [n.routerId, n.interface, n.address, n.area, n.state, ...neighborRest(n)]),
      ["left", "left", "left", "left", "left", "right", "right", "right", "right", "right", "left"],
    );
    if (refused.length === 0) return table;
    const rows = refused.map((r) => [r.routerId, r.interface, r.address, `${r.packets}`, span(r.ago), r.reason]);
    const heading = ["REFUSED", "INTERFACE", "ADDRESS", "PACKETS", "AGO", "REASON OF THE LAST"];
    return `${table}\n\n${columns(heading, rows, ["left", "left", "left", "right", "right", "left"])}`;
  },
  interfaces: (interfaces) =>
    columns(
      [
        "INTERFACE",
        "AREA",
        "STATE",
        "COST",
        "NEIGHBORS",
        "DR",
        "BDR",
        "HELLO",
        "DEAD",
        "RECEIVED",
        "SENT",
        "REFUSED",
        "MORE",
      ],
      interfaces.map(interfaceRow),
      ["left", "left", "left", "right", "right", "left", "left", "right", "right", "right", "right", "right", "left"],
    ),
  areas: (areas) =>
    areas
      .map((a) =>
        [
          `area ${a.area}: ${a.summaries ? a.kind : `totally ${a.kind === "stub" ? "stubby" : a.kind}`}, ${a.lsas} LSAs, checksum ${hex(a.checksum, 8)}`,
          `  interfaces        ${a.interfaces.join(" ") || "-"}`,
          `  border routers    ${a.borderRouters.join(" ") || "-"}`,
          `  boundary routers  ${a.boundaryRouters.join(" ") || "-"}`,
          ...a.ranges.map(
            (r) =>
              `  range             ${r.prefix}${r.advertise ? "" : " hidden"}${r.cost === null ? "" : ` cost ${r.cost}`}`,
          ),
          ...(a.trouble === "" ? [] : [`  ${a.trouble}`]),
        ].join("\n"),
      )
      .join("\n"),
  database: databaseText,
  routes: (routes) =>
    columns(["PREFIX", "PATH", "AREA", "COST", "NEXT HOPS", "STATE"], routes.map(routeRow), [
      "left",
      "left",
      "left",
      "right",
      "left",
      "left",
    ]),
  spf: ({ state, computeIn, runs }) => {
    const next = computeIn === null ? "" : `, computes in ${span(Math.max(0, computeIn))}`;
    return `${state.toLowerCase().replace("_", " ")}${next}\n${spfTable(runs)}`;
  },
};

function neighborRest(n: OspfNeighborView): string[] {
  const deadIn = n.deadIn === null ? "-" : span(n.deadIn);
  const help = n.helpedFor === null ? [] : [`restarts, helped for ${span(n.helpedFor)} more`];
  const trouble = [...help, ...(n.trouble === "" ? [] : [n.trouble])].join("; ");
  return [span(n.for), deadIn, `${n.requests}`, `${n.retransmissions}`, `${n.changes}`, trouble];
}

function interfaceRow(i: OspfInterfaceView): string[] {
  const isLan = i.kind === "broadcast";
  const more = [
    ...(i.passive ? ["passive"] : []),
    ...(i.bfd ? ["bfd"] : []),
    ...(i.keys.length > 0 ? [`keys ${i.keys.join(" ")}`] : []),
    ...Object.entries(i.refused).map(([reason, packets]) => `${packets} × ${reason}`),
  ];
  return [
    i.interface,
    i.area,
    i.state,
    `${i.cost}`,
    `${i.full}/${i.neighbors}`,
    isLan ? i.designated : "-",
    isLan ? i.backup : "-",
    span(i.hello),
    span(i.dead),
    `${packets(i.received)}`,
    `${packets(i.sent)}`,
    `${Object.values(i.refused).reduce((sum, n) => sum + n, 0)}`,
    more.join(", "),
  ];
}

const packets = ({ hellos, descriptions, requests, updates, acknowledgments }: OspfPacketsView): number =>
  hellos + descriptions + requests + updates + acknowledgments;

function databaseText({ scopes, lsas }: OspfDatabaseView): string {
  return scopes
    .filter((scope) => scope.lsas > 0)
    .map(({ scope, lsas: count, checksum, types }) => {
      const sums = types.map((t) => `${t.lsas} ${t.kind} ${hex(t.checksum, 8)}`).join(", ");
      const rows = lsas
        .filter((lsa) => lsa.scope === scope)
        .map((l) => [
          l.kind === "unknown" ? hex(l.type, 4) : l.kind,
          l.linkStateId,
          l.advertisingRouter,
          `${l.age}`,
          hex(l.sequence, 8),
          hex(l.checksum, 4),
          `${l.length}`,
        ]);
      const heading = ["KIND", "LINK STATE ID", "ADVERTISING ROUTER", "AGE", "SEQUENCE", "CHECKSUM", "OCTETS"];
      const table = columns(heading, rows, ["left", "left", "left", "right", "right", "right", "right"]);
      return `${scope}: ${count} LSAs, checksum ${hex(checksum, 8)} (${sums})\n${table}`;
    })
    .join("\n\n");
}

function routeRow(r: OspfRouteView): string[] {
  const cost = r.type2Cost === undefined ? `${r.cost}` : `${r.cost}/${r.type2Cost}`;
  const hops = r.nextHops.map((hop) =>
    hop.address === null ? `on ${hop.interface}` : `${hop.address} via ${hop.interface}`,
  );
  const tag = r.tag === undefined ? "" : ` tag ${r.tag}`;
  return [r.prefix, `${r.path}${tag}`, r.area ?? "-", cost, hops.join(", ") || "-", r.state ?? ""];
}

const spfTable = (runs: readonly OspfSpfRunView[]): string =>
  columns(
    ["AGO", "KIND", "WAITED", "TOOK", "VERTICES", "PREFIXES", "CHANGED", "REMOVED", "EVENTS", "REASONS"],
    runs.map((r) => [
      span(r.ago),
      r.kind,
      r.waited === null ? "-" : `${r.waited}ms`,
      `${r.took}ms`,
      `${r.vertices}`,
      `${r.prefixes}`,
      `${r.changed}`,
      `${r.removed}`,
      `${r.events}`,
      r.reasons.join("; "),
    ]),
    ["right", "left", "right", "right", "right", "right", "right", "right", "right", "left"],
  );

export const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, "0")}`;

/** `3.2s`, `2m 5s`, `1h 3m`, `2d 4h`. */
export function span(seconds: number): string {
  if (seconds < 10) return `${Math.round(10 * seconds) / 10}s`;
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 86_400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60];
  const first = parts.findIndex((part) => part > 0);
  return parts
    .map((part, i) => `${part}${"dhms"[i]}`)
    .slice(first, first + 2)
    .join(" ");
}
