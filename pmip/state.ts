/** What the core knows: plain data that its parts read and change. Nothing here acts. */
import type { Millis } from "#base/time";
import type { Timed } from "#pmip/agenda";
import type { CorrespondenceState } from "#pmip/correspondence-machine";
import type { AddressHex, Subject } from "#pmip/events";
import type { RegistrationState } from "#pmip/registration-machine";
import type { SegmentItem } from "#pmip/segments/state";
import type { Stamp } from "#pmip/stamp";
import type { NodeName } from "#pmip/subject";

// ---- mobile access gateway ----

/** A subject of a VM that is attached here. */
export interface Hosting {
  readonly name: NodeName;
  readonly subject: Subject;
  readonly vm: string;
  /** When it was attached, by the clock of its home as far as that is known. */
  claim: Stamp;
  /** Handoff Indicator of its first message. */
  readonly handoff: number;
  readonly linkLayer: string | undefined;
  /** Where it is registered, by anchor. None at home. */
  readonly registrations: Map<AddressHex, Registration>;
}

/** An entry of the binding update list: RFC 5213 §6.1. One for each anchor that knows the subject. */
export interface Registration extends Timed {
  readonly kind: "registration";
  readonly hosting: Hosting;
  readonly lma: AddressHex;
  /** The anchor is the subject's home, or a correspondent. */
  readonly role: "home" | "correspondent";
  state: RegistrationState;
  /** Of the last update. */
  stamp: Stamp;
  /** Handoff Indicator for the next update. */
  handoff: number;
  /** Updates since the last answer: the oldest is forgotten first. */
  sent: SentUpdate[];
  /** Since the last answer. */
  tries: number;
  /** Granted; the binding's end. 0: there is none. */
  expiresAt: Millis;
  refreshAt: Millis;
  /** Of the last refusal. */
  status: number | undefined;
  /** It was accepted under this claim: the anchor's clock has nothing more to say about it. */
  wasAccepted: boolean;
  /** Our clock was found to be behind the anchor's, and the claim put right by that. */
  wasBehind: boolean;
  /** Claims corrected since the last acceptance. */
  corrections: number;
}

export interface SentUpdate {
  readonly sequence: number;
  readonly stamp: Stamp;
  readonly at: Millis;
}

/** A subject that was attached here until lately. */
export interface Former extends Timed {
  readonly kind: "former";
  readonly name: NodeName;
  readonly subject: Subject;
  mag: AddressHex;
  /** Of the attachment that ended ours. */
  stamp: Stamp;
  leftAt: Millis;
  usedAt: Millis;
}

// ---- local mobility anchor ----

/**
 * A subject at home here: an entry of the binding cache (RFC 5213 §5.1), or what is left of it. Without a `mag` it keeps the
 * last stamp, so that what was sent before cannot be believed after it; and correspondents that know the subject at home.
 */
export interface Binding extends Timed {
  readonly kind: "binding";
  readonly name: NodeName;
  readonly subject: Subject;
  /** Proxy care-of address; "": none. */
  mag: AddressHex;
  stamp: Stamp;
  sequence: number;
  /** Since when at this gateway. */
  since: Millis;
  linkLayer: string | undefined;
  /** Correspondents that were told where it is, and until when they believe it; the one that ends first is the first. */
  told: Map<AddressHex, Millis> | undefined;
}

// ---- correspondent ----

/** A subject that VMs here talk to. */
export interface Correspondence extends Timed {
  readonly kind: "correspondence";
  readonly name: NodeName;
  readonly subject: Subject;
  readonly home: AddressHex;
  state: CorrespondenceState;
  /** Where it is, in state direct. */
  mag: AddressHex;
  /** Of that, or of its being at home. 0: not told. */
  stamp: Stamp;
  /** Of the gateway's last update to us; 0: it is not registered here. */
  boundStamp: Stamp;
  boundSequence: number;
  /** Until then what the home, or the gateway, has said is believed. */
  toldUntil: Millis;
  boundUntil: Millis;
  /** When to ask the home next. */
  askAt: Millis;
  usedAt: Millis;
}

// ---- requests of all roles that wait for an acknowledgement ----

/**
 * revoke: Binding Revocation Indication to the gateway that the VM left. move: Localized Routing Initiation to a
 * correspondent, about where the subject is now. introduce: one to the gateway, naming a correspondent. ask: one to the
 * home.
 */
export type RequestKind = "revoke" | "move" | "introduce" | "ask";

export interface Request extends Timed {
  readonly kind: "request";
  readonly what: RequestKind;
  /** A newer request with the same one takes its place. */
  readonly id: string;
  readonly name: NodeName;
  readonly subject: Subject;
  /** 16 bits. */
  readonly sequence: number;
  readonly from: AddressHex;
  readonly to: AddressHex;
  /** The gateway or correspondent it tells of; "": none. */
  readonly about: AddressHex;
  /** 0: none. */
  readonly stamp: Stamp;
  readonly lifetime: Millis;
  tries: number;
}

// ---- peers ----

/** An anchor that something is registered at or asked of: RFC 5847. */
export interface Peer extends Timed {
  readonly kind: "peer";
  readonly address: AddressHex;
  /** Registrations and correspondences that depend on it. */
  users: number;
  restartCounter: number | undefined;
  heardAt: Millis | undefined;
  /** Of the last request. */
  sequence: number;
  sentAt: Millis;
  /** The last request was answered. */
  isAnswered: boolean;
  /** Requests in a row that were not. */
  missed: number;
  roundTrip: Millis | undefined;
}

export type Scheduled = Registration | Former | Binding | Correspondence | Request | Peer | SegmentItem;
