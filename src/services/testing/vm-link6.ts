/** For tests: a VM's IPv6 link with one port, what a VM may say on it, and effects as lines to read. */
import { expect } from "bun:test";
import { formatIpv6, formatMac, linkLocalFromMac, parseIpv6, parseMac } from "#base/address";
import { Malformed } from "#base/reader";
import type { Millis } from "#base/time";
import { VmLink6 } from "#services/vm-link6";
import type { VmLink6Counters, VmLink6Effect, VmLink6Settings } from "#services/vm-link6/events";
import * as ethernet from "#wire/ethernet";
import * as icmp6 from "#wire/icmp6";
import * as nd from "#wire/nd";

export const ip = (text: string) => parseIpv6(text)!;
export const PORT = 3;
export const VM = ip("2001:db8:1::2");
export const SECOND = ip("2001:db8:1::3");
export const OTHER = ip("2001:db8:1::99");
export const VM_MAC = parseMac("02:00:00:00:00:02")!;
export const OTHER_MAC = parseMac("02:00:00:00:00:99")!;
export const LINK_LOCAL = linkLocalFromMac(VM_MAC);
export const GATEWAY = ip("fe80::1");
export const GATEWAY_MAC = parseMac("02:41:49:4e:00:01")!;
export const NOBODY = ip("::");

export const settings: VmLink6Settings = {
  addresses: [VM, SECOND],
  gateway: GATEWAY,
  gatewayMac: GATEWAY_MAC,
  mtu: 1440,
  managed: true,
  dnsServers: [ip("2001:db8::53")],
  domains: ["blue.example"],
};

export const attach = (more: Partial<VmLink6Settings> = {}) =>
  ({ type: "attach", port: PORT, settings: { ...settings, ...more } }) as const;

/** Attached at 0, the first advertisement sent. */
export function linked(more: Partial<VmLink6Settings> = {}): VmLink6 {
  const core = new VmLink6(1);
  core.handle(attach(more), 0);
  return core;
}

/** Effects as short lines. */
export const lines = (effects: readonly VmLink6Effect[]): string[] =>
  effects.map((effect) => {
    switch (effect.type) {
      case "send":
        return describeFrame(effect.frame);
      case "adjacency":
        return `adjacency ${typeof effect.mac === "string" ? effect.mac : formatMac(effect.mac)}`;
      case "release":
        return `release ${effect.held.join(",")}`;
      case "drop":
        return `drop ${effect.held.join(",")} ${effect.reason}`;
      default:
        return `refused ${effect.reason}`;
    }
  });

export function packetOf(frame: Uint8Array): nd.NdPacket {
  expect(ethernet.source(frame, 0)).toEqual(GATEWAY_MAC);
  const packet = nd.readNd(frame, ethernet.SIZE, frame.length);
  if (packet instanceof Malformed) throw new Error(`we sent an invalid message: ${packet.error}`);
  expect(formatIpv6(packet.source)).toBe("fe80::1");
  return packet;
}

export function describeFrame(frame: Uint8Array): string {
  const { destination, message: m } = packetOf(frame);
  const to = `to ${formatIpv6(destination)} at ${formatMac(frame)}`;
  if (m.type === icmp6.ROUTER_ADVERTISEMENT) return `RA ${m.routerLifetime} ${to}`;
  if (m.type === icmp6.ROUTER_SOLICITATION) throw new Error("routers do not ask for routers");
  if (m.type === icmp6.NEIGHBOR_SOLICITATION) {
    expect(m.options.sourceLinkLayer).toEqual(GATEWAY_MAC); // §7.2.2
    return `NS ${formatIpv6(m.target)} ${to}`;
  }
  expect(m.options.targetLinkLayer).toEqual(GATEWAY_MAC); // §7.2.4
  const flags = `${m.router ? "R" : ""}${m.solicited ? "S" : ""}${m.override ? "O" : ""}`;
  return `NA ${formatIpv6(m.target)} ${flags} ${to}`;
}

export interface Spoken {
  readonly from?: Uint8Array;
  readonly to?: Uint8Array;
  readonly mac?: Uint8Array;
}

export function spoken(
  message: nd.NdMessage,
  { from = LINK_LOCAL, to = nd.ALL_ROUTERS, mac = VM_MAC }: Spoken = {},
): Uint8Array {
  const packet = nd.writeNd({ source: from, destination: to, message });
  return ethernet.frame(ethernet.multicastMac6(to), mac, ethernet.ETHERTYPE_IPV6, packet);
}

export const ns = (target: Uint8Array, spokenBy: Spoken = {}, option: Uint8Array | null = VM_MAC): Uint8Array => {
  const options = option === null ? {} : { sourceLinkLayer: option };
  return spoken({ type: icmp6.NEIGHBOR_SOLICITATION, target, options }, { to: nd.solicitedNode(target), ...spokenBy });
};
export const dad = (target: Uint8Array): Uint8Array => ns(target, { from: NOBODY }, null);
export const na = (target: Uint8Array, spokenBy: Spoken = {}, mac = VM_MAC): Uint8Array => {
  const flags = { router: false, solicited: true, override: true };
  return spoken(
    { type: icmp6.NEIGHBOR_ADVERTISEMENT, ...flags, target, options: { targetLinkLayer: mac } },
    { from: target, to: GATEWAY, ...spokenBy },
  );
};
export const rs = (spokenBy: Spoken = {}): Uint8Array =>
  spoken(
    { type: icmp6.ROUTER_SOLICITATION, options: spokenBy.from === NOBODY ? {} : { sourceLinkLayer: VM_MAC } },
    spokenBy,
  );
export const ra = (spokenBy: Spoken = {}): Uint8Array => {
  const flags = { curHopLimit: 0, managed: false, otherConfig: false };
  const times = { routerLifetime: 1800, reachableTime: 0, retransTimer: 0 };
  return spoken(
    { type: icmp6.ROUTER_ADVERTISEMENT, ...flags, ...times, options: {} },
    { to: nd.ALL_NODES, ...spokenBy },
  );
};

export const tell = (core: VmLink6, frame: Uint8Array, now: Millis = 1): string[] =>
  lines(core.handle({ type: "frame", port: PORT, frame }, now));
export const fire = (core: VmLink6, now = core.deadline()): string[] => lines(core.handle({ type: "timer" }, now));
export const resolve = (core: VmLink6, held: number, now: Millis, address = VM): string[] =>
  lines(core.handle({ type: "resolve", port: PORT, address, held }, now));
export const counted = (core: VmLink6): Partial<VmLink6Counters> =>
  Object.fromEntries(Object.entries(core.counters).filter(([, count]) => count > 0));

export const TO_ALL = "to ff02::1 at 33:33:00:00:00:01";
export const TO_VM = `to ${formatIpv6(LINK_LOCAL)} at ${formatMac(VM_MAC)}`;
export const LEARNT = `adjacency ${formatMac(VM_MAC)}`;
