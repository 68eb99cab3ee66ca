import { expect, test } from "bun:test";
import { linkLocalFromMac, parseIpv6 } from "#base/address";
import { nextBelow, nextFraction, seeded } from "#base/random";
import { Malformed } from "#base/reader";
import { Mld } from "#services/mld";
import type { Channel, MldEffect, MldEvent } from "#services/mld/events";
import { LISTENER_INTERVAL, OTHER_QUERIER_INTERVAL, QUERY_INTERVAL, STARTUP_QUERY_INTERVAL } from "#services/mld/times";
import { SIZE as ETHERNET } from "#wire/ethernet";
import { ALLOW, BLOCK, IS_EX, IS_IN, TO_EX } from "#wire/group-membership";
import { ALL_MLD2_ROUTERS, type MldPacket, QUERY, REPORT_1, REPORT_2, readMld } from "#wire/mld";
import { ALL_NODES } from "#wire/nd";

const mac = (n: number): Uint8Array => Uint8Array.of(2, 0, 0, 0, 0, n);
const GROUP = "ff380000000000000000000080000401";
const sourceOf = (n: number): string => `fd00${n.toString(16).padStart(12, "0")}0000000000000001`;
const channel = (n: number, group = GROUP): Channel => ({ source: sourceOf(n), group });

const up = (port: number, isRouter: boolean, n = port): MldEvent => ({
  ...{ type: "up", port, isRouter, mac: mac(n), address: linkLocalFromMac(mac(n)) },
});

function packetsIn(effects: readonly MldEffect[]): MldPacket[] {
  return effects.flatMap((effect) => {
    if (effect.type !== "send") return [];
    const packet = readMld(effect.frame, ETHERNET, effect.frame.length);
    if (packet instanceof Malformed) throw new Error(packet.error);
    return [packet];
  });
}

/** Records, as type and sources' numbers. */
const records = (effects: readonly MldEffect[]): (readonly [number, number[]])[] =>
  packetsIn(effects).flatMap(({ message }) =>
    message.type !== REPORT_2
      ? []
      : message.records.map(
          ({ type, sources }) =>
            [type, sources.map((source) => Number.parseInt(source.toHex().slice(4, 16), 16))] as const,
        ),
  );

const kinds = (effects: readonly MldEffect[]): number[] => packetsIn(effects).map(({ message }) => message.type);

test("A listener says at once what it wants, once more within a second, and likewise what it wants no more (RFC 3810 §6.1)", () => {
  const core = new Mld(1);
  core.handle(up(3, false), 0);
  const first = core.handle({ type: "want", port: 3, channels: [channel(1), channel(2)] }, 1000);
  expect(records(first)).toEqual([[ALLOW, [1, 2]]]);
  expect(packetsIn(first)[0]!.destination).toEqual(ALL_MLD2_ROUTERS);
  expect(core.handle({ type: "want", port: 3, channels: [channel(2), channel(1)] }, 1000)).toEqual([]);
  expect(core.deadline()).toBeLessThanOrEqual(2000);
  expect(records(core.handle({ type: "timer" }, core.deadline()))).toEqual([[ALLOW, [1, 2]]]);
  expect(records(core.handle({ type: "want", port: 3, channels: [channel(2), channel(3)] }, 5000))).toEqual([
    [ALLOW, [3]],
    [BLOCK, [1]],
  ]);
});

test("Groups from everybody, link-local ones too, are said when a link comes up and whenever it is asked (RFC 3810 §6, RFC 4541 §3)", () => {
  const core = new Mld(1);
  const groups = ["ff02::5", "ff02::6"].map((text) => parseIpv6(text)!);
  const said = (effects: readonly MldEffect[]): (readonly [number, string])[] =>
    packetsIn(effects).flatMap(({ message }) =>
      message.type === REPORT_2
        ? message.records.map(({ type, group }) => [type, group.toHex().slice(-1)] as const)
        : [],
    );
  const both = (type: number) => [
    [type, "5"],
    [type, "6"],
  ];
  expect(said(core.handle({ ...up(3, false), groups } as MldEvent, 0))).toEqual(both(TO_EX) as never);
  expect(core.deadline()).toBeLessThanOrEqual(1000);
  expect(said(core.handle({ type: "timer" }, core.deadline()))).toEqual(both(IS_EX) as never);
  const router = new Mld(2);
  const [query] = packetsIn(router.handle(up(9, true), 5000));
  core.handle({ type: "packet", port: 3, packet: query! }, 5000);
  const answer = core.handle({ type: "timer" }, core.deadline());
  expect(said(answer)).toEqual(both(IS_EX) as never);
  // A multicast router has nothing to do for them.
  for (const packet of packetsIn(answer)) router.handle({ type: "packet", port: 9, packet }, 9000);
  expect([router.listened().size, router.counters.unspecific]).toEqual([0, 0]);
});

