/** Ethernet segments' place in the core: what it is told of them, and when something of theirs is due. */
import type { MobilityConfig } from "#pmip/config";
import type { AddressHex } from "#pmip/events";
import type { Instance } from "#pmip/instance";
import { sweep } from "#pmip/segments/claims";
import { listenerTimer } from "#pmip/segments/listeners";
import { membershipTimer, moveRendezvous } from "#pmip/segments/memberships";
import { closeRendezvous, memberTimer } from "#pmip/segments/rendezvous";
import { rendezvousOf } from "#pmip/segments/segment";
import type { SegmentItem, Segments } from "#pmip/segments/state";

export const newSegments = ({ seed, restartCounter }: MobilityConfig): Segments => ({
  joined: new Map(),
  rendezvous: new Map(),
  touched: new Set(),
  sequence: ((seed >>> 8) ^ restartCounter) & 0xffff,
});

export function segmentTimer(instance: Instance, due: SegmentItem): void {
  switch (due.what) {
    case "joined":
      sweep(instance, due);
      return;
    case "registration":
      membershipTimer(instance, due);
      return;
    case "member":
      memberTimer(instance, due);
      return;
    case "listener":
      listenerTimer(instance, due);
      return;
  }
}

/** The configuration has changed, and with it who is at home where. */
export function configureSegments(instance: Instance, isElsewhere: boolean, wasOwn: ReadonlySet<AddressHex>): void {
  for (const rendezvous of [...instance.segments.rendezvous.values()]) {
    const { segment, lma } = rendezvous;
    const isStill = instance.plan.addresses.has(lma) && rendezvousOf(instance.plan, segment).includes(lma);
    if (!isStill || isElsewhere) closeRendezvous(instance, rendezvous);
  }
  moveRendezvous(instance, isElsewhere, wasOwn);
}
