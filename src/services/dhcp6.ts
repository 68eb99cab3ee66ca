/**
 * DHCPv6 towards VMs (RFC 8415), sans-IO. A VM has the configured addresses and can have no others, so a lease only tells
 * what became of one. A VM is who is at its port; what it calls itself makes no difference. It is alone there with this
 * server: a Solicit with Rapid Commit is committed at once, and associations the server has not heard of are new ones.
 */
import { sameAddress } from "#base/address";
import { type Millis, NEVER } from "#base/time";
import { areOnLink, assign, ownIn, type Purpose, withoutBinding } from "#services/dhcp6/assignment";
import type { Client6, Dhcp6Counters, Dhcp6Effect, Dhcp6Event, Dhcp6Settings, Lease6 } from "#services/dhcp6/events";
import { replyTo, requestedOptions } from "#services/dhcp6/reply";
import { type Request, requestIn } from "#services/dhcp6/request";
import { DECLINED, enter, isDeclined, lapse } from "#services/lease";
import { BURST, takeToken } from "#services/token-bucket";
import * as dhcp from "#wire/dhcp6";
import { type Dhcp6Options, INFINITY, NOT_ON_LINK, SUCCESS, USE_MULTICAST } from "#wire/dhcp6-options";

/** Of what a client asks for, so much is remembered. */
const MOST_REQUESTED = 64;

export class Dhcp6Server {
  readonly counters: Dhcp6Counters = {
    solicits: 0,
    requests: 0,
    confirms: 0,
    renews: 0,
    rebinds: 0,
    releases: 0,
    declines: 0,
    informationRequests: 0,
    advertises: 0,
    replies: 0,
    expired: 0,
    limited: 0,
    malformed: 0,
    relayed: 0,
    foreignClient: 0,
    otherServer: 0,
    unicast: 0,
  };
  readonly #clients = new Map<number, Client6>();

  handle(event: Dhcp6Event, now: Millis): Dhcp6Effect[] {
    switch (event.type) {
      case "serve":
        this.#serve(event.port, event.settings, now);
        return [];
      case "end":
        this.#clients.delete(event.port);
        return [];
      case "timer":
        this.#expire(now);
        return [];
      case "frame": {
        const client = this.#clients.get(event.port);
        if (client === undefined) return [ignored(event.port)];
        if (!takeToken(client, now)) {
          this.counters.limited++;
          return [{ type: "lost", port: client.port, reason: "limited" }];
        }
        const request = requestIn(event.frame, event.unfinished, client.settings);
        if (typeof request !== "string") return this.#request(client, request, now);
        this.counters[request]++;
        return [ignored(client.port)];
      }
    }
  }

  /** When handle() wants to be called next, at the latest. */
  deadline(): Millis {
    let first = NEVER;
    for (const { leases } of this.#clients.values())
      for (const { deadline } of leases) first = Math.min(first, deadline);
    return first;
  }

  /** In the order they were first served. */
  clients(): IterableIterator<Readonly<Client6>> {
    return this.#clients.values();
  }

  /** Leases of addresses that stay are kept. */
  #serve(port: number, settings: Dhcp6Settings, now: Millis): void {
    const before = this.#clients.get(port);
    const leases = settings.addresses.map(
      (address): Lease6 =>
        before?.leases.find((lease) => sameAddress(lease.address, address)) ?? {
          address,
          state: "none",
          deadline: NEVER,
        },
    );
    if (before !== undefined) {
      before.settings = settings;
      before.leases = leases;
      return;
    }
    const unheard = { lastSeen: undefined, duid: undefined, mac: undefined, requested: [] };
    this.#clients.set(port, { port, settings, leases, ...unheard, tokens: BURST, refilled: now });
  }

  #expire(now: Millis): void {
    for (const { leases } of this.#clients.values())
      for (const lease of leases) if (lapse(lease, now)) this.counters.expired++;
  }

