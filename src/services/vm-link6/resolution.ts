/**
 * A VM's MAC address: learnt from what the VM says, asked for when a packet waits for it (RFC 4861 §7.2.2). One MAC for all
 * its addresses: there is one network card behind a port. It is not probed for reachability (§7.3): no other way leads to a
 * VM, and what comes from it says where it is.
 */
import { sameAddress } from "#base/address";
import { type Millis, NEVER } from "#base/time";
import { solicit } from "#services/neighbors/messages";
import { isUnicastMac } from "#services/vm-link6/checks";
import type { HeldPacket, Link, Turn } from "#services/vm-link6/events";

/** §10 */
const MAX_MULTICAST_SOLICIT = 3;
const RETRANS_TIMER: Millis = 1000;
/** How long packets are refused at once before the VM is asked again. */
const FAILED: Millis = 3000;
/** Packets held per VM. */
const MAX_HELD = 3;

/** The VM has this MAC. One that was learnt before may change: the VM may have got another network card. */
export function learn(link: Link, mac: Uint8Array, { effects, counters }: Turn): void {
  if (link.settings.mac !== undefined || !isUnicastMac(mac)) return;
  if (link.mac !== undefined && sameAddress(link.mac, mac)) return;
  link.mac = mac.slice(0, 6);
  counters.learnt++;
  rest(link);
  effects.push({ type: "adjacency", port: link.port, mac: link.mac });
  if (link.held.length > 0) effects.push({ type: "release", held: namesOf(link.held) });
  link.held = [];
}

/** A packet waits. Where the VM has just failed to answer, it comes back to be refused. */
export function resolve(link: Link, packet: HeldPacket, turn: Turn): void {
  if (link.mac !== undefined || link.resolution === "failed") {
    turn.effects.push({ type: "release", held: [packet.held] });
    return;
  }
  link.held.push(packet);
  if (link.held.length > MAX_HELD)
    turn.effects.push({ type: "drop", held: namesOf(link.held.splice(0, 1)), reason: "overflow" });
  if (link.resolution === "asking") return;
  link.resolution = "asking";
  ask(link, turn);
}

/** Asks again, gives up for a while, or is ready to ask anew. */
export function expire(link: Link, turn: Turn): void {
  if (link.deadline > turn.now) return;
  if (link.resolution === "failed") {
    rest(link);
    turn.effects.push({ type: "adjacency", port: link.port, mac: "unresolved" });
  } else if (link.asked < MAX_MULTICAST_SOLICIT) {
    ask(link, turn);
  } else {
    link.resolution = "failed";
    link.deadline = turn.now + FAILED;
    const held = namesOf(link.held);
    turn.effects.push({ type: "adjacency", port: link.port, mac: "failed" }, { type: "release", held });
    link.held = [];
  }
}

/** Nothing is asked. */
function rest(link: Link): void {
  link.resolution = "idle";
  link.asked = 0;
  link.deadline = NEVER;
}

/** For each address that a packet waits for: the VM may not have taken all of them yet. */
function ask(link: Link, { now, effects, counters }: Turn): void {
  const { port, settings, held } = link;
  const from = { mac: settings.gatewayMac, address: settings.gateway };
  const addresses = held.map(({ address }) => address);
  const distinct = addresses.filter((address, i) => addresses.findIndex((a) => sameAddress(a, address)) === i);
  for (const address of distinct) {
    effects.push({ type: "send", port, frame: solicit(from, address) });
    counters.asked++;
  }
  link.asked++;
  link.deadline = now + RETRANS_TIMER;
}

export const namesOf = (held: readonly HeldPacket[]): number[] => held.map((packet) => packet.held);
