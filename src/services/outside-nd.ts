/**
 * Neighbor discovery on a gateway's outside link (RFC 4861 §7, RFC 4862 §5.4), sans-IO: as outside-arp.ts does for IPv4. The
 * gateway's addresses there are tested for duplicates, the next hop is asked every second for as long as the link is up, and
 * solicitations for the gateway's addresses, and for those inside that are on the link's subnet, are answered (§7.2.8).
 *
 * What a router advertises is not obeyed: the next hop is configured.
 */
import { contains, formatIpv6, isUnspecified, type Prefix, sameAddress } from "#base/address";
import { Malformed } from "#base/reader";
import { type Millis, NEVER } from "#base/time";
import {
  advertise,
  advertiseToAll,
  frameOf,
  probeForDuplicate,
  type Sender,
  solicit,
} from "#services/neighbors/messages";
import { SIZE as ETHERNET, SOURCE } from "#wire/ethernet";
import { NEIGHBOR_ADVERTISEMENT, NEIGHBOR_SOLICITATION } from "#wire/icmp6";
import { ALL_NODES, type NdPacket, readNd } from "#wire/nd";

export interface OutsideNdSettings {
  /** The gateway's own. */
  readonly mac: Uint8Array;
  readonly address: Uint8Array;
  readonly linkLocal: Uint8Array;
  readonly nextHop: Uint8Array;
  /** Further addresses that are answered for. */
  readonly answered: readonly Prefix[];
  /** Six random octets: tells our own probe when it comes back (RFC 7527). */
  readonly nonce: Uint8Array;
}

export type OutsideNdEvent =
  | { readonly type: "attach"; readonly settings: OutsideNdSettings }
  | { readonly type: "detach" }
  /** A whole Ethernet frame. */
  | { readonly type: "frame"; readonly frame: Uint8Array }
  | { readonly type: "timer" };

export type OutsideNdEffect =
  | { readonly type: "send"; readonly frame: Uint8Array }
  /** Where the next hop is; undefined: it does not answer. */
  | { readonly type: "nextHop"; readonly mac: Uint8Array | undefined }
  /** Another has the gateway's address: IPv6 stays down until the link comes up anew. */
  | { readonly type: "duplicate"; readonly address: string }
  /** The frame was no neighbor discovery message, or one that cannot be. */
  | { readonly type: "malformed" };

/** Between solicitations (RetransTimer), also how long a probe waits; and how many may go unanswered. */
const INTERVAL: Millis = 1000;
const PATIENCE = 3;

export class OutsideNd {
  #settings: OutsideNdSettings | undefined;
  /** "probing": its addresses are not its own yet. "silent": another has one. */
  #state: "probing" | "speaking" | "silent" = "silent";
  #mac: Uint8Array | undefined;
  #unanswered = 0;
  #deadline: Millis = NEVER;

  handle(event: OutsideNdEvent, now: Millis): OutsideNdEffect[] {
    const effects: OutsideNdEffect[] = [];
    if (event.type === "attach") this.#attach(effects, event.settings, now);
    else if (event.type === "detach") this.#detach(effects);
    else if (this.#settings === undefined) return effects;
    else if (event.type === "frame") this.#frame(effects, this.#settings, event.frame);
    else if (now >= this.#deadline) this.#timer(effects, this.#settings, now);
    return effects;
  }

  /** When handle() wants to be called next, at the latest. */
  deadline(): Millis {
    return this.#deadline;
  }

  /** The next hop's; undefined: it does not answer. */
  get mac(): Uint8Array | undefined {
    return this.#mac;
  }

  /** With other settings, a next hop that is the same stays known. */
  #attach(effects: OutsideNdEffect[], settings: OutsideNdSettings, now: Millis): void {
    const before = this.#settings;
    this.#settings = settings;
    const isSame =
      before !== undefined &&
      Buffer.compare(before.mac, settings.mac) === 0 &&
      sameAddress(before.address, settings.address) &&
      sameAddress(before.nextHop, settings.nextHop);
    if (isSame) return;
    this.#mac = undefined;
    this.#unanswered = 0;
    this.#state = "probing";
    for (const own of ownOf(settings)) effects.push({ type: "send", frame: probeForDuplicate(own, settings.nonce) });
    this.#deadline = now + INTERVAL;
  }

  #detach(effects: OutsideNdEffect[]): void {
    this.#settings = undefined;
    this.#state = "silent";
    this.#deadline = NEVER;
    this.#lose(effects);
  }

  #lose(effects: OutsideNdEffect[]): void {
    if (this.#mac === undefined) return;
    this.#mac = undefined;
    effects.push({ type: "nextHop", mac: undefined });
  }

