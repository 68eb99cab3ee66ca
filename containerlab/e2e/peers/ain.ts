/** AIN as a router of a test network: its node.yaml, and what its API says. */
import { stringify } from "yaml";
import { call } from "#cli/client";
import type { OspfViewName, OspfViews } from "#router/ospf/views";
import { KEY } from "../test-lab";
import { type AreaSpec, type Attachment, BACKBONE, type ExternalSpec, type RouterSpec } from "./spec";
import type { LsaView, NeighborView, Reader, RouteView, SegmentView } from "./view";

/** Of all AIN routers of a network. */
export const AIN_FABRIC = `name: peers\nkey: ${KEY}\nprefixes: ["2001:db8::/32"]\nhomes: ["2001:db8:ffff:1::/64"]\n`;

/** Where the key of an interface lies, beside node.yaml. */
export const keyFile = ({ router, name }: Attachment): string => `${router}.${name}.key`;

/** A switch: it has an address of its own in any case, `own` or this. */
export function ainConfig(name: string, router: RouterSpec, attachments: readonly Attachment[]): string {
  const { id, own, areas = {}, external = [] } = router;
  const area = own?.area ?? attachments[0]?.area ?? BACKBONE;
  return stringify({
    name,
    fabric: "./fabric.yaml",
    role: "switch",
    address: own?.address ?? `2001:db8:ff::${id}`,
    uplinks: attachments.map(({ name: uplink, mtu }) => ({ interface: uplink, ...(mtu !== undefined && { mtu }) })),
    routes: external.filter(({ prefix }) => prefix !== "::/0").map(({ prefix }) => ({ to: prefix, discard: true })),
    ospf: {
      routerId: id,
      area,
      areas: Object.fromEntries(Object.entries(areas).map(([key, settings]) => [key, areaYaml(settings)])),
      defaults: { retransmit: "1s" },
      interfaces: Object.fromEntries(attachments.map((one) => [one.name, interfaceYaml(one)])),
      redistribute: redistributed(external),
    },
  });
}

const areaYaml = ({ kind, summaries, defaultCost, ranges }: AreaSpec): object => ({
  kind,
  ...(summaries === false && { summaries }),
  ...(defaultCost !== undefined && { defaultCost }),
  ...(ranges !== undefined && { ranges }),
});

function interfaceYaml(it: Attachment): object {
  return {
    area: it.area,
    kind: it.broadcast ? "broadcast" : "point-to-point",
    cost: it.cost,
    priority: it.priority,
    hello: `${it.hello}s`,
    dead: `${it.dead}s`,
    ...(it.address !== undefined && { prefixes: [linkPrefix(it.address)] }),
    ...(it.mtuIgnore && { mtuIgnore: true }),
    ...(it.instance !== undefined && { instance: it.instance }),
    ...(it.bfd && { bfd: true }),
    ...(it.key && { auth: { keys: [{ id: it.key.id, secretFile: keyFile(it) }] } }),
  };
}

/** `2001:db8::1/64` → `2001:db8::/64`: tests have links of /64 only, with addresses that end in `::x`. */
const linkPrefix = (address: string): string => address.replace(/::[0-9a-f]*\/64$/, "::/64");

/** AIN has one metric for all static routes, and one for the default. */
function redistributed(external: readonly ExternalSpec[]): object {
  const of = (isDefault: boolean): object | undefined => {
    const [first, ...others] = external.filter(({ prefix }) => (prefix === "::/0") === isDefault);
    if (first === undefined) return undefined;
    const { metric, type: metricType } = first;
    if (others.some((one) => one.metric !== metric || one.type !== metricType)) {
      throw new Error("AIN has one metric for all its static routes");
    }
    return { metric, metricType, ...(isDefault && { always: true }) };
  };
  const [fixed, everything] = [of(false), of(true)];
  return { ...(fixed && { static: fixed }), ...(everything && { default: everything }) };
}

export class Ain implements Reader {
  readonly socket: string;

  /** @param socket path of the API socket. */
  constructor(socket: string) {
    this.socket = socket;
  }

  /** What `ain show ospf WHAT --json` prints. */
  async show<What extends OspfViewName>(what: What): Promise<OspfViews[What]> {
    return (await call(this.socket, "GET", `show/ospf/${what}`)) as OspfViews[What];
  }

  async neighbors(): Promise<readonly NeighborView[]> {
    return (await this.show("neighbors")).neighbors;
  }

  async segments(): Promise<readonly SegmentView[]> {
    const interfaces = await this.show("interfaces");
    return interfaces.map(({ interface: name, state, designated, backup }) => ({
      interface: name,
      state,
      designated,
      backup,
    }));
  }

  async database(): Promise<readonly LsaView[]> {
    return (await this.show("database")).lsas;
  }

  async routes(): Promise<readonly RouteView[]> {
    const routes = await this.show("routes");
    return routes
      .filter(({ path }) => path !== "discard")
      .map(({ path, nextHops, ...rest }) => ({
        ...rest,
        path: path as RouteView["path"],
        nextHops: nextHops.map((hop) => ({ interface: hop.interface, address: hop.address ?? undefined })),
      }));
  }

  /** Why a router is no neighbour in full, or its packets are refused. */
  async troubles(): Promise<string[]> {
    const { neighbors, refused } = await this.show("neighbors");
    const of = [...neighbors.map(({ trouble, ...n }) => ({ ...n, reason: trouble })), ...refused];
    return of.filter(({ reason }) => reason !== "").map((one) => `${one.interface} ${one.routerId}: ${one.reason}`);
  }
}
