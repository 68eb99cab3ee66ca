/** What is known of segments → what the forwarders' tables of them are built from. */
import type { LocalMemberPlan, MulticastRoutePlan, SegmentPlan, SegmentsPlan } from "#fastpath/tables/segment-builder";
import type { SegmentMember } from "#pmip/events";
import { type Chosen, segmentGroup } from "#router/broadcast/replication";
import { segmentOf } from "#router/config/broadcast";
import type { Network, Segment, Vm } from "#router/config/model";
import type { PortState, Ports } from "#router/ports";
import type { VmState } from "#router/vms/events";
import type { GroupSet } from "#services/snooping/events";

/** A network's segment with VMs here. */
export interface LocalSegment {
  readonly network: Network;
  readonly segment: Segment;
  readonly vms: readonly { readonly vm: Vm; readonly member: LocalMemberPlan }[];
}

export interface LocalParts {
  readonly ports: Pick<Ports, "all">;
  /** Undefined: nobody has said anything else than that it is here. */
  readonly stateOf: (vm: string) => VmState | undefined;
  /** What a port's VM listens to. */
  readonly listening: ReadonlyMap<number, GroupSet>;
}

/** By tags. Open ports alone count, of two with one name the later one; a VM that is away has none to speak of. */
export function localSegments(
  vms: readonly Vm[],
  { ports, stateOf, listening }: LocalParts,
): ReadonlyMap<number, LocalSegment> {
  const named = new Map<string | undefined, PortState>([...ports.all.values()].map((port) => [port.vm?.name, port]));
  const segments = new Map<number, LocalSegment & { vms: { vm: Vm; member: LocalMemberPlan }[] }>();
  for (const vm of vms) {
    const { network, ipv4, name } = vm;
    const segment = segmentOf(network, ipv4?.address.bytes);
    const port = named.get(name);
    const state = stateOf(name) ?? "active";
    if (segment === undefined || port === undefined || port.trouble !== undefined || state === "away") continue;
    const known = segments.get(network.tags) ?? { network, segment, vms: [] };
    segments.set(network.tags, known);
    // Who has not been asked yet gets everything.
    known.vms.push({ vm, member: { port: port.index, state, groups: listening.get(port.index) ?? "all" } });
  }
  return segments;
}

export interface FabricParts {
  readonly membersOf: (tags: number) => readonly SegmentMember[];
  readonly chosen: (tags: number) => Chosen;
  readonly uplinks: readonly number[];
  readonly multicastRoutes: readonly MulticastRoutePlan[];
}

/** A VM may send a quarter of what it may in a second at once. */
const BURST = 1 / 4;

export function segmentsPlan(
  local: ReadonlyMap<number, LocalSegment>,
  { membersOf, chosen, uplinks, multicastRoutes }: FabricParts,
): SegmentsPlan {
  const segments = [...local].map(([tags, { network, segment, vms }]): SegmentPlan => {
    const { prefix, arp, rate } = segment;
    return {
      ...{ tags, prefix, arp, rate, burst: Math.max(1, Math.floor(rate * BURST)) },
      dhcp: network.dhcp !== undefined,
      locals: vms.map(({ member }) => member),
      remotes: membersOf(tags).map(({ mag, groups }) => ({ address: Uint8Array.fromHex(mag), groups })),
      group: segmentGroup(tags),
      multicastFrom: chosen(tags).multicastFrom,
    };
  });
  return { segments, uplinks, multicastRoutes };
}
