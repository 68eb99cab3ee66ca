/**
 * Multicast groups of local VMs on Ethernet segments (services/snooping.ts) at work on their ports: what VMs say by IGMP and
 * MLD comes in (PUNT_GROUP), queries go out, and whoever sends frames to groups is told who is to get them.
 */
import { formatAddress } from "#base/address";
import { CONTROL_IGNORED } from "#fastpath/verdicts";
import { segmentOf } from "#router/config/broadcast";
import type { Configuration, Network } from "#router/config/model";
import type { PortState, Ports } from "#router/ports";
import { type ServicesIo, sendFrame } from "#router/services-io";
import { VM_GATEWAY6 } from "#router/vm-neighbors";
import { Alarm } from "#runtime/alarm";
import { Snooping } from "#services/snooping";
import type { GroupSet, SnoopingEffect, SnoopingEvent, SnoopingSettings } from "#services/snooping/events";
import { groupOf } from "#services/snooping/group";

export interface VmGroupsOptions {
  readonly io: ServicesIo;
  readonly ports: Pick<Ports, "all">;
  /** True: the port waits for a VM that is still elsewhere. */
  readonly isExpected: (port: PortState) => boolean;
  /** The groups that this port is to get. A port that is closed, or on no segment any more, gets none. */
  readonly listening: (port: number, groups: GroupSet) => void;
  /** What the segment's VMs here want together; undefined: no VM of it is here, or expected. */
  readonly wanted: (network: Network, groups: GroupSet | undefined) => void;
  /** A frame of the VM's at this port that is for all of the segment. */
  readonly flood: (port: PortState, octets: Uint8Array) => void;
}

/** What `ain show groups` lists: a line for each VM on a segment. */
export interface GroupsView {
  readonly vm: string;
  readonly network: string;
  /** Addresses; "all" while the VM has not been asked yet, and where a multicast router is. */
  readonly groups: readonly string[] | "all";
}

/** A port of a VM that is on a segment. */
interface Member {
  readonly port: PortState;
  readonly network: Network;
  readonly settings: SnoopingSettings;
}

export class VmGroups {
  readonly #options: VmGroupsOptions;
  readonly #core = new Snooping(crypto.getRandomValues(new Uint32Array(1))[0]!);
  readonly #alarm = new Alarm(() => this.#tell({ type: "timer" }));
  /** By port index. */
  readonly #members = new Map<number, Member>();
  /** By tags, the networks whose segments have members here. */
  readonly #segments = new Map<number, Network>();

  constructor(options: VmGroupsOptions) {
    this.#options = options;
  }

  /** What has been heard and asked so far. */
  get counters(): Readonly<Snooping["counters"]> {
    return this.#core.counters;
  }

  /** Asks the VMs whose ports are open and that are on segments, by the settings that hold now, and no others. */
  refresh({ node, fabric }: Configuration): void {
    // Of two ports of one name the later is the one that stays.
    const open = new Map([...this.#options.ports.all.values()].map((port) => [port.vm?.name, port]));
    const members = node.vms.flatMap(({ name, network, ipv4 }): Member[] => {
      const port = open.get(name);
      const isOnSegment = segmentOf(network, ipv4?.address.bytes) !== undefined;
      if (port === undefined || port.trouble !== undefined || !isOnSegment) return [];
      const settings: SnoopingSettings = {
        ...{ network: network.tags, gateway: network.gateway.bytes, gateway6: VM_GATEWAY6 },
        ...{ gatewayMac: fabric.gatewayMac.bytes, isHere: !this.#options.isExpected(port) },
      };
      return [{ port, network, settings }];
    });
    this.#replace(members);
  }

  /** A frame that was punted as PUNT_GROUP. */
  take(port: PortState, octets: Uint8Array): void {
    if (this.#members.has(port.index)) this.#tell({ type: "frame", port: port.index, frame: octets });
    else this.#options.io.lost(port.index, CONTROL_IGNORED, octets); // it has left the segment meanwhile
  }

  view(): GroupsView[] {
    return [...this.#members.values()].map(({ port, network }) => {
      const groups = this.#core.groupsOf(port.index) ?? [];
      const shown = groups === "all" ? groups : groups.map((name) => formatAddress(groupOf(name)));
      return { vm: port.name, network: network.name, groups: shown };
    });
  }

  stop(): void {
    this.#alarm.cancel();
  }

  #replace(members: readonly Member[]): void {
    const now = new Map(members.map((member) => [member.port.index, member]));
    const gone = [...this.#members.values()].filter(({ port }) => now.get(port.index)?.port !== port);
    this.#members.clear();
    for (const [index, member] of now) this.#members.set(index, member);
    const networks = new Map(members.map(({ network }) => [network.tags, network]));
    const left = [...this.#segments].filter(([tags]) => !networks.has(tags));
    for (const [tags] of left) this.#segments.delete(tags);
    for (const [tags, network] of networks) this.#segments.set(tags, network);
    this.#tell(
      ...gone.map(({ port }) => ({ type: "detach", port: port.index }) as const),
      ...members.map(({ port, settings }) => ({ type: "attach", port: port.index, settings }) as const),
    );
    for (const { port } of gone) if (!now.has(port.index)) this.#options.listening(port.index, []);
    for (const [, network] of left) this.#options.wanted(network, undefined);
  }

  #tell(...events: SnoopingEvent[]): void {
    const now = performance.now();
    // Of what several events make of a network only the last counts.
    const wanted = new Map<number, GroupSet>();
    for (const event of events) {
      for (const effect of this.#core.handle(event, now)) {
        if (effect.type === "wanted") wanted.set(effect.network, effect.groups);
        else this.#carryOut(effect, event.type === "frame" ? event.frame : undefined);
      }
    }
    this.#alarm.set(this.#core.deadline());
    for (const [tags, groups] of wanted) {
      const network = this.#segments.get(tags);
      if (network !== undefined) this.#options.wanted(network, groups);
    }
  }

  /** `octets`: of the frame that brought it about, if one did. */
  #carryOut(effect: Exclude<SnoopingEffect, { type: "wanted" }>, octets: Uint8Array | undefined): void {
    const { io, listening, flood } = this.#options;
    switch (effect.type) {
      case "send":
        sendFrame(io, effect.port, effect.frame);
        return;
      case "listening":
        listening(effect.port, effect.groups);
        return;
      case "flood":
        flood(this.#members.get(effect.port)!.port, effect.frame);
        return;
      case "refused":
        io.lost(effect.port, CONTROL_IGNORED, octets);
    }
  }
}
