/**
 * ARP on a gateway's outside link (RFC 826), sans-IO: where the next hop is and whether it still answers, and answers for
 * the addresses there that are the gateway's to answer for. The next hop is asked every second for as long as the link
 * is up, since nothing else would tell that it is gone: other gateways are to take over then.
 */
import { contains, type Prefix } from "#base/address";
import { equal } from "#base/bytes";
import { type Millis, NEVER } from "#base/time";
import * as arp from "#wire/arp";
import { BROADCAST, SIZE as ETHERNET, ETHERTYPE_ARP, etherType, frame, SOURCE } from "#wire/ethernet";

export interface OutsideArpSettings {
  /** The gateway's own MAC and IPv4 address. */
  readonly mac: Uint8Array;
  readonly address: Uint8Array;
  readonly nextHop: Uint8Array;
  /** Further addresses that are answered for. */
  readonly answered: readonly Prefix[];
}

export type OutsideArpEvent =
  | { readonly type: "attach"; readonly settings: OutsideArpSettings }
  | { readonly type: "detach" }
  /** A whole Ethernet frame. */
  | { readonly type: "frame"; readonly frame: Uint8Array }
  | { readonly type: "timer" };

export type OutsideArpEffect =
  | { readonly type: "send"; readonly frame: Uint8Array }
  /** Where the next hop is; undefined: it does not answer. */
  | { readonly type: "nextHop"; readonly mac: Uint8Array | undefined }
  /** The frame was no ARP message, or one that cannot be. */
  | { readonly type: "malformed" };

/** Between requests, and how many may go unanswered. */
const INTERVAL: Millis = 1000;
const PATIENCE = 3;
const NOBODY = new Uint8Array(6);

export class OutsideArp {
  #settings: OutsideArpSettings | undefined;
  #mac: Uint8Array | undefined;
  #unanswered = 0;
  #deadline: Millis = NEVER;

  handle(event: OutsideArpEvent, now: Millis): OutsideArpEffect[] {
    const effects: OutsideArpEffect[] = [];
    if (event.type === "attach") this.#attach(effects, event.settings, now);
    else if (event.type === "detach") this.#detach(effects);
    else if (this.#settings === undefined) return effects;
    else if (event.type === "frame") this.#frame(effects, this.#settings, event.frame);
    else if (now >= this.#deadline) this.#ask(effects, this.#settings, now);
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
  #attach(effects: OutsideArpEffect[], settings: OutsideArpSettings, now: Millis): void {
    const before = this.#settings;
    this.#settings = settings;
    const isSame =
      before !== undefined &&
      Buffer.compare(before.nextHop, settings.nextHop) === 0 &&
      Buffer.compare(before.mac, settings.mac) === 0 &&
      Buffer.compare(before.address, settings.address) === 0;
    if (isSame) return;
    this.#mac = undefined;
    this.#unanswered = 0;
    const { address } = settings;
    // An announcement (RFC 5227 §3): whoever knew the address at another MAC learns of this one.
    effects.push({ type: "send", frame: message(settings, BROADCAST, { operation: arp.REQUEST, target: address }) });
    this.#ask(effects, settings, now);
  }

  #detach(effects: OutsideArpEffect[]): void {
    this.#settings = undefined;
    this.#deadline = NEVER;
    if (this.#mac === undefined) return;
    this.#mac = undefined;
    effects.push({ type: "nextHop", mac: undefined });
  }

  #ask(effects: OutsideArpEffect[], settings: OutsideArpSettings, now: Millis): void {
    if (this.#unanswered >= PATIENCE && this.#mac !== undefined) {
      this.#mac = undefined;
      effects.push({ type: "nextHop", mac: undefined });
    }
    const request = { operation: arp.REQUEST, target: settings.nextHop };
    effects.push({ type: "send", frame: message(settings, this.#mac ?? BROADCAST, request) });
    this.#unanswered++;
    this.#deadline = now + INTERVAL;
  }

  #frame(effects: OutsideArpEffect[], settings: OutsideArpSettings, b: Uint8Array): void {
    const isWhole = arp.fits(b, ETHERNET, b.length) && etherType(b, 0) === ETHERTYPE_ARP;
    const sender = ETHERNET + arp.SENDER_HARDWARE;
    if (!isWhole || !equal(b, SOURCE, b, sender, 6) || (b[sender]! & 1) !== 0 || equal(b, sender, NOBODY, 0, 6)) {
      effects.push({ type: "malformed" });
      return;
    }
    if (equal(b, ETHERNET + arp.SENDER_PROTOCOL, settings.nextHop, 0, 4))
      this.#heard(effects, b.slice(sender, sender + 6));
    if (arp.operation(b, ETHERNET) !== arp.REQUEST) return;
    const target = arp.targetProtocol(b, ETHERNET);
    if (!isAnswered(settings, target) || arp.isAnnouncement(b, ETHERNET)) return;
    const reply = { operation: arp.REPLY, sender: target, target: arp.senderProtocol(b, ETHERNET) };
    effects.push({ type: "send", frame: message(settings, b.slice(sender, sender + 6), reply) });
  }

  #heard(effects: OutsideArpEffect[], mac: Uint8Array): void {
    this.#unanswered = 0;
    if (this.#mac !== undefined && Buffer.compare(this.#mac, mac) === 0) return;
    this.#mac = mac;
    effects.push({ type: "nextHop", mac });
  }
}

const isAnswered = ({ address, answered }: OutsideArpSettings, target: Uint8Array): boolean =>
  Buffer.compare(address, target) === 0 || answered.some((prefix) => contains(prefix, target));

interface Message {
  readonly operation: number;
  /** Default: the gateway's own. */
  readonly sender?: Uint8Array;
  readonly target: Uint8Array;
}

function message({ mac, address }: OutsideArpSettings, to: Uint8Array, words: Message): Uint8Array {
  const payload = new Uint8Array(arp.SIZE);
  arp.write(payload, 0, {
    operation: words.operation,
    senderHardware: mac,
    senderProtocol: words.sender ?? address,
    targetHardware: words.operation === arp.REPLY ? to : NOBODY,
    targetProtocol: words.target,
  });
  return frame(to, mac, ETHERTYPE_ARP, payload);
}