  /** §18.3 */
  #request(client: Client6, request: Request, now: Millis): Dhcp6Effect[] {
    remember(client, request, now);
    if (request.unicast) {
      this.counters.unicast++;
      return this.#reply(client, request, { status: { code: USE_MULTICAST, message: "ask ff02::1:2" } });
    }
    switch (request.message.type) {
      case dhcp.SOLICIT:
        this.counters.solicits++;
        return this.#solicit(client, request, now);
      case dhcp.REQUEST:
        this.counters.requests++;
        return this.#lease(client, request, "assign", now);
      case dhcp.CONFIRM:
        this.counters.confirms++;
        return this.#confirm(client, request);
      case dhcp.RENEW:
        this.counters.renews++;
        return this.#lease(client, request, "extend", now);
      case dhcp.REBIND:
        this.counters.rebinds++;
        return this.#lease(client, request, "extend", now);
      case dhcp.RELEASE:
        this.counters.releases++;
        return this.#release(client, request);
      case dhcp.DECLINE:
        this.counters.declines++;
        return this.#decline(client, request, now);
      default: // the only one left
        this.counters.informationRequests++;
        return this.#inform(client, request);
    }
  }

  /** §18.3.1. Hints of addresses that are none of the VM's are better met by an offer than by a refusal. */
  #solicit(client: Client6, request: Request, now: Millis): Dhcp6Effect[] {
    const { rapidCommit, ...asked } = request.message.options;
    if (rapidCommit && areOnLink(asked, client.settings) !== false)
      return this.#lease(client, request, "assign", now, { rapidCommit });
    const associations = assign(asked, available(client, now), "offer", client.settings);
    for (const lease of leasesIn(client, associations)) enter(lease, "offered");
    this.counters.advertises++;
    const { preference } = client.settings;
    const options = { ...associations, ...(preference !== undefined && { preference }), ...wanted(client, request) };
    return [send(client, request, dhcp.ADVERTISE, options)];
  }

  /** §18.3.2, §18.3.4, §18.3.5. */
  #lease(client: Client6, request: Request, purpose: Purpose, now: Millis, more: Dhcp6Options = {}): Dhcp6Effect[] {
    const { leaseTime } = client.settings;
    const associations = assign(request.message.options, available(client, now), purpose, client.settings);
    const end = leaseTime === INFINITY ? NEVER : now + leaseTime * 1000;
    for (const lease of leasesIn(client, associations)) enter(lease, "bound", end);
    return this.#reply(client, request, { ...associations, ...more, ...wanted(client, request) });
  }

  /** §18.3.3 */
  #confirm(client: Client6, request: Request): Dhcp6Effect[] {
    const onLink = areOnLink(request.message.options, client.settings);
    if (onLink === undefined) return [ignored(client.port)];
    const status = onLink ? SUCCEEDED : { code: NOT_ON_LINK, message: "not this VM's addresses" };
    return this.#reply(client, request, { status });
  }

  /** §18.3.7 */
  #release(client: Client6, request: Request): Dhcp6Effect[] {
    for (const lease of leasesIn(client, request.message.options)) enter(lease, "released");
    return this.#done(client, request);
  }

  /** §18.3.8 */
  #decline(client: Client6, request: Request, now: Millis): Dhcp6Effect[] {
    const declined = leasesIn(client, request.message.options);
    for (const lease of declined) enter(lease, "declined", now + DECLINED);
    const news = declined.map(({ address }) => ({ type: "declined", port: client.port, address }) as const);
    return [...this.#done(client, request), ...news];
  }

  #done(client: Client6, request: Request): Dhcp6Effect[] {
    const unbound = withoutBinding(request.message.options, client.settings);
    return this.#reply(client, request, { status: SUCCEEDED, ...unbound });
  }

  /** §18.3.6 */
  #inform(client: Client6, request: Request): Dhcp6Effect[] {
    for (const lease of client.leases) if (lease.state !== "bound") enter(lease, "told");
    return this.#reply(client, request, wanted(client, request));
  }

  #reply(client: Client6, request: Request, options: Dhcp6Options): Dhcp6Effect[] {
    this.counters.replies++;
    return [send(client, request, dhcp.REPLY, options)];
  }
}

const SUCCEEDED = { code: SUCCESS, message: "" };

const ignored = (port: number): Dhcp6Effect => ({ type: "lost", port, reason: "ignored" });

const send = (client: Client6, request: Request, type: number, options: Dhcp6Options): Dhcp6Effect => ({
  type: "send",
  port: client.port,
  frame: replyTo(request, type, options, client.settings),
});

const wanted = (client: Client6, { message }: Request): Dhcp6Options => requestedOptions(message, client.settings);

const available = ({ leases }: Client6, now: Millis): Uint8Array[] =>
  leases.filter((lease) => !isDeclined(lease, now)).map(({ address }) => address);

/** Of the VM's leases, those that the associations of addresses name. */
const leasesIn = ({ leases }: Client6, { iaNa = [] }: Dhcp6Options): Lease6[] =>
  leases.filter(({ address }) => iaNa.some((ia) => ownIn(ia, [address]).length > 0));

function remember(client: Client6, { message: { options }, mac }: Request, now: Millis): void {
  client.lastSeen = now;
  client.mac = mac;
  client.duid = options.clientId ?? client.duid;
  client.requested = options.requested?.slice(0, MOST_REQUESTED) ?? client.requested;
}
