/** One LSA of ours after another: originated, renewed, deferred, defended and taken back. */
import { expect, test } from "bun:test";
import { FOLLOW_UP_INTERVAL, LS_REFRESH_TIME, MAX_AGE, MIN_LS_INTERVAL } from "#ospf/constants";
import { ageOf, isMaxAge } from "#ospf/database/store";
import type { Desired } from "#ospf/origination/desired";
import { Upkeep } from "#ospf/origination/upkeep";
import { withAge } from "#ospf/packet/lsa";
import type { InterAreaPrefixLsa } from "#ospf/packet/lsa-body";
import {
  INITIAL_SEQUENCE_NUMBER,
  INTER_AREA_PREFIX_LSA,
  MAX_SEQUENCE_NUMBER,
  NETWORK_LSA,
} from "#ospf/packet/lsa-header";
import { writeLsa } from "#ospf/packet/lsa-writer";
import type { Scope } from "#ospf/scope";
import { area as areaConfig, config, prefix } from "#ospf/testing/configs";
import { areaOf, newInstance } from "#ospf/testing/instances";
import { MemoryOutlet } from "#ospf/testing/memory-outlet";

const US = 0x0a000001;
const TYPES = [INTER_AREA_PREFIX_LSA, NETWORK_LSA];

const summary = (text: string, metric = 1): Desired => ({
  id: text,
  body: { kind: "interAreaPrefix", metric, prefix: { ...prefix(text), options: 0 } },
});
const network = (linkStateId: number, ...attachedRouters: number[]): Desired => ({
  id: linkStateId,
  body: { kind: "network", options: 0, attachedRouters },
});

function bench() {
  const instance = newInstance(config(US, { areas: [areaConfig(0)] }), 7);
  const area = areaOf(instance, 0);
  area.isSilent = false;
  const outlet = new MemoryOutlet(instance);
  const upkeep = new Upkeep(instance, outlet);
  const scope: Scope = { kind: "area", area };
  return {
    area,
    outlet,
    upkeep,
    scope,
    want: (...desired: Desired[]) => upkeep.want(scope, TYPES, desired, outlet.now),
    /** Lets time pass by the deadlines. */
    pass: (millis: number) => {
      const end = outlet.now + millis;
      while (upkeep.deadline() <= end) {
        outlet.now = Math.max(outlet.now, upkeep.deadline());
        upkeep.work(outlet.now);
      }
      outlet.now = end;
    },
    receive: (desired: Desired, sequence: number, more: { age?: number; linkStateId?: number } = {}) => {
      const {
        age = 1,
        linkStateId = typeof desired.id === "number" ? desired.id : outlet.originated[0]!.lsa.header.linkStateId,
      } = more;
      const lsa = writeLsa({ age, linkStateId, advertisingRouter: US, sequence }, desired.body);
      const entry = outlet.receive({ receivedOwn: (_, of, each) => upkeep.received(of, each, true) }, scope, lsa);
      return entry;
    },
    out: () => [...area.database.entries()].filter((entry) => !isMaxAge(entry)),
    sequences: () => outlet.originated.map(({ lsa }) => lsa.header.sequence),
    times: () => outlet.originated.map(({ at }) => at),
  };
}

test("what is wanted goes out at once, at age 0 and with the first sequence number (RFC 2328 §12.1.6)", () => {
  const { want, outlet, out } = bench();
  want(network(5, US, 9));
  expect(out().map(({ body }) => body)).toEqual([network(5, US, 9).body]);
  expect(outlet.originated[0]!.lsa.header).toMatchObject({
    age: 0,
    type: NETWORK_LSA,
    linkStateId: 5,
    advertisingRouter: US,
    sequence: INITIAL_SEQUENCE_NUMBER,
  });
});

test("what is out already, octet for octet, is not originated again (RFC 2328 §12.4)", () => {
  const { want, outlet, pass } = bench();
  want(network(5, US, 9), summary("2001:db8::/32"));
  pass(60_000);
  want(network(5, US, 9), summary("2001:db8::/32"));
  pass(60_000);
  expect(outlet.originated.length).toBe(2);
});

test("a change is the next instance, at once if the last one is old enough, else then (RFC 2328 §12.4)", () => {
  const { want, pass, sequences, times, out } = bench();
  want(network(5, US, 9));
  pass(7000);
  want(network(5, US, 9, 10));
  expect(times()).toEqual([0, 7000]);
  pass(1000);
  want(network(5, US));
  pass(1000);
  want(network(5, US, 11));
  pass(499);
  expect(times()).toEqual([0, 7000]);
  pass(1);
  expect(times()).toEqual([0, 7000, 7000 + 2 * FOLLOW_UP_INTERVAL]);
  expect(out()[0]!.body).toEqual(network(5, US, 11).body); // what came in between never went out
  expect(sequences()).toEqual([0, 1, 2].map((i) => INITIAL_SEQUENCE_NUMBER + i));
});

