/** Segments for an operator to read. JSON can hold it; addresses are hexadecimal digits. */
import type { Millis } from "#base/time";
import type { AddressHex, GroupSet, Segment, SegmentMember } from "#pmip/events";
import type { Instance } from "#pmip/instance";
import { membersOf } from "#pmip/segments/claims";
import type { MembershipState } from "#pmip/segments/membership-machine";

export interface SegmentsView {
  /** Segments with members here. */
  readonly joined: readonly JoinedView[];
  /** Segments that this router is a rendezvous of. */
  readonly rendezvous: readonly RendezvousView[];
}

export interface JoinedView {
  readonly segment: Segment;
  readonly groups: GroupSet;
  readonly registrations: readonly {
    readonly lma: AddressHex;
    /** It is this router itself. */
    readonly isOwn: boolean;
    readonly state: MembershipState;
    /** Milliseconds since it has been registered without a gap; null: it is not. */
    readonly since: Millis | null;
    readonly tries: number;
    readonly status: number | null;
  }[];
  readonly members: readonly SegmentMember[];
}

export interface RendezvousView {
  readonly segment: Segment;
  readonly lma: AddressHex;
  readonly members: readonly (SegmentMember & {
    /** Others of whom it has not acknowledged to know. */
    readonly untold: number;
  })[];
}

export function segmentsView(instance: Instance): SegmentsView {
  const { now } = instance.turn;
  const joined = [...instance.segments.joined.values()].flatMap((one): JoinedView[] => {
    const { segment, groups, registrations } = one;
    if (groups === undefined) return [];
    const shown = [...registrations.values()].map(({ lma, state, since, tries, status }) => ({
      ...{ lma, isOwn: instance.plan.addresses.has(lma), state, tries },
      ...{ since: since === undefined ? null : now - since, status: status ?? null },
    }));
    return [{ segment, groups, registrations: shown, members: membersOf(one) }];
  });
  const rendezvous = [...instance.segments.rendezvous.values()].map(({ segment, lma, members }) => ({
    segment,
    lma,
    members: [...members.values()].flatMap(({ mag, groups, isLost, listener }) =>
      groups === undefined || isLost ? [] : [{ mag, groups, untold: listener.untold.size }],
    ),
  }));
  return { joined, rendezvous };
}
