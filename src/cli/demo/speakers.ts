/** What the routers of a lab say of OSPF, whether AIN or FRR plays them, in the lab's own names. */
import { readFileSync } from "node:fs";
import { call } from "#cli/client";
import { askFrr, type FrrHost } from "#lab/frr";
import type { LabNode, Topology } from "#lab/model";
import { formatRouterId } from "#ospf/text";
import { loadNode } from "#router/config/node";
import type { OspfNeighborsView, OspfRouteView } from "#router/ospf/views";

export interface Speaker {
  readonly name: string;
  readonly player: "AIN" | "FRR";
}

export interface SpokenNeighbor {
  /** Name of the node, or its router id when it is none of the lab's. */
  readonly name: string;
  readonly state: string;
}

export interface SpokenRoute {
  readonly prefix: string;
  readonly cost: number;
  /** Names of the next nodes, sorted. */
  readonly ways: readonly string[];
}

/** Where they are asked: a lab that stands. */
export interface SpeakersLab extends FrrHost {
  socket(node: string): string;
}

export class Speakers {
  readonly #topology: Topology;
  readonly #lab: SpeakersLab;
  /** Node by router id. */
  readonly #names: ReadonlyMap<string, string>;

  constructor(topology: Topology, lab: SpeakersLab) {
    this.#topology = topology;
    this.#lab = lab;
    this.#names = new Map(topology.nodes.flatMap((node) => routerIdsOf(node).map((id) => [id, node.name])));
  }

  all(): Speaker[] {
    return this.#topology.nodes.flatMap(({ name, role }): Speaker[] => {
      if (role.kind === "router") return [{ name, player: "AIN" }];
      return role.kind === "frr" ? [{ name, player: "FRR" }] : [];
    });
  }

  async neighbors({ name, player }: Speaker): Promise<SpokenNeighbor[]> {
    const said = player === "FRR" ? this.#frrNeighbors(name) : await this.#ainNeighbors(name);
    return said.map(({ id, state }) => ({ name: this.#names.get(id) ?? id, state }));
  }

  /** Those that lead by other routers. */
  async routes({ name, player }: Speaker): Promise<SpokenRoute[]> {
    const said = player === "FRR" ? this.#frrRoutes(name) : await this.#ainRoutes(name);
    return said
      .filter(({ interfaces }) => interfaces.length > 0)
      .map(({ prefix, cost, interfaces }) => ({
        prefix,
        cost,
        ways: interfaces.map((one) => this.#peerOf(name, one)).sort(),
      }));
  }

  /** FRR's border routers hear once more which of their areas are totally stubby. */
  remindOfAreas(): void {
    for (const { name, player } of this.all()) {
      if (player !== "FRR") continue;
      const said = askFrr(this.#lab, name, "show running-config").matchAll(/^ (area \S+ stub no-summary)$/gm);
      for (const [, area] of said) askFrr(this.#lab, name, "configure terminal", "router ospf6", `no ${area}`, area!);
    }
  }

  async #ainNeighbors(node: string): Promise<{ id: string; state: string }[]> {
    const view = (await call(this.#lab.socket(node), "GET", "show/ospf/neighbors")) as OspfNeighborsView;
    return view.neighbors.map(({ routerId, state }) => ({ id: routerId, state }));
  }

  #frrNeighbors(node: string): { id: string; state: string }[] {
    const said = JSON.parse(askFrr(this.#lab, node, "show ipv6 ospf6 neighbor json")) as {
      neighbors: readonly { neighborId: string; state: string }[];
    };
    return said.neighbors.map(({ neighborId, state }) => ({ id: neighborId, state }));
  }

  async #ainRoutes(node: string): Promise<{ prefix: string; cost: number; interfaces: string[] }[]> {
    const view = (await call(this.#lab.socket(node), "GET", "show/ospf/routes")) as readonly OspfRouteView[];
    return view.map(({ prefix, cost, nextHops }) => ({
      prefix,
      cost,
      interfaces: nextHops.flatMap((hop) => (hop.address === null ? [] : [hop.interface])),
    }));
  }

  #frrRoutes(node: string): { prefix: string; cost: number; interfaces: string[] }[] {
    const said = JSON.parse(askFrr(this.#lab, node, "show ipv6 route ospf6 json")) as Record<
      string,
      readonly FrrRoute[]
    >;
    return Object.entries(said).flatMap(([prefix, routes]) =>
      routes
        .filter(({ selected }) => selected)
        .map(({ metric, nexthops }) => ({
          prefix,
          cost: metric,
          interfaces: nexthops.flatMap((hop) => (hop.ip === undefined ? [] : [hop.interfaceName])),
        })),
    );
  }

  /** The node at the other end of a link. */
  #peerOf(node: string, name: string): string {
    for (const { ends } of this.#topology.links) {
      const [a, b] = ends;
      for (const [end, other] of [[a, b] as const, [b, a] as const]) {
        if (end.node === node && end.interface === name) return other.node;
      }
    }
    return name;
  }
}

interface FrrRoute {
  readonly selected?: boolean;
  readonly metric: number;
  readonly nexthops: readonly { readonly ip?: string; readonly interfaceName: string }[];
}

/** From the file that the node runs with. */
function routerIdsOf({ role }: LabNode): string[] {
  if (role.kind === "frr") {
    const id = /^\s*ospf6 router-id (\S+)/m.exec(readFileSync(role.config, "utf8"))?.[1];
    return id === undefined ? [] : [id];
  }
  if (role.kind !== "router") return [];
  const config = loadNode(role.config);
  return config.ok && config.node.ospf !== undefined ? [formatRouterId(config.node.ospf.config.routerId)] : [];
}
