/** A NAT's bounds: each has its own refusal, and none costs what is there already. */
import { expect, test } from "bun:test";
import {
  type Nat,
  REFUSED_BLOCKS,
  REFUSED_FULL,
  REFUSED_QUOTA,
  REFUSED_SESSION_QUOTA,
  REFUSED_SESSIONS,
  REFUSED_UNBOUND,
} from "#fastpath/tables/nat";
import { createNatTable, DEFAULT_NAT_TIMING } from "#fastpath/tables/nat-layout";
import { listBindings, listBlocks } from "#fastpath/tables/nat-list";
import { type BlockEvent, NatLogReader } from "#fastpath/tables/nat-log";
import { ICMP, TCP, UDP, vm } from "#fastpath/testing/connection-packets";
import {
  type Flow,
  into,
  type NatSize,
  natOf,
  newNat,
  newNatBuffers,
  type Outcome,
  out,
  poolOctets,
  rawPool,
  remote,
  SYN,
  sweepAll,
} from "#fastpath/testing/nat-world";

const SECOND = 10;

/** UDP from one of a VM's ports. */
const flow = (who: number, port: number, protocol = UDP): Flow => ({
  inside: vm(7, who, port),
  remote: remote(8, 53),
  protocol,
  flags: SYN,
});

/** Pool addresses whose every share has the given port ranges of each. */
const shares = (ranges: [number, number][], addresses = [0], blocksEach = 4): NatSize => ({
  pool: Math.max(...addresses) + 1,
  blockSize: 16,
  shares: ranges.map(([firstPort, ports]) => ({
    ranges: addresses.map((address) => ({ address, firstPort, ports })),
    blocksEach,
  })),
});

/** What was bound is found from both sides still. */
function expectAll(nat: Nat, bound: readonly { flow: Flow; outcome: Outcome }[], now: number): void {
  for (const { flow, outcome } of bound) {
    expect(into(nat, outcome.outside!, flow, now)).toEqual(flow.inside);
    expect(out(nat, flow, now)).toEqual(outcome);
  }
}

/** Binds until something is refused. */
function fill(nat: Nat, flows: Iterable<Flow>, now = 0): { bound: { flow: Flow; outcome: Outcome }[]; result: number } {
  const bound: { flow: Flow; outcome: Outcome }[] = [];
  for (const flow of flows) {
    const outcome = out(nat, flow, now);
    if (outcome.result < 0) return { bound, result: outcome.result };
    bound.push({ flow, outcome });
  }
  return { bound, result: 0 };
}

function* ports(who: number, protocol = UDP): Generator<Flow> {
  for (let port = 1; port < 65536; port++) yield flow(who, port, protocol);
}

function* hosts(): Generator<Flow> {
  for (let who = 1; ; who++) yield flow(who, 1000);
}

test("an inside address has its blocks' ports of each protocol, and no more: RFC 6888 §3 REQ-4", () => {
  const nat = newNat("endpoint-independent", shares([[1024, 4096]], [0], 2));
  const all = [UDP, TCP, ICMP].map((protocol) => fill(nat, ports(5, protocol)));
  expect(all.map(({ bound, result }) => [bound.length, result])).toEqual([
    [32, REFUSED_QUOTA],
    [32, REFUSED_QUOTA],
    [32, REFUSED_QUOTA],
  ]);
  for (const { bound } of all) expectAll(nat, bound, 0);
  expect(out(nat, flow(6, 1), 0).result).toBeGreaterThan(0); // others do not notice
});

test("when no block is left new inside addresses are refused, and those with blocks go on", () => {
  const nat = newNat("endpoint-independent", shares([[2048, 160]])); // ten blocks
  const { bound, result } = fill(nat, hosts());
  expect([bound.length, result]).toEqual([10, REFUSED_BLOCKS]);
  expectAll(nat, bound, 0);
  for (let port = 1; port <= 15; port++) expect(out(nat, flow(3, port), 0).result).toBeGreaterThan(0);
  expect(out(nat, flow(3, 999), 0).result).toBe(REFUSED_BLOCKS); // a second block
  expect([...listBlocks(nat.bindings)].length).toBe(10);
});

test("a tenant's ports come from its own share: RFC 7422 §1", () => {
  const nat = newNat(
    "endpoint-independent",
    shares(
      [
        [1024, 64],
        [4096, 64],
      ],
      [0, 1],
    ),
  );
  for (const [share, low] of [
    [0, 1024],
    [1, 4096],
  ] as const) {
    let got = 0;
    for (let who = 0; who < 20; who++) {
      const { result, outside } = out(nat, { ...flow(who, 1), inside: vm(20 + share, who, 1) }, 0, share);
      if (outside === undefined) expect(result).toBe(REFUSED_BLOCKS);
      else {
        got++;
        expect(outside.port).toBeWithin(low, low + 64);
      }
    }
    expect(got).toBe(8);
  }
});

