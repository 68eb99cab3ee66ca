/** For tests: one core with one session, its neighbor in few words, effects as lines to read. */
import { expect } from "bun:test";
import { parseIpv6 } from "#base/address";
import { Malformed } from "#base/reader";
import type { Millis } from "#base/time";
import { Bfd } from "#bfd/bfd";
import { type Datagram, readDatagram } from "#bfd/datagram";
import type { BfdEffect, BfdEvent, BfdSessionView, SessionTimers } from "#bfd/events";
import { type ControlPacket, describeDiagnostic, readControl, type State, writeControl } from "#bfd/packet";

export const ip = (text: string) => parseIpv6(text)!;
export const PORT = 3;
export const LOCAL = ip("fe80::1");
export const REMOTE = ip("fe80::2");
export const KEY = { port: PORT, remoteAddress: REMOTE };
export const TIMERS: SessionTimers = { desiredMinTx: 100, requiredMinRx: 100, detectMult: 3 };
/** The neighbor's discriminator. */
export const ITS = 0x0abc;

export const add = (timers: Partial<SessionTimers> = {}): BfdEvent => ({
  ...{ type: "addSession", ...KEY, localAddress: LOCAL, ...TIMERS, ...timers },
});

/** What a neighbor that knows us sends: 100 ms, three times. */
export const control = (fields: Partial<ControlPacket> = {}): ControlPacket => ({
  diagnostic: 0,
  state: "Down",
  poll: false,
  final: false,
  controlPlaneIndependent: false,
  demand: false,
  detectMult: 3,
  myDiscriminator: ITS,
  yourDiscriminator: 0,
  desiredMinTx: 100_000,
  requiredMinRx: 100_000,
  requiredMinEchoRx: 0,
  authentication: null,
  ...fields,
});

export const arriving = (octets: Uint8Array, around: Partial<Datagram & { port: number }> = {}): BfdEvent => ({
  ...{ type: "packet", port: PORT, source: REMOTE, destination: LOCAL, hopLimit: 255, octets, ...around },
});

/** A packet of the neighbor's, which knows our discriminator. */
export const from = (core: Bfd, state: State, fields: Partial<ControlPacket> = {}): BfdEvent =>
  arriving(writeControl(control({ state, yourDiscriminator: only(core).localDiscriminator, ...fields })));

/** The one session's view. */
export function only(core: Bfd): BfdSessionView {
  const [view, ...others] = core.sessions();
  if (view === undefined || others.length > 0) throw new Error(`${others.length} other sessions`);
  return view;
}

export function datagramOf(octets: Uint8Array): Datagram {
  const datagram = readDatagram(octets, 0, octets.length);
  if (datagram instanceof Malformed) throw new Error(`we sent a bad datagram: ${datagram.error}`);
  return datagram;
}

export function controlOf(octets: Uint8Array): ControlPacket {
  const packet = readControl(datagramOf(octets).octets);
  if (packet instanceof Malformed) throw new Error(`we sent a bad packet: ${packet.error}`);
  return packet;
}

/** The packets among the effects. */
export const sent = (effects: readonly BfdEffect[]): ControlPacket[] =>
  effects.filter((effect) => effect.type === "send").map(({ octets }) => controlOf(octets));

/** Effects as short lines: `send Up P 100/100 x3`, `down: path down`. */
export function lines(effects: readonly BfdEffect[]): string[] {
  return effects.map((effect) => {
    if (effect.type === "state") return effect.up ? "up" : `down: ${describeDiagnostic(effect.diagnostic)}`;
    const p = controlOf(effect.octets);
    const flags = `${p.poll ? " P" : ""}${p.final ? " F" : ""}`;
    return `send ${p.state}${flags} ${p.desiredMinTx / 1000}/${p.requiredMinRx / 1000} x${p.detectMult}`;
  });
}

export const tell = (core: Bfd, event: BfdEvent, now: Millis): string[] => lines(core.handle(event, now));

/** A core whose session has just come to `state` at time 1000, all it had to tell told. */
export function sessionIn(state: State, timers: Partial<SessionTimers> = {}): Bfd {
  const core = new Bfd(1);
  core.handle(add(timers), 0);
  if (state === "Init" || state === "Up") core.handle(from(core, "Down"), 1000);
  if (state === "Up") core.handle(from(core, "Init"), 1000);
  if (state === "AdminDown") core.handle({ type: "changeSession", ...KEY, adminDown: true }, 1000);
  expect(only(core).state).toBe(state);
  return core;
}

/** As {@link sessionIn} "Up", and the neighbor has acknowledged our timers. */
export function settled(timers: Partial<SessionTimers> = {}): Bfd {
  const core = sessionIn("Up", timers);
  core.handle(from(core, "Up", { final: true }), 1000);
  expect(only(core).polling).toBe(false);
  return core;
}

export interface Happening {
  readonly at: Millis;
  readonly what: string;
}

/** Lets time pass up to and with `end`; what happens, and when. */
export function run(core: Bfd, end: Millis): Happening[] {
  const happened: Happening[] = [];
  for (let at = core.deadline(); at <= end; at = core.deadline()) {
    for (const what of tell(core, { type: "timer" }, at)) happened.push({ at, what });
  }
  return happened;
}

/** Time from each packet to the next. */
export function gaps(happened: readonly Happening[]): Millis[] {
  const times = happened.filter(({ what }) => what.startsWith("send")).map(({ at }) => at);
  return times.slice(1).map((at, i) => at - times[i]!);
}
