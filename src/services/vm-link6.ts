/**
 * A VM's IPv6 link, sans-IO: router advertisements (RFC 4861 §6.2, RFC 8106) and neighbor discovery (§7.2). On it are the VM
 * and its gateway, nobody else; nothing is on link but link-local addresses. The gateway does not look for duplicates of
 * its own address (RFC 4862 §5.4): it is the same on every link and stays, a VM that has it too is not heard.
 */
import { isUnspecified, sameAddress } from "#base/address";
import { type Random, seeded } from "#base/random";
import { type Millis, NEVER } from "#base/time";
import { advertise, advertiseEnd, beginning, begunAnew, deadlineOf, solicited } from "#services/vm-link6/advertising";
import { answer } from "#services/vm-link6/answers";
import { packetIn } from "#services/vm-link6/checks";
import type {
  Link,
  Turn,
  VmLink6Counters,
  VmLink6Effect,
  VmLink6Event,
  VmLink6Settings,
} from "#services/vm-link6/events";
import { expire, learn, namesOf, resolve } from "#services/vm-link6/resolution";
import * as ethernet from "#wire/ethernet";
import { NEIGHBOR_ADVERTISEMENT, NEIGHBOR_SOLICITATION, ROUTER_SOLICITATION } from "#wire/icmp6";

export class VmLink6 {
  readonly counters: VmLink6Counters = {
    answered: 0,
    asked: 0,
    learnt: 0,
    probes: 0,
    defended: 0,
    impossible: 0,
    routerSolicitations: 0,
    routerAdvertisements: 0,
    malformed: 0,
    spoofedMac: 0,
    spoofedSource: 0,
    spoofedTarget: 0,
    rogueRouter: 0,
  };
  readonly #links = new Map<number, Link>();
  readonly #random: Random;

  /** `seed`: 32 bits that differ from router to router, for what RFC 4861 wants at random times. */
  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  handle(event: VmLink6Event, now: Millis): VmLink6Effect[] {
    const turn: Turn = { now, effects: [], counters: this.counters, random: this.#random };
    if (event.type === "attach") this.#attach(event.port, event.settings, turn);
    else if (event.type !== "timer") {
      const link = this.#links.get(event.port);
      if (link === undefined) return turn.effects;
      if (event.type === "detach") this.#detach(link, turn);
      else if (event.type === "cease") {
        advertiseEnd(link, turn);
        this.#detach(link, turn);
      } else if (event.type === "frame") this.#frame(link, event.frame, turn);
      else if (event.type === "seen") learn(link, event.mac, turn);
      else resolve(link, event, turn);
    }
    for (const link of this.#links.values()) {
      expire(link, turn);
      advertise(link, turn);
    }
    return turn.effects;
  }

  /** When handle() wants to be called next, at the latest. */
  deadline(): Millis {
    let first = NEVER;
    for (const link of this.#links.values()) first = Math.min(first, link.deadline, deadlineOf(link));
    return first;
  }

  /** The VM's MAC address, undefined while it is not known. */
  macOf(port: number): Uint8Array | undefined {
    return this.#links.get(port)?.mac;
  }

  /** What is learnt and held stays where the settings leave it to be learnt. */
  #attach(port: number, settings: VmLink6Settings, turn: Turn): void {
    const before = this.#links.get(port);
    const advertising = before?.advertising ?? beginning(turn.now);
    if (before !== undefined) begunAnew(advertising, turn.now);
    if (before !== undefined && settings.advertises === false) advertiseEnd(before, turn);
    if (before !== undefined && isSameMac(before.settings.mac, settings.mac)) {
      before.settings = settings;
      return;
    }
    if (before !== undefined) this.#detach(before, turn);
    const { mac } = settings;
    this.#links.set(port, {
      port,
      settings,
      advertising,
      mac,
      resolution: "idle",
      held: [],
      asked: 0,
      deadline: NEVER,
    });
    turn.effects.push({ type: "adjacency", port, mac: mac ?? "unresolved" });
  }

  #detach(link: Link, { effects }: Turn): void {
    this.#links.delete(link.port);
    effects.push({ type: "adjacency", port: link.port, mac: "unresolved" });
    if (link.held.length > 0) effects.push({ type: "drop", held: namesOf(link.held), reason: "detached" });
  }

  #frame(link: Link, frame: Uint8Array, turn: Turn): void {
    const packet = packetIn(link, frame);
    if (typeof packet === "string") {
      this.counters[packet]++;
      turn.effects.push({ type: "refused", port: link.port, reason: packet });
      return;
    }
    const { source, message } = packet;
    const mac = ethernet.source(frame, 0);
    // Nothing may be learnt from who has no address yet (§6.2.6, §7.2.3).
    if (!isUnspecified(source)) learn(link, mac, turn);
    switch (message.type) {
      case NEIGHBOR_SOLICITATION:
        answer(link, message.target, { address: source, mac }, turn);
        return;
      case ROUTER_SOLICITATION:
        this.counters.routerSolicitations++;
        solicited(link, source, mac, turn);
        return;
      case NEIGHBOR_ADVERTISEMENT: // told the VM's MAC, and no more
    }
  }
}

const isSameMac = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === undefined || b === undefined ? a === b : sameAddress(a, b);
