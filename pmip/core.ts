/**
 * Distributed Proxy Mobile IPv6 as a function of events and time: one core for each hypervisor, which is local mobility
 * anchor of the addresses at home here, mobile access gateway of the VMs attached here, and correspondent of what these talk
 * to. RFC 5213 with 5844, 5845, 5846, 5847, 6705 and 4285. No clock, no socket, no randomness but the seed.
 */
import { seeded } from "#base/random";
import { type Millis, NEVER } from "#base/time";
import { nextDue, takeDue } from "#pmip/agenda";
import { bindingTimer } from "#pmip/anchor";
import type { MobilityConfig } from "#pmip/config";
import { configure } from "#pmip/configure";
import { correspondenceTimer, postCorrespondence, use, want } from "#pmip/correspondents";
import type { MobilityEffect, MobilityEvent } from "#pmip/events";
import { attach, detach, formerTimer, release } from "#pmip/hostings";
import type { Instance, Turn } from "#pmip/instance";
import { beat } from "#pmip/peers";
import { tellChanges } from "#pmip/places";
import { Plan } from "#pmip/plan";
import { receive } from "#pmip/receive";
import { registrationTimer } from "#pmip/registrations";
import { repeat } from "#pmip/requests";
import { tellSegments } from "#pmip/segments/claims";
import { setMembership } from "#pmip/segments/memberships";
import { newSegments, segmentTimer } from "#pmip/segments/segments";
import { type SegmentsView, segmentsView } from "#pmip/segments/view";
import type { Request, Scheduled } from "#pmip/state";
import { type MobilityView, view } from "#pmip/view";

export class Mobility {
  /** All that it knows: plain data, its configuration's derivatives apart. */
  readonly instance: Instance;

  /** `now`: milliseconds since 1970. */
  constructor(config: MobilityConfig, now: Millis) {
    const random = seeded(config.seed);
    this.instance = {
      config,
      plan: new Plan(config),
      random,
      turn: turnAt(now),
      agenda: [],
      vms: new Map(),
      hosted: new Map(),
      leaving: new Map(),
      formers: new Map(),
      bindings: new Map(),
      bound: 0,
      correspondences: new Map(),
      requests: new Map(),
      requestIds: new Map(),
      peers: new Map(),
      offsets: new Map(),
      segments: newSegments(config),
      counters: new Map(),
      // Another start than that of the life before: an answer to that one's messages is none to ours.
      updateSequence: (config.seed >>> 16) ^ (config.restartCounter & 0xffff),
      requestSequence: (config.seed & 0xffff) ^ (config.restartCounter & 0xffff),
    };
  }

  /** Takes in what happened at `now`, which never goes back, and answers what is to be done about it, in that order. */
  handle(event: MobilityEvent, now: Millis): MobilityEffect[] {
    const { instance } = this;
    const turn = turnAt(now);
    instance.turn = turn;
    take(instance, event);
    settle(instance);
    for (let due = takeDue(instance.agenda, now); due !== undefined; due = takeDue(instance.agenda, now)) {
      wake(instance, due);
      settle(instance);
    }
    tellChanges(instance);
    tellSegments(instance);
    return turn.effects;
  }

  /** When handle() wants to be called next, at the latest, if nothing happens before; undefined: never. */
  deadline(): Millis | undefined {
    const next = nextDue(this.instance.agenda);
    return next === NEVER ? undefined : next;
  }

  /** For an operator to read; lists are cut to `most` entries each. */
  view(most = Number.POSITIVE_INFINITY): MobilityView {
    return view(this.instance, most);
  }

  /** Likewise, of Ethernet segments. */
  segments(): SegmentsView {
    return segmentsView(this.instance);
  }
}

const turnAt = (now: Millis): Turn => ({ now, effects: [], touched: new Map(), superseded: [] });

function take(instance: Instance, event: MobilityEvent): void {
  switch (event.type) {
    case "received":
      receive(instance, event);
      return;
    case "wanted":
      want(instance, event.subject);
      return;
    case "used":
      for (const subject of event.subjects) use(instance, subject);
      return;
    case "attached":
      attach(instance, event);
      return;
    case "detached":
      detach(instance, event.vm);
      return;
    case "configure":
      configure(instance, event.config);
      return;
    case "segment":
      setMembership(instance, event.segment, event.groups);
      return;
    case "time":
      return;
  }
}

function settle(instance: Instance): void {
  const { superseded } = instance.turn;
  while (superseded.length > 0) release(instance, superseded.shift()!);
}

function wake(instance: Instance, due: Scheduled): void {
  switch (due.kind) {
    case "registration":
      registrationTimer(instance, due);
      return;
    case "former":
      formerTimer(instance, due);
      return;
    case "binding":
      bindingTimer(instance, due);
      return;
    case "correspondence":
      correspondenceTimer(instance, due);
      return;
    case "request":
      requestTimer(instance, due);
      return;
    case "peer":
      beat(instance, due);
      return;
    case "segment":
      segmentTimer(instance, due);
      return;
  }
}

function requestTimer(instance: Instance, due: Request): void {
  if (repeat(instance, due) || due.what !== "ask") return;
  const known = instance.correspondences.get(due.name);
  if (known !== undefined) postCorrespondence(instance, known, "unanswered");
}
