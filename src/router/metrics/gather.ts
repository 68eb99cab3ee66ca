/** Gathers what metrics are made from: reads, and changes nothing. */
import {
  C_ENDINGS,
  C_ERRORS_LIMITED,
  C_ERRORS_SENT,
  C_RX_FRAMES,
  C_RX_OCTETS,
  C_TX_FRAMES,
  C_TX_OCTETS,
  W_BUSY,
  W_CACHE_HITS,
  W_CACHE_MISSES,
  W_SLEEPS,
  W_TURNS,
} from "#fastpath/counters";
import { waysOf } from "#fastpath/place";
import { ENDINGS } from "#fastpath/verdicts";
import type { BfdStatusView } from "#router/bfd/bfd-view";
import { tenantOf } from "#router/drops/router-drops";
import type {
  BfdInput,
  Counts,
  DropInput,
  ForwarderInput,
  MetricsInput,
  MobilityInput,
  OspfInput,
  PortInput,
  ProcessInput,
} from "#router/metrics/input";
import { showMobility } from "#router/mobility/show-host";
import type { PortState } from "#router/ports";
import type { Router } from "#router/router";

/** Drops at ports with an index from this one on are told together, so that the number of series stays bounded. */
const MOST_PORTS = 256;
const MOST_RULES = 500;

/** What {@link gather} reads of a router. */
export type Gathered = Pick<
  Router,
  | "configuration"
  | "connections"
  | "counters"
  | "drops"
  | "forwarders"
  | "mobility"
  | "nat"
  | "ospf"
  | "ports"
  | "rules"
  | "startedAt"
  | "uplinkNeighbors"
  | "vmNeighbors"
  | "vms"
>;

/** What is not the router's. */
export type Beside = Pick<MetricsInput, "eventLoopLag" | "log" | "flowLog"> & {
  readonly version: string;
  readonly spf: OspfInput["spf"];
};

/** Resolves in a few milliseconds: the BFD thread is asked, and forwarders for what the kernel lost. */
export async function gather(router: Gathered, { version, spf, ...beside }: Beside): Promise<MetricsInput> {
  const start = performance.now();
  await router.forwarders.tellLosses();
  const bfd = await bfdOf(router);
  const { node, fabric } = router.configuration;
  const ports = [...router.ports.all.values()];
  const connections = router.connections.usage;
  return {
    node: { name: node.name, role: node.role, fabric: fabric.name, version },
    startedAt: router.startedAt / 1000,
    process: processInput(),
    ports: ports.map((port) => portOf(router, port)),
    endings: endingsOf(router, ports),
    drops: dropsOf(router),
    forwarders: router.forwarders.counters.map(forwarderOf),
    ways: sumWays(router),
    neighbors: countBy([...router.uplinkNeighbors.view(), ...router.vmNeighbors.view()], ({ state }) => state),
    vms: countBy(router.vms.entries(), ({ state }) => state),
    rules: router.rules.decisions().slice(0, MOST_RULES),
    connections,
    nat: router.nat?.usage,
    ospf: ospfOf(router, spf),
    bfd,
    mobility: mobilityOf(router),
    ...beside,
    gathering: (performance.now() - start) / 1000,
  };
}

function processInput(): ProcessInput {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { cpuUser: user / 1e6, cpuSystem: system / 1e6, resident: rss, heap: heapUsed, external };
}

function portOf({ counters, uplinkNeighbors }: Gathered, port: PortState): PortInput {
  const count = (counter: number): number => counters.of(port.index, counter);
  return {
    port: port.name,
    kind: port.kind,
    tenant: port.vm === undefined ? "" : tenantOf(port.vm.network),
    isUp: port.trouble === undefined && uplinkNeighbors.hasCarrier(port),
    receiveFrames: count(C_RX_FRAMES),
    receiveOctets: count(C_RX_OCTETS),
    transmitFrames: count(C_TX_FRAMES),
    transmitOctets: count(C_TX_OCTETS),
    errorsSent: count(C_ERRORS_SENT),
    errorsLimited: count(C_ERRORS_LIMITED),
  };
}

