/**
 * Ethernet segments' place in the router: what VMs listen to (vm-groups.ts), which hypervisors have members (the mobility
 * core), and how frames get to them, made into the forwarders' tables. What changes in between two snapshots is handed over
 * by itself, a few dozen times a second at most.
 */
import { INJECT_ORIGINATE } from "#fastpath/shared";
import { buildSegments } from "#fastpath/tables/segment-builder";
import type { SegmentTables } from "#fastpath/tables/segments";
import { ALL_D_ROUTERS, ALL_SPF_ROUTERS } from "#ospf/packet/header";
import type { GroupSet, Segment, SegmentMember } from "#pmip/events";
import { FabricMulticast } from "#router/broadcast/fabric-multicast";
import { tunnelled } from "#router/broadcast/flood";
import { Memberships } from "#router/broadcast/memberships";
import { type Chosen, Replication, segmentGroup } from "#router/broadcast/replication";
import { type LocalSegment, localSegments, segmentsPlan } from "#router/broadcast/segments-plan";
import type { Configuration } from "#router/config/model";
import type { PortState, Ports } from "#router/ports";
import { ownFrame, type ServicesIo, sendFrame } from "#router/services-io";
import { type GroupsView, VmGroups } from "#router/vm-groups";
import type { VmState } from "#router/vms/events";
import type { Channel } from "#services/mld/events";
import { ALL_MLD2_ROUTERS } from "#wire/mld";
import { ALL_ROUTERS } from "#wire/nd";

/** Milliseconds in which changes are gathered, and how many times as long as making the tables takes. */
const GATHER = 20;
const REST = 10;
/** Between looks at links and routes. */
const LOOK = 250;

/** A switch asks only where somebody may want an answer: whoever asks makes switches snoop (RFC 4541 §2.1.1). */
const isMulticastRouter = ({ node, fabric }: Configuration): boolean =>
  node.role === "switch" &&
  fabric.networks.some(({ segment }) => segment !== undefined && segment.replicate !== "unicast");

export interface RouterBroadcastOptions {
  readonly configuration: Configuration;
  readonly io: ServicesIo;
  readonly ports: Pick<Ports, "all">;
  readonly hasCarrier: (port: PortState) => boolean;
  /** Undefined: nobody has said anything else than that it is here. */
  readonly stateOf: (vm: string) => VmState | undefined;
  /** Index of the port by which the address is reached; undefined: by none. */
  readonly portTo: (address: Uint8Array) => number | undefined;
  /** Tells the mobility core; `groups` undefined: nobody of the segment is here any more. */
  readonly tell: (segment: Segment, groups: GroupSet | undefined) => void;
  /** Has forwarders take over tables that have changed. */
  readonly adopt: (tables: SegmentTables) => void;
}

export class RouterBroadcast {
  readonly #options: RouterBroadcastOptions;
  readonly #memberships: Memberships;
  readonly #replication = new Replication();
  readonly #multicast: FabricMulticast;
  readonly #groups: VmGroups;
  /** By port index. */
  readonly #listening = new Map<number, GroupSet>();
  #configuration: Configuration;
  #local: ReadonlyMap<number, LocalSegment> = new Map();
  /** By tags, since the tables were made last. */
  readonly #chosen = new Map<number, Chosen>();
  #gathering: Timer | undefined;
  /** Milliseconds that making the tables took last. */
  #took = 0;
  #settling: Timer | undefined;
  #looking: Timer | undefined;