test("after a rest changes may follow one another sooner, each half as soon as the last, and not before receivers accept them (RFC 2328 §13 step 5a)", () => {
  const { want, pass, times } = bench();
  want(network(5, US, 9));
  for (let i = 0; i < 40; i++) {
    pass(100);
    want(network(5, US, 10 + i));
  }
  pass(60_000);
  want(network(5, US, 9));
  pass(100);
  want(network(5, US, 10));
  pass(60_000);
  const second = 4000 + 60_000;
  expect(times()).toEqual([0, 1250, 3750, 3750 + MIN_LS_INTERVAL, second, second + 1250]);
});

test("a change that is undone while it waits goes nowhere", () => {
  const { want, pass, outlet } = bench();
  want(network(5, US, 9));
  pass(1000);
  want(network(5, US));
  want(network(5, US, 9));
  pass(60_000);
  expect(outlet.originated.length).toBe(1);
});

test("what is not wanted any more is flushed at once, with its sequence number (RFC 2328 §14.1)", () => {
  const { want, outlet, out } = bench();
  want(network(5, US, 9), summary("2001:db8::/32"));
  want(summary("2001:db8::/32"));
  expect(outlet.flushed.map(({ lsa: { header } }) => [header.type, header.sequence, header.age])).toEqual([
    [NETWORK_LSA, INITIAL_SEQUENCE_NUMBER, MAX_AGE],
  ]);
  expect(out().length).toBe(1);
});

test("other types than those asked for are left alone", () => {
  const { want, upkeep, scope, outlet } = bench();
  want(network(5, US, 9));
  upkeep.want(scope, [INTER_AREA_PREFIX_LSA], [], 0);
  expect(outlet.flushed).toEqual([]);
});

test("what is wanted again while it leaves goes out as the next instance, MinLSInterval after the last", () => {
  const { want, pass, outlet, sequences, times } = bench();
  want(network(5, US, 9));
  pass(1000);
  want();
  want(network(5, US, 9));
  pass(60_000);
  expect(times()).toEqual([0, FOLLOW_UP_INTERVAL]);
  expect(sequences()).toEqual([INITIAL_SEQUENCE_NUMBER, INITIAL_SEQUENCE_NUMBER + 1]);
  expect(outlet.flushed.length).toBe(1);
});

test("MinLSInterval is kept after the LSA has left the database too", () => {
  const { want, pass, outlet, upkeep, sequences, times } = bench();
  want(network(5, US, 9));
  want();
  outlet.acknowledge(upkeep);
  pass(1000);
  want(network(5, US, 9));
  pass(60_000);
  expect(times()).toEqual([0, FOLLOW_UP_INTERVAL]);
  expect(sequences()[1]).toBe(INITIAL_SEQUENCE_NUMBER + 1);
});

test("an LSA is renewed before it is LSRefreshTime old, its contents the same (RFC 2328 §12.4 (1))", () => {
  const { want, pass, times, sequences, outlet } = bench();
  want(network(5, US, 9));
  pass(4 * 1000 * LS_REFRESH_TIME);
  const ages = times()
    .slice(1)
    .map((at, i) => (at - times()[i]!) / 1000);
  expect(ages.length).toBeGreaterThanOrEqual(4);
  for (const age of ages) expect(age).toBeWithin(LS_REFRESH_TIME - 301, LS_REFRESH_TIME + 1);
  expect(sequences()).toEqual(times().map((_, i) => INITIAL_SEQUENCE_NUMBER + i));
  expect(new Set(outlet.originated.map(({ body }) => JSON.stringify(body))).size).toBe(1);
});

test("a thousand LSAs that began together are not renewed together, and share few moments", () => {
  const { want, pass, outlet } = bench();
  want(...Array.from({ length: 1000 }, (_, i) => summary(`2001:db8:${i.toString(16)}::/48`)));
  pass(1000 * LS_REFRESH_TIME);
  const renewals = new Map<number, number>();
  for (const { at } of outlet.originated.slice(1000)) renewals.set(at, (renewals.get(at) ?? 0) + 1);
  expect(outlet.originated.length).toBe(2000);
  expect(Math.max(...renewals.values())).toBeLessThan(20);
  expect([...renewals.keys()].every((at) => at % 1000 === 0)).toBe(true);
});

