/** What the parts of the core reach one another by. */
import type { Random } from "#base/random";
import { type Millis, NEVER } from "#base/time";
import { type Agenda, schedule } from "#pmip/agenda";
import type { MobilityConfig } from "#pmip/config";
import type { AddressHex, MobilityEffect, MobilityNote, Place, Subject } from "#pmip/events";
import type { Plan } from "#pmip/plan";
import type { Segments } from "#pmip/segments/state";
import type { Stamp } from "#pmip/stamp";
import type { Binding, Correspondence, Former, Hosting, Peer, Registration, Request, Scheduled } from "#pmip/state";
import { type NodeName, nameOf } from "#pmip/subject";

export interface Instance {
  config: MobilityConfig;
  plan: Plan;
  readonly random: Random;
  /** The call of handle() that is going on. */
  turn: Turn;
  readonly agenda: Agenda<Scheduled>;
  /** Subjects of each VM that is attached here. */
  readonly vms: Map<string, NodeName[]>;
  readonly hosted: Map<NodeName, Hosting>;
  /** Registrations of VMs that are gone, until they are ended: by name and anchor. */
  readonly leaving: Map<string, Registration>;
  readonly formers: Map<NodeName, Former>;
  readonly bindings: Map<NodeName, Binding>;
  /** Bindings that have a gateway. */
  bound: number;
  readonly correspondences: Map<NodeName, Correspondence>;
  /** By sequence number. */
  readonly requests: Map<number, Request>;
  readonly requestIds: Map<string, Request>;
  readonly peers: Map<AddressHex, Peer>;
  /** Milliseconds that a peer's clock is ahead of ours, where it told so. */
  readonly offsets: Map<AddressHex, Millis>;
  readonly segments: Segments;
  readonly counters: Map<string, number>;
  /** Of the last update, the last request sent: 16 bits. */
  updateSequence: number;
  requestSequence: number;
}

export interface Turn {
  readonly now: Millis;
  readonly effects: MobilityEffect[];
  /** Subjects whose place may have changed, and what it was before. */
  readonly touched: Map<NodeName, Touched>;
  /** Attachments that anchors know to be over: worked off before handle() returns. */
  readonly superseded: Superseded[];
}

export interface Superseded {
  readonly hosting: Hosting;
  /** Where the VM is, if that was told. */
  readonly mag: AddressHex | undefined;
  /** The attachment there is not earlier. */
  readonly stamp: Stamp;
}

export interface Touched {
  readonly subject: Subject;
  /** Undefined: it is told whether it changed or not. */
  readonly before: Place | undefined;
}

export const nowOf = (instance: Instance): Millis => instance.turn.now;

export const wakeAt = (instance: Instance, item: Scheduled, at: Millis): void => schedule(instance.agenda, item, at);

export const cancel = (instance: Instance, item: Scheduled): void => schedule(instance.agenda, item, NEVER);

export function count(instance: Instance, name: string): void {
  instance.counters.set(name, (instance.counters.get(name) ?? 0) + 1);
  instance.turn.effects.push({ type: "count", name });
}

export function note(instance: Instance, what: Omit<MobilityNote, "type">): void {
  const vm = what.vm ?? instance.hosted.get(nameOf(what.subject))?.vm;
  instance.turn.effects.push({ type: "note", ...what, ...(vm !== undefined && { vm }) });
}