  constructor(options: RouterBroadcastOptions) {
    const { configuration, io, ports, hasCarrier, portTo, tell, stateOf } = options;
    this.#options = options;
    const { node } = configuration;
    this.#configuration = configuration;
    const changed = (): void => this.#changed();
    this.#memberships = new Memberships({ tell, changed });
    this.#multicast = new FabricMulticast({
      ...{ io, ports, hasCarrier, portTo, changed },
      isRouter: () => isMulticastRouter(this.#configuration),
      groups: [ALL_ROUTERS, ALL_SPF_ROUTERS, ALL_D_ROUTERS, ...(node.role === "switch" ? [ALL_MLD2_ROUTERS] : [])],
      address: node.address.bytes,
    });
    this.#groups = new VmGroups({
      ...{ io, ports, isExpected: ({ name }: PortState) => stateOf(name) === "prepared" },
      listening: (port, groups) => this.#listen(port, groups),
      wanted: (network, groups) => this.#memberships.want(network, groups),
      flood: (port, octets) => this.#flood(port, octets),
    });
  }

  /** There is a mobility core to tell, and links to look at. */
  begin(): void {
    this.#memberships.begin();
    this.#multicast.look();
    this.#looking = setInterval(() => this.#multicast.look(), LOOK);
  }

  /** Configuration, ports or VMs' states are others: to be followed by {@link tables}. */
  refresh(configuration: Configuration): void {
    this.#configuration = configuration;
    this.#memberships.configure(configuration.fabric.networks);
    this.#groups.refresh(configuration);
  }

  /** As all is now; nothing that changed before is handed over once more. */
  tables(): SegmentTables {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    const began = performance.now();
    const tables = this.#tables();
    this.#took = performance.now() - began;
    return tables;
  }

  /** The mobility core says who else has members of a segment. */
  heard(segment: Segment, members: readonly SegmentMember[]): void {
    this.#memberships.heard(segment, members);
  }

  /** Another mobility core has begun. */
  coreReplaced(): void {
    this.#memberships.coreReplaced();
  }

  /** IGMP or MLD of a VM's (PUNT_GROUP). */
  takeGroup(port: PortState, octets: Uint8Array): void {
    this.#groups.take(port, octets);
  }

  /** A frame that was punted for this router, from an uplink. False: it is not MLD. */
  take(port: PortState, octets: Uint8Array): boolean {
    return this.#multicast.take(port, octets);
  }

  stop(): void {
    clearTimeout(this.#gathering);
    clearTimeout(this.#settling);
    clearInterval(this.#looking);
    this.#groups.stop();
    this.#multicast.stop();
    this.#memberships.stop();
  }

  // ---- for views ----

  get local(): ReadonlyMap<number, LocalSegment> {
    return this.#local;
  }

  get multicast(): FabricMulticast {
    return this.#multicast;
  }

  groups(): readonly GroupsView[] {
    return this.#groups.view();
  }

  get groupCounters(): VmGroups["counters"] {
    return this.#groups.counters;
  }

  membersOf(tags: number): readonly SegmentMember[] {
    return this.#memberships.of(tags);
  }

  chosen(tags: number): Chosen | undefined {
    return this.#chosen.get(tags);
  }

  // ---- within ----

  #tables(): SegmentTables {
    const { ports, stateOf } = this.#options;
    this.#local = localSegments(this.#configuration.node.vms, { ports, stateOf, listening: this.#listening });
    this.#choose();
    const plan = segmentsPlan(this.#local, {
      membersOf: (tags) => this.#memberships.of(tags),
      chosen: (tags) => this.#chosen.get(tags)!,
      uplinks: this.#multicast.uplinks,
      multicastRoutes: this.#multicast.routes,
    });
    return buildSegments(plan);
  }

  #changed(): void {
    const rest = Math.max(GATHER, REST * this.#took);
    this.#gathering ??= setTimeout(() => this.#options.adopt(this.tables()), rest);
  }

  #listen(port: number, groups: GroupSet): void {
    // One that gets nothing may be one that is gone, and is then found on no segment.
    this.#listening.set(port, groups);
    this.#changed();
  }

  /** How frames get to others, and what we listen to so that theirs get here. */
  #choose(): void {
    const now = performance.now();
    const { isRouted } = this.#multicast;
    const channels: Channel[] = [];
    this.#chosen.clear();
    for (const [tags, { segment }] of this.#local) {
      const others = this.#memberships.of(tags);
      const chosen = this.#replication.choose(tags, { segment, members: others.length + 1, isRouted }, now);
      this.#chosen.set(tags, chosen);
      const group = segmentGroup(tags).toHex();
      if (chosen.listens) for (const { mag } of others) channels.push({ source: mag, group });
    }
    for (const port of this.#listening.keys()) if (!this.#options.ports.all.has(port)) this.#listening.delete(port);
    this.#replication.keep(new Set(this.#local.keys()));
    const next = this.#replication.nextChange(now);
    clearTimeout(this.#settling);
    if (next !== undefined) this.#settling = setTimeout(() => this.#changed(), Math.ceil(next - now));
    if (!this.#isRouter) this.#multicast.want(channels);
  }

  get #isRouter(): boolean {
    return this.#configuration.node.role === "switch";
  }

  /** To every other member here and elsewhere. */
  #flood(from: PortState, octets: Uint8Array): void {
    const { io, ports } = this.#options;
    const tags = from.vm?.network.tags;
    const local = tags === undefined ? undefined : this.#local.get(tags);
    if (local === undefined || tags === undefined) return;
    for (const { member } of local.vms) {
      if (member.port !== from.index && member.state === "active") sendFrame(io, member.port, octets);
    }
    const uplink = [...ports.all.values()].find(({ kind, trouble }) => kind === "uplink" && trouble === undefined);
    if (uplink === undefined) return;
    const source = this.#configuration.node.address.bytes;
    for (const member of this.#memberships.of(tags)) {
      const packet = tunnelled(octets, source, member, tags);
      io.inject(ownFrame(uplink.index, packet), packet, INJECT_ORIGINATE);
    }
  }
}
