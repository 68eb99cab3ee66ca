/**
 * An OSPFv3 router as a function of events and time: RFC 5340 over RFC 2328. No clock, no socket, no randomness but the
 * seed: the same configuration, seed and events make the same effects and the same state.
 */
import { seeded } from "#base/random";
import { type Millis, NEVER } from "#base/time";
import type { OspfConfig } from "#ospf/config";
import { configure, noteBorder } from "#ospf/configure";
import { type Core, nowOf, postInterface, postNeighbor } from "#ospf/core";
import { Expiry } from "#ospf/database/expiry";
import { LsaStore } from "#ospf/database/store";
import type { OspfEffect, OspfEvent, SendEffect } from "#ospf/events";
import { sendDelayedAcks } from "#ospf/flooding/acknowledge";
import { expire, flush, removeAcknowledged } from "#ospf/flooding/ageing";
import { install } from "#ospf/flooding/database";
import { flood } from "#ospf/flooding/flood";
import { retransmit } from "#ospf/flooding/retransmit";
import { flushQueue } from "#ospf/flooding/updates";
import { helpTimer } from "#ospf/graceful/helper";
import { announceRestart, considerExit, prepareRestart } from "#ospf/graceful/restart";
import { interfaceDeadline, interfaceTimers, sayGoodbye } from "#ospf/interface/interfaces";
import { repeatDescription } from "#ospf/neighbor/describe";
import { repeatRequest } from "#ospf/neighbor/loading";
import { bfdDown, neighborDeadline } from "#ospf/neighbor/neighbors";
import { Originator } from "#ospf/origination/originator";
import type { Outlet } from "#ospf/origination/outlet";
import { ownConfig } from "#ospf/own-config";
import type { LsaBody } from "#ospf/packet/lsa-body";
import { readLsaBody } from "#ospf/packet/lsa-reader";
import { receivePacket } from "#ospf/receive";
import { EMPTY_TABLE } from "#ospf/routes/model";
import { Routing } from "#ospf/routes/routing";
import { settle } from "#ospf/settle";
import type { Instance, Interface, Neighbor } from "#ospf/state";

export interface OspfOptions {
  readonly config: OspfConfig;
  /** 32 bits. */
  readonly seed: number;
  /** Unix milliseconds are a core's `now` plus this. */
  readonly clockOffset: number;
  /** `now` until which neighbors keep us after a restart; undefined: an ordinary start. */
  readonly restartingUntil?: Millis;
}

export class Ospf {
  readonly instance: Instance;
  readonly routing: Routing;
  readonly #core: Core;
  #ending: "no" | "shutdown" | "restart" = "no";

  constructor({ config: given, seed, clockOffset, restartingUntil }: OspfOptions) {
    const config = ownConfig(given);
    this.instance = {
      config,
      random: seeded(seed),
      clockOffset,
      areas: new Map(),
      interfaces: new Map(),
      external: new LsaStore(),
      table: EMPTY_TABLE,
      isBorder: false,
      restartingUntil,
      lsaCount: 0,
      lsaOctets: 0,
    };
    this.routing = new Routing(this.instance);
    const outlet: Outlet = {
      install: (scope, lsa, withheld) => {
        const body = readLsaBody(lsa) as LsaBody; // ours: well formed
        const entry = install(core, scope, lsa, { body, received: false, withheld });
        if (!withheld) flood(core, scope, entry);
        return entry;
      },
      publish: (scope, entry) => {
        entry.withheld = false;
        flood(core, scope, entry);
      },
      flush: (scope, entry) => flush(core, scope, entry),
    };
    const core: Core = {
      instance: this.instance,
      turn: { now: Number.NEGATIVE_INFINITY, effects: [] },
      posts: [],
      expiry: new Expiry(),
      leaving: new Map(),
      originator: new Originator(this.instance, outlet),
      routing: this.routing,
      authenticationSequence: 0,
    };
    this.#core = core;
    if (restartingUntil !== undefined) {
      core.originator.suspend();
      this.routing.suspend();
    }
    configure(core, config);
  }

  /**
   * Takes in what happened at `now`, which never goes back, and answers what is to be done about it, in that order. What
   * `sendNow` was given meanwhile came before it.
   */
  handle(event: OspfEvent, now: Millis, sendNow?: (effect: SendEffect) => void): OspfEffect[] {
    const core = this.#core;
    core.turn = { now, effects: [], sendNow };
    this.#take(event);
    settle(core);
    this.#timers();
    this.#finish();
    return core.turn.effects;
  }

