/**
 * Neighbor discovery on the router's uplinks (RFC 4861 §7, RFC 4862 §5.4): who has which MAC address, whether it can still be
 * reached, and our own part in it. Sans-IO: events in, effects out, the time is an argument.
 *
 * Every node on a fabric link is a router, next hops are link-local addresses: there are no prefixes on link, router
 * advertisements are neither sent nor obeyed.
 */
import { isLinkLocal6, isMulticast6, isUnspecified, sameAddress } from "#base/address";
import { type Random, seeded } from "#base/random";
import type { Millis } from "#base/time";
import { NeighborCache } from "#services/neighbors/cache";
import {
  DEFAULT_SETTINGS,
  type NeighborCounters,
  type NeighborEffect,
  type NeighborEntry,
  type NeighborEvent,
  type NeighborSettings,
  type Turn,
} from "#services/neighbors/events";
import type { NudEvent } from "#services/neighbors/nud";
import { OwnAddresses } from "#services/neighbors/own-addresses";
import { NEIGHBOR_ADVERTISEMENT, NEIGHBOR_SOLICITATION, ROUTER_ADVERTISEMENT, ROUTER_SOLICITATION } from "#wire/icmp6";
import type { NeighborAdvertisement, NeighborSolicitation } from "#wire/nd";

type PacketEvent = Extract<NeighborEvent, { type: "packet" }>;

export class Neighbors {
  readonly counters: NeighborCounters = {
    solicitationsSent: 0,
    advertisementsSent: 0,
    unresolved: 0,
    unreachable: 0,
    notForUs: 0,
    ignored: 0,
    evicted: 0,
    refused: 0,
    loopedBack: 0,
    duplicates: 0,
  };
  readonly #own: OwnAddresses;
  readonly #cache: NeighborCache;