test("a newer instance of ours from an earlier life is outdone at once, MinLSInterval or not (RFC 2328 §13.4)", () => {
  const { want, receive, upkeep, outlet, out, sequences, pass } = bench();
  want(network(5, US, 9));
  pass(1000);
  receive(network(5, US), INITIAL_SEQUENCE_NUMBER + 400);
  upkeep.work(outlet.now);
  expect(sequences()[1]).toBe(INITIAL_SEQUENCE_NUMBER + 401);
  expect(out()[0]!.body).toEqual(network(5, US, 9).body);
});

test("even one that says the same is outdone: its age is not ours (RFC 2328 §13.4)", () => {
  const { want, receive, upkeep, sequences, out, pass } = bench();
  want(network(5, US, 9));
  pass(10_000);
  receive(network(5, US, 9), INITIAL_SEQUENCE_NUMBER + 4, { age: 1000 });
  upkeep.work(10_000);
  expect(sequences()).toEqual([INITIAL_SEQUENCE_NUMBER, INITIAL_SEQUENCE_NUMBER + 5]);
  expect(ageOf(out()[0]!, 10_000)).toBe(0);
});

test("one at MaxAge is outdone too, and nothing is lost when it has left (RFC 2328 §13.4)", () => {
  const { want, receive, pass, out, outlet, upkeep } = bench();
  want(network(5, US, 9));
  pass(10_000);
  receive(network(5, US, 9), INITIAL_SEQUENCE_NUMBER, { age: MAX_AGE });
  upkeep.work(outlet.now);
  outlet.acknowledge(upkeep);
  expect(out()[0]!.lsa.header.sequence).toBe(INITIAL_SEQUENCE_NUMBER + 1);
});

test("claims without end are answered once in MinLSInterval, and the last of them too", () => {
  const { want, receive, pass, outlet, times, out } = bench();
  want(network(5, US, 9));
  pass(60_000);
  for (let i = 0; i < 1000; i++) {
    receive(network(5, 66), out()[0]!.lsa.header.sequence + 1);
    pass(20);
  }
  pass(60_000);
  expect(outlet.originated.length).toBeLessThanOrEqual(6);
  expect(times().slice(1, 3)).toEqual([60_000, 60_000 + MIN_LS_INTERVAL]);
  expect(out()[0]!.body).toEqual(network(5, US, 9).body);
});

test("what is received of ours and not wanted is flushed as it came (RFC 2328 §13.4)", () => {
  const { want, receive, upkeep, outlet, out } = bench();
  want();
  receive(network(5, US, 9), 77);
  receive(summary("2001:db8::/32"), 78, { linkStateId: 3 });
  upkeep.work(outlet.now);
  expect(outlet.originated).toEqual([]);
  expect(outlet.flushed.map(({ lsa: { header } }) => [header.linkStateId, header.sequence])).toEqual([
    [5, 77],
    [3, 78],
  ]);
  expect(out()).toEqual([]);
});

test("types of an earlier life that we know nothing of are flushed (RFC 2328 §13.4)", () => {
  const { receive, upkeep, outlet } = bench();
  receive({ id: 1, body: { kind: "unknown", type: 0xa00c, octets: new Uint8Array(4) } }, 5);
  upkeep.work(outlet.now);
  expect(outlet.flushed.length).toBe(1);
});

test("the last sequence number is followed by the first, once nobody knows the last any more (RFC 2328 §12.1.6)", () => {
  const { want, receive, upkeep, outlet, out, pass, sequences } = bench();
  want(network(5, US, 9));
  pass(10_000);
  receive(network(5, 66), MAX_SEQUENCE_NUMBER);
  upkeep.work(outlet.now);
  expect(outlet.flushed.map(({ lsa }) => lsa.header.sequence)).toEqual([MAX_SEQUENCE_NUMBER]);
  pass(100_000);
  want(network(5, US, 10));
  expect(sequences()).toEqual([INITIAL_SEQUENCE_NUMBER]);
  expect(out()).toEqual([]);
  outlet.acknowledge(upkeep);
  upkeep.work(outlet.now);
  expect(sequences()).toEqual([INITIAL_SEQUENCE_NUMBER, INITIAL_SEQUENCE_NUMBER]);
  expect(out()[0]!.body).toEqual(network(5, US, 10).body);
});

