/** The entries of the neighbor cache, bounded, and what the table of nud.ts does to them. */
import { sameAddress } from "#base/address";
import { toHex } from "#base/bytes";
import { nextFraction, type Random } from "#base/random";
import { type Millis, NEVER } from "#base/time";
import type { NeighborCounters, NeighborEntry, NeighborSettings, Resolution, Turn } from "#services/neighbors/events";
import { type Sender, solicit } from "#services/neighbors/messages";
import { type Action, NUD, type NudEvent, type State } from "#services/neighbors/nud";

/** MIN_RANDOM_FACTOR and MAX_RANDOM_FACTOR (RFC 4861 §10). */
const MIN_RANDOM_FACTOR = 0.5;
const MAX_RANDOM_FACTOR = 1.5;

interface Entry {
  readonly port: number;
  readonly address: Uint8Array;
  state: State;
  mac: Uint8Array | null;
  isRouter: boolean;
  /** Packets that wait for the link-layer address, oldest first. */
  held: number[];
  /** Sent since INCOMPLETE or PROBE was entered. */
  solicitations: number;
  solicitedAt: Millis;
  deadline: Millis;
  /** The link-layer address took another's place, and nothing has confirmed it: the neighbor moved, or somebody lies. */
  contested: boolean;
}

export interface CacheSurroundings {
  readonly settings: NeighborSettings;
  readonly counters: NeighborCounters;
  readonly random: Random;
  /** True when a neighbor with that address may be on the port's link, and the link is in use. */
  canAsk(port: number, address: Uint8Array): boolean;
  /** Who may solicit on a port; undefined while our link-local address there is not to be used. */
  senderOf(port: number): Sender | undefined;
}

export class NeighborCache {
  /** By port and address, the longest unused first. */
  readonly #entries = new Map<string, Entry>();
  readonly #around: CacheSurroundings;
  #permanent = 0;

  constructor(around: CacheSurroundings) {
    this.#around = around;
  }

  /** `undefined`: not in the cache. */
  state(port: number, address: Uint8Array): State | undefined {
    return this.#entries.get(keyOf(port, address))?.state;
  }

  /** The link-layer address, if it is known. */
  mac(port: number, address: Uint8Array): Uint8Array | undefined {
    return this.#entries.get(keyOf(port, address))?.mac ?? undefined;
  }