  /** `seed`: 32 bits that differ from router to router, for jitter and nonces. */
  constructor(seed: number, settings: Partial<NeighborSettings> = {}) {
    const random: Random = seeded(seed);
    const around = { settings: { ...DEFAULT_SETTINGS, ...settings }, counters: this.counters, random };
    const own = new OwnAddresses(around);
    this.#own = own;
    this.#cache = new NeighborCache({
      ...around,
      canAsk: (port, address) => own.isUsable(port) && !isMulticast6(address) && !isUnspecified(address),
      senderOf: (port) => own.senderOf(port),
    });
  }

  handle(event: NeighborEvent, now: Millis): NeighborEffect[] {
    const turn: Turn = { now, effects: [] };
    switch (event.type) {
      case "linkUp":
        this.#linkDown(turn, event.port);
        this.#own.linkUp(turn, event);
        this.#cache.linkUp(turn, event.port);
        break;
      case "linkDown":
        this.#linkDown(turn, event.port);
        break;
      case "packet":
        this.#packet(turn, event);
        break;
      case "resolve":
        this.#cache.resolve(turn, event.port, event.address, event.held);
        break;
      case "used":
        if (this.#cache.mac(event.port, event.address)) this.#cache.resolve(turn, event.port, event.address);
        break;
      case "confirmed":
        if (this.#cache.mac(event.port, event.address)) {
          this.#cache.post(turn, event.port, event.address, "confirmed");
        }
        break;
      case "permanent":
        this.#cache.setPermanent(turn, event.port, event.address, event.mac, this.#own.isUp(event.port));
        break;
      case "timer":
        break;
    }
    this.#expire(turn);
    return turn.effects;
  }

  /** When handle() wants to be called next, at the latest; NEVER without anything to wait for. */
  deadline(): Millis {
    return Math.min(this.#own.deadline(), this.#cache.deadline());
  }

  /** For `ain show neighbors`; the longest unused first. */
  entries(): NeighborEntry[] {
    return this.#cache.list();
  }

  #expire(turn: Turn): void {
    for (const port of this.#own.expire(turn)) this.#cache.senderReady(turn, port);
    this.#cache.expire(turn);
  }

  #linkDown(turn: Turn, port: number): void {
    this.#own.linkDown(port);
    this.#cache.linkDown(turn, port);
  }

  #packet(turn: Turn, event: PacketEvent): void {
    const { port, packet, linkSource } = event;
    const { message, source } = packet;
    if (!this.#own.isUsable(port)) return;
    switch (message.type) {
      case NEIGHBOR_SOLICITATION:
        this.#solicited(turn, event, message);
        return;
      case NEIGHBOR_ADVERTISEMENT:
        this.#advertised(turn, port, message, linkSource);
        return;
      case ROUTER_SOLICITATION:
        if (isUnspecified(source)) return;
        this.#learn(turn, port, source, message.options.sourceLinkLayer);
        this.#cache.setRouter(turn, port, source, false); // §6.2.6
        return;
      case ROUTER_ADVERTISEMENT:
        this.#learn(turn, port, source, message.options.sourceLinkLayer);
        this.#cache.setRouter(turn, port, source, true);
        return;
    }
  }

  /** §7.2.3, §7.2.4; RFC 4862 §5.4.3. */
  #solicited(turn: Turn, { port, packet, linkSource }: PacketEvent, message: NeighborSolicitation): void {
    const { source } = packet;
    switch (this.#own.ownership(port, message.target)) {
      case "foreign":
        this.counters.notForUs++;
        return;
      case "tentative":
        if (this.#own.probedByOther(turn, port, message, { address: source, mac: linkSource })) {
          this.#cache.linkDown(turn, port);
        }
        return;
      case "own": {
        if (!isUnspecified(source)) this.#learn(turn, port, source, message.options.sourceLinkLayer);
        // Whoever asks without an option came from `linkSource`: to ask them in turn would bring the same answer.
        const mac = message.options.sourceLinkLayer ?? this.#cache.mac(port, source) ?? linkSource;
        this.#own.answer(turn, port, message, { address: source, mac });
      }
    }
  }

  /** §7.2.5; RFC 4862 §5.4.4. */
  #advertised(turn: Turn, port: number, message: NeighborAdvertisement, linkSource: Uint8Array): void {
    if (this.#own.ownership(port, message.target) !== "foreign") {
      if (this.#own.advertisedByOther(turn, port, message, linkSource)) this.#cache.linkDown(turn, port);
      return;
    }
    const { router, target, options } = message;
    const state = this.#cache.state(port, target);
    if (state === undefined || state === "FAILED" || state === "PERMANENT") {
      this.counters.notForUs++;
      return;
    }
    const event = this.#classify(port, message);
    if (event) this.#cache.post(turn, port, target, event, options.targetLinkLayer);
    if (event !== "conflictingAdvertisement") this.#cache.setRouter(turn, port, target, router);
  }

  /** What an advertisement means to the target's entry; undefined: no more than its Router flag. */
  #classify(port: number, { solicited, override, target, options }: NeighborAdvertisement): NudEvent | undefined {
    const known = this.#cache.mac(port, target);
    const mac = options.targetLinkLayer;
    if (!known) {
      if (!mac) return undefined;
      return solicited ? "solicitedAdvertisement" : "changedAdvertisement";
    }
    const differs = mac !== undefined && !sameAddress(mac, known);
    if (differs && !override) return "conflictingAdvertisement";
    if (solicited) return "solicitedAdvertisement";
    return differs ? "changedAdvertisement" : undefined;
  }

  /**
   * A message from a neighbor told its MAC address (§7.2.3, §6.2.6). Only link-local senders get a new entry: an off-link
   * source could have been made up to draw traffic here (CERT VU#472363).
   */
  #learn(turn: Turn, port: number, source: Uint8Array, mac: Uint8Array | undefined): void {
    if (!mac) return;
    const state = this.#cache.state(port, source);
    if (state === "PERMANENT" || (state === undefined && !isLinkLocal6(source))) return;
    const known = this.#cache.mac(port, source);
    if (!known || !sameAddress(mac, known)) this.#cache.post(turn, port, source, "learned", mac);
  }
}
