/**
 * Databases as large as those of the paper's table 2, as one of its routers has them: servers with two ports, access
 * switches with four uplinks, aggregation switches, and a backbone of core switches. As in the paper every link between
 * routers is a transit network, so that an area of s servers and a access switches has 4 s + 9 a + 256 LSAs.
 */
import { BACKBONE } from "#ospf/constants";
import type { LsaStore } from "#ospf/database/store";
import { POINT_TO_POINT_LINK, ROUTER_B, type RouterLink, TRANSIT_LINK } from "#ospf/packet/lsa-body";
import { NETWORK_LSA, ROUTER_LSA } from "#ospf/packet/lsa-header";
import { OPTION_E, OPTION_R, OPTION_V6 } from "#ospf/packet/options";
import type { Area, Instance } from "#ospf/state";
import { area as areaConfig, config, on as interfaceConfig } from "#ospf/testing/configs";
import { addInterface, addNeighbor, linkLocal, newInstance, put } from "#ospf/testing/instances";

const OPTIONS = OPTION_E | OPTION_R | OPTION_V6;
const UPLINKS = 4;
/** LSAs of an area beyond those of its servers and access switches. */
const REST = 256;
/** Aggregation switches, core switches, and LSAs of the backbone that are no routers and no links. */
const AGGREGATION = 128;
const CORE = 128;
const BACKBONE_REST = 272;

export interface PodSize {
  readonly servers: number;
  readonly access: number;
  readonly aggregation: number;
  /** Point-to-point links have no LSA of their own. */
  readonly links: "lan" | "point-to-point";
}

/** Areas of table 2 by the number of PoDs, 4096 … 32. */
export function podOf(pods: number): PodSize {
  const access = 4096 / pods;
  return { servers: 64 * access, access, aggregation: Math.min(AGGREGATION, 4 * access, 8), links: "lan" };
}

export const lsasOf = ({ servers, access, aggregation, links }: PodSize): number =>
  links === "lan" ? 4 * servers + 9 * access + REST : 2 * servers + access + aggregation + REST;

/** Router ids. */
const serverId = (pod: number, i: number): number => 0x4000_0000 + pod * 0x1_0000 + i;
const accessId = (pod: number, i: number): number => 0x8000_0000 + pod * 0x1_0000 + i;
export const aggregationId = (i: number): number => 0xa000_0000 + i;
const coreId = (i: number): number => 0xc000_0000 + i;

/** The first server of the one PoD, its uplinks Full. */
export function serverInstance(pod: PodSize): Instance {
  const instance = newInstance(config(serverId(0, 0), { areas: [areaConfig(1)] }));
  new Wiring(instance, instance.areas.get(1)!, pod.links).pod(0, pod);
  return instance;
}

/** An aggregation switch: the backbone and so many PoDs around it. */
export function aggregationInstance(pod: PodSize, pods: number): Instance {
  const ids = Array.from({ length: pods + 1 }, (_, id) => id);
  const instance = newInstance(config(aggregationId(0), { areas: ids.map((id) => areaConfig(id)) }));
  instance.isBorder = true;
  new Wiring(instance, instance.areas.get(BACKBONE)!, pod.links).backbone();
  for (let i = 0; i < pods; i++) new Wiring(instance, instance.areas.get(i + 1)!, pod.links).pod(i, pod);
  return instance;
}

class Wiring {
  readonly #instance: Instance;
  readonly #area: Area;
  readonly #database: LsaStore;
  readonly #kind: PodSize["links"];
  readonly #links = new Map<number, RouterLink[]>();
  readonly #next = new Map<number, number>();

  constructor(instance: Instance, area: Area, kind: PodSize["links"]) {
    this.#instance = instance;
    this.#area = area;
    this.#database = area.database;
    this.#kind = kind;
  }