  /** When handle() wants to be called next, at the latest, if nothing happens before. */
  deadline(): Millis {
    const core = this.#core;
    let earliest = core.expiry.deadline();
    // A router that ends neither originates nor computes any more.
    if (this.#ending === "no") earliest = Math.min(earliest, core.originator.deadline(), core.routing.deadline());
    for (const on of this.instance.interfaces.values()) {
      earliest = Math.min(earliest, interfaceDeadline(on));
      for (const neighbor of on.neighbors.values()) earliest = Math.min(earliest, neighborDeadline(neighbor));
    }
    return Math.min(earliest, this.instance.restartingUntil ?? NEVER);
  }

  #take(event: OspfEvent): void {
    const core = this.#core;
    switch (event.type) {
      case "packet": {
        const on = this.instance.interfaces.get(event.interface);
        if (on !== undefined) receivePacket(core, on, event);
        return;
      }
      case "interfaceUp":
        this.#interfaceUp(event);
        return;
      case "interfaceDown": {
        const on = this.instance.interfaces.get(event.interface);
        if (on === undefined) return;
        on.linkUp = false;
        postInterface(core, on, "InterfaceDown");
        return;
      }
      case "bfd": {
        const on = this.instance.interfaces.get(event.interface);
        if (on !== undefined && !event.up) bfdDown(core, on, event.address);
        return;
      }
      case "configure":
        configure(core, ownConfig(event.config));
        return;
      case "prepareRestart":
        this.#ending = "restart";
        prepareRestart(core);
        return;
      case "shutdown":
        this.#ending = "shutdown";
        core.originator.flushAll(core.turn);
        return;
      case "clock":
        this.instance.clockOffset = event.offset;
        return;
      case "timer":
        return;
    }
  }

  /** Another MTU or address is told by and by: neighbors see it in hellos and descriptions. Another id begins anew. */
  #interfaceUp({ interface: name, interfaceId, linkLocal, mtu }: Extract<OspfEvent, { type: "interfaceUp" }>): void {
    const core = this.#core;
    const on = this.instance.interfaces.get(name);
    if (on === undefined) return;
    if (on.linkUp && on.interfaceId !== interfaceId) {
      postInterface(core, on, "InterfaceDown");
      settle(core);
    }
    Object.assign(on, { interfaceId, linkLocal, mtu, linkUp: true });
    if (on.state === "Down") announceRestart(core, on);
    else core.originator.changed({ kind: "link", interface: on });
    postInterface(core, on, "InterfaceUp");
  }

  #timers(): void {
    const core = this.#core;
    for (const on of this.instance.interfaces.values()) {
      interfaceTimers(core, on);
      for (const neighbor of on.neighbors.values()) this.#neighborTimers(neighbor);
      settle(core);
    }
    expire(core);
  }

  #neighborTimers(neighbor: Neighbor): void {
    const core = this.#core;
    const now = nowOf(core);
    if (neighbor.helpUntil !== undefined) helpTimer(core, neighbor);
    if (neighbor.inactiveAt <= now) inactive(core, neighbor);
    if (neighbor.exchange.repeatAt <= now) repeatDescription(core, neighbor);
    if (neighbor.requestAt <= now) repeatRequest(core, neighbor);
    if (neighbor.retransmitAt <= now) retransmit(core, neighbor);
  }

  /** What follows from all that happened: LSAs of ours, routes, packets that were gathered. */
  #finish(): void {
    const core = this.#core;
    if (noteBorder(this.instance)) {
      core.originator.changed({ kind: "all" });
      core.routing.topologyChanged(nowOf(core));
    }
    considerExit(core);
    if (this.#ending === "no") {
      this.#computeAndOriginate();
      // What was just originated opens a link of ours: nobody is to hear of it before our own routes use it.
      if (core.routing.isDue) this.#computeAndOriginate();
    }
    settle(core);
    removeAcknowledged(core);
    for (const on of this.instance.interfaces.values()) this.#transmit(on);
    if (this.#ending !== "no" && this.#isDrained()) this.#drained();
  }

  #computeAndOriginate(): void {
    const core = this.#core;
    if (core.routing.run(core.turn)) core.originator.changed({ kind: "table" });
    core.originator.reconcile(core.turn);
  }

  #transmit(on: Interface): void {
    flushQueue(this.#core, on);
    sendDelayedAcks(this.#core, on);
  }

  #drained(): void {
    const core = this.#core;
    if (this.#ending === "shutdown") for (const on of this.instance.interfaces.values()) sayGoodbye(core, on);
    core.turn.effects.push({ type: "drained" });
  }

  #isDrained(): boolean {
    for (const on of this.instance.interfaces.values()) {
      if (on.outgoing.size > 0) return false;
      for (const neighbor of on.neighbors.values()) if (neighbor.retransmissions.size > 0) return false;
    }
    return true;
  }
}

/** A neighbor that is helped to restart may be silent until its grace period ends. */
function inactive(core: Core, neighbor: Neighbor): void {
  if (neighbor.helpUntil !== undefined) neighbor.inactiveAt = neighbor.helpUntil;
  else postNeighbor(core, neighbor, "InactivityTimer");
}
