/** FRR as a router of a test network: its frr.conf, and what vtysh says. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type AreaSpec, type Attachment, type ExternalSpec, OWN_COST, type RouterSpec } from "./spec";
import type { LsaView, NeighborView, Reader, RouteView, SegmentView } from "./view";

export function frrConfig(name: string, router: RouterSpec, attachments: readonly Attachment[]): string {
  const { id, own, areas = {}, external = [], gracefulRestart, more } = router;
  const lines = [`hostname ${name}`, "ipv6 forwarding"];
  for (const { name: key, key: secret } of attachments) {
    if (secret !== undefined) lines.push(...keyChain(key, secret));
  }
  lines.push("bfd", " profile fast", ...["receive", "transmit"].map((way) => `  ${way}-interval 100`), " exit", "exit");
  for (const { prefix } of external) if (prefix !== "::/0") lines.push(`ipv6 route ${prefix} blackhole`);
  lines.push(...external.filter(({ prefix }) => prefix !== "::/0").flatMap(routeMap));
  // Areas come before interfaces: until it reads that an area is a stub area, FRR takes it for a normal one.
  lines.push("router ospf6", `ospf6 router-id ${id}`, "timers throttle spf 50 200 5000");
  for (const [area, settings] of Object.entries(areas)) lines.push(...areaLines(area, settings));
  lines.push("exit");
  for (const attachment of attachments) lines.push(...interfaceLines(attachment));
  if (own !== undefined) {
    const loopback = [
      `ipv6 address ${own.address}/128`,
      `ipv6 ospf6 area ${own.area}`,
      `ipv6 ospf6 cost ${OWN_COST.frr}`,
    ];
    lines.push("interface lo", ...loopback, "exit");
  }
  lines.push("router ospf6", ...external.flatMap(redistribution));
  if (gracefulRestart) lines.push("graceful-restart grace-period 60", "graceful-restart helper enable");
  lines.push("exit");
  return `${lines.join("\n")}\n${more ?? ""}`;
}

const keyChain = (name: string, { id, secret }: NonNullable<Attachment["key"]>): string[] => [
  `key chain ${name}`,
  ` key ${id}`,
  `  key-string ${secret}`,
  "  cryptographic-algorithm hmac-sha-256",
  " exit",
  "exit",
];

function interfaceLines({ name, key, ...it }: Attachment): string[] {
  const settings: (string | false | undefined)[] = [
    `network ${it.broadcast ? "broadcast" : "point-to-point"}`,
    `cost ${it.cost}`,
    `priority ${it.priority}`,
    `hello-interval ${it.hello}`,
    `dead-interval ${it.dead}`,
    "retransmit-interval 2",
    it.mtu !== undefined && `ifmtu ${it.mtu}`,
    it.mtuIgnore && "mtu-ignore",
    it.instance !== undefined && `instance-id ${it.instance}`,
    it.bfd && "bfd profile fast",
    key && `authentication keychain ${name}`,
    `area ${it.area}`,
  ];
  const lines = settings.filter((line) => line).map((line) => ` ipv6 ospf6 ${line}`);
  return [`interface ${name}`, ...(it.address === undefined ? [] : [` ipv6 address ${it.address}`]), ...lines, "exit"];
}

function areaLines(area: string, { kind, summaries = true, defaultCost, ranges = [] }: AreaSpec): string[] {
  const lines = ranges.map(({ prefix, advertise = true, cost }) => {
    const how = advertise ? (cost === undefined ? "" : ` cost ${cost}`) : " not-advertise";
    return `area ${area} range ${prefix}${how}`;
  });
  if (kind === "normal") return lines;
  if (defaultCost !== undefined) throw new Error("FRR 8.4 has no default cost of areas");
  return [`area ${area} ${kind}${summaries ? "" : " no-summary"}`, ...lines];
}

function routeMap({ prefix, metric, type }: ExternalSpec, index: number): string[] {
  const list = `external${index}`;
  const map = [`route-map external permit ${index + 1}`, ` match ipv6 address prefix-list ${list}`];
  return [
    `ipv6 prefix-list ${list} permit ${prefix}`,
    ...map,
    ` set metric ${metric}`,
    ` set metric-type type-${type}`,
    "exit",
  ];
}

const redistribution = ({ prefix, metric, type }: ExternalSpec): string =>
  prefix === "::/0"
    ? `default-information originate always metric ${metric} metric-type ${type}`
    : "redistribute static route-map external";

/** The keys that we read of `… json`. */
interface FrrLsa {
  readonly age: number;
  readonly type: string;
  readonly linkStateId: string;
  readonly advertisingRouter: string;
  readonly lsSequenceNumber: number;
  readonly checksum: number;
}
interface FrrScope {
  readonly areaId?: string;
  readonly interface?: string;
  readonly lsa: readonly FrrLsa[];
}