  list(): NeighborEntry[] {
    return Array.from(this.#entries.values(), ({ port, address, mac, state, isRouter }) => {
      return { port, address, mac, state, isRouter };
    });
  }

  deadline(): Millis {
    let first = NEVER;
    for (const entry of this.#entries.values()) first = Math.min(first, entry.deadline);
    return first;
  }

  /** `event` happened to a neighbor; `mac`: what the message said about it. */
  post(turn: Turn, port: number, address: Uint8Array, event: NudEvent, mac?: Uint8Array): void {
    const entry = this.#entries.get(keyOf(port, address)) ?? this.#create(turn, port, address, event);
    if (entry) this.#apply(turn, entry, event, mac);
  }

  /**
   * A packet waits for the neighbor, or (without `held`) its address alone is wanted. Without room for an entry the
   * packet is dropped: there would be nothing to tell senders when the neighbor may be asked for.
   */
  resolve(turn: Turn, port: number, address: Uint8Array, held?: number): void {
    const event = this.#around.canAsk(port, address) ? "packetToSend" : "cannotAsk";
    const key = keyOf(port, address);
    const entry = this.#entries.get(key) ?? this.#create(turn, port, address, event);
    if (!entry) {
      if (held !== undefined) turn.effects.push({ type: "drop", held: [held], reason: "full" });
      return;
    }
    if (held !== undefined) this.#hold(turn, entry, held);
    this.#entries.delete(key);
    this.#entries.set(key, entry); // the latest used is the last
    this.#apply(turn, entry, event);
  }

  /** The operator's entry; `mac` null takes it away. `up`: the port is in use. */
  setPermanent(turn: Turn, port: number, address: Uint8Array, mac: Uint8Array | null, up: boolean): void {
    const key = keyOf(port, address);
    const before = this.#entries.get(key);
    if (before?.state === "PERMANENT") this.#permanent--;
    if (mac === null) {
      if (before?.state !== "PERMANENT") return;
      this.#entries.delete(key);
      if (up) tell(turn, before, "unresolved");
      return;
    }
    const entry = before ?? newEntry(port, address);
    Object.assign(entry, { state: "PERMANENT", mac, deadline: NEVER });
    this.#entries.set(key, entry);
    this.#permanent++;
    if (up) tell(turn, entry, mac);
    this.#act(turn, entry, "release");
  }

  setRouter(turn: Turn, port: number, address: Uint8Array, isRouter: boolean): void {
    const entry = this.#entries.get(keyOf(port, address));
    if (!entry || entry.state === "PERMANENT" || entry.isRouter === isRouter) return;
    entry.isRouter = isRouter;
    turn.effects.push({ type: "router", port, address: entry.address, isRouter });
  }

  /** The port came up: its permanent entries are in force. */
  linkUp(turn: Turn, port: number): void {
    for (const entry of this.#entries.values()) {
      if (entry.port === port && entry.state === "PERMANENT" && entry.mac) tell(turn, entry, entry.mac);
    }
  }

  /** We may solicit on the port from now on: entries that waited for that begin. */
  senderReady(turn: Turn, port: number): void {
    for (const entry of this.#entries.values()) {
      if (entry.port === port && entry.deadline === NEVER && isSoliciting(entry.state)) {
        this.#apply(turn, entry, "retransmitTimeout");
      }
    }
  }

  /** The port is gone, or must not be used: nothing is known about its neighbors. */
  linkDown(turn: Turn, port: number): void {
    for (const [key, entry] of this.#entries) {
      if (entry.port !== port) continue;
      this.#act(turn, entry, "fail");
      tell(turn, entry, "unresolved");
      if (entry.state !== "PERMANENT") this.#entries.delete(key);
    }
  }

  expire(turn: Turn): void {
    for (const entry of this.#entries.values()) {
      if (entry.deadline > turn.now) continue;
      if (!isSoliciting(entry.state)) this.#apply(turn, entry, "timeout");
      else this.#apply(turn, entry, entry.solicitations < this.#limit(entry) ? "retransmitTimeout" : "lastTimeout");
    }
  }

  #limit(entry: Entry): number {
    const { maxMulticastSolicit, maxUnicastSolicit } = this.#around.settings;
    return entry.state === "INCOMPLETE" ? maxMulticastSolicit : maxUnicastSolicit;
  }

  /** An entry in NONE, if the event makes one and there is room. */
  #create(turn: Turn, port: number, address: Uint8Array, event: NudEvent): Entry | undefined {
    const { counters, settings } = this.#around;
    if (!NUD.NONE[event]) {
      counters.ignored++;
      return undefined;
    }
    if (this.#entries.size - this.#permanent >= settings.maxEntries && !this.#evict(turn)) {
      counters.refused++;
      return undefined;
    }
    const entry = newEntry(port, address);
    this.#entries.set(keyOf(port, address), entry);
    return entry;
  }

  /** Throws out the longest unused entry that nothing is going on with; one solicited just now stays, or it could be again too soon. */
  #evict(turn: Turn): boolean {
    const { counters, settings } = this.#around;
    for (const [key, entry] of this.#entries) {
      const idle = entry.state === "STALE" || entry.state === "FAILED";
      if (!idle || turn.now - entry.solicitedAt < settings.retransTimer) continue;
      this.#entries.delete(key);
      counters.evicted++;
      tell(turn, entry, "unresolved");
      return true;
    }
    return false;
  }

  #hold(turn: Turn, entry: Entry, held: number): void {
    entry.held.push(held);
    if (entry.held.length <= this.#around.settings.maxHeld) return;
    turn.effects.push({ type: "drop", held: [entry.held.shift()!], reason: "overflow" });
  }

  #apply(turn: Turn, entry: Entry, event: NudEvent, mac?: Uint8Array): void {
    const transition = NUD[entry.state][event];
    if (!transition) {
      this.#around.counters.ignored++;
      return;
    }
    for (const action of transition.actions) this.#act(turn, entry, action, mac);
    if (transition.to) this.#enter(turn, entry, transition.to);
  }

  #act(turn: Turn, entry: Entry, action: Action, mac?: Uint8Array): void {
    switch (action) {
      case "record":
        if (!mac || (entry.mac && sameAddress(mac, entry.mac))) return;
        entry.contested = entry.mac !== null;
        entry.mac = mac;
        tell(turn, entry, mac);
        return;
      case "release":
      case "fail":
        if (entry.held.length > 0) turn.effects.push({ type: action, held: entry.held });
        entry.held = [];
        return;
      case "refuse":
        tell(turn, entry, "failed");
        return;
      case "withdraw":
        entry.mac = null;
        tell(turn, entry, "unresolved");
    }
  }

  #enter(turn: Turn, entry: Entry, state: State): void {
    const { counters, random, settings } = this.#around;
    const { now } = turn;
    if (entry.state !== state) entry.solicitations = 0;
    if (entry.state === "PROBE" && state === "NONE") counters.unreachable++;
    entry.state = state;
    entry.deadline = NEVER;
    switch (state) {
      case "INCOMPLETE":
      case "PROBE":
        this.#solicit(turn, entry);
        return;
      case "REACHABLE": {
        const factor = MIN_RANDOM_FACTOR + nextFraction(random) * (MAX_RANDOM_FACTOR - MIN_RANDOM_FACTOR);
        entry.deadline = now + Math.round(settings.baseReachableTime * factor);
        entry.contested = false;
        return;
      }
      case "DELAY":
        // A wrong address costs all packets until it is found out: no waiting for upper layers' word (§7.3.3).
        entry.deadline = now + (entry.contested ? 0 : settings.delayFirstProbeTime);
        return;
      case "FAILED":
        counters.unresolved++;
        entry.deadline = now + settings.failedTime;
        return;
      case "NONE":
        this.#entries.delete(keyOf(entry.port, entry.address));
    }
  }

  /** Without a usable address of our own, the entry waits for {@link senderReady}. */
  #solicit(turn: Turn, entry: Entry): void {
    const from = this.#around.senderOf(entry.port);
    if (!from) return;
    const frame = solicit(from, entry.address, entry.mac ?? undefined);
    turn.effects.push({ type: "send", port: entry.port, frame });
    this.#around.counters.solicitationsSent++;
    entry.solicitations++;
    entry.solicitedAt = turn.now;
    entry.deadline = turn.now + this.#around.settings.retransTimer;
  }
}

const keyOf = (port: number, address: Uint8Array): string => `${port} ${toHex(address)}`;

const isSoliciting = (state: State): boolean => state === "INCOMPLETE" || state === "PROBE";

function newEntry(port: number, address: Uint8Array): Entry {
  return {
    port,
    address,
    state: "NONE",
    mac: null,
    isRouter: false,
    held: [],
    solicitations: 0,
    solicitedAt: Number.NEGATIVE_INFINITY,
    deadline: NEVER,
    contested: false,
  };
}

function tell(turn: Turn, { port, address }: Entry, mac: Resolution): void {
  turn.effects.push({ type: "adjacency", port, address, mac });
}
