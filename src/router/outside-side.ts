/**
 * A gateway's outside as the control thread sees it: the link's next hop, whether the fabric is to be told of the outside,
 * and what the forwarders translate by (fastpath/tables/gateway-tables.ts).
 */
import { formatMac, type Prefix as Octets, overlaps } from "#base/address";
import { buildGateway } from "#fastpath/tables/gateway-tables";
import type { GatewayTables } from "#fastpath/tables/layout";
import { CONTROL_IGNORED } from "#fastpath/verdicts";
import type { Configuration, Fabric, NodeOspf, OutsideLink } from "#router/config/model";
import { subnetOf } from "#router/config/outside-link";
import type { PortState } from "#router/ports";
import type { Rib } from "#router/rib";
import { type ServicesIo, sendFrame } from "#router/services-io";
import type { NeighborView, RouteView } from "#router/views";
import { Alarm } from "#runtime/alarm";
import { OutsideArp, type OutsideArpEvent } from "#services/outside-arp";

/** Link-local: VMs' own gateway and metadata are there (RFC 3927). */
const LINK_LOCAL: Octets = { address: Uint8Array.of(169, 254, 0, 0), length: 16 };

export class OutsideSide {
  private readonly io: ServicesIo;
  private readonly rib: Rib;
  private readonly changed: (isUp: boolean) => void;
  private readonly core = new OutsideArp();
  private readonly alarm = new Alarm(() => this.tell({ type: "timer" }));
  private port: PortState | undefined;
  private adjacency = 0;
  private isOpen = false;
  /** Text of the prefix that is in the table; undefined: none. */
  private told: string | undefined;

  /** `changed`: the next hop answers, or does not any more; not called while the present change is made. */
  constructor(io: ServicesIo, rib: Rib, changed: (isUp: boolean) => void) {
    this.io = io;
    this.rib = rib;
    this.changed = changed;
  }

  /** True while packets to the outside get there. */
  get isUp(): boolean {
    return this.core.mac !== undefined;
  }

  add(port: PortState): void {
    this.port = port;
    this.adjacency = this.io.groups.add({ port: port.index, mtu: port.mtu, ownMac: port.mac });
    this.io.groups.set(this.adjacency, "failed");
  }

  opened(port: PortState, configuration: Configuration): void {
    this.io.groups.rebind(this.adjacency, port.mtu, port.mac);
    this.isOpen = true;
    this.refresh(configuration);
  }

  closed(): void {
    this.isOpen = false;
    this.tell({ type: "detach" });
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
    const subnet = subnetOf(outside.address);
    const answered = ownOutside(outside, fabric).filter((prefix) => overlaps(prefix, subnet));
    const settings = { mac: this.port.mac, address: outside.address.bytes, nextHop: outside.nextHop.bytes, answered };
    this.tell({ type: "attach", settings });
  }

  /**
   * The fabric's way to the outside is through here while the next hop answers. Where OSPF is to tell of it: else nobody would
   * know of another way, and packets would come and go until their hop limit ends.
   */
  routes({ node: { ospf, outside }, fabric }: Configuration): void {
    const isHere = outside !== undefined && (this.isUp || ospf === undefined);
    const prefix = isHere ? fabric.outside?.prefix : undefined;
    if (this.told !== undefined && this.told !== prefix?.text) this.rib.remove("local", this.told);
    if (prefix !== undefined && this.told !== prefix.text) this.rib.set("local", prefix, { kind: "local" });
    this.told = prefix?.text;
  }

  /** What OSPF is to say: of the outside as long as it is reached. */
  ospf({ node: { ospf, outside }, fabric }: Configuration): NodeOspf | undefined {
    const [own] = ospf?.config.prefixes ?? [];
    if (ospf === undefined || outside === undefined || own === undefined) return ospf;
    if (!this.isUp || fabric.outside === undefined) return ospf;
    const { address, length } = fabric.outside.prefix;
    const prefixes = [...ospf.config.prefixes, { ...own, prefix: { address, length } }];
    return { ...ospf, config: { ...ospf.config, prefixes } };
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
    });
  }

  /** An ARP frame from the outside link. */
  take(octets: Uint8Array): void {
    this.tell({ type: "frame", frame: octets });
  }

  neighbors({ node: { outside } }: Configuration): NeighborView[] {
    if (outside === undefined || this.port === undefined) return [];
    const { mac } = this.core;
    const state = mac === undefined ? "failed" : "reachable";
    return [{ port: this.port.name, address: outside.nextHop.text, mac: mac ? formatMac(mac) : null, state }];
  }

  view({ node: { outside } }: Configuration): RouteView[] {
    if (this.told === undefined || outside === undefined || this.port === undefined) return [];
    const hop = { uplink: this.port.name, address: outside.nextHop.text, state: this.isUp ? "reachable" : "failed" };
    return [{ prefix: this.told, origin: "outside", nextHops: [hop] }];
  }

  stop(): void {
    this.alarm.cancel();
  }

  private tell(event: OutsideArpEvent): void {
    for (const effect of this.core.handle(event, performance.now())) {
      if (effect.type === "send") sendFrame(this.io, this.port!.index, effect.frame);
      else if (effect.type === "malformed") this.io.lost(this.port!.index, CONTROL_IGNORED);
      else {
        this.io.groups.set(this.adjacency, effect.mac ?? "failed");
        this.io.changed();
        this.changed(effect.mac !== undefined);
      }
    }
    this.alarm.set(this.core.deadline());
  }
}

/** Addresses that the outside knows inside hosts by at this gateway. */
function ownOutside({ pool }: OutsideLink, { networks, outside }: Fabric): Octets[] {
  return [
    ...networks.flatMap(({ publicPrefixes }) => publicPrefixes),
    ...(outside?.floating ?? []).map(({ address }) => ({ address: address.bytes, length: 32 })),
    ...pool,
  ];
}