test("a table of bindings that is full refuses new ones only", () => {
  const nat = newNat("endpoint-independent", { bindings: 100, subscribers: 100 });
  let refused = 0;
  const bound: { flow: Flow; outcome: Outcome }[] = [];
  for (let i = 0; i < 400; i++) {
    const f = flow(i % 40, 100 + i);
    const outcome = out(nat, f, 0);
    if (outcome.result > 0) bound.push({ flow: f, outcome });
    else {
      refused++;
      expect(outcome.result).toBe(REFUSED_FULL);
    }
  }
  expect(refused).toBeGreaterThan(200);
  expect(bound.length).toBeGreaterThanOrEqual(100);
  expectAll(nat, bound, 0);
  // What was refused left no ports behind.
  const used = [...listBlocks(nat.bindings)].reduce((sum, block) => sum + block.used, 0);
  expect(used).toBe(bound.length);
});

test("inside addresses have a table of their own, whose end is an end too", () => {
  const nat = newNat("endpoint-independent", { subscribers: 10, bindings: 2000 });
  let first = 0;
  for (let who = 0; who < 100; who++) {
    const { result } = out(nat, flow(who, 1), 0);
    if (result < 0) {
      expect(result).toBe(REFUSED_FULL);
      first ||= who;
    }
  }
  expect(first).toBeGreaterThanOrEqual(10);
  expect([...listBlocks(nat.bindings)].length).toBeLessThan(100);
});

test("idle bindings make room for new ones without a sweep", () => {
  const nat = newNat("endpoint-independent", { bindings: 1, pool: 1 });
  const { bound } = fill(nat, ports(1));
  expect(bound.length).toBeGreaterThan(0);
  const later = 10_000;
  nat.sessions.entries.sweep(later, nat.sessions.entries.slots);
  expect(out(nat, flow(1, 50_000), later).result).toBeGreaterThan(0);
});

test("a binding's sessions are bounded: one more is refused, or takes the place of an unanswered one of the same binding", () => {
  const nat = newNat("endpoint-independent", { sessionsEach: 4 });
  const asks = (who: number): Flow => ({ ...flow(1, 1), remote: remote(who, 53) });
  const { outside, result: binding } = out(nat, asks(0), 0);
  for (let who = 0; who < 4; who++) {
    out(nat, asks(who), 0);
    into(nat, outside!, asks(who), 0);
  }
  for (let who = 4; who < 50; who++) expect(out(nat, asks(who), 0).result).toBe(REFUSED_SESSION_QUOTA);
  expect(nat.sessions.entries.ownerCount(binding)).toBe(4);
  for (let who = 0; who < 4; who++) expect(out(nat, asks(who), 0).outside).toEqual(outside!);
  expect(out(nat, flow(2, 1), 0).result).toBeGreaterThan(0); // others do not notice
  // Unanswered ones: never more than four.
  const other = out(nat, flow(3, 1), 0);
  for (let who = 0; who < 500; who++) out(nat, { ...flow(3, 1), remote: remote(who, 53) }, 0);
  expect(nat.sessions.entries.ownerCount(other.result)).toBe(4);
});

test("a table of sessions that is full refuses, and the binding made for it goes again", () => {
  const nat = newNat("address-and-port-dependent", { sessions: 20 });
  const answered: { flow: Flow; outcome: Outcome }[] = [];
  for (let port = 1; port < 300; port++) {
    const f = flow(port % 40, port);
    const outcome = out(nat, f, 0);
    if (outcome.result < 0) {
      expect(outcome.result).toBe(REFUSED_SESSIONS);
      continue;
    }
    into(nat, outcome.outside!, f, 0);
    answered.push({ flow: f, outcome });
  }
  expect(answered.length).toBeGreaterThanOrEqual(20);
  expectAll(nat, answered, 0);
  expect([...listBindings(nat.bindings, () => 0, 0)].length).toBe(answered.length);
});

test("a port other than TCP's rests for 120 s after its binding: RFC 6888 §3 REQ-8", () => {
  const nat = newNat("endpoint-independent", shares([[1024, 16]], [0], 1));
  for (const [protocol, idle] of [
    [UDP, 241],
    [TCP, 481],
  ] as const) {
    const now = protocol === UDP ? 0 : 100_000;
    const { bound } = fill(nat, ports(1, protocol), now);
    expect(bound.length).toBe(16);
    nat.sessions.entries.sweep(now + idle * SECOND, nat.sessions.entries.slots);
    nat.bindings.sweep(now + idle * SECOND, nat.bindings.slots);
    expect(out(nat, flow(1, 60_000, protocol), now + idle * SECOND).result > 0).toBe(protocol === TCP);
    if (protocol === TCP) break;
    expect(out(nat, flow(1, 60_000), now + (idle + 119) * SECOND).result).toBe(REFUSED_QUOTA);
    expect(out(nat, flow(1, 60_000), now + (idle + 120) * SECOND).result).toBeGreaterThan(0);
  }
});