test("What is said once more is what is true by then", () => {
  const core = new Mld(1);
  core.handle(up(3, false), 0);
  core.handle({ type: "want", port: 3, channels: [channel(1)] }, 0);
  core.handle({ type: "want", port: 3, channels: [] }, 1);
  expect(records(core.handle({ type: "timer" }, 1001))).toEqual([[BLOCK, [1]]]);
  expect(core.handle({ type: "timer" }, 1_000_000)).toEqual([]);
});

test("A listener answers a query within the time that it gives, with all it wants (RFC 3810 §6.2)", () => {
  const core = new Mld(1);
  core.handle(up(3, false), 0);
  core.handle({ type: "want", port: 3, channels: Array.from({ length: 200 }, (_, i) => channel(i)) }, 0);
  core.handle({ type: "timer" }, 1000);
  expect(core.hasRouter(3, 2000)).toBe(false);
  core.handle({ type: "packet", port: 3, packet: query(9) }, 2000);
  expect(core.hasRouter(3, 2000)).toBe(true);
  expect(core.deadline()).toBeLessThanOrEqual(2000 + 5000);
  const answers = core.handle({ type: "timer" }, core.deadline());
  expect(new Set(records(answers).map(([type]) => type))).toEqual(new Set([IS_IN]));
  const said = records(answers).flatMap(([, sources]) => sources);
  expect(said.sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i));
  for (const effect of answers) if (effect.type === "send") expect(effect.frame.length).toBeLessThanOrEqual(1294);
  expect(core.hasRouter(3, 2000 + OTHER_QUERIER_INTERVAL)).toBe(false);
});

test("A listener says all again every minute, whether somebody asks or not", () => {
  const core = new Mld(1);
  core.handle(up(3, false), 0);
  core.handle({ type: "want", port: 3, channels: [channel(1)] }, 0);
  core.handle({ type: "timer" }, 1000);
  expect(core.deadline()).toBeLessThanOrEqual(60_000);
  expect(records(core.handle({ type: "timer" }, 60_000))).toEqual([[IS_IN, [1]]]);
});

const query = (n: number, maxResponse = 5000): MldPacket => ({
  ...{ source: linkLocalFromMac(mac(n)), destination: ALL_NODES },
  message: {
    ...{ type: QUERY, version: 2, group: new Uint8Array(16), maxResponse, suppress: false, robustness: 2 },
    ...{ interval: 125, sources: [] },
  },
});

const report = (type: number, numbers: readonly number[], group = GROUP): MldPacket => ({
  ...{ source: linkLocalFromMac(mac(99)), destination: ALL_MLD2_ROUTERS },
  message: {
    type: REPORT_2,
    records: [{ type, group: Uint8Array.fromHex(group), sources: numbers.map((n) => Uint8Array.fromHex(sourceOf(n))) }],
  },
});

const listened = (core: Mld): [string, number[]][] =>
  [...core.listened().values()].flatMap((sources) => [...sources].map(([s, ports]): [string, number[]] => [s, ports]));

test("A router asks at the start, twice, and every 125 seconds after that (RFC 3810 §7.6.1, §9)", () => {
  const core = new Mld(1);
  expect(kinds(core.handle(up(1, true), 0))).toEqual([QUERY]);
  expect(core.deadline()).toBe(STARTUP_QUERY_INTERVAL);
  expect(kinds(core.handle({ type: "timer" }, STARTUP_QUERY_INTERVAL))).toEqual([QUERY]);
  expect(core.deadline()).toBe(STARTUP_QUERY_INTERVAL + QUERY_INTERVAL);
});

test("Of two routers the one with the lower address asks; the other asks again when it falls silent (RFC 3810 §7.6.2)", () => {
  const [low, high] = [new Mld(1), new Mld(2)];
  low.handle(up(1, true, 1), 0);
  high.handle(up(1, true, 2), 0);
  low.handle({ type: "packet", port: 1, packet: query(2) }, 1);
  high.handle({ type: "packet", port: 1, packet: query(1) }, 1);
  expect(low.deadline()).toBe(STARTUP_QUERY_INTERVAL);
  expect(high.deadline()).toBe(1 + OTHER_QUERIER_INTERVAL);
  expect(kinds(high.handle({ type: "timer" }, 1 + OTHER_QUERIER_INTERVAL))).toEqual([QUERY]);
});

