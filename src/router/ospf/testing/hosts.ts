/** Hosts of OSPF cores joined by wires of memory, their forwarding tables real ones, in bun's fake time. */
import { jest } from "bun:test";
import { linkLocalFromMac, parsePrefix6 } from "#base/address";
import { DEFAULT_SPF_DELAYS, type ExternalPrefix, type InterfaceConfig, type OspfConfig } from "#ospf/config";
import type { NodeOspf } from "#router/config/model";
import { Log } from "#router/log";
import { HopSets, hopKey } from "#router/ospf/hop-sets";
import { OspfHost } from "#router/ospf/ospf-host";
import type { PortState } from "#router/ports";
import { Rib } from "#router/rib";
import { Routing } from "#router/routing";
import type { Recorder } from "#runtime/recording/recorder";

const uplink = (name: string): InterfaceConfig => ({
  name,
  area: 0,
  kind: "point-to-point",
  cost: 10,
  helloInterval: 1000,
  deadInterval: 4000,
  retransmitInterval: 1000,
  transmitDelay: 1,
  priority: 1,
  passive: false,
  mtuIgnore: false,
  instanceId: 0,
  prefixes: [],
  bfd: false,
});

export function settingsOf(id: number, more: Partial<OspfConfig> = {}): NodeOspf {
  const config: OspfConfig = {
    routerId: id,
    areas: [{ id: 0, kind: "normal", summaries: true, defaultCost: 1, ranges: [], translate: "candidate" }],
    interfaces: [uplink("up1")],
    prefixes: [{ prefix: parsePrefix6(`2001:db8:${id}::/48`)!, area: 0, cost: 0 }],
    external: [],
    spf: DEFAULT_SPF_DELAYS,
    gracefulRestart: { period: 60, helper: true },
    maxPaths: 64,
    maxLsas: 1000,
    ...more,
  };
  return { config, alwaysDefault: false, bfd: new Map() };
}

export class TestHost {
  readonly host: OspfHost;
  readonly port: PortState;
  readonly rib: Rib;
  readonly logged: string[] = [];
  readonly frames: Uint8Array[] = [];
  /** Static routes that lead nowhere. */
  readonly unreachable = new Set<number>();
  readonly routing = new Routing(1, new Int32Array(new SharedArrayBuffer(4)));
  lost = 0;
  /** Where frames go; undefined: nowhere. */
  peer: TestHost | undefined;

  constructor(id: number, options: { settings?: NodeOspf; recorder?: Recorder; restartingUntil?: number } = {}) {
    const mac = Uint8Array.of(2, 0, 0, 0, 0, id);
    this.port = {
      ...{ index: id, name: "up1", kind: "uplink", interface: "eth1", attachment: "packet", trouble: undefined },
      ...{ mac, mtu: 1500, interfaceIndex: 100 + id, descriptors: [] },
    };
    this.rib = new Rib(this.routing);
    const { groups } = this.routing;
    const adjacencies = new Map<string, number>();
    const sets = new HopSets({
      groups,
      adjacencyOf: (hop) => {
        const known = adjacencies.get(hopKey(hop)) ?? groups.add({ port: id, mtu: 1500, ownMac: mac });
        adjacencies.set(hopKey(hop), known);
        return known;
      },
      isUsable: (hop) => this.host?.isUsable(hop) ?? true,
    });
    this.host = new OspfHost({
      settings: options.settings ?? settingsOf(id),
      services: {
        groups,
        changed: () => {},
        inject: (_, octets) => this.sent(octets),
        lost: () => this.lost++,
      },
      ...{ rib: this.rib, sets, log: new Log("debug", (line) => this.logged.push(line)) },
      macOf: () => undefined,
      isReachable: ({ length }: ExternalPrefix["prefix"]) => !this.unreachable.has(length),
      hopsFreed: () => {},
      startBfd: async () => undefined,
      recorder: options.recorder,
      restartingUntil: options.restartingUntil,
    });
  }

  get linkLocal(): Uint8Array {
    return linkLocalFromMac(this.port.mac);
  }

  /** State of the one neighbor, "none" without one. */
  get neighbor(): string {
    const on = this.host.run.core.instance.interfaces.get("up1");
    return on?.neighbors.values().next().value?.state ?? "none";
  }

  get routes(): string[] {
    return [...this.host.run.core.instance.table.routes.keys()].sort();
  }

  private sent(octets: Uint8Array): boolean {
    this.frames.push(octets);
    setTimeout(() => this.peer?.host.take(this.peer.port, octets), 1);
    return true;
  }
}

/** The two at the ends of one wire. */
export function join(a: TestHost, b: TestHost): void {
  a.peer = b;
  b.peer = a;
  a.host.opened(a.port);
  b.host.opened(b.port);
}

/** Milliseconds of one step of time. */
const STEP = 5;

/** Lets so many milliseconds pass. Routes are installed as they come. */
export async function pass(millis: number, ...hosts: readonly TestHost[]): Promise<void> {
  for (let passed = 0; passed < millis; passed += STEP) {
    jest.advanceTimersByTime(STEP);
    await Promise.resolve();
    for (const { host } of hosts) host.routes.drain();
  }
}

/** Lets time pass until it holds; throws after a minute of it. */
export async function until(what: string, holds: () => boolean, ...hosts: readonly TestHost[]): Promise<void> {
  for (let passed = 0; !holds(); passed += STEP) {
    if (passed > 60_000) throw new Error(`not within a minute: ${what}`);
    await pass(STEP, ...hosts);
  }
}