  pod(pod: number, size: PodSize): void {
    const { servers, access, aggregation, links } = size;
    for (let i = 0; i < servers; i++) {
      const server = serverId(pod, i);
      for (const step of [0, 1]) this.#join(accessId(pod, ((i >> 6) + step) % access), server);
      this.#prefix(server, { type: ROUTER_LSA, linkStateId: 0, advertisingRouter: server }, [pod, i]);
    }
    for (let i = 0; i < access; i++) {
      for (let up = 0; up < UPLINKS; up++) {
        const switchId = accessId(pod, i);
        const linkStateId = this.#join(switchId, aggregationId((UPLINKS * i + up) % aggregation));
        if (links === "lan") {
          this.#prefix(switchId, { type: NETWORK_LSA, linkStateId, advertisingRouter: switchId }, [
            0x1000 + pod,
            i,
            up,
          ]);
        }
      }
    }
    this.#routers();
    const summaries = links === "lan" ? REST - aggregation : REST;
    for (let i = 0; i < summaries; i++) this.#summary(aggregationId(i % aggregation), [0x2000, i >> 3]);
  }

  backbone(): void {
    for (let i = 0; i < AGGREGATION; i++) for (let j = 0; j < CORE; j++) this.#join(aggregationId(i), coreId(j));
    this.#routers();
    for (let i = 0; i < BACKBONE_REST; i++) this.#summary(aggregationId(i % AGGREGATION), [0x3000, i]);
  }

  /** A link; `a` is its Designated Router. Answers a's interface id. */
  #join(a: number, b: number): number {
    const ends = [a, b].map((router) => ({ router, interfaceId: this.#interfaceId(router) }));
    for (const [i, { router, interfaceId }] of ends.entries()) {
      const other = this.#kind === "lan" ? ends[0]! : ends[1 - i]!;
      const type = this.#kind === "lan" ? TRANSIT_LINK : POINT_TO_POINT_LINK;
      const links = this.#links.get(router) ?? [];
      const metric = 10;
      links.push({ type, metric, interfaceId, neighborInterfaceId: other.interfaceId, neighborRouterId: other.router });
      this.#links.set(router, links);
      if (router === this.#instance.config.routerId) this.#interface(interfaceId, ends[1 - i]!);
    }
    const [first] = ends;
    if (this.#kind === "lan") {
      const origin = { advertisingRouter: a, linkStateId: first!.interfaceId };
      put(this.#database, { kind: "network", options: OPTIONS, attachedRouters: [a, b] }, origin);
    }
    return first!.interfaceId;
  }

  #interfaceId(router: number): number {
    const id = (this.#next.get(router) ?? 1000 * this.#area.id) + 1;
    this.#next.set(router, id);
    return id;
  }

  #interface(interfaceId: number, other: { router: number; interfaceId: number }): void {
    const kind = this.#kind === "lan" ? "broadcast" : "point-to-point";
    const named = interfaceConfig(`up${interfaceId}`, { kind, area: this.#area.id });
    const on = addInterface(this.#instance, named, interfaceId);
    addNeighbor(on, { routerId: other.router, interfaceId: other.interfaceId, address: linkLocal(other.router) });
  }

  #routers(): void {
    for (const [advertisingRouter, links] of this.#links) {
      const flags = advertisingRouter >>> 28 === 0xa ? ROUTER_B : 0;
      put(this.#database, { kind: "router", flags, options: OPTIONS, links }, { advertisingRouter });
    }
  }

  #prefix(
    advertisingRouter: number,
    referenced: { type: number; linkStateId: number; advertisingRouter: number },
    numbers: readonly number[],
  ): void {
    const prefixes = [{ ...numbered(numbers), metric: 0 }];
    const linkStateId = referenced.linkStateId;
    put(this.#database, { kind: "intraAreaPrefix", referenced, prefixes }, { advertisingRouter, linkStateId });
  }

  #summary(advertisingRouter: number, numbers: readonly number[]): void {
    const linkStateId = this.#interfaceId(0);
    const body = { kind: "interAreaPrefix", metric: 20, prefix: numbered(numbers) } as const;
    put(this.#database, body, { advertisingRouter, linkStateId });
  }
}

/** 2001:db8:… and up to three numbers, of 64 bits. */
function numbered(numbers: readonly number[]): { address: Uint8Array; length: number; options: number } {
  const address = new Uint8Array(16);
  address.set([0x20, 0x01]);
  for (const [i, number] of numbers.entries()) address.set([number >> 8, number & 255], 2 + 2 * i);
  return { address, length: 64, options: 0 };
}
