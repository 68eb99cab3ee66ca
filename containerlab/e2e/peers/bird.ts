/** BIRD as a router of a test network: its bird.conf, and what birdc says. */
import { spawnSync } from "node:child_process";
import { type AreaSpec, type Attachment, BACKBONE, type ExternalSpec, OWN_COST, type RouterSpec } from "./spec";
import type { LsaView, NeighborView, Reader, RouteView, SegmentView } from "./view";

/** @param log where it shall log. */
export function birdConfig(router: RouterSpec, attachments: readonly Attachment[], log: string): string {
  const { id, own, areas = {}, external = [], gracefulRestart, more } = router;
  const ids = [...new Set([...attachments.map(({ area }) => area), ...(own === undefined ? [] : [own.area])])];
  return `log "${log}" all;
router id ${id};
protocol device { scan time 1; }
protocol kernel { ipv6 { export all; import none; }; merge paths yes limit 64; }
protocol static { ipv6; ${external.map(({ prefix }) => `route ${prefix} blackhole;`).join(" ")} }
protocol bfd { interface "*" { interval 100 ms; multiplier 3; }; }
filter redistributed {
  ${external.map(exported).join("\n  ")}
  reject;
}
protocol ospf v3 main {
  ecmp yes limit 64;
  merge external yes;
  ${gracefulRestart ? "graceful restart yes; graceful restart time 60;" : ""}
  ipv6 { import all; ${external.length === 0 ? "" : "export filter redistributed; "}};
${ids.map((area) => areaText(area, areas[area], { attachments, own })).join("\n")}
}
${more ?? ""}`;
}

const exported = ({ prefix, metric, type }: ExternalSpec): string =>
  `if source = RTS_STATIC && net = ${prefix} then { ospf_metric${type} = ${metric}; accept; }`;

function areaText(
  id: string,
  area: AreaSpec = { kind: "normal" },
  { attachments, own }: { attachments: readonly Attachment[]; own: RouterSpec["own"] },
): string {
  const { kind, summaries = true, defaultCost = 1, ranges = [] } = area;
  const lines: string[] = [];
  if (kind !== "normal") lines.push(`${kind};`, `summary ${summaries ? "yes" : "no"};`, `default cost ${defaultCost};`);
  if (kind === "nssa") lines.push("default nssa no;", "translator stability 1;");
  if (ranges.length > 0)
    lines.push(
      `networks { ${ranges.map(({ prefix, advertise = true }) => `${prefix}${advertise ? "" : " hidden"};`).join(" ")} };`,
    );
  if (own?.area === id) lines.push(`stubnet ${own.address}/128 { cost ${OWN_COST.bird}; };`);
  lines.push(...attachments.filter(({ area: where }) => where === id).map(interfaceText));
  return `  area ${id} {\n    ${lines.join("\n    ")}\n  };`;
}

function interfaceText({ name, key, ...it }: Attachment): string {
  const settings = [
    `type ${it.broadcast ? "broadcast" : "ptp"}`,
    `cost ${it.cost}`,
    `priority ${it.priority}`,
    `hello ${it.hello}`,
    `dead ${it.dead}`,
    "retransmit 2",
    "check link yes",
    ...(it.mtu === undefined ? [] : [`tx length ${it.mtu}`]),
    ...(it.bfd ? ["bfd yes"] : []),
    ...(key ? [`authentication cryptographic; password "${key.secret}" { id ${key.id}; algorithm hmac sha256; }`] : []),
  ];
  const instance = it.instance === undefined ? "" : ` instance ${it.instance}`;
  return `interface "${name}"${instance} { ${settings.join("; ")}; };`;
}

export class Bird implements Reader {
  readonly socket: string;

  constructor(socket: string) {
    this.socket = socket;
  }

  birdc(command: string): string {
    const { status, stdout, stderr } = spawnSync("birdc", ["-s", this.socket, ...command.split(" ")], {
      encoding: "utf8",
      timeout: 10_000,
    });
    if (status !== 0) throw new Error(`birdc ${command}: ${stdout}${stderr}`);
    return stdout;
  }

  async neighbors(): Promise<NeighborView[]> {
    return neighborsIn(this.birdc("show ospf neighbors main"));
  }

