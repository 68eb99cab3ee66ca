/** What the core knows of Ethernet segments: plain data. Nothing here acts. */
import type { Millis } from "#base/time";
import type { Timed } from "#pmip/agenda";
import type { AddressHex, GroupSet, Segment } from "#pmip/events";
import type { MembershipState } from "#pmip/segments/membership-machine";
import type { SegmentKey } from "#pmip/segments/segment";
import type { Stamp } from "#pmip/stamp";

export interface Segments {
  /** Segments with members here, and those that are being left. */
  readonly joined: Map<SegmentKey, Joined>;
  /** What this router is a rendezvous of: by key and anchor's address. */
  readonly rendezvous: Map<string, Rendezvous>;
  /** Joined segments whose list may have changed in this call of handle(). */
  readonly touched: Set<Joined>;
  /** Of the last initiation about a member: 16 bits. */
  sequence: number;
}

// ---- member ----

export interface Joined extends Timed {
  readonly kind: "segment";
  /** Its deadline: claims end. */
  readonly what: "joined";
  readonly key: SegmentKey;
  readonly segment: Segment;
  /** Of VMs here; undefined: nobody is here any more. */
  groups: GroupSet | undefined;
  /** Version of that: later than all before. */
  stamp: Stamp;
  /** By rendezvous. */
  readonly registrations: Map<AddressHex, Registration>;
  /** Other members, and what each rendezvous says of them. */
  readonly others: Map<AddressHex, Map<AddressHex, Claim>>;
  /** The list, as it was told last, as one word. */
  told: string;
}

/** What a rendezvous says of a member. */
export interface Claim {
  /** Of the member's own making: a later one is truer, whoever says it. */
  readonly stamp: Stamp;
  /** Undefined: it has left. */
  readonly groups: GroupSet | undefined;
  /** NEVER: as long as the rendezvous does not say anything else. */
  until: Millis;
  /** When it was said last. */
  toldAt: Millis;
}

/** This hypervisor at a rendezvous: as an entry of the binding update list. */
export interface Registration extends Timed {
  readonly kind: "segment";
  readonly what: "registration";
  readonly joined: Joined;
  readonly lma: AddressHex;
  state: MembershipState;
  /** Handoff Indicator for the next update: anything but "not changed" asks to be told all members. */
  handoff: number;
  /** Sequence numbers of updates with what is true now, and when the first was sent. */
  sent: number[];
  sentAt: Millis;
  lastSentAt: Millis;
  /** Since the last answer. */
  tries: number;
  /** Since everything was asked for. */
  refreshes: number;
  /** Granted; 0: nothing. Not later than the rendezvous's own end of it. */
  expiresAt: Millis;
  refreshAt: Millis;
  /** Since when it is so without a gap; undefined: it is not. */
  since: Millis | undefined;
  /** Since when it is not; from the beginning, or when it lapsed. */
  lapsedAt: Millis;
  /** Of the last refusal. */
  status: number | undefined;
}

// ---- rendezvous ----

export interface Rendezvous {
  readonly key: SegmentKey;
  readonly segment: Segment;
  /** Which address of ours it is at. */
  readonly lma: AddressHex;
  readonly members: Map<AddressHex, Member>;
}

/** An entry of the binding cache; without groups it keeps the stamp of a member that has left. */
export interface Member extends Timed {
  readonly kind: "segment";
  /** Its deadline: the end of its lifetime. */
  readonly what: "member";
  readonly rendezvous: Rendezvous;
  readonly mag: AddressHex;
  groups: GroupSet | undefined;
  /** Its lifetime ended: it did not leave, but it is not known to be there. */
  isLost: boolean;
  stamp: Stamp;
  readonly listener: Listener;
}

/** What a member has to be told of others. */
export interface Listener extends Timed {
  readonly kind: "segment";
  /** Its deadline: what was not acknowledged is said again. */
  readonly what: "listener";
  readonly rendezvous: Rendezvous;
  readonly mag: AddressHex;
  /** Members of whom it does not know yet, in the order in which it is told. */
  readonly untold: Set<AddressHex>;
  /** By sequence number: what it is being told of whom. */
  readonly inFlight: Map<number, { readonly about: AddressHex; readonly stamp: Stamp }>;
  /** Since it last acknowledged anything. */
  tries: number;
}

export type SegmentItem = Joined | Registration | Member | Listener;
