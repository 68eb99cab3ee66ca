/**
 * One of the rehearsal's routers: an OSPF host like the router's own, whose routes go into tables that no forwarder
 * reads, and whose frames go into a loop. Nothing is made up that the real thing has.
 */
import { DEFAULT_SPF_DELAYS, type InterfaceConfig, type OspfConfig } from "#ospf/config";
import type { Interface } from "#ospf/state";
import type { NodeOspf } from "#router/config/model";
import { Log } from "#router/log";
import { type Hop, HopSets, hopKey } from "#router/ospf/hop-sets";
import { OspfHost } from "#router/ospf/ospf-host";
import { INTERVALS, MTU } from "#router/ospf/rehearsal/area";
import { type PortState, uplinkPort } from "#router/ports";
import { Rib } from "#router/rib";
import { Routing } from "#router/routing";

/** For a thousand routes or two: the collector counts all of it as used. */
const FIB_OCTETS = 4 << 20;

export interface PlayerOptions {
  readonly routerId: number;
  /** Names of its uplinks with the MAC address of each. */
  readonly uplinks: ReadonlyMap<string, Uint8Array>;
  /** Takes a frame that it sends. */
  readonly sent: (octets: Uint8Array) => void;
  /** It has found a fault of its own. */
  readonly failed: (text: string) => void;
}

export class Player {
  readonly host: OspfHost;
  private readonly ports: ReadonlyMap<string, PortState>;

  constructor({ routerId, uplinks, sent, failed }: PlayerOptions) {
    this.ports = new Map([...uplinks].map(([name, mac], i) => [name, portOf(i, name, mac)]));
    const routing = new Routing(routerId | 0, new Int32Array(1), FIB_OCTETS);
    const { groups } = routing;
    const adjacencies = new Map<string, number>();
    const sets = new HopSets({
      groups,
      adjacencyOf: (hop: Hop) => {
        const port = this.ports.get(hop.uplink)!;
        const known = adjacencies.get(hopKey(hop)) ?? groups.add({ port: port.index, mtu: MTU, ownMac: port.mac });
        adjacencies.set(hopKey(hop), known);
        return known;
      },
      isUsable: () => true,
    });
    this.host = new OspfHost({
      ...{ settings: settingsOf(routerId, [...uplinks.keys()]), rib: new Rib(routing), sets },
      services: {
        groups,
        changed: () => {},
        inject: (_, octets) => {
          sent(octets);
          return true;
        },
        lost: () => {},
      },
      log: new Log("error", failed),
      macOf: () => undefined,
      isReachable: () => true,
      hopsFreed: () => {},
      startBfd: async () => undefined,
    });
  }

  open(name: string): void {
    this.host.opened(this.ports.get(name)!);
  }

  /** A frame has reached the uplink. */
  take(name: string, octets: Uint8Array): void {
    this.host.take(this.ports.get(name)!, octets);
  }

  /** As the core has it. */
  uplink(name: string): Interface {
    return this.host.run.core.instance.interfaces.get(name)!;
  }

  /** It knows so many LSAs, its neighbor on the uplink has told all it has, and its routes are where they belong. */
  hasLearnt(name: string, { lsas, routes }: { readonly lsas: number; readonly routes: number }): boolean {
    const { lsaCount, table } = this.host.run.core.instance;
    if (lsaCount < lsas || table.routes.size < routes || this.host.routes.waiting > 0) return false;
    const [neighbor] = this.uplink(name).neighbors.values();
    return neighbor?.state === "Full";
  }
}

function portOf(index: number, name: string, mac: Uint8Array): PortState {
  const port = uplinkPort(index, { name, interface: name, offload: true, capture: false });
  port.trouble = undefined;
  port.mac = mac;
  port.mtu = MTU;
  port.interfaceIndex = 1 + index;
  return port;
}

function settingsOf(routerId: number, names: readonly string[]): NodeOspf {
  const config: OspfConfig = {
    routerId,
    areas: [{ id: 0, kind: "normal", summaries: true, defaultCost: 1, ranges: [], translate: "candidate" }],
    interfaces: names.map(interfaceOf),
    prefixes: [],
    external: [],
    spf: DEFAULT_SPF_DELAYS,
    gracefulRestart: { period: 60, helper: true },
    maxPaths: 64,
    maxLsas: 10_000,
  };
  return { config, alwaysDefault: false, bfd: new Map() };
}

const interfaceOf = (name: string): InterfaceConfig => ({
  ...{ name, area: 0, kind: "point-to-point", cost: 10, priority: 1, instanceId: 0, prefixes: [] },
  ...{ helloInterval: 1000 * INTERVALS.helloInterval, deadInterval: 1000 * INTERVALS.routerDeadInterval },
  ...{ retransmitInterval: 5000, transmitDelay: 1, passive: false, mtuIgnore: false, bfd: false },
});