  async segments(): Promise<SegmentView[]> {
    return segmentsIn(this.birdc("show ospf interface main"));
  }

  async database(): Promise<LsaView[]> {
    return lsasIn(this.birdc("show ospf lsadb main"));
  }

  async routes(): Promise<RouteView[]> {
    return routesIn(this.birdc("show route all protocol main"));
  }
}

const STATES: Readonly<Record<string, string>> = {
  "2-Way": "TwoWay",
  PtP: "PointToPoint",
  Drother: "DROther",
  DROther: "DROther",
  BDR: "Backup",
};
const named = (state: string): string => STATES[state] ?? state;

/** `1.1.1.1   1   Full/PtP   3.281   eth0   fe80::1` */
const NEIGHBOR = /^(\d+\.\d+\.\d+\.\d+)\s+\d+\s+([\w-]+)\/\S*\s+\S+\s+(\S+)\s+\S+$/;

export const neighborsIn = (text: string): NeighborView[] =>
  text.split("\n").flatMap((line) => {
    const [, routerId, state, name] = NEIGHBOR.exec(line.trim()) ?? [];
    return routerId === undefined ? [] : [{ interface: name!, routerId, state: named(state!) }];
  });

export function segmentsIn(text: string): SegmentView[] {
  return text
    .split(/^Interface /m)
    .slice(1)
    .map((part) => {
      const value = (label: string): string | undefined => new RegExp(`^\\s*${label}: (\\S+)`, "m").exec(part)?.[1];
      return {
        interface: /^\S+/.exec(part)![0],
        state: named(value("State") ?? ""),
        designated: value("Designated router \\(ID\\)") ?? BACKBONE,
        backup: value("Backup designated router \\(ID\\)") ?? BACKBONE,
      };
    });
}

/** ` 2001  0.0.0.0   1.1.1.1   80000003   6   8280`: hexadecimal but for the age. */
const LSA = /^([0-9a-f]{4})\s+(\S+)\s+(\S+)\s+([0-9a-f]{8})\s+(\d+)\s+([0-9a-f]{4})$/;

export function lsasIn(text: string): LsaView[] {
  let scope = "as";
  return text.split("\n").flatMap((line) => {
    const heading = /^(Area|Link) (\S+)$/.exec(line.trim());
    if (heading !== null) scope = `${heading[1]!.toLowerCase()} ${heading[2]}`;
    const [, type, linkStateId, advertisingRouter, sequence, age, checksum] = LSA.exec(line.trim()) ?? [];
    if (type === undefined) return [];
    const number = (digits: string | undefined): number => Number.parseInt(digits!, 16);
    return [
      {
        scope,
        type: number(type),
        linkStateId: linkStateId!,
        advertisingRouter: advertisingRouter!,
        sequence: number(sequence),
        checksum: number(checksum),
        age: Number(age),
      },
    ];
  });
}

/** `2001:db8::/48   unicast [main 18:57:20.954] * E2 (150/10/20) [1.1.1.1]`, then a line for each next hop. */
const ROUTE = /^(\S+)\s+unicast \[.*?\] \* (I|IA|E1|E2) \(\d+\/(\d+)(?:\/(\d+))?\)/;
const HOP = /^\s+(?:via (\S+) on (\S+)|dev (\S+))/;
const PATHS = { I: "intra", IA: "inter", E1: "external-1", E2: "external-2" } as const;

export function routesIn(text: string): RouteView[] {
  const routes: RouteView[] = [];
  let hops: { address?: string; interface: string }[] = [];
  for (const line of text.split("\n")) {
    if (/ \[\S+ [\d:.-]+.*\]/.test(line)) hops = []; // of another route, maybe one that is not in use
    const [, prefix, path, cost, type2Cost] = ROUTE.exec(line) ?? [];
    if (prefix !== undefined) {
      const [distance, type2] = [{ cost: Number(cost) }, type2Cost !== undefined && { type2Cost: Number(type2Cost) }];
      routes.push({ prefix, path: PATHS[path as keyof typeof PATHS], ...distance, ...type2, nextHops: hops });
    }
    const [, address, via, direct] = HOP.exec(line) ?? [];
    const name = via ?? direct;
    if (name !== undefined) hops.push({ interface: name, ...(address !== undefined && { address }) });
  }
  return routes;
}
