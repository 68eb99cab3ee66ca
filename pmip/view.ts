/** What an operator wants to see. JSON can hold it; addresses are hexadecimal digits. */
import type { Millis } from "#base/time";
import type { CorrespondenceState } from "#pmip/correspondence-machine";
import type { AddressHex, Subject } from "#pmip/events";
import type { Instance } from "#pmip/instance";
import type { RegistrationState } from "#pmip/registration-machine";
import { millisOf } from "#pmip/stamp";
import type { Scheduled } from "#pmip/state";

export interface MobilityView {
  readonly address: AddressHex;
  readonly restartCounter: number;
  /** VMs' subjects that are attached here. */
  readonly attached: readonly AttachedView[];
  /** As an anchor: subjects at home here that are hosted elsewhere. */
  readonly bindings: readonly BindingView[];
  /** As a gateway: the binding update list. */
  readonly updateList: readonly RegistrationView[];
  readonly correspondents: readonly CorrespondenceView[];
  readonly formers: readonly FormerView[];
  readonly peers: readonly PeerView[];
  /** How many there are, however many are listed. */
  readonly sizes: {
    readonly attached: number;
    readonly bindings: number;
    readonly updateList: number;
    readonly correspondents: number;
    readonly formers: number;
    readonly requests: number;
    readonly peers: number;
  };
  /** Refusals and other things that should not be, by name. */
  readonly counters: Readonly<Record<string, number>>;
}

export interface AttachedView {
  readonly subject: Subject;
  readonly vm: string;
  /** Its attachment is ordered by this: milliseconds since 1970. */
  readonly claim: Millis;
  /** Address of its home's anchor; null: it is at home here. */
  readonly home: AddressHex | null;
}

export interface BindingView {
  readonly subject: Subject;
  readonly role: "home";
  readonly mag: AddressHex;
  /** Milliseconds left. */
  readonly lifetime: Millis;
  /** Since when it is there: milliseconds since 1970. */
  readonly since: Millis;
  readonly sequence: number;
  /** Hypervisors that are told when it moves. */
  readonly told: number;
}

export interface RegistrationView {
  readonly subject: Subject;
  readonly vm: string;
  readonly lma: AddressHex;
  readonly role: "home" | "correspondent";
  readonly state: RegistrationState;
  /** Milliseconds left of what was granted; null: nothing is. */
  readonly lifetime: Millis | null;
  /** Attempts since the last answer. */
  readonly tries: number;
  /** Of the last refusal; null: there was none since it was accepted. */
  readonly status: number | null;
}

export interface CorrespondenceView {
  readonly subject: Subject;
  readonly state: CorrespondenceState;
  /** Where packets go; null: by way of its home. */
  readonly mag: AddressHex | null;
  /** Milliseconds that this is believed without another word; null: it does not end by itself. */
  readonly lifetime: Millis | null;
  /** The gateway is registered here. */
  readonly isBound: boolean;
  /** Milliseconds since it was heard that packets went there. */
  readonly idle: Millis;
}

export interface FormerView {
  readonly subject: Subject;
  readonly mag: AddressHex;
  /** Milliseconds that packets are still sent on. */
  readonly left: Millis;
}

export interface PeerView {
  readonly address: AddressHex;
  /** Registrations and correspondences that depend on it. */
  readonly users: number;
  /** null: not told yet. */
  readonly restartCounter: number | null;
  /** Milliseconds since it was heard; null: never. */
  readonly heard: Millis | null;
  /** Milliseconds; null: not measured yet. */
  readonly roundTrip: Millis | null;
  /** It answers its heartbeats. */
  readonly answers: boolean;
}

export function view(instance: Instance, most: number): MobilityView {
  const { config, hosted, leaving, formers, bound, correspondences, requests, peers, counters } = instance;
  const registrations = [...hosted.values()].flatMap((hosting) => [...hosting.registrations.values()]);
  const updateList = [...registrations, ...leaving.values()];
  return {
    address: config.address,
    restartCounter: config.restartCounter,
    attached: first(hosted.values(), most, ({ subject, vm, claim }) => {
      const { isOwn, lma } = instance.plan.homeOf(subject);
      return { subject, vm, claim: millisOf(claim), home: isOwn ? null : lma };
    }),
    bindings: bindingViews(instance, most),
    updateList: first(updateList, most, ({ hosting, lma, role, state, expiresAt, tries, status = null }) => {
      const lifetime = expiresAt > instance.turn.now ? expiresAt - instance.turn.now : null;
      return { subject: hosting.subject, vm: hosting.vm, lma, role, state, lifetime, tries, status };
    }),
    correspondents: correspondenceViews(instance, most),
    formers: first(formers.values(), most, (one) => ({
      subject: one.subject,
      mag: one.mag,
      left: left(instance, one),
    })),
    peers: peerViews(instance, most),
    sizes: {
      attached: hosted.size,
      bindings: bound,
      updateList: updateList.length,
      correspondents: correspondences.size,
      formers: formers.size,
      requests: requests.size,
      peers: peers.size,
    },
    counters: Object.fromEntries([...counters].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

const left = ({ turn }: Instance, { due }: Scheduled): Millis => due - turn.now;

function first<T, V>(all: Iterable<T>, most: number, show: (one: T) => V | undefined): V[] {
  const shown: V[] = [];
  for (const one of all) {
    if (shown.length >= most) break;
    const seen = show(one);
    if (seen !== undefined) shown.push(seen);
  }
  return shown;
}

/** Those without a gateway are memories, no bindings. */
function bindingViews(instance: Instance, most: number): BindingView[] {
  return first(instance.bindings.values(), most, (one) => {
    if (one.mag === "") return undefined;
    const { subject, mag, since, sequence, told } = one;
    return { subject, role: "home", mag, lifetime: left(instance, one), since, sequence, told: told?.size ?? 0 };
  });
}

function correspondenceViews(instance: Instance, most: number): CorrespondenceView[] {
  const { now } = instance.turn;
  return first(instance.correspondences.values(), most, ({ subject, state, mag, toldUntil, boundUntil, usedAt }) => {
    const isDirect = state === "direct";
    const lifetime = isDirect ? Math.max(toldUntil, boundUntil) - now : null;
    return { subject, state, mag: isDirect ? mag : null, lifetime, isBound: boundUntil > now, idle: now - usedAt };
  });
}

function peerViews({ peers, turn, config }: Instance, most: number): PeerView[] {
  return first(peers.values(), most, ({ address, users, restartCounter, heardAt, roundTrip, missed }) => ({
    address,
    users,
    restartCounter: restartCounter ?? null,
    heard: heardAt === undefined ? null : turn.now - heardAt,
    roundTrip: roundTrip ?? null,
    answers: heardAt !== undefined && missed <= config.timers.missingHeartbeats,
  }));
}
