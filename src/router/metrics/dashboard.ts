/**
 * docs/grafana/ain.json: a dashboard of all routers, or of some. Run as a program it writes the file anew:
 * `bin/bun src/router/metrics/dashboard.ts`.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Where the file is kept in the repository. */
export const DASHBOARD_FILE = new URL("../../../docs/grafana/ain.json", import.meta.url);

interface Panel {
  readonly title: string;
  /** Grafana's name of the unit. */
  readonly unit: string;
  /** Expression → legend. `$node` is the chosen routers' instances. */
  readonly queries: Readonly<Record<string, string>>;
  /** Default: a graph over time. */
  readonly type?: "stat" | "table";
  /** Of 24 columns. Default 8. */
  readonly width?: number;
}

interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const OF = '{instance=~"$instance"}';
const rate = (metric: string, by = "instance", filter?: string): string =>
  `sum by (${by}) (rate(${metric}{instance=~"$instance"${filter === undefined ? "" : `,${filter}`}}[$__rate_interval]))`;

const ROWS: readonly Row[] = [
  {
    title: "Overview",
    panels: [
      {
        ...{ title: "Routers", unit: "none", type: "table", width: 12 },
        queries: { [`ain_build_info${OF}`]: "" },
      },
      {
        title: "Up since",
        unit: "dateTimeFromNow",
        type: "stat",
        width: 4,
        queries: { [`1000 * ain_start_time_seconds${OF}`]: "{{instance}}" },
      },
      {
        title: "VMs",
        unit: "none",
        type: "stat",
        width: 4,
        queries: { [`sum by (state) (ain_vms${OF})`]: "{{state}}" },
      },
      {
        title: "Ports down",
        unit: "none",
        type: "stat",
        width: 4,
        queries: { [`count by (instance) (ain_port_up${OF} == 0) or vector(0)`]: "{{instance}}" },
      },
    ],
  },
  {
    title: "Traffic",
    panels: [
      {
        ...{ title: "Octets in and out of the fabric", unit: "bps" },
        queries: {
          [`8 * ${rate("ain_port_receive_bytes_total", "instance", 'kind="uplink"')}`]: "{{instance}} in",
          [`8 * ${rate("ain_port_transmit_bytes_total", "instance", 'kind="uplink"')}`]: "{{instance}} out",
        },
      },
      {
        title: "Octets to and from VMs, by tenant",
        unit: "bps",
        queries: {
          [`8 * ${rate("ain_port_transmit_bytes_total", "tenant", 'kind="vm"')}`]: "to {{tenant}}",
          [`8 * ${rate("ain_port_receive_bytes_total", "tenant", 'kind="vm"')}`]: "from {{tenant}}",
        },
      },
      { title: "Frames by ending", unit: "pps", queries: { [rate("ain_frames_total", "ending")]: "{{ending}}" } },
      {
        title: "Busiest ports",
        unit: "pps",
        queries: { [`topk(10, ${rate("ain_port_receive_frames_total", "instance, port")})`]: "{{instance}} {{port}}" },
      },
      { title: "Packets to VMs by way", unit: "pps", queries: { [rate("ain_vm_packets_total", "way")]: "{{way}}" } },
      {
        title: "ICMP errors",
        unit: "pps",
        queries: {
          [rate("ain_port_icmp_errors_sent_total")]: "{{instance}} sent",
          [rate("ain_port_icmp_errors_limited_total")]: "{{instance}} kept back",
        },
      },
    ],
  },
  {
    title: "Drops",
    panels: [
      { title: "By reason", unit: "pps", queries: { [rate("ain_drops_total", "reason")]: "{{reason}}" } },
      { title: "By tenant", unit: "pps", queries: { [rate("ain_drops_total", "tenant")]: "{{tenant}}" } },
      {
        title: "Worst ports",
        unit: "pps",
        queries: {
          [`topk(10, ${rate("ain_drops_total", "instance, port, reason")})`]: "{{instance}} {{port}} {{reason}}",
        },
      },
    ],
  },
  {
    title: "Forwarders",
    panels: [
      {
        title: "Busy share",
        unit: "percentunit",
        queries: { [rate("ain_forwarder_busy_seconds_total", "instance, forwarder")]: "{{instance}} {{forwarder}}" },
      },
      {
        ...{ title: "Flow cache hits", unit: "percentunit" },
        queries: {
          [`${rate("ain_flow_cache_hits_total")} / (${rate("ain_flow_cache_hits_total")} + ${rate("ain_flow_cache_misses_total")})`]:
            "{{instance}}",
        },
      },
      {
        title: "Handed to control",
        unit: "pps",
        queries: {
          [rate("ain_frames_total", "instance", 'fate="punted"')]: "{{instance}}",
        },
      },
      {
        title: "Event loop lag, 99 of 100",
        unit: "s",
        queries: {
          [`histogram_quantile(0.99, sum by (instance, le) (rate(ain_event_loop_lag_seconds_bucket${OF}[$__rate_interval])))`]:
            "{{instance}}",
        },
      },
      { title: "Processor", unit: "percentunit", queries: { [rate("ain_cpu_seconds_total")]: "{{instance}}" } },
      { title: "Memory", unit: "bytes", queries: { [`ain_memory_resident_bytes${OF}`]: "{{instance}}" } },
    ],
  },
  {
    title: "Routing",
    panels: [
      {
        title: "OSPF neighbors",
        unit: "none",
        queries: { [`sum by (instance, state) (ain_ospf_neighbors${OF})`]: "{{instance}} {{state}}" },
      },
      {
        title: "LSAs and routes",
        unit: "none",
        queries: { [`ain_ospf_lsas${OF}`]: "{{instance}} LSAs", [`ain_ospf_routes${OF}`]: "{{instance}} routes" },
      },
      {
        title: "Route computations",
        unit: "s",
        queries: {
          [`sum by (instance) (rate(ain_ospf_spf_seconds_sum${OF}[$__rate_interval])) / sum by (instance) (rate(ain_ospf_spf_seconds_count${OF}[$__rate_interval]))`]:
            "{{instance}} on average",
        },
      },
      {
        title: "BFD sessions",
        unit: "none",
        queries: { [`sum by (instance, state) (ain_bfd_sessions${OF})`]: "{{instance}} {{state}}" },
      },
      {
        title: "Next hops and VMs by state",
        unit: "none",
        queries: { [`sum by (state) (ain_neighbors${OF})`]: "{{state}}" },
      },
    ],
  },
  {
    title: "Mobility and tables",
    panels: [
      { title: "Bindings", unit: "none", queries: { [`sum by (role) (ain_mobility_bindings${OF})`]: "{{role}}" } },
      {
        title: "Messages and refusals",
        unit: "cps",
        queries: { [rate("ain_mobility_events_total", "event")]: "{{event}}" },
      },
      { title: "Tunnels", unit: "none", queries: { [`ain_tunnels${OF}`]: "{{instance}}" } },
      {
        title: "Connections, share of room",
        unit: "percentunit",
        queries: { [`ain_connections${OF} / ain_connections_limit${OF}`]: "{{instance}}" },
      },
      {
        title: "NAT sessions, share of room",
        unit: "percentunit",
        queries: { [`ain_nat_sessions${OF} / ain_nat_sessions_limit${OF}`]: "{{instance}}" },
      },
      {
        title: "Decisions by rule",
        unit: "cps",
        queries: { [`topk(10, ${rate("ain_rule_decisions_total", "rule")})`]: "{{rule}}" },
      },
    ],
  },
];

