/** Metrics' input with something of everything, for tests. */
import { Histogram } from "#router/metrics/histogram";
import type { MetricsInput } from "#router/metrics/input";

function lag(): Histogram {
  const histogram = new Histogram([0.001, 0.01, 1]);
  for (const value of [0.0005, 0.005, 5]) histogram.observe(value);
  return histogram;
}

const port = { receiveFrames: 1, receiveOctets: 60, transmitFrames: 2, transmitOctets: 120 };

export const FULL_INPUT: MetricsInput = {
  node: { name: "hv1", role: "hypervisor", fabric: 'de"mo\\', version: "0.1.0" },
  startedAt: 1.7e9,
  process: { cpuUser: 1.5, cpuSystem: 0.25, resident: 1e8, heap: 1e7, external: 1e6 },
  eventLoopLag: lag().sample(),
  ports: [
    { port: "up0", kind: "uplink", tenant: "", isUp: true, errorsSent: 1, errorsLimited: 0, ...port },
    { port: "web1", kind: "vm", tenant: "blue", isUp: false, errorsSent: 0, errorsLimited: 3, ...port },
  ],
  endings: [{ ending: "to-fabric", fate: "forwarded", frames: 7 }],
  drops: [
    { reason: "no-rule", port: "web1", tenant: "blue", frames: 3 },
    { reason: "no-rule", port: "up0", tenant: "", frames: 1 },
  ],
  forwarders: [{ forwarder: "0", turns: 10, sleeps: 5, busy: 0.125, cacheHits: 9, cacheMisses: 1 }],
  ways: [{ way: "native", packets: 6 }],
  neighbors: new Map([["reachable", 2]]),
  vms: new Map([["active", 1]]),
  rules: [{ side: "out", rule: "default inside blue/prod", hits: 4 }],
  connections: { size: 3, room: 327_680 },
  nat: { size: 1, room: 1000, blocks: 2 },
  ospf: {
    neighbors: new Map([["Full", 2]]),
    interfacesUp: 2,
    lsas: { size: 12, room: 100_000 },
    ...{ routes: 9, waiting: 0, withoutRoom: 0 },
    spf: [lag().sample(["full"]), new Histogram([1]).sample(["prefix"])],
  },
  bfd: { sessions: new Map([["Up", 2]]), events: new Map([["flap", 0]]), refused: 0, longestDelay: 0.002 },
  mobility: {
    bindings: new Map([["home", 1]]),
    table: { size: 1, room: 100 },
    ...{ peers: 2, answeringPeers: 1, tunnels: 1, tunnelPackets: 5, tunnelOctets: 500 },
    events: new Map([["refused: not a message to this router alone", 1]]),
    flights: new Map([["done", 1]]),
  },
  log: { lines: new Map([["info", 10]]), heldBack: 2 },
  flowLog: { records: new Map([["begin", 3]]), lost: 0 },
  gathering: 0.003,
};