const TYPES: Readonly<Record<string, number>> = {
  Router: 0x2001,
  Network: 0x2002,
  "Inter-Prefix": 0x2003,
  "Inter-Router": 0x2004,
  "AS-External": 0x4005,
  NSSA: 0x2007,
  Link: 0x0008,
  Grace: 0x000b,
  "Intra-Prefix": 0x2009,
};
const PATHS: Readonly<Record<string, RouteView["path"]>> = {
  "Intra-Area": "intra",
  "Inter-Area": "inter",
  "External-1": "external-1",
  "External-2": "external-2",
};
const STATES: Readonly<Record<string, string>> = { Twoway: "TwoWay", BDR: "Backup" };

export class Frr implements Reader {
  readonly sockets: string;

  /** @param sockets the folder that vtysh calls vty_socket. */
  constructor(sockets: string) {
    this.sockets = sockets;
  }

  /** Runs commands as if typed; in configuration mode when they begin with `configure`. Throws with what is wrong. */
  vtysh(...commands: readonly string[]): string {
    const words = ["--vty_socket", this.sockets, ...commands.flatMap((command) => ["-c", command])];
    const { status, stdout, stderr } = spawnSync("vtysh", words, { encoding: "utf8", timeout: 10_000 });
    if (status !== 0) throw new Error(`vtysh ${commands.join("; ")}: ${stdout}${stderr}`);
    return stdout;
  }

  /** Ends ospf6d as its keeper would who restarts it. */
  async endOspf6d(): Promise<void> {
    const pid = this.#pid("ospf6d");
    process.kill(pid, "SIGTERM");
    while (existsSync(`/proc/${pid}/ns/net`)) await Bun.sleep(20);
  }

  /** Starts ospf6d beside the other daemons, in their namespaces. @param config for all of them. */
  async startOspf6d(config: string): Promise<void> {
    const words = ["-t", `${this.#pid("zebra")}`, "-m", "-n", "/usr/lib/frr/ospf6d", "-d"];
    spawnSync("nsenter", words, { stdio: "ignore", timeout: 10_000 });
    while (!existsSync(join(this.sockets, "ospf6d.vty"))) await Bun.sleep(20);
    spawnSync("vtysh", ["--vty_socket", this.sockets, "-f", config], { stdio: "ignore", timeout: 10_000 });
  }

  #pid(daemon: string): number {
    return Number(readFileSync(join(this.sockets, `${daemon}.pid`), "utf8"));
  }

  async neighbors(): Promise<NeighborView[]> {
    const { neighbors } = this.#json("neighbor") as {
      neighbors: readonly { neighborId: string; state: string; interfaceName: string }[];
    };
    return neighbors.map((one) => ({
      interface: one.interfaceName,
      routerId: one.neighborId,
      state: STATES[one.state] ?? one.state,
    }));
  }

  async segments(): Promise<SegmentView[]> {
    const interfaces = this.#json("interface") as Record<
      string,
      { ospf6InterfaceState?: string; dr: string; bdr: string }
    >;
    return Object.entries(interfaces).flatMap(([name, { ospf6InterfaceState: state, dr, bdr }]) =>
      state === undefined ? [] : [{ interface: name, state: STATES[state] ?? state, designated: dr, backup: bdr }],
    );
  }

  async database(): Promise<LsaView[]> {
    const scopes = this.#json("database detail") as Record<string, readonly FrrScope[]>;
    return Object.values(scopes).flatMap((list) =>
      list.flatMap(({ areaId, interface: link, lsa }) => {
        const scope = link !== undefined ? `link ${link}` : areaId !== undefined ? `area ${areaId}` : "as";
        return lsa.map((one) => lsaView(scope, one));
      }),
    );
  }

  async routes(): Promise<RouteView[]> {
    return routesIn(this.vtysh("show ipv6 ospf6 route detail"));
  }

  #json(what: string): unknown {
    return JSON.parse(this.vtysh(`show ipv6 ospf6 ${what} json`));
  }
}

function lsaView(scope: string, lsa: FrrLsa): LsaView {
  const type = TYPES[lsa.type];
  if (type === undefined) throw new Error(`FRR calls an LSA ${lsa.type}`);
  const { linkStateId, advertisingRouter, lsSequenceNumber: sequence, checksum, age } = lsa;
  return { scope, type, linkStateId, advertisingRouter, sequence, checksum, age };
}

/** The best paths of `show ipv6 ospf6 route detail`: its JSON has the last path of each prefix only. */
export function routesIn(text: string): RouteView[] {
  return text
    .split(/^Destination: /m)
    .slice(1)
    .filter((part) => / Flags: B/.test(part))
    .map((part) => {
      const value = (pattern: RegExp): string => pattern.exec(part)![1]!;
      const path = PATHS[value(/^Path Type: (\S+)/m)];
      if (path === undefined) throw new Error(`FRR calls a path ${value(/^Path Type: (\S+)/m)}`);
      const [, cost, type2Cost] = /^Metric: (\d+) \((\d+)\)/m.exec(part)!;
      const hops = part.slice(part.indexOf("Nexthop:")).matchAll(/^ {2}(\S+) (\S+)/gm);
      return {
        prefix: value(/^(\S+)/),
        path,
        cost: Number(cost),
        ...(path === "external-2" && { type2Cost: Number(type2Cost) }),
        nextHops: [...hops].map(([, address, name]) => ({
          interface: name!,
          ...(address !== "::" && { address: address! }),
        })),
      };
    });
}
