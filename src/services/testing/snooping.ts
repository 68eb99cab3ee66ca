/** For tests: VMs that speak IGMP and MLD at the ports of a snooping core, and its effects as lines to read. */
import { expect } from "bun:test";
import { formatAddress, formatMac, parseAddress, parseMac } from "#base/address";
import { Malformed } from "#base/reader";
import type { Millis } from "#base/time";
import { Snooping } from "#services/snooping";
import type { GroupSet, SnoopingCounters, SnoopingEffect, SnoopingSettings } from "#services/snooping/events";
import { groupOf } from "#services/snooping/group";
import { LEARNING } from "#services/snooping/times";
import * as ethernet from "#wire/ethernet";
import { BLOCK, IS_EX, TO_EX, TO_IN } from "#wire/group-membership";
import * as igmp from "#wire/igmp";
import * as mld from "#wire/mld";

export const ip = (text: string) => parseAddress(text)!;
export const PORT = 3;
export const OTHER_PORT = 4;
export const NETWORK = 0x401;
export const GATEWAY_MAC = parseMac("02:41:49:4e:00:01")!;
export const G4 = "239.1.2.3";
export const G6 = "ff05::1:3";
const VM_MAC = parseMac("02:00:00:00:00:02")!;

export const settings: SnoopingSettings = {
  network: NETWORK,
  gateway: ip("10.0.0.1"),
  gateway6: ip("fe80::1"),
  gatewayMac: GATEWAY_MAC,
};

export const attach = (core: Snooping, port = PORT, now: Millis = 0, more: Partial<SnoopingSettings> = {}): string[] =>
  lines(core.handle({ type: "attach", port, settings: { ...settings, ...more } }, now));
export const detach = (core: Snooping, port = PORT, now: Millis = 0): string[] =>
  lines(core.handle({ type: "detach", port }, now));

/** With PORT attached at 0, and all that may be there heard of: at {@link LEARNING}. */
export function settled(...more: number[]): Snooping {
  const core = new Snooping(1);
  for (const port of [PORT, ...more]) attach(core, port);
  fire(core, LEARNING);
  return core;
}

/** Runs all timers that are due until then, each at its time. */
export function fire(core: Snooping, until: Millis): string[] {
  const out: string[] = [];
  while (core.deadline() <= until) out.push(...lines(core.handle({ type: "timer" }, core.deadline())));
  return out;
}

/** Time passes; what happened but general queries. */
export const pass = (core: Snooping, until: Millis): string[] =>
  fire(core, until).filter((line) => !line.includes(": everything?"));

/** A frame of the VM's, of either family by the message. */
export function spoken(message: igmp.IgmpMessage | mld.MldMessage, source?: string, to = "224.0.0.22"): Uint8Array {
  if (isMld(message)) {
    const packet = mld.writeMld({ source: ip(source ?? "fe80::2"), destination: mld.ALL_MLD2_ROUTERS, message });
    return ethernet.frame(ethernet.multicastMac6(mld.ALL_MLD2_ROUTERS), VM_MAC, ethernet.ETHERTYPE_IPV6, packet);
  }
  const packet = igmp.writeIgmp({ source: ip(source ?? "10.0.0.2"), destination: ip(to), message });
  return ethernet.frame(ethernet.multicastMac4(ip(to)), VM_MAC, ethernet.ETHERTYPE_IPV4, packet);
}

const isMld = (m: igmp.IgmpMessage | mld.MldMessage): m is mld.MldMessage => m.type >= mld.QUERY;

/** `sources`: of the record. */
export function report(type: number, group = G4, ...sources: string[]): Uint8Array {
  const records = [{ type, group: ip(group), sources: sources.map(ip) }];
  return spoken(group.includes(":") ? { type: mld.REPORT_2, records } : { type: igmp.REPORT_3, records });
}

export const join = (group = G4): Uint8Array => report(TO_EX, group);
export const still = (group = G4): Uint8Array => report(IS_EX, group);
export const leave = (group = G4): Uint8Array => report(TO_IN, group);
export const block = (group: string, ...sources: string[]): Uint8Array => report(BLOCK, group, ...sources);
export const old = (type: igmp.IgmpOldReport["type"] | mld.MldOldReport["type"], group: string): Uint8Array =>
  spoken({ type, group: ip(group) } as igmp.IgmpOldReport | mld.MldOldReport);

export const tell = (core: Snooping, frame: Uint8Array, now: Millis, port = PORT): string[] =>
  lines(core.handle({ type: "frame", port, frame }, now));

export const counted = (core: Snooping): Partial<SnoopingCounters> =>
  Object.fromEntries(Object.entries(core.counters).filter(([, count]) => count > 0));

const setText = (groups: GroupSet): string =>
  groups === "all" ? "all" : groups.map((name) => formatAddress(groupOf(name))).join(" ") || "nothing";

/** Effects as short lines: `3: 239.1.2.3?` is a query, `3 hears …` what a port gets, `401 wants …` what a network does. */
export const lines = (effects: readonly SnoopingEffect[]): string[] =>
  effects.map((effect) => {
    switch (effect.type) {
      case "send":
        return `${effect.port}: ${describeQuery(effect.frame)}`;
      case "listening":
        return `${effect.port} hears ${setText(effect.groups)}`;
      case "wanted":
        return `${effect.network.toString(16)} wants ${setText(effect.groups)}`;
      case "flood":
        return `flood from ${effect.port}`;
      default:
        return `refused ${effect.reason}`;
    }
  });

function describeQuery(frame: Uint8Array): string {
  expect(ethernet.source(frame, 0)).toEqual(GATEWAY_MAC);
  const isIpv4 = ethernet.etherType(frame, 0) === ethernet.ETHERTYPE_IPV4;
  const read = isIpv4 ? igmp.readIgmp : mld.readMld;
  const packet = read(frame, ethernet.SIZE, frame.length);
  if (packet instanceof Malformed) throw new Error(`we sent an invalid query: ${packet.error}`);
  const { source, destination, message } = packet;
  if (!("maxResponse" in message)) throw new Error("we sent no query");
  expect([formatAddress(source), "suppress" in message && message.suppress]).toEqual([
    isIpv4 ? "10.0.0.1" : "fe80::1",
    false,
  ]);
  const mac = isIpv4 ? ethernet.multicastMac4(destination) : ethernet.multicastMac6(destination);
  expect(formatMac(frame)).toBe(formatMac(mac));
  const general = message.group.every((octet) => octet === 0);
  expect(formatAddress(destination)).toBe(general ? (isIpv4 ? "224.0.0.1" : "ff02::1") : formatAddress(message.group));
  const what = general ? `everything? ${isIpv4 ? "IGMP" : "MLD"}` : `${formatAddress(message.group)}?`;
  return `${what} within ${message.maxResponse / 1000} s`;
}