/** CONTINUE, the first, is no ending. */
const endingsOf = ({ counters }: Gathered, ports: readonly PortState[]): MetricsInput["endings"] =>
  ENDINGS.flatMap(({ name, fate }, ending) => {
    if (ending === 0 || fate === "dropped") return [];
    const frames = ports.reduce((sum, { index }) => sum + counters.of(index, C_ENDINGS + ending), 0);
    return [{ ending: name, fate, frames }];
  });

function dropsOf({ drops }: Gathered): DropInput[] {
  const sums = new Map<string, DropInput>();
  for (const { reason, port, network, frames } of drops.rows(true)) {
    const name = port.index < MOST_PORTS ? port.name : "other";
    const tenant = network === undefined ? "" : tenantOf(network);
    const key = `${reason} ${name} ${tenant}`;
    sums.set(key, { reason, port: name, tenant, frames: frames + (sums.get(key)?.frames ?? 0) });
  }
  return [...sums.values()];
}

const forwarderOf = (c: Float64Array, id: number): ForwarderInput => ({
  forwarder: `${id}`,
  turns: c[W_TURNS]!,
  sleeps: c[W_SLEEPS]!,
  busy: c[W_BUSY]! / 1e9,
  cacheHits: c[W_CACHE_HITS]!,
  cacheMisses: c[W_CACHE_MISSES]!,
});

function sumWays({ forwarders }: Gathered): MetricsInput["ways"] {
  const sums = new Map<string, number>();
  for (const counters of forwarders.counters)
    for (const [way, packets] of Object.entries(waysOf(counters))) sums.set(way, (sums.get(way) ?? 0) + packets);
  return [...sums].map(([way, packets]) => ({ way, packets }));
}

function ospfOf({ ospf }: Gathered, spf: OspfInput["spf"]): OspfInput | undefined {
  const { host } = ospf;
  if (host === undefined) return undefined;
  const { interfaces, lsaCount, config, table } = host.run.core.instance;
  const all = [...interfaces.values()];
  return {
    neighbors: countBy(
      all.flatMap((on) => [...on.neighbors.values()]),
      ({ state }) => state,
    ),
    interfacesUp: all.filter(({ state }) => state !== "Down").length,
    lsas: { size: lsaCount, room: config.maxLsas },
    routes: table.routes.size,
    waiting: host.routes.waiting,
    withoutRoom: host.routes.withoutRoom,
    spf,
  };
}

/** Undefined: nobody wants BFD, or its thread does not answer. */
async function bfdOf({ ospf }: Gathered): Promise<BfdInput | undefined> {
  let status: BfdStatusView | undefined;
  try {
    status = await ospf.bfd?.status();
  } catch {
    return undefined; // its thread is just being started anew
  }
  if (status === undefined) return undefined;
  const { sessions, refused, longestDelay } = status;
  const total = (of: (session: BfdStatusView["sessions"][number]) => number): number =>
    sessions.reduce((sum, session) => sum + of(session), 0);
  return {
    sessions: countBy(sessions, ({ state }) => state),
    events: new Map([
      ["flap", total(({ flaps }) => flaps)],
      ["sent", total(({ packetsSent }) => packetsSent)],
      ["received", total(({ packetsReceived }) => packetsReceived)],
    ]),
    refused: Object.values(refused).reduce((sum, count) => sum + count, 0),
    longestDelay: longestDelay / 1000,
  };
}

function mobilityOf({ mobility }: Gathered): MobilityInput | undefined {
  if (mobility.host === undefined) return undefined;
  const { bindings, peers, counters } = showMobility(mobility);
  const { places } = mobility;
  const tunnels = [...places.tunnels.indexes()].map((index) => places.tunnels.counters(index));
  return {
    bindings: new Map(Object.entries(bindings)),
    table: { size: places.size, room: places.room },
    peers: peers.length,
    answeringPeers: peers.filter(({ answers }) => answers).length,
    tunnels: tunnels.length,
    tunnelPackets: tunnels.reduce((sum, { packets }) => sum + packets, 0),
    tunnelOctets: tunnels.reduce((sum, { octets }) => sum + octets, 0),
    events: new Map(counters.map(({ name, count }) => [name, count])),
    flights: countBy(mobility.flights.view().flights, ({ outcome }) => outcome),
  };
}

function countBy<T>(all: readonly T[], of: (each: T) => string): Counts {
  const counts = new Map<string, number>();
  for (const each of all) counts.set(of(each), (counts.get(of(each)) ?? 0) + 1);
  return counts;
}
