/**
 * Router advertisements to a VM: when (RFC 4861 §6.2.4 … §6.2.6) and what (§6.2.3, RFC 8106 §5). No prefix is on link: all
 * a VM sends goes by the gateway, but for link-local addresses.
 */
import { isUnspecified } from "#base/address";
import { nextBetween } from "#base/random";
import { type Millis, NEVER } from "#base/time";
import { frameOf } from "#services/neighbors/messages";
import type { Advertising, Link, Turn, VmLink6Settings } from "#services/vm-link6/events";
import { ROUTER_ADVERTISEMENT } from "#wire/icmp6";
import { ALL_NODES, type RouterAdvertisement } from "#wire/nd";

/** MaxRtrAdvInterval and MinRtrAdvInterval by default (§6.2.1). */
const MAX_INTERVAL: Millis = 600_000;
const MIN_INTERVAL: Millis = 200_000;
/** Seconds: AdvDefaultLifetime by default, and what RFC 8106 §5.1 has for DNS. */
const LIFETIME = (3 * MAX_INTERVAL) / 1000;
const CUR_HOP_LIMIT = 64;
/** §10 */
const MAX_INITIAL_INTERVAL: Millis = 16_000;
const MAX_INITIAL_ADVERTISEMENTS = 3;
const MIN_DELAY_BETWEEN: Millis = 3_000;
const MAX_ANSWER_DELAY: Millis = 500;

/** A link that begins to be advertised on: the first is due at once. */
export const beginning = (now: Millis): Advertising => ({
  next: now,
  last: Number.NEGATIVE_INFINITY,
  initial: MAX_INITIAL_ADVERTISEMENTS,
  solicited: undefined,
});

/** What is advertised has changed: told as at the beginning (§6.2.4), but no sooner than all nodes may hear it. */
export function begunAnew(advertising: Advertising, now: Millis): void {
  advertising.initial = MAX_INITIAL_ADVERTISEMENTS;
  advertising.next = Math.max(now, advertising.last + MIN_DELAY_BETWEEN);
}

export const deadlineOf = ({ advertising: { next, solicited }, settings }: Link): Millis =>
  settings.advertises === false ? NEVER : Math.min(next, solicited?.at ?? NEVER);

/**
 * §6.2.6. A VM that can be reached is answered alone: the limit on what all nodes hear would let it wait for its network. One
 * answer is for all that it asks meanwhile.
 */
export function solicited({ advertising, settings }: Link, source: Uint8Array, mac: Uint8Array, turn: Turn): void {
  if (settings.advertises === false) return;
  const delay = nextBetween(turn.random, 0, MAX_ANSWER_DELAY);
  if (isUnspecified(source)) {
    const allowed = advertising.last + MIN_DELAY_BETWEEN;
    advertising.next = Math.min(advertising.next, turn.now < allowed ? allowed + delay : turn.now + delay);
  } else if (advertising.solicited === undefined) {
    advertising.solicited = { address: source, mac, at: turn.now + delay };
  }
}

/** Sends what is due. */
export function advertise({ port, settings, advertising }: Link, turn: Turn): void {
  const { solicited: asker } = advertising;
  if (settings.advertises === false) return;
  if (advertising.next <= turn.now) {
    const interval = nextBetween(turn.random, MIN_INTERVAL, MAX_INTERVAL);
    if (advertising.initial > 0) advertising.initial--;
    advertising.next = turn.now + (advertising.initial > 0 ? Math.min(MAX_INITIAL_INTERVAL, interval) : interval);
    advertising.last = turn.now;
    send(port, advertisementTo(ALL_NODES, settings, LIFETIME), turn);
  }
  if (asker !== undefined && asker.at <= turn.now) {
    advertising.solicited = undefined;
    send(port, advertisementTo(asker.address, settings, LIFETIME, asker.mac), turn);
  }
}

/** §6.2.5: the router is none from now on. Once, on a link that loses nothing. */
export function advertiseEnd({ port, settings }: Link, turn: Turn): void {
  if (settings.advertises !== false) send(port, advertisementTo(ALL_NODES, settings, 0), turn);
}

function send(port: number, frame: Uint8Array, { effects, counters }: Turn): void {
  effects.push({ type: "send", port, frame });
  counters.routerAdvertisements++;
}

function advertisementTo(
  destination: Uint8Array,
  settings: VmLink6Settings,
  lifetime: number,
  mac?: Uint8Array,
): Uint8Array {
  const { gateway, gatewayMac } = settings;
  const message = advertisementOf(settings, lifetime);
  return frameOf(gatewayMac, { source: gateway, destination, message }, mac);
}

/** The router's lifetime is that of nothing else in it (§4.2): the last one does not speak of the rest. */
function advertisementOf(settings: VmLink6Settings, routerLifetime: number): RouterAdvertisement {
  const { gatewayMac, managed, mtu, dnsServers, domains } = settings;
  const dns = {
    ...(dnsServers.length > 0 && { dnsServers: [{ lifetime: LIFETIME, servers: dnsServers }] }),
    ...(domains.length > 0 && { searchLists: [{ lifetime: LIFETIME, domains }] }),
  };
  return {
    type: ROUTER_ADVERTISEMENT,
    curHopLimit: CUR_HOP_LIMIT,
    managed,
    otherConfig: managed,
    routerLifetime,
    reachableTime: 0,
    retransTimer: 0,
    options: { sourceLinkLayer: gatewayMac, mtu, ...(routerLifetime > 0 && dns) },
  };
}