test("one on its last sequence number is left alone until it is to be renewed", () => {
  const { want, upkeep, scope, area, outlet, pass, sequences } = bench();
  const lsa = writeLsa(
    { age: 1, linkStateId: 5, advertisingRouter: US, sequence: MAX_SEQUENCE_NUMBER },
    network(5, US).body,
  );
  outlet.receive({ receivedOwn: (_, of, entry) => upkeep.received(of, entry, false) }, scope, lsa);
  want(network(5, US));
  pass(1_000_000);
  expect([outlet.flushed.length, outlet.originated.length]).toEqual([0, 0]);
  pass(1_000_000);
  expect(outlet.flushed.length).toBe(1);
  outlet.acknowledge(upkeep);
  pass(0);
  expect(sequences()).toEqual([INITIAL_SEQUENCE_NUMBER]);
  expect(area.database.size).toBe(1);
});

test("an LSA that vanished with its database is originated again, its sequence number going on", () => {
  const { want, area, pass, sequences } = bench();
  want(network(5, US, 9));
  area.database.clear();
  pass(1000);
  want(network(5, US, 9));
  pass(60_000);
  expect(sequences()).toEqual([INITIAL_SEQUENCE_NUMBER, INITIAL_SEQUENCE_NUMBER + 1]);
});

const numbers = (entries: ReturnType<ReturnType<typeof bench>["out"]>): [number, number][] =>
  entries.map(({ lsa, body }) => [lsa.header.linkStateId, (body as InterAreaPrefixLsa).prefix.length]);

test("a prefix keeps its Link State ID while it is out, whatever comes and goes beside it (RFC 5340 §2.2)", () => {
  const { want, out, pass } = bench();
  want(summary("2001:db8::/32"));
  const [before] = numbers(out());
  pass(10_000);
  want(
    ...Array.from({ length: 100 }, (_, i) => summary(`2001:db8:${i.toString(16)}::/48`)),
    summary("2001:db8::/32", 9),
  );
  expect(numbers(out()).find(([, length]) => length === 32)).toEqual(before!);
  expect(new Set(numbers(out()).map(([id]) => id)).size).toBe(101);
});

test("a router that starts anew numbers its prefixes alike, in whatever order it learns them (RFC 5187 §3.1)", () => {
  const texts = Array.from({ length: 500 }, (_, i) => `2001:db8:${i.toString(16)}::/48`);
  const numbered = (order: string[]) => {
    const { want, area } = bench();
    want(...order.map((text) => summary(text)));
    return [...area.database.entries()]
      .map(({ lsa, body }) => `${lsa.header.linkStateId} ${JSON.stringify(body)}`)
      .sort();
  };
  expect(numbered(texts)).toEqual(numbered([...texts].reverse()));
});

test("a prefix takes the Link State ID that it was known by before (RFC 5187 §3.1)", () => {
  const { want, receive, upkeep, out, outlet } = bench();
  receive(summary("2001:db8::/32"), 7, { linkStateId: 12345 });
  want(summary("2001:db8::/32", 5));
  upkeep.work(outlet.now);
  expect(out().map(({ lsa: { header } }) => [header.linkStateId, header.sequence])).toEqual([[12345, 8]]);
});

test("a prefix that came in under two Link State IDs keeps one, the other is flushed", () => {
  const { want, receive, upkeep, out, outlet } = bench();
  receive(summary("2001:db8::/32"), 7, { linkStateId: 1 });
  receive(summary("2001:db8::/32"), 7, { linkStateId: 2 });
  want(summary("2001:db8::/32"));
  upkeep.work(outlet.now);
  expect(out().map(({ lsa }) => lsa.header.linkStateId)).toEqual([1]);
  expect(outlet.flushed.map(({ lsa }) => lsa.header.linkStateId)).toEqual([2]);
});

test("what is remembered of an LSA goes with it", () => {
  const { want, upkeep, outlet, pass } = bench();
  want(network(5, US), summary("2001:db8::/32"));
  want();
  outlet.acknowledge(upkeep);
  pass(2 * MIN_LS_INTERVAL);
  expect(upkeep.deadline()).toBe(Number.POSITIVE_INFINITY);
  expect(upkeep.size).toBe(0);
});

test("an instance at MaxAge that comes in for something unwanted is let go", () => {
  const { upkeep, scope, outlet } = bench();
  const lsa = writeLsa({ age: 1, linkStateId: 5, advertisingRouter: US, sequence: 3 }, network(5, US).body);
  outlet.receive({ receivedOwn: (_, of, entry) => upkeep.received(of, entry, true) }, scope, withAge(lsa, MAX_AGE));
  upkeep.work(0);
  outlet.acknowledge(upkeep);
  upkeep.work(0);
  expect([outlet.flushed.length, outlet.originated.length, upkeep.size]).toEqual([0, 0, 0]);
});
