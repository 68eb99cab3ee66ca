/**
 * Multicast groups of VMs on Ethernet segments, sans-IO: the querier of IGMP (RFC 1112, 2236, 3376) and MLD (RFC 2710,
 * 3810) on VMs' ports, and who listens to what (RFC 4541). No other querier is elected (RFC 3376 §6.6.2): reports go to
 * nobody but us, so we have to ask; a VM that asks is a multicast router, and gets what is sent to any group.
 */
import { nextBelow, type Random, seeded } from "#base/random";
import { type Millis, NEVER } from "#base/time";
import type {
  GroupSet,
  MemberPort,
  SnoopingCounters,
  SnoopingEffect,
  SnoopingEvent,
  SnoopingSettings,
  Turn,
} from "#services/snooping/events";
import { heardIn } from "#services/snooping/heard";
import { expire, heed } from "#services/snooping/memberships";
import { generalQueries } from "#services/snooping/queries";
import {
  LEARNING,
  OTHER_QUERIER_PRESENT_INTERVAL,
  QUERY_INTERVAL,
  QUERY_RESPONSE_INTERVAL,
  STARTUP_QUERY_COUNT,
  STARTUP_QUERY_INTERVAL,
} from "#services/snooping/times";
import { Wanted } from "#services/snooping/wanted";

/** So much earlier than due a general query may come, lest all VMs be asked, and answer, at one time. */
const JITTER: Millis = QUERY_INTERVAL / 10;

export class Snooping {
  readonly counters: SnoopingCounters = {
    malformed: 0,
    unknown: 0,
    queries: 0,
    reports: 0,
    needless: 0,
    outdated: 0,
    strayLeaves: 0,
    overflows: 0,
    joined: 0,
    left: 0,
    sentQueries: 0,
    sentGroupQueries: 0,
  };
  readonly #ports = new Map<number, MemberPort>();
  readonly #wanted = new Wanted();
  readonly #random: Random;

  /** `seed`: 32 bits that differ from router to router. */
  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  handle(event: SnoopingEvent, now: Millis): SnoopingEffect[] {
    const turn: Turn = { now, effects: [], counters: this.counters, random: this.#random, changed: new Set() };
    switch (event.type) {
      case "attach":
        this.#attach(event.port, event.settings, turn);
        break;
      case "detach":
        this.#detach(event.port);
        break;
      case "frame": {
        const port = this.#ports.get(event.port);
        if (port !== undefined) {
          this.#hear(port, event.frame, turn);
          settle(port, turn);
        }
        break;
      }
      case "timer":
        for (const port of this.#ports.values()) if (port.deadline <= now) settle(port, turn);
    }
    for (const port of turn.changed) {
      const groups = groupsOf(port);
      if (this.#wanted.set(port, groups)) turn.effects.push({ type: "listening", port: port.port, groups });
    }
    this.#wanted.tell(turn.effects);
    return turn.effects;
  }

  /** When handle() wants to be called next, at the latest. */
  deadline(): Millis {
    let first = NEVER;
    for (const port of this.#ports.values()) first = Math.min(first, port.deadline);
    return first;
  }

  /** What a port's VM listens to, to be shown; undefined: it is not on a segment. */
  groupsOf(port: number): GroupSet | undefined {
    const found = this.#ports.get(port);
    return found && groupsOf(found);
  }

  /** What is known of the groups stays known as long as the VM is there and in its network. */
  #attach(index: number, settings: SnoopingSettings, turn: Turn): void {
    const { network, isHere = true } = settings;
    const before = this.#ports.get(index);
    if (before?.settings.network === network && (before.settings.isHere ?? true) === isHere) {
      before.settings = settings;
      return;
    }
    if (before?.settings.network !== network) this.#detach(index);
    const port: MemberPort = {
      port: index,
      settings,
      memberships: new Map(),
      nextQuery: isHere ? turn.now : NEVER,
      startupQueriesLeft: STARTUP_QUERY_COUNT,
      learningUntil: isHere ? turn.now + LEARNING : NEVER,
      routerUntil: turn.now,
      hearsAll: false,
      deadline: turn.now,
    };
    this.#ports.set(index, port);
    settle(port, turn);
  }

  #detach(index: number): void {
    const port = this.#ports.get(index);
    if (port === undefined) return;
    this.#ports.delete(index);
    this.#wanted.set(port, []);
  }

  #hear(port: MemberPort, frame: Uint8Array, turn: Turn): void {
    const heard = heardIn(frame);
    switch (heard.type) {
      case "reports":
        for (const report of heard.reports) heed(port, report, turn);
        return;
      case "query":
        this.counters.queries++;
        if (heard.isRouter) port.routerUntil = turn.now + OTHER_QUERIER_PRESENT_INTERVAL;
        return;
      case "unknown":
        this.counters.unknown++;
        turn.effects.push({ type: "flood", port: port.port, frame });
        return;
      case "malformed":
        this.counters.malformed++;
        turn.effects.push({ type: "refused", port: port.port, reason: "malformed" });
    }
  }
}

/** Does what is due at a port, and finds out what will be next. */
function settle(port: MemberPort, turn: Turn): void {
  const { now, changed } = turn;
  expire(port, turn);
  if (port.nextQuery <= now) query(port, turn);
  const hearsAll = port.learningUntil > now || port.routerUntil > now;
  if (hearsAll !== port.hearsAll) changed.add(port);
  port.hearsAll = hearsAll;
  port.deadline = deadlineOf(port, now);
}

/** RFC 3376 §6.1: a few at once to begin with, then from time to time. */
function query(port: MemberPort, { now, effects, counters, random }: Turn): void {
  const starting = port.startupQueriesLeft > 0;
  const frames = generalQueries(port.settings, starting ? STARTUP_QUERY_INTERVAL : QUERY_RESPONSE_INTERVAL);
  for (const frame of frames) effects.push({ type: "send", port: port.port, frame });
  counters.sentQueries += frames.length;
  if (starting) port.startupQueriesLeft--;
  port.nextQuery =
    now + (port.startupQueriesLeft > 0 ? STARTUP_QUERY_INTERVAL : QUERY_INTERVAL - nextBelow(random, JITTER));
}

function deadlineOf({ nextQuery, learningUntil, routerUntil, memberships }: MemberPort, now: Millis): Millis {
  let first = nextQuery;
  for (const until of [learningUntil, routerUntil]) if (until > now) first = Math.min(first, until);
  for (const { until, queryAt } of memberships.values()) first = Math.min(first, until, queryAt);
  return first;
}

const groupsOf = ({ hearsAll, memberships }: MemberPort): GroupSet =>
  hearsAll ? "all" : [...memberships.keys()].sort();
