/**
 * DHCPv4 towards VMs (RFC 2131), sans-IO. A VM has one address, the configured one, and its lease is that: with nothing to
 * choose and nothing to give away, a lease only tells what became of it. A VM is who is at its port; what it calls itself
 * (RFC 4361) makes no difference. It is alone there, so no other server can be meant.
 */
import { sameAddress } from "#base/address";
import { type Millis, NEVER } from "#base/time";
import type { Dhcp4Counters, Dhcp4Effect, Dhcp4Event, Dhcp4Settings, Lease } from "#services/dhcp4/events";
import { replyTo } from "#services/dhcp4/reply";
import { requestIn } from "#services/dhcp4/request";
import { DECLINED, enter, isDeclined, lapse } from "#services/lease";
import { BURST, takeToken } from "#services/token-bucket";
import { ACK, DECLINE, type Dhcp4Message, DISCOVER, INFORM, NAK, OFFER, RELEASE, REQUEST } from "#wire/dhcp4";

/** Of what a client says of itself, so much is remembered. */
const LONGEST_NAME = 63;
const MOST_REQUESTED = 64;

export class Dhcp4Server {
  readonly counters: Dhcp4Counters = {
    discovers: 0,
    offers: 0,
    requests: 0,
    acks: 0,
    naks: 0,
    declines: 0,
    releases: 0,
    informs: 0,
    expired: 0,
    limited: 0,
    malformed: 0,
    relayed: 0,
    foreignClient: 0,
    otherServer: 0,
    declined: 0,
  };
  readonly #leases = new Map<number, Lease>();

  handle(event: Dhcp4Event, now: Millis): Dhcp4Effect[] {
    switch (event.type) {
      case "serve":
        this.#serve(event.port, event.settings, now);
        return [];
      case "end":
        this.#leases.delete(event.port);
        return [];
      case "timer":
        this.#expire(now);
        return [];
      case "frame": {
        const lease = this.#leases.get(event.port);
        if (lease === undefined) return [ignored(event.port)];
        if (!takeToken(lease, now)) {
          this.counters.limited++;
          return [{ type: "lost", port: lease.port, reason: "limited" }];
        }
        const message = requestIn(event.frame, event.unfinished);
        if (typeof message !== "string") return this.#request(lease, message, now);
        this.counters[message]++;
        return [ignored(lease.port)];
      }
    }
  }

  /** When handle() wants to be called next, at the latest. */
  deadline(): Millis {
    let first = NEVER;
    for (const lease of this.#leases.values()) first = Math.min(first, lease.deadline);
    return first;
  }

  /** In the order they were first served. */
  leases(): IterableIterator<Readonly<Lease>> {
    return this.#leases.values();
  }

  #serve(port: number, settings: Dhcp4Settings, now: Millis): void {
    const lease = this.#leases.get(port);
    if (lease !== undefined && sameAddress(lease.settings.address, settings.address)) {
      lease.settings = settings;
      return;
    }
    this.#leases.set(port, {
      port,
      settings,
      state: "none",
      deadline: NEVER,
      lastSeen: undefined,
      mac: undefined,
      hostName: undefined,
      requested: [],
      tokens: BURST,
      refilled: now,
    });
  }

  #expire(now: Millis): void {
    for (const lease of this.#leases.values()) if (lapse(lease, now)) this.counters.expired++;
  }

  /** RFC 2131 §4.3. */
  #request(lease: Lease, message: Dhcp4Message, now: Millis): Dhcp4Effect[] {
    const { serverIdentifier } = message.options;
    if (serverIdentifier !== undefined && !sameAddress(serverIdentifier, lease.settings.gateway)) {
      this.counters.otherServer++;
      return [ignored(lease.port)];
    }
    remember(lease, message, now);
    switch (message.type) {
      case DISCOVER:
        this.counters.discovers++;
        return this.#discover(lease, message, now);
      case REQUEST:
        this.counters.requests++;
        return this.#wanted(lease, message, now);
      case DECLINE:
        this.counters.declines++;
        return this.#decline(lease, message, now);
      case RELEASE:
        this.counters.releases++;
        return this.#release(lease, message);
      case INFORM:
        this.counters.informs++;
        return this.#inform(lease, message);
      default: // a server's
        this.counters.malformed++;
        return [ignored(lease.port)];
    }
  }

  /** §4.3.1 */
  #discover(lease: Lease, message: Dhcp4Message, now: Millis): Dhcp4Effect[] {
    if (this.#isDeclined(lease, now)) return [ignored(lease.port)];
    enter(lease, "offered");
    this.counters.offers++;
    return [reply(lease, message, OFFER)];
  }

  /**
   * §4.3.2. Selecting and rebooting clients name the address in an option, renewing and rebinding ones in ciaddr; all are
   * told the same. The server knows each of its clients, so a wrong address is never passed over in silence.
   */
  #wanted(lease: Lease, message: Dhcp4Message, now: Millis): Dhcp4Effect[] {
    const address = message.options.requestedAddress ?? message.ciaddr;
    if (isZero(address)) {
      this.counters.malformed++;
      return [ignored(lease.port)];
    }
    if (this.#isDeclined(lease, now)) return [ignored(lease.port)];
    if (!sameAddress(address, lease.settings.address)) {
      this.counters.naks++;
      return [reply(lease, message, NAK)];
    }
    enter(lease, "bound", now + lease.settings.leaseTime * 1000);
    this.counters.acks++;
    return [reply(lease, message, ACK)];
  }

  /** §4.3.3 */
  #decline(lease: Lease, message: Dhcp4Message, now: Millis): Dhcp4Effect[] {
    const { requestedAddress } = message.options;
    if (requestedAddress === undefined || !sameAddress(requestedAddress, lease.settings.address)) {
      return [ignored(lease.port)];
    }
    enter(lease, "declined", now + DECLINED);
    return [{ type: "declined", port: lease.port }];
  }

  /** §4.3.4 */
  #release(lease: Lease, message: Dhcp4Message): Dhcp4Effect[] {
    if (!sameAddress(message.ciaddr, lease.settings.address)) return [ignored(lease.port)];
    enter(lease, "released");
    return [];
  }

  /** §4.3.5. Anybody else's address at this port is none that an answer would reach. */
  #inform(lease: Lease, message: Dhcp4Message): Dhcp4Effect[] {
    if (!sameAddress(message.ciaddr, lease.settings.address)) return [ignored(lease.port)];
    if (lease.state !== "bound") enter(lease, "told");
    this.counters.acks++;
    return [reply(lease, message, ACK)];
  }

  #isDeclined(lease: Lease, now: Millis): boolean {
    if (!isDeclined(lease, now)) return false;
    this.counters.declined++;
    return true;
  }
}

const isZero = (address: Uint8Array): boolean => address.every((octet) => octet === 0);

const ignored = (port: number): Dhcp4Effect => ({ type: "lost", port, reason: "ignored" });

const reply = (lease: Lease, request: Dhcp4Message, type: number): Dhcp4Effect => ({
  type: "send",
  port: lease.port,
  frame: replyTo(request, type, lease.settings),
});

function remember(lease: Lease, { chaddr, options }: Dhcp4Message, now: Millis): void {
  lease.lastSeen = now;
  lease.mac = chaddr;
  // It ends up on terminals.
  lease.hostName = options.hostName?.slice(0, LONGEST_NAME).replace(/[^!-~]/g, "?") ?? lease.hostName;
  lease.requested = options.requested?.slice(0, MOST_REQUESTED) ?? lease.requested;
}
