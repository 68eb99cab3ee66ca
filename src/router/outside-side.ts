/**
 * A gateway's outside as the control thread sees it: the link's next hops, of IPv4 and of IPv6, whether the fabric is to be told of
 * the outside, and what the forwarders go by (fastpath/tables/gateway-tables.ts).
 */
import { formatMac, formatPrefix, linkLocalFromMac, type Prefix as Octets, overlaps } from "#base/address";
import { put32 } from "#base/bytes";
import { buildGateway, type StraightPlan } from "#fastpath/tables/gateway-tables";
import type { GatewayTables } from "#fastpath/tables/layout";
import { CONTROL_IGNORED } from "#fastpath/verdicts";
import { OUTSIDE_TAGS } from "#policy/homes";
import type { Configuration, Fabric, NodeOspf, OutsideIpv6, OutsideLink, Prefix } from "#router/config/model";
import { subnetOf } from "#router/config/outside-link";
import type { Log } from "#router/log";
import { sharesOf } from "#router/nat-shares";
import type { PortState } from "#router/ports";
import type { Rib } from "#router/rib";
import { type ServicesIo, sendFrame } from "#router/services-io";
import type { NeighborView, RouteView } from "#router/views";
import { Alarm } from "#runtime/alarm";
import { OutsideArp, type OutsideArpEvent } from "#services/outside-arp";
import { OutsideNd, type OutsideNdEvent } from "#services/outside-nd";

/** Link-local: VMs' own gateway and metadata are there (RFC 3927). */
const LINK_LOCAL: Octets = { address: Uint8Array.of(169, 254, 0, 0), length: 16 };

export type Family = "IPv4" | "IPv6";

export interface OutsideParts {
  readonly rib: Rib;
  readonly log: Pick<Log, "error">;
  /** The next hop answers, or does not any more; not called while the present change is made. */
  readonly changed: (family: Family, isUp: boolean) => void;
}

export class OutsideSide {
  private readonly io: ServicesIo;
  private readonly rib: Rib;
  private readonly changed: (family: Family, isUp: boolean) => void;
  private readonly log: Pick<Log, "error">;
  private readonly arp = new OutsideArp();
  /** For tests, which do not wait. */
  readonly nd: OutsideNd = new OutsideNd();
  private readonly arpAlarm = new Alarm(() => this.tellArp({ type: "timer" }));
  private readonly ndAlarm = new Alarm(() => this.tellNd({ type: "timer" }));
  private readonly nonce = crypto.getRandomValues(new Uint8Array(6));
  private port: PortState | undefined;
  private adjacency = 0;
  private adjacency6 = 0;
  private isOpen = false;
  /** Prefixes that are in the table, by their text. */
  private readonly told = new Map<string, { readonly prefix: Prefix; readonly family: Family }>();

  constructor(io: ServicesIo, { rib, log, changed }: OutsideParts) {
    this.io = io;
    this.rib = rib;
    this.log = log;
    this.changed = changed;
  }

  /** True while packets of the family's to the outside get there. */
  isUp(family: Family): boolean {
    return (family === "IPv4" ? this.arp.mac : this.nd.mac) !== undefined;
  }

  add(port: PortState): void {
    this.port = port;
    const hop = { port: port.index, mtu: port.mtu, ownMac: port.mac };
    this.adjacency = this.io.groups.add(hop);
    this.adjacency6 = this.io.groups.add(hop);
    for (const each of [this.adjacency, this.adjacency6]) this.io.groups.set(each, "failed");
  }

  opened(port: PortState, configuration: Configuration): void {
    for (const each of [this.adjacency, this.adjacency6]) this.io.groups.rebind(each, port.mtu, port.mac);
    this.isOpen = true;
    this.refresh(configuration);
  }

  closed(): void {
    this.isOpen = false;
    this.tellArp({ type: "detach" });
    this.tellNd({ type: "detach" });
  }

  /** What the kernel says of the link's other end. */
  carrier(there: boolean, configuration: Configuration): void {
    if (there === this.isOpen || this.port === undefined) return;
    if (there) this.opened(this.port, configuration);
    else this.closed();
  }

