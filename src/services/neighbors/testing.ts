/** For tests: effects as lines to read, frames as messages. */
import { expect } from "bun:test";
import { formatIpv6, formatMac, parseIpv6 } from "#base/address";
import { Malformed } from "#base/reader";
import type { NeighborEffect } from "#services/neighbors/events";
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