test("A router remembers who listens to what, until it is told otherwise, or nothing for long (RFC 3810 §7.4, §7.2.3)", () => {
  const core = new Mld(1);
  for (const port of [1, 2]) core.handle(up(port, true), 0);
  expect(core.handle({ type: "packet", port: 1, packet: report(ALLOW, [7, 8]) }, 10)).toEqual([{ type: "changed" }]);
  expect(core.handle({ type: "packet", port: 2, packet: report(IS_IN, [8]) }, 10)).toEqual([{ type: "changed" }]);
  expect(core.handle({ type: "packet", port: 2, packet: report(IS_IN, [8]) }, 20)).toEqual([]);
  expect(listened(core)).toEqual([
    [sourceOf(7), [1]],
    [sourceOf(8), [1, 2]],
  ]);
  expect(core.handle({ type: "packet", port: 1, packet: report(BLOCK, [7]) }, 30)).toEqual([{ type: "changed" }]);
  expect(listened(core)).toEqual([[sourceOf(8), [1, 2]]]);
  core.handle({ type: "timer" }, 10 + LISTENER_INTERVAL);
  expect(listened(core)).toEqual([[sourceOf(8), [2]]]);
  core.handle({ type: "down", port: 2 }, 10 + LISTENER_INTERVAL);
  expect(listened(core)).toEqual([]);
});

test("Only what source-specific multicast knows is heeded (RFC 4604 §2.2.1, §2.2.2; RFC 4607 §1)", () => {
  const core = new Mld(1);
  core.handle(up(1, true), 0);
  const refused: MldPacket[] = [
    report(IS_EX, []),
    report(ALLOW, [1], "ff180000000000000000000000000401"),
    report(ALLOW, [1], "ff320000000000000000000080000001"),
    { ...report(ALLOW, [1]), message: { type: REPORT_1, group: Uint8Array.fromHex(GROUP) } },
  ];
  for (const packet of refused) core.handle({ type: "packet", port: 1, packet }, 1);
  expect(core.counters.unspecific).toBe(refused.length);
  core.handle({ type: "packet", port: 1, packet: { ...report(ALLOW, [1]), source: parseIpv6("2001:db8::1")! } }, 1);
  core.handle({ type: "packet", port: 1, packet: { ...report(ALLOW, [1]), destination: ALL_NODES } }, 1);
  expect(core.counters.misaddressed).toBe(2);
  expect(listened(core)).toEqual([]);
});

test("Channels at one port are bounded", () => {
  const core = new Mld(1);
  core.handle(up(1, true), 0);
  for (let i = 0; i < 17_000; i += 50) {
    const numbers = Array.from({ length: 50 }, (_, n) => i + n);
    core.handle({ type: "packet", port: 1, packet: report(ALLOW, numbers) }, 1);
  }
  expect(listened(core)).toHaveLength(16_384);
  expect(core.counters.overflows).toBe(17_000 - 16_384);
});

test("On a link that loses half of all messages a router knows what a listener wants, in the end", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = seeded(seed);
    const [listener, router] = [new Mld(seed), new Mld(seed + 100)];
    const queue: [MldEvent, Mld][] = [
      [up(1, false, 1), listener],
      [up(1, true, 2), router],
    ];
    let loss = 0.5;
    const tell = (core: Mld, event: MldEvent, now: number): void => {
      for (const packet of packetsIn(core.handle(event, now))) {
        if (nextFraction(random) >= loss)
          tell(core === listener ? router : listener, { type: "packet", port: 1, packet }, now);
      }
    };
    for (const [event, core] of queue) tell(core, event, 0);
    let wanted: Channel[] = [];
    for (let now = 0; now < 2000_000; now += 1000) {
      if (now === 1500_000) loss = 0;
      if (now < 1500_000 && nextFraction(random) < 0.05) {
        wanted = Array.from({ length: nextBelow(random, 6) }, () => channel(nextBelow(random, 8)));
        tell(listener, { type: "want", port: 1, channels: wanted }, now);
      }
      for (const core of [listener, router]) tell(core, { type: "timer" }, now);
    }
    const truth = [...new Set(wanted.map(({ source }) => source))].sort();
    expect([
      seed,
      listened(router)
        .map(([source]) => source)
        .sort(),
    ]).toEqual([seed, truth]);
  }
});