  /** After a change of the configuration: other addresses may be this gateway's to answer for. */
  refresh({ node: { outside }, fabric }: Configuration): void {
    if (!this.isOpen || outside === undefined || this.port === undefined) return;
    const { mac } = this.port;
    const { address, nextHop, ipv6 } = outside;
    const answered = ownOutside(outside, fabric).filter((prefix) => overlaps(prefix, subnetOf(address)));
    this.tellArp({
      type: "attach",
      settings: { mac, address: address.bytes, nextHop: nextHop.bytes, answered },
    });
    if (ipv6 === undefined) return;
    this.tellNd({
      type: "attach",
      settings: {
        ...{ mac, address: ipv6.address.bytes, linkLocal: linkLocalFromMac(mac), nextHop: ipv6.nextHop.bytes },
        answered: publicTenants(fabric).filter((prefix) => overlaps(prefix, subnetOf(ipv6.address))),
        nonce: this.nonce,
      },
    });
  }

  /**
   * The fabric's way to the outside is through here while the next hop answers. Where OSPF is to tell of it: else nobody would
   * know of another way, and packets would come and go until their hop limit ends.
   */
  routes(configuration: Configuration): void {
    const wanted = new Map(
      this.outsidePrefixes(configuration)
        .filter(({ family }) => this.isUp(family) || configuration.node.ospf === undefined)
        .map((each) => [each.prefix.text, each]),
    );
    for (const text of this.told.keys()) {
      if (wanted.has(text)) continue;
      this.rib.remove("local", text);
      this.told.delete(text);
    }
    for (const [text, each] of wanted) {
      if (!this.told.has(text)) this.rib.set("local", each.prefix, { kind: "local" });
      this.told.set(text, each);
    }
  }

  /** What OSPF is to say: of the outside as long as it is reached. */
  ospf(configuration: Configuration): NodeOspf | undefined {
    const { ospf } = configuration.node;
    const [own] = ospf?.config.prefixes ?? [];
    if (ospf === undefined || own === undefined) return ospf;
    const more = this.outsidePrefixes(configuration)
      .filter(({ family }) => this.isUp(family))
      .map(({ prefix: { address, length } }) => ({ ...own, prefix: { address, length } }));
    return { ...ospf, config: { ...ospf.config, prefixes: [...ospf.config.prefixes, ...more] } };
  }

  /** What this gateway leads to, as long as a next hop answers. */
  private outsidePrefixes({ node: { outside }, fabric }: Configuration): { prefix: Prefix; family: Family }[] {
    if (outside === undefined || fabric.outside === undefined) return [];
    const ipv6 = outside.ipv6 === undefined ? [] : fabric.outside.ipv6;
    // What is for its NAT addresses this gateway alone can translate, be it from a host inside.
    const pool = outside.pool.map((prefix) => behind(fabric.outside!.prefix, prefix));
    return [
      ...[fabric.outside.prefix, ...pool].map((prefix) => ({ prefix, family: "IPv4" as const })),
      ...ipv6.map((prefix) => ({ prefix, family: "IPv6" as const })),
    ];
  }

  /** Undefined: this is no gateway. */
  tables({ node: { outside }, fabric }: Configuration): GatewayTables | undefined {
    if (outside === undefined || this.port === undefined) return undefined;
    const publics = fabric.networks.flatMap(({ tags, publicPrefixes }) =>
      publicPrefixes.map((prefix) => ({ prefix, tags })),
    );
    return buildGateway({
      own: outside.address.bytes,
      adjacency: this.adjacency,
      inside: [...fabric.networks.flatMap(({ prefixes }) => prefixes), ...ownOutside(outside, fabric), LINK_LOCAL],
      publics,
      floating: (fabric.outside?.floating ?? []).map(({ address, network, to }) => ({
        outside: address.bytes,
        tags: network.tags,
        host: to.bytes,
      })),
      shares: sharesOf(outside, fabric),
      ...(outside.ipv6 !== undefined && { straight: this.straight(outside.ipv6, this.port.mac, fabric) }),
    });
  }

