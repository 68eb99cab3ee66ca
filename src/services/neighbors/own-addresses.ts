/**
 * Our own addresses on the uplinks: duplicate address detection of the link-local one (RFC 4862 §5.4, with the nonce of
 * RFC 7527) and the answers to those who ask for them (RFC 4861 §7.2.4).
 */
import { isUnspecified, sameAddress } from "#base/address";
import { nextBelow, nextOctets, type Random } from "#base/random";
import { type Millis, NEVER } from "#base/time";
import type { NeighborCounters, NeighborEvent, NeighborSettings, Turn } from "#services/neighbors/events";
import { advertise, advertiseToAll, probeForDuplicate, type Sender } from "#services/neighbors/messages";
import type { NeighborAdvertisement, NeighborSolicitation } from "#wire/nd";

type LinkUp = Extract<NeighborEvent, { type: "linkUp" }>;

interface Link {
  readonly port: number;
  readonly mac: Uint8Array;
  readonly linkLocal: Uint8Array;
  readonly addresses: readonly Uint8Array[];
  /** Of the link-local address. */
  state: "TENTATIVE" | "PREFERRED" | "DUPLICATE";
  probesLeft: number;
  /** Nonces of the probes sent: what comes back with one of them is our own. */
  readonly nonces: Uint8Array[];
  loopedBack: boolean;
  deadline: Millis;
}

/** A solicitation's way here: who asked, and where an answer goes. */
export interface Asker {
  readonly address: Uint8Array;
  readonly mac: Uint8Array;
}

export interface LinkSurroundings {
  readonly settings: NeighborSettings;
  readonly counters: NeighborCounters;
  readonly random: Random;
}

export class OwnAddresses {
  readonly #links = new Map<number, Link>();
  readonly #around: LinkSurroundings;

  constructor(around: LinkSurroundings) {
    this.#around = around;
  }

  isUp(port: number): boolean {
    return this.#links.has(port);
  }

  /** False where nothing may be sent: the port is down, or its link-local address another node's. */
  isUsable(port: number): boolean {
    const link = this.#links.get(port);
    return link !== undefined && link.state !== "DUPLICATE";
  }

  /** The link-local address, once it is known to be unique. */
  senderOf(port: number): Sender | undefined {
    const link = this.#links.get(port);
    return link?.state === "PREFERRED" ? { mac: link.mac, address: link.linkLocal } : undefined;
  }

  deadline(): Millis {
    let first = NEVER;
    for (const link of this.#links.values()) first = Math.min(first, link.deadline);
    return first;
  }

  linkUp(turn: Turn, event: LinkUp): void {
    const { dupAddrDetectTransmits, maxDetectionDelay } = this.#around.settings;
    const delay = dupAddrDetectTransmits === 0 ? 0 : nextBelow(this.#around.random, maxDetectionDelay + 1);
    this.#links.set(event.port, {
      port: event.port,
      mac: event.mac,
      linkLocal: event.linkLocal,
      addresses: event.addresses,
      state: "TENTATIVE",
      probesLeft: dupAddrDetectTransmits,
      nonces: [],
      loopedBack: false,
      deadline: turn.now + delay,
    });
  }

  linkDown(port: number): void {
    this.#links.delete(port);
  }

  /** Sends the probes that are due; returns the ports whose link-local address proved unique. */
  expire(turn: Turn): number[] {
    const ready: number[] = [];
    for (const link of this.#links.values()) {
      if (link.deadline > turn.now) continue;
      if (link.probesLeft > 0) this.#probe(turn, link);
      else {
        this.#prefer(turn, link);
        ready.push(link.port);
      }
    }
    return ready;
  }

  #probe(turn: Turn, link: Link): void {
    const nonce = nextOctets(this.#around.random, 6);
    link.nonces.push(nonce);
    link.probesLeft--;
    link.deadline = turn.now + this.#around.settings.retransTimer;
    const frame = probeForDuplicate({ mac: link.mac, address: link.linkLocal }, nonce);
    turn.effects.push({ type: "send", port: link.port, frame });
    this.#around.counters.solicitationsSent++;
  }

  /** Unasked advertisements tell neighbors at once if our MAC is another than before (RFC 4861 §7.2.6). */
  #prefer(turn: Turn, link: Link): void {
    link.state = "PREFERRED";
    link.deadline = NEVER;
    link.nonces.length = 0;
    turn.effects.push({ type: "preferred", port: link.port, address: link.linkLocal });
    for (const address of [link.linkLocal, ...link.addresses])
      this.#send(turn, link.port, advertiseToAll({ mac: link.mac, address }));
  }

  /** What an address is to us on that port. */
  ownership(port: number, address: Uint8Array): "foreign" | "tentative" | "own" {
    const link = this.#links.get(port);
    if (!link || link.state === "DUPLICATE") return "foreign";
    if (sameAddress(address, link.linkLocal)) return link.state === "TENTATIVE" ? "tentative" : "own";
    return link.addresses.some((own) => sameAddress(address, own)) ? "own" : "foreign";
  }

  /** A solicitation of an address that is ours (RFC 4861 §7.2.4). */
  answer(turn: Turn, port: number, { target }: NeighborSolicitation, asker: Asker): void {
    const link = this.#links.get(port);
    if (!link) return;
    const own = { mac: link.mac, address: target };
    this.#send(
      turn,
      port,
      isUnspecified(asker.address) ? advertiseToAll(own) : advertise(own, asker.address, asker.mac),
    );
  }

  /**
   * A solicitation of our tentative address: from the unspecified address another node probes for it too (RFC 4862 §5.4.3),
   * or our own probe came back (RFC 7527 §4). Returns true when the link must not be used.
   */
  probedByOther(turn: Turn, port: number, message: NeighborSolicitation, asker: Asker): boolean {
    const link = this.#links.get(port);
    if (!link || !isUnspecified(asker.address)) return false; // they resolve the address: too early to answer
    const { nonce } = message.options;
    if (!nonce || !link.nonces.some((sent) => sameAddress(sent, nonce))) return this.#disable(turn, link, asker.mac);
    this.#around.counters.loopedBack++;
    if (!link.loopedBack) link.probesLeft += this.#around.settings.maxMulticastSolicit;
    link.loopedBack = true;
    return false;
  }

  /**
   * An advertisement of an address that is ours, from the node with `mac` (RFC 4862 §5.4.4). Returns true when the link must
   * not be used. Once the address is in use a forged advertisement must not stop us: it is reported only.
   */
  advertisedByOther(turn: Turn, port: number, { target }: NeighborAdvertisement, mac: Uint8Array): boolean {
    const link = this.#links.get(port);
    if (!link) return false;
    if (link.state === "TENTATIVE" && sameAddress(target, link.linkLocal)) return this.#disable(turn, link, mac);
    if (sameAddress(mac, link.mac)) {
      this.#around.counters.loopedBack++;
      return false;
    }
    this.#around.counters.duplicates++;
    turn.effects.push({ type: "duplicate", port, address: target, mac, disabled: false });
    return false;
  }

  /** RFC 4862 §5.4.5: two nodes with one hardware address, most likely; no address would help. */
  #disable(turn: Turn, link: Link, mac: Uint8Array): boolean {
    link.state = "DUPLICATE";
    link.deadline = NEVER;
    this.#around.counters.duplicates++;
    turn.effects.push({ type: "duplicate", port: link.port, address: link.linkLocal, mac, disabled: true });
    return true;
  }

  #send(turn: Turn, port: number, frame: Uint8Array): void {
    turn.effects.push({ type: "send", port, frame });
    this.#around.counters.advertisementsSent++;
  }
}