  #timer(effects: OutsideNdEffect[], settings: OutsideNdSettings, now: Millis): void {
    if (this.#state === "probing") {
      this.#state = "speaking";
      // Whoever knew the addresses at another MAC learns of this one (RFC 4861 §7.2.6).
      for (const own of ownOf(settings)) effects.push({ type: "send", frame: advertiseToAll(own) });
    }
    if (this.#unanswered >= PATIENCE) this.#lose(effects);
    const from = { mac: settings.mac, address: settings.linkLocal };
    effects.push({ type: "send", frame: solicit(from, settings.nextHop, this.#mac) });
    this.#unanswered++;
    this.#deadline = now + INTERVAL;
  }

  #frame(effects: OutsideNdEffect[], settings: OutsideNdSettings, b: Uint8Array): void {
    const packet = readNd(b, ETHERNET, b.length);
    if (packet instanceof Malformed) {
      effects.push({ type: "malformed" });
      return;
    }
    const from = b.slice(SOURCE, SOURCE + 6);
    if (Buffer.compare(from, settings.mac) === 0 || this.#state === "silent") return;
    if (packet.message.type === NEIGHBOR_ADVERTISEMENT) this.#advertised(effects, settings, { packet, from });
    else if (packet.message.type === NEIGHBOR_SOLICITATION) this.#solicited(effects, settings, { packet, from });
  }

  #advertised(effects: OutsideNdEffect[], settings: OutsideNdSettings, { packet: { message }, from }: Asked): void {
    if (message.type !== NEIGHBOR_ADVERTISEMENT) return;
    const { target, options } = message;
    if (this.#isTaken(effects, settings, target)) return;
    // Who was asked by its MAC address need not say it (RFC 4861 §4.4).
    if (sameAddress(target, settings.nextHop)) this.#heard(effects, options.targetLinkLayer ?? from);
  }

  #solicited(effects: OutsideNdEffect[], settings: OutsideNdSettings, { packet, from }: Asked): void {
    const { source, message } = packet;
    if (message.type !== NEIGHBOR_SOLICITATION) return;
    const { target, options } = message;
    if (isUnspecified(source)) {
      const isEcho = options.nonce !== undefined && Buffer.compare(options.nonce, settings.nonce) === 0;
      if (isEcho || this.#isTaken(effects, settings, target)) return;
    } else if (sameAddress(source, settings.nextHop)) this.#heard(effects, options.sourceLinkLayer ?? from);
    if (this.#state !== "speaking" || !isAnswered(settings, target)) return;
    const own = { mac: settings.mac, address: target };
    const isOwn = ownOf(settings).some(({ address }) => sameAddress(address, target));
    if (isUnspecified(source)) {
      // Who tries an address that is inside is told that it is taken (RFC 4862 §5.4.3).
      effects.push({ type: "send", frame: isOwn ? advertiseToAll(own) : proxied(own, ALL_NODES) });
    } else {
      effects.push({ type: "send", frame: isOwn ? advertise(own, source, from) : proxied(own, source, from) });
    }
  }

  /** While probing, true when another has, or tries, the gateway's own address (RFC 4862 §5.4.3, §5.4.4). */
  #isTaken(effects: OutsideNdEffect[], settings: OutsideNdSettings, target: Uint8Array): boolean {
    if (this.#state !== "probing" || !ownOf(settings).some(({ address }) => sameAddress(address, target))) return false;
    this.#state = "silent";
    this.#deadline = NEVER;
    effects.push({ type: "duplicate", address: formatIpv6(target) });
    return true;
  }

  #heard(effects: OutsideNdEffect[], mac: Uint8Array): void {
    if (this.#state !== "speaking" || (mac[0]! & 1) !== 0) return;
    this.#unanswered = 0;
    if (this.#mac !== undefined && Buffer.compare(this.#mac, mac) === 0) return;
    this.#mac = mac.slice();
    effects.push({ type: "nextHop", mac: this.#mac });
  }
}

interface Asked {
  readonly packet: NdPacket;
  /** The MAC address that it came from. */
  readonly from: Uint8Array;
}

const ownOf = ({ mac, linkLocal, address }: OutsideNdSettings): Sender[] => [
  { mac, address: linkLocal },
  { mac, address },
];

const isAnswered = (settings: OutsideNdSettings, target: Uint8Array): boolean =>
  ownOf(settings).some(({ address }) => sameAddress(address, target)) ||
  settings.answered.some((prefix) => contains(prefix, target));

/** For another: without Override, so that whoever has the address itself is believed first (RFC 4861 §7.2.8). */
function proxied({ mac, address }: Sender, asker: Uint8Array, to?: Uint8Array): Uint8Array {
  const message = {
    type: NEIGHBOR_ADVERTISEMENT,
    router: true,
    solicited: to !== undefined,
    override: false,
    target: address,
    options: { targetLinkLayer: mac },
  } as const;
  return frameOf(mac, { source: address, destination: asker, message }, to);
}