const DATASOURCE = { type: "prometheus", uid: "$datasource" };
const HEIGHT = 8;
const COLUMNS = 24;

/** Grafana's JSON model of a dashboard, schema version 39. */
export function dashboard(): unknown {
  return {
    title: "AIN",
    uid: "ain",
    schemaVersion: 39,
    version: 1,
    editable: true,
    refresh: "10s",
    time: { from: "now-1h", to: "now" },
    tags: ["ain"],
    templating: { list: [datasourceVariable(), instanceVariable()] },
    panels: panels(),
  };
}

const datasourceVariable = (): unknown => ({
  name: "datasource",
  type: "datasource",
  query: "prometheus",
  label: "Data source",
});

const instanceVariable = (): unknown => ({
  ...{ name: "instance", type: "query", label: "Router", datasource: DATASOURCE },
  query: { query: "label_values(ain_build_info, instance)", refId: "instance" },
  ...{ refresh: 2, multi: true, includeAll: true, allValue: ".*", current: { text: "All", value: "$__all" } },
});

function panels(): unknown[] {
  const all: unknown[] = [];
  let y = 0;
  for (const row of ROWS) {
    all.push({
      id: all.length + 1,
      type: "row",
      title: row.title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: COLUMNS, h: 1 },
    });
    y++;
    let x = 0;
    for (const panel of row.panels) {
      const w = panel.width ?? 8;
      if (x + w > COLUMNS) {
        x = 0;
        y += HEIGHT;
      }
      all.push(panelModel(panel, all.length + 1, { x, y, w, h: HEIGHT }));
      x += w;
    }
    y += HEIGHT;
  }
  return all;
}

function panelModel({ title, unit, queries, type }: Panel, id: number, gridPos: unknown): unknown {
  return {
    ...{ id, title, type: type ?? "timeseries", datasource: DATASOURCE, gridPos },
    fieldConfig: { defaults: { unit, min: unit === "dateTimeFromNow" ? null : 0 }, overrides: [] },
    options:
      type === undefined ? { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi" } } : {},
    targets: Object.entries(queries).map(([expr, legendFormat], i) => ({
      ...{ refId: String.fromCharCode(65 + i), datasource: DATASOURCE, expr, legendFormat },
      ...(type === "table" ? { format: "table", instant: true } : {}),
    })),
  };
}

if (import.meta.main) {
  mkdirSync(new URL(".", DASHBOARD_FILE), { recursive: true });
  writeFileSync(DASHBOARD_FILE, JSON.stringify(dashboard()));
  const biome = fileURLToPath(new URL("../../../node_modules/.bin/biome", import.meta.url));
  spawnSync(biome, ["format", "--write", fileURLToPath(DASHBOARD_FILE)], { stdio: "inherit" });
}
