/**
 * Source-specific multicast on a router's own links, sans-IO (RFC 3810, RFC 4604): as a listener it asks for channels at one
 * port each, as a router it asks who listens at its ports. Where which channel comes from is for its host to say.
 */

import { isLinkLocal6, sameAddress } from "#base/address";
import { type Random, seeded } from "#base/random";
import { type Millis, NEVER } from "#base/time";
import type { Channel, MldCounters, MldEffect, MldEvent, MldPort, PortState, Turn } from "#services/mld/events";
import { beAsked, listenerTimer, want } from "#services/mld/listener";
import { hearQuery, heed, routerTimer } from "#services/mld/router";
import { ROBUSTNESS } from "#services/mld/times";
import { type MldPacket, QUERY, REPORT_2 } from "#wire/mld";

const ALL_ROUTERS_2 = 0x16;

export class Mld {
  readonly counters: MldCounters = {
    ...{ queriesSent: 0, reportsSent: 0, queries: 0, reports: 0, misaddressed: 0, unspecific: 0, overflows: 0 },
  };
  readonly #ports = new Map<number, PortState>();
  readonly #random: Random;

  /** `seed`: 32 bits that differ from router to router. */
  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  handle(event: MldEvent, now: Millis): MldEffect[] {
    const turn: Turn = { now, effects: [], counters: this.counters, random: this.#random, isChanged: false };
    const state = event.type === "timer" ? undefined : this.#ports.get(event.port);
    switch (event.type) {
      case "up":
        turn.isChanged = state !== undefined && state.channels > 0;
        this.#ports.set(event.port, newPort(event, now));
        break;
      case "down":
        turn.isChanged = state !== undefined && state.channels > 0;
        this.#ports.delete(event.port);
        break;
      case "want":
        if (state !== undefined) want(turn, state, event.channels);
        break;
      case "packet":
        if (state !== undefined) this.#take(turn, state, event.packet);
        break;
      case "timer":
    }
    for (const port of this.#ports.values()) {
      listenerTimer(turn, port);
      if (port.port.isRouter) routerTimer(turn, port);
    }
    if (turn.isChanged) turn.effects.push({ type: "changed" });
    return turn.effects;
  }

  deadline(): Millis {
    let first = NEVER;
    for (const port of this.#ports.values()) {
      const { repeatAt, answerAt, refreshAt, queryAt, endAt } = port;
      first = Math.min(first, repeatAt, answerAt, refreshAt, queryAt, endAt);
    }
    return first;
  }

  /** Channels that are listened to at our ports, and at which, by group and source. */
  listened(): Map<string, Map<string, number[]>> {
    const all = new Map<string, Map<string, number[]>>();
    for (const { port, heard } of this.#ports.values()) {
      for (const [group, sources] of heard) {
        const known = all.get(group) ?? new Map<string, number[]>();
        all.set(group, known);
        for (const source of sources.keys()) known.set(source, [...(known.get(source) ?? []), port.port]);
      }
    }
    return all;
  }

  /** What is wanted by a port. */
  wantedAt(port: number): Channel[] {
    const wanted = [...(this.#ports.get(port)?.wanted ?? [])];
    return wanted.flatMap(([group, sources]) => [...sources].map((source) => ({ group, source })));
  }

  /** True: a multicast router was heard at the port lately. */
  hasRouter(port: number, now: Millis): boolean {
    return (this.#ports.get(port)?.routerUntil ?? 0) > now;
  }

  #take(turn: Turn, state: PortState, { source, destination, message }: MldPacket): void {
    const { counters } = turn;
    const isReport = message.type === REPORT_2;
    const isToRouters = destination[1] === 2 && destination[15] === ALL_ROUTERS_2 && destination[14] === 0;
    if (!isLinkLocal6(source) || sameAddress(source, state.port.address) || (isReport && !isToRouters)) {
      counters.misaddressed++;
    } else if (message.type === QUERY) {
      counters.queries++;
      hearQuery(turn, state, source);
      beAsked(turn, state, message.maxResponse);
    } else if (isReport) {
      counters.reports++;
      if (state.port.isRouter) for (const record of message.records) heed(turn, state, record);
    } else counters.unspecific++;
  }
}

function newPort({ port, address, mac, isRouter, groups = [] }: MldPort, now: Millis): PortState {
  return {
    ...{ port: { port, address, mac, isRouter, groups }, isNew: groups.length > 0 },
    ...{ wanted: new Map(), changed: new Map() },
    ...{ repeatAt: NEVER, answerAt: NEVER, refreshAt: NEVER, routerUntil: 0 },
    ...{
      heard: new Map(),
      channels: 0,
      endAt: NEVER,
      otherUntil: 0,
      queryAt: isRouter ? now : NEVER,
      startupLeft: ROBUSTNESS,
    },
  };
}
