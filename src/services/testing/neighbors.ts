/** For tests: a cache with a neighbor in any state, events in few words, effects as lines to read. */
import { expect } from "bun:test";
import { formatIpv6, formatMac, linkLocalFromMac, parseIpv6 } from "#base/address";
import { Malformed } from "#base/reader";
import { Neighbors } from "#services/neighbors";
import type { NeighborEffect, NeighborEvent, NeighborSettings } from "#services/neighbors/events";
import * as ethernet from "#wire/ethernet";
import * as icmp6 from "#wire/icmp6";
import * as nd from "#wire/nd";

export const ip = (text: string) => parseIpv6(text)!;
export const macOf = (n: number) => Uint8Array.of(2, 0, 0, 0, n >> 8, n);
export const PORT = 3;

/** Effects as short lines: what a reader of a test wants to see. */
export function lines(effects: readonly NeighborEffect[]): string[] {
  return effects.map((e) => {
    switch (e.type) {
      case "send":
        return describeFrame(e.frame);
      case "adjacency":
        return `adjacency ${formatIpv6(e.address)} ${typeof e.mac === "string" ? e.mac : formatMac(e.mac)}`;
      case "router":
        return `router ${formatIpv6(e.address)} ${e.isRouter}`;
      case "preferred":
        return `preferred ${formatIpv6(e.address)}`;
      case "duplicate":
        return `duplicate ${formatIpv6(e.address)} of ${formatMac(e.mac)}${e.disabled ? ", disabled" : ""}`;
      case "drop":
        return `drop ${e.held.join(",")} ${e.reason}`;
      default:
        return `${e.type} ${e.held.join(",")}`;
    }
  });
}

function describeFrame(frame: Uint8Array): string {
  const packet = readFrame(frame);
  const { message: m } = packet;
  const to = `${formatMac(frame)} ${formatIpv6(packet.source)} > ${formatIpv6(packet.destination)}`;
  if (m.type === icmp6.NEIGHBOR_SOLICITATION) {
    const mac = m.options.sourceLinkLayer ? ` from ${formatMac(m.options.sourceLinkLayer)}` : "";
    return `NS ${formatIpv6(m.target)}${mac} | ${to}`;
  }
  if (m.type !== icmp6.NEIGHBOR_ADVERTISEMENT) throw new Error("not sent by the cache");
  const flags = `${m.router ? "R" : ""}${m.solicited ? "S" : ""}${m.override ? "O" : ""}`;
  return `NA ${formatIpv6(m.target)} ${flags} at ${formatMac(m.options.targetLinkLayer!)} | ${to}`;
}

export function readFrame(frame: Uint8Array): nd.NdPacket {
  expect(ethernet.etherType(frame, 0)).toBe(ethernet.ETHERTYPE_IPV6);
  const packet = nd.readNd(frame, ethernet.SIZE, frame.length);
  if (packet instanceof Malformed) throw new Error(`we sent an invalid message: ${packet.error}`);
  return packet;
}

/** The first frame among the effects. */
export function frameSent(effects: readonly NeighborEffect[]): Uint8Array {
  const send = effects.find((e) => e.type === "send");
  if (send?.type !== "send") throw new Error("nothing was sent");
  return send.frame;
}

// ---- one uplink, one neighbor ----

export const OWN_MAC = macOf(1);
export const OWN = linkLocalFromMac(OWN_MAC);
export const ROUTER = ip("2001:db8:1::1");
export const PEER_MAC = macOf(2);
export const PEER = linkLocalFromMac(PEER_MAC);
export const OTHER_MAC = macOf(9);
export const UNSPECIFIED = ip("::");

export const linkUp: NeighborEvent = { type: "linkUp", port: PORT, mac: OWN_MAC, linkLocal: OWN, addresses: [ROUTER] };
export const resolve = (address: Uint8Array, held?: number): NeighborEvent =>
  held === undefined ? { type: "resolve", port: PORT, address } : { type: "resolve", port: PORT, address, held };
export const used = (address: Uint8Array): NeighborEvent => ({ type: "used", port: PORT, address });

export function packet(message: nd.NdMessage, source = PEER, linkSource = PEER_MAC, destination = OWN): NeighborEvent {
  return { type: "packet", port: PORT, packet: { source, destination, message }, linkSource };
}

/** Flags as in lines(): R, S, O. */
export function na(flags: string, mac?: Uint8Array, target = PEER): NeighborEvent {
  const has = (flag: string) => flags.includes(flag);
  const options = mac ? { targetLinkLayer: mac } : {};
  const type = icmp6.NEIGHBOR_ADVERTISEMENT;
  return packet({ type, router: has("R"), solicited: has("S"), override: has("O"), target, options });
}

export function ns(target: Uint8Array, mac?: Uint8Array, source = PEER, linkSource = PEER_MAC): NeighborEvent {
  const options = mac ? { sourceLinkLayer: mac } : {};
  return packet({ type: icmp6.NEIGHBOR_SOLICITATION, target, options }, source, linkSource, nd.solicitedNode(target));
}

/** A cache with one uplink that is up since time 0, without duplicate address detection. */
export function ready(settings: Partial<NeighborSettings> = {}): Neighbors {
  const n = new Neighbors(1, { dupAddrDetectTransmits: 0, ...settings });
  n.handle(linkUp, 0);
  return n;
}

/** With PEER resolved at `now`: REACHABLE. */
export function withPeer(settings: Partial<NeighborSettings> = {}, now = 0): Neighbors {
  const n = ready(settings);
  n.handle(resolve(PEER), now);
  n.handle(na("RS", PEER_MAC), now);
  expect(stateOf(n)).toBe("REACHABLE");
  return n;
}

export const stateOf = (n: Neighbors, address = PEER) =>
  n.entries().find((e) => formatIpv6(e.address) === formatIpv6(address))?.state;

export const fire = (n: Neighbors, now = n.deadline()): string[] => lines(n.handle({ type: "timer" }, now));

/** PEER in the given state, at the returned time. */
export function peerIn(state: "REACHABLE" | "STALE" | "DELAY" | "PROBE"): [Neighbors, number] {
  const n = withPeer();
  if (state === "REACHABLE") return [n, 10];
  fire(n); // STALE
  if (state === "STALE") return [n, 100_000];
  n.handle(used(PEER), 100_000); // DELAY
  if (state === "DELAY") return [n, 100_010];
  fire(n); // PROBE
  return [n, 105_010];
}

export const SOLICIT = "NS fe80::ff:fe00:2 from 02:00:00:00:00:01 | 33:33:ff:00:00:02 fe80::ff:fe00:1 > ff02::1:ff00:2";
export const PROBE = "NS fe80::ff:fe00:2 from 02:00:00:00:00:01 | 02:00:00:00:00:02 fe80::ff:fe00:1 > fe80::ff:fe00:2";