  private straight({ address }: OutsideIpv6, mac: Uint8Array, fabric: Fabric): StraightPlan {
    const { networks } = fabric;
    return {
      own: [address.bytes, linkLocalFromMac(mac)],
      adjacency: this.adjacency6,
      inside: networks.flatMap(({ tenantPrefixes }) => tenantPrefixes),
      tenants: networks.flatMap(({ tags, tenantPrefixes }) =>
        tenantPrefixes.flatMap((prefix) => (prefix.isPublic ? [{ prefix, tags }] : [])),
      ),
      publics: networks.flatMap(({ tags, publicIpv6 }) => (publicIpv6 ? [tags] : [])),
    };
  }

  /** An ARP frame from the outside link. */
  takeArp(octets: Uint8Array): void {
    this.tellArp({ type: "frame", frame: octets });
  }

  /** A neighbor discovery message from there. */
  takeNd(octets: Uint8Array): void {
    this.tellNd({ type: "frame", frame: octets });
  }

  neighbors({ node: { outside } }: Configuration): NeighborView[] {
    const { port } = this;
    if (outside === undefined || port === undefined) return [];
    const view = (address: string, mac: Uint8Array | undefined): NeighborView => {
      const state = mac === undefined ? "failed" : "reachable";
      return { port: port.name, address, mac: mac ? formatMac(mac) : null, state };
    };
    const { nextHop, ipv6 } = outside;
    return [view(nextHop.text, this.arp.mac), ...(ipv6 === undefined ? [] : [view(ipv6.nextHop.text, this.nd.mac)])];
  }

  view({ node: { outside } }: Configuration): RouteView[] {
    const { port } = this;
    if (outside === undefined || port === undefined) return [];
    return [...this.told].map(([prefix, { family }]) => {
      const address = (family === "IPv4" ? outside.nextHop : outside.ipv6?.nextHop)?.text ?? "";
      const state = this.isUp(family) ? "reachable" : "failed";
      return { prefix, origin: "outside", nextHops: [{ uplink: port.name, address, state }] };
    });
  }

  stop(): void {
    this.arpAlarm.cancel();
    this.ndAlarm.cancel();
  }

  private tellArp(event: OutsideArpEvent): void {
    for (const effect of this.arp.handle(event, performance.now())) {
      if (effect.type === "send") sendFrame(this.io, this.port!.index, effect.frame);
      else if (effect.type === "malformed") this.io.lost(this.port!.index, CONTROL_IGNORED);
      else this.nextHop("IPv4", effect.mac);
    }
    this.arpAlarm.set(this.arp.deadline());
  }

  private tellNd(event: OutsideNdEvent): void {
    for (const effect of this.nd.handle(event, performance.now())) {
      if (effect.type === "send") sendFrame(this.io, this.port!.index, effect.frame);
      else if (effect.type === "malformed") this.io.lost(this.port!.index, CONTROL_IGNORED);
      else if (effect.type === "nextHop") this.nextHop("IPv6", effect.mac);
      else this.log.error(`outside: another host has ${effect.address}: no IPv6 there`, "outside-next-hop");
    }
    this.ndAlarm.set(this.nd.deadline());
  }

  private nextHop(family: Family, mac: Uint8Array | undefined): void {
    this.io.groups.set(family === "IPv4" ? this.adjacency : this.adjacency6, mac ?? "failed");
    this.io.changed();
    this.changed(family, mac !== undefined);
  }
}

/** An IPv4 prefix's as the fabric knows outside hosts: the outside's prefix, tags 1, the address. */
function behind({ address: outside }: Prefix, { address, length }: Octets): Prefix {
  const octets = outside.slice();
  put32(octets, 8, OUTSIDE_TAGS);
  octets.set(address, 12);
  const prefix = { address: octets, length: 96 + length };
  return { ...prefix, text: formatPrefix(prefix) };
}

const publicTenants = ({ networks }: Fabric): Octets[] =>
  networks.flatMap(({ tenantPrefixes }) => tenantPrefixes.filter(({ isPublic }) => isPublic));

/** Addresses that the outside knows inside hosts by at this gateway. */
function ownOutside({ pool }: OutsideLink, { networks, outside }: Fabric): Octets[] {
  return [
    ...networks.flatMap(({ publicPrefixes }) => publicPrefixes),
    ...(outside?.floating ?? []).map(({ address }) => ({ address: address.bytes, length: 32 })),
    ...pool,
  ];
}