test("a block is given back after its ports, rests, and is then anybody's", () => {
  const nat = newNat("endpoint-independent", shares([[1024, 16]], [0], 1));
  const { rest, linger } = DEFAULT_NAT_TIMING;
  out(nat, flow(1, 1), 0);
  sweepAll(nat, 241 * SECOND); // the binding goes
  expect(out(nat, flow(2, 1), (241 + linger) * SECOND - 1).result).toBe(REFUSED_BLOCKS);
  sweepAll(nat, (241 + linger) * SECOND);
  expect(out(nat, flow(2, 1), (241 + linger) * SECOND).result).toBe(REFUSED_BLOCKS);
  sweepAll(nat, (241 + linger + rest) * SECOND);
  expect(out(nat, flow(2, 1), (241 + linger + rest) * SECOND).result).toBeGreaterThan(0);
});

test("one event a block, taken and given back, says whose every port was: RFC 6888 §4, RFC 7422 §1", () => {
  const buffers = newNatBuffers(shares([[1024, 4096]]));
  const nat = natOf(buffers);
  const log = new NatLogReader(buffers.table);
  const { bound } = fill(nat, ports(5).take(40)); // three blocks of 16
  const taken = log.read();
  expect([taken.events.length, taken.lost]).toEqual([3, 0]);
  const holds = (e: BlockEvent, port: number): boolean => port >= e.firstPort && port < e.firstPort + e.ports;
  for (const { outcome } of bound) expect(taken.events.filter((e) => holds(e, outcome.outside!.port)).length).toBe(1);
  const insideOctets = new Uint8Array(Int32Array.of(0, 0, 7, 5).buffer);
  for (const event of taken.events)
    expect(event).toMatchObject({
      kind: "allocated",
      tick: 0,
      inside: insideOctets,
      outside: poolOctets(0),
      ports: 16,
    });
  sweepAll(nat, 5000);
  sweepAll(nat, 6000);
  const gone = log.read().events;
  expect(gone.map(({ kind }) => kind)).toEqual(["released", "released", "released"]);
  expect(gone.map(({ firstPort }) => firstPort).sort()).toEqual(taken.events.map(({ firstPort }) => firstPort).sort());
  expect(gone.every(({ inside }) => inside.every((octet, i) => octet === insideOctets[i]))).toBeTrue();
  expect(log.read()).toEqual({ events: [], lost: 0 });
});

test("a reader that is late is told how many events it missed", () => {
  const buffers = newNatBuffers({ logged: 8, subscribers: 100 });
  const nat = natOf(buffers);
  const log = new NatLogReader(buffers.table);
  fill(nat, hosts().take(20));
  const { events, lost } = log.read();
  expect([events.length, lost]).toEqual([8, 12]);
  expect(events.at(-1)!.inside[12]).toBe(20);
});

test("what control shows is what was bound", () => {
  const nat = newNat();
  const { bound } = fill(nat, hosts().take(30));
  const views = [...listBindings(nat.bindings, (b) => nat.sessions.entries.ownerCount(b), 50)];
  const said = views.map(
    (v) => `${v.inside} ${v.insidePort} ${v.outside} ${v.outsidePort} ${v.sessions} ${v.ageTicks}`,
  );
  const wanted = bound.map(({ flow: { inside }, outcome: { outside } }) => {
    const octets = (words: readonly number[]) => new Uint8Array(Int32Array.from(words).buffer);
    return `${octets(inside.address)} ${inside.port} ${octets([outside!.address])} ${outside!.port} 1 50`;
  });
  expect(said.sort()).toEqual(wanted.sort());
  for (const { inside, used } of listBlocks(nat.bindings)) expect([inside?.length, used]).toEqual([16, 1]);
});

test("sizes and ranges that cannot be are refused", () => {
  const good = { addresses: [poolOctets(0)], blockSize: 64, bindings: 10, subscribers: 10, logged: 8 };
  const plan = (change: object) => () =>
    createNatTable({
      ...good,
      key: Int32Array.of(1, 2),
      shares: [{ ranges: [{ address: 0, firstPort: 1024, ports: 64 }], blocksEach: 1 }],
      ...change,
    });
  plan({})();
  const ranges = (...all: object[]) => ({ shares: [{ ranges: all, blocksEach: 1 }] });
  for (const change of [
    { addresses: [] },
    { blockSize: 48 },
    { blockSize: 8 },
    { bindings: 0 },
    { subscribers: 1 << 20 },
    { logged: 0 },
    { shares: [] },
    { shares: [{ ranges: [], blocksEach: 17 }] },
    ranges({ address: 1, firstPort: 1024, ports: 64 }),
    ranges({ address: 0, firstPort: 1000, ports: 64 }),
    ranges({ address: 0, firstPort: 0, ports: 64 }),
    ranges({ address: 0, firstPort: 65536 - 64, ports: 128 }),
    ranges({ address: 0, firstPort: 1024, ports: 128 }, { address: 0, firstPort: 1088, ports: 64 }),
  ])
    expect(plan(change)).toThrow(RangeError);
});

test("an address that is not of the pool is no outside end", () => {
  const nat = newNat();
  expect(nat.bindings.isPool(rawPool(1))).toBeTrue();
  expect(nat.bindings.isPool(rawPool(9))).toBeFalse();
  expect(into(nat, { address: rawPool(9), port: 5000 }, flow(1, 1), 0)).toBe(REFUSED_UNBOUND);
});
