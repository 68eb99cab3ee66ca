/** The view of Ethernet segments, made from what the router, its mobility core and its uplinks know. */
import { formatAddress, formatIpv6 } from "#base/address";
import { W_FLOOD_LOCAL, W_FLOOD_LOST, W_FLOOD_REMOTE } from "#fastpath/counters";
import type { Segment, SegmentMember } from "#pmip/events";
import type { RendezvousView as CoreRendezvous, SegmentsView as CoreView, JoinedView } from "#pmip/segments/view";
import { coreSegment } from "#router/broadcast/memberships";
import { segmentGroup } from "#router/broadcast/replication";
import type { RouterBroadcast } from "#router/broadcast/router-broadcast";
import type { LocalSegment } from "#router/broadcast/segments-plan";
import type {
  GroupsText,
  SegmentHereView,
  SegmentMemberView,
  SegmentsView,
  SegmentView,
} from "#router/broadcast/views";
import type { Fabric } from "#router/config/model";
import { peerView, subjectView } from "#router/mobility/subjects";
import type { Ports } from "#router/ports";
import { groupOf } from "#services/snooping/group";

export interface SegmentParts {
  readonly broadcast: RouterBroadcast;
  /** Undefined: there is no mobility core, as on a switch. */
  readonly core: CoreView | undefined;
  readonly fabric: Fabric;
  readonly ports: Pick<Ports, "all">;
  /** Their counters. */
  readonly forwarders: readonly Float64Array[];
}

const NOTHING: CoreView = { joined: [], rendezvous: [] };

export function segmentsView(parts: SegmentParts): SegmentsView {
  const { broadcast, core = NOTHING, ports } = parts;
  const { multicast } = broadcast;
  const nameOf = (port: number): string => ports.all.get(port)?.name ?? `#${port}`;
  return {
    segments: [...localViews(parts, core), ...foreignViews(parts, core)],
    uplinks: multicast.uplinks.map((port) => ({
      ...{ uplink: nameOf(port), isRouted: multicast.hasRouter(port), asked: multicast.askedFor(port).length },
    })),
    routes: multicast.routes.map(({ source, group, from, to }) => ({
      ...{ source: formatIpv6(source), group: formatIpv6(group), from: nameOf(from), to: to.map(nameOf) },
    })),
    counters: [
      ...counted("copies", copiesOf(parts.forwarders)),
      ...counted("vms", broadcast.groupCounters),
      ...counted("uplinks", multicast.counters),
    ],
  };
}

/** Of frames to many, by where they went. */
function copiesOf(forwarders: readonly Float64Array[]): Readonly<Record<string, number>> {
  const sum = (at: number): number => forwarders.reduce((all, counters) => all + counters[at]!, 0);
  return { toVms: sum(W_FLOOD_LOCAL), intoFabric: sum(W_FLOOD_REMOTE), lost: sum(W_FLOOD_LOST) };
}

/** Those that never happened are left out. */
const counted = (whose: string, counters: object): SegmentsView["counters"] =>
  Object.entries(counters).flatMap(([name, count]: [string, number]) =>
    count === 0 ? [] : [{ name: `${whose} ${name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`, count }],
  );

function localViews({ broadcast, fabric }: SegmentParts, { joined, rendezvous }: CoreView): SegmentView[] {
  return [...broadcast.local].map(([tags, local]) => {
    const segment = coreSegment(tags, local.segment);
    return {
      ...{ network: local.network.name, prefix: local.segment.prefix.text },
      here: hereView(broadcast, local, { fabric, joined: joined.find(isOf(segment)) }),
      registered: registeredViews(rendezvous.filter(isOf(segment)), fabric),
    };
  });
}

/** Segments of which this router is no more than a rendezvous. */
function foreignViews({ broadcast, fabric }: SegmentParts, { rendezvous }: CoreView): SegmentView[] {
  const others = rendezvous.filter(({ segment, members }) => !broadcast.local.has(segment.tags) && members.length > 0);
  return others.map(({ segment, ...rest }) => {
    const { network, address } = subjectView({ tags: segment.tags, address: segment.prefix.address }, fabric);
    const prefix = `${address}/${segment.prefix.length - 96}`;
    return { network, prefix, here: null, registered: registeredViews([{ segment, ...rest }], fabric) };
  });
}

const isOf =
  ({ tags, prefix }: Segment) =>
  ({ segment }: { readonly segment: Segment }): boolean =>
    segment.tags === tags && segment.prefix.address === prefix.address && segment.prefix.length === prefix.length;

interface HereParts {
  readonly fabric: Fabric;
  readonly joined: JoinedView | undefined;
}

function hereView(
  broadcast: RouterBroadcast,
  { network, segment, vms }: LocalSegment,
  { fabric, joined }: HereParts,
): SegmentHereView {
  const chosen = broadcast.chosen(network.tags);
  const members = broadcast.membersOf(network.tags);
  const isMulticast = members.length >= (chosen?.multicastFrom ?? Number.POSITIVE_INFINITY);
  return {
    vms: vms.map(({ vm, member }) => ({
      ...{ vm: vm.name, address: vm.ipv4!.address.text, state: member.state, groups: groupsText(member.groups) },
    })),
    members: members.map((member) => memberView(member, fabric)),
    rendezvous: (joined?.registrations ?? []).map(({ lma, isOwn, state, since, status }) => ({
      ...{ ...peerView(lma, fabric), state: isOwn ? "here" : state, status },
      since: since === null ? null : since / 1000,
    })),
    replication: {
      ...{ now: isMulticast ? "multicast" : "unicast", configured: segment.replicate },
      ...{ group: formatIpv6(segmentGroup(network.tags)), listens: chosen?.listens ?? false },
    },
  };
}

const memberView = ({ mag, groups }: SegmentMember, fabric: Fabric): SegmentMemberView => ({
  ...peerView(mag, fabric),
  groups: groupsText(groups),
});

/** A router that is both rendezvous, by two homes, knows the same twice. */
function registeredViews(rendezvous: readonly CoreRendezvous[], fabric: Fabric): SegmentView["registered"] {
  const [first] = rendezvous;
  if (first === undefined) return null;
  return first.members.map(({ untold, ...member }) => ({ ...memberView(member, fabric), untold }));
}

const groupsText = (groups: readonly string[] | "all"): GroupsText =>
  groups === "all" ? groups : groups.map((name) => formatAddress(groupOf(name)));
