/** The router's views as text for a person. */
import { columns } from "#cli/columns";
import { dropsText } from "#cli/drops-text";
import { flightsText } from "#cli/flight-text";
import { bindingsText, mobilityText, tunnelsText } from "#cli/mobility-text";
import { segmentsText } from "#cli/segments-text";
import type { ConnectionEnd, RuleView, ViewName, Views } from "#router/views";

/** Turns a view, as the API answered it, into lines. */
export function showText(what: ViewName, view: unknown): string {
  return RENDER[what](view as never);
}

const RENDER: { readonly [What in ViewName]: (view: Views[What]) => string } = {
  status: (s) =>
    [
      `${s.name}  ${s.role}  ${s.address}`,
      `up ${duration(s.uptime)}, pid ${s.pid}, AIN ${s.version}, configuration ${s.configuration}`,
      ...s.forwarders.map(
        (f) =>
          `forwarder ${f.id}: busy ${share(f.busy, s.uptime * 1000)} of the time, flow cache ${share(f.cacheHits, f.cacheHits + f.cacheMisses)} hits`,
      ),
    ].join("\n"),
  ports: (ports) =>
    columns(
      [
        "PORT",
        "KIND",
        "INTERFACE",
        "STATE",
        "MTU",
        "MAC",
        "RX",
        "RX OCTETS",
        "TX",
        "TX OCTETS",
        "DROPPED",
        "RX LOST",
        "TX LOST",
      ],
      ports.map((p) => [
        p.name,
        p.attachment === "tap" ? `${p.kind} (tap)` : p.kind,
        p.interface,
        p.state,
        p.mtu === null ? "-" : `${p.mtu}`,
        p.mac ?? "-",
        `${p.rxFrames}`,
        `${p.rxOctets}`,
        `${p.txFrames}`,
        `${p.txOctets}`,
        `${p.dropped}`,
        `${p.receiveDrops + p.interfaceReceiveDrops}`,
        `${Math.max(p.transmitErrors, p.interfaceTransmitDrops)}`, // what an interface refuses often counts in both
      ]),
      ["left", "left", "left", "left", "right", "left", ...Array.from({ length: 7 }, () => "right" as const)],
    ),
  vms: (vms) =>
    columns(
      ["VM", "NETWORK", "ADDRESS", "IN THE FABRIC", "PORT", "STATE", "MAC"],
      vms.flatMap((v) =>
        [...(v.address === null ? [] : [[v.address, v.networkAddress ?? "-"]]), ...v.ipv6.map((a) => [a, a])].map(
          ([own, inFabric]) => [v.name, v.network, own!, inFabric!, v.port, v.state, v.mac ?? "not learnt yet"],
        ),
      ),
    ),
  routes: (routes) =>
    columns(
      ["PREFIX", "ORIGIN", "NEXT HOPS"],
      routes.map((r) => [
        r.prefix,
        r.origin,
        r.nextHops
          .map((h) => `${h.address} via ${h.uplink}${h.state === "reachable" ? "" : ` (${h.state})`}`)
          .join(", "),
      ]),
    ),
  neighbors: (neighbors) =>
    columns(
      ["PORT", "ADDRESS", "MAC", "STATE"],
      neighbors.map((n) => [n.port, n.address, n.mac ?? "-", n.state]),
    ),
  homes: (homes) =>
    columns(
      ["INDEX", "PREFIX", "HYPERVISOR", ""],
      homes.map((h) => [`${h.index}`, h.prefix, h.hypervisor ?? "-", h.here ? "here" : ""]),
      ["right"],
    ),
  networks: (networks) =>
    columns(
      ["NETWORK", "TAGS", "TENANT", "ID", "VMS HERE", "GATEWAY", "PREFIXES"],
      networks.map((n) => [
        ...[n.name, n.tags, `${n.tenantId}`, `${n.networkId}`, `${n.vms}`, n.gateway],
        [...n.prefixes, ...n.publicPrefixes, ...n.tenantPrefixes].join(" "),
      ]),
      ["left", "left", "right", "right", "right"],
    ),
  dhcp: (leases) =>
    columns(
      ["VM", "NETWORK", "ADDRESS", "STATE", "EXPIRES IN", "LAST SEEN", "MAC", "CLIENT", "ASKED FOR"],
      leases.map((l) => [
        l.vm,
        l.network,
        l.address,
        l.state,
        l.expires === null ? "-" : duration(l.expires),
        l.lastSeen === null ? "never" : `${duration(l.lastSeen)} ago`,
        l.mac ?? "-",
        l.hostname ?? "-",
        l.requested.join(" ") || "-",
      ]),
    ),
  rules: (rules) =>
    columns(
      ["SIDE", "PRIORITY", "RULE", "ACTION", "FROM", "TO", "MATCHES", "", "HITS"],
      rules.map((r) => [
        r.side,
        r.priority === null ? "-" : `${r.priority}`,
        r.name,
        r.action,
        r.from.join(", "),
        r.to.join(", "),
        matches(r),
        [r.action === "allow" && !r.stateful ? "stateless" : "", r.log ? "log" : ""].filter(Boolean).join(" "),
        `${r.hits}`,
      ]),
      ["left", "right", "left", "left", "left", "left", "left", "left", "right"],
    ),
  connections: ({ size, room, connections }) =>
    [
      columns(
        ["PROTOCOL", "STATE", "FROM", "TO", "VM", "RULE", "AGE", "IDLE"],
        connections.map((c) => [
          ...[c.protocol, c.state, endText(c.from), endText(c.to), c.vm ?? "-", c.rule ?? "-"],
          ...[duration(c.age), duration(c.idle)],
        ]),
        ["left", "left", "left", "left", "left", "left", "right", "right"],
      ),
      `${size} of ${room} entries in use${size > connections.length ? `, ${connections.length} shown` : ""}`,
    ].join("\n"),
  nat: ({ sessions, room, blocks, bindings }) =>
    [
      columns(
        ["PROTOCOL", "INSIDE", "OUTSIDE", "SESSIONS", "AGE"],
        bindings.map(({ protocol, inside, outside, ...b }) => [
          ...[protocol, endText(inside), `${outside.address}:${outside.port}`],
          ...[`${b.sessions}`, duration(b.age)],
        ]),
        ["left", "left", "left", "right", "right"],
      ),
      columns(
        ["ADDRESS", "PORTS", "IN USE", "WHOSE"],
        blocks.map(({ address, firstPort, ports, used, inside }) => [
          ...[address, `${firstPort}-${firstPort + ports - 1}`, `${used}`],
          inside === null ? "nobody's, resting" : endText({ ...inside, port: null }),
        ]),
        ["left", "left", "right"],
      ),
      `${sessions} of ${room} sessions in use`,
    ].join("\n\n"),
  bindings: bindingsText,
  tunnels: tunnelsText,
  mobility: mobilityText,
  flights: ({ flights }) => flightsText(flights),
  segments: segmentsText,
  counters: (counters) =>
    columns(
      ["PORT", "ENDING", "FATE", "FRAMES", "MEANING"],
      counters.map((c) => [c.port, c.ending, c.fate, `${c.frames}`, c.meaning]),
      ["left", "left", "left", "right"],
    ),
  drops: dropsText,
};

function endText({ network, address, port }: ConnectionEnd): string {
  const host = port === null ? address : `${address.includes(":") ? `[${address}]` : address}:${port}`;
  return network === null ? host : `${network} ${host}`;
}

function matches({ protocol, ports, sourcePorts, icmp }: RuleView): string {
  const words = [
    protocol ?? "everything",
    ports && `to ${ports}`,
    sourcePorts && `from ${sourcePorts}`,
    icmp && `type ${icmp.type}${icmp.code === undefined ? "" : ` code ${icmp.code}`}`,
  ];
  return words.filter(Boolean).join(" ");
}

function duration(seconds: number): string {
  const parts = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  const named = parts.map((n, i) => (n > 0 ? `${n}${"dhm"[i]}` : "")).filter((part) => part !== "");
  return [...named, `${Math.floor(seconds) % 60}s`].join(" ");
}

const share = (part: number, whole: number): string => (whole > 0 ? `${((100 * part) / whole).toFixed(1)} %` : "-");
