import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { sameAddress } from "#base/address";
import { nextBelow, nextBetween, nextFraction, nextOctets, type Random, seeded } from "#base/random";
import { type Millis, NEVER } from "#base/time";
import { Bfd } from "#bfd/bfd";
import type { BfdEffect, BfdEvent, SessionTimers, StateChange } from "#bfd/events";
import { STATES, writeControl } from "#bfd/packet";
import { arriving, control, datagramOf, ip, KEY, only, sent, TIMERS } from "#bfd/testing/peer";

const PORT = 0;
const ADDRESSES = [ip("fe80::a"), ip("fe80::b")] as const;

/** One end of the wire. */
class Node {
  readonly core: Bfd;
  readonly address: Uint8Array;
  readonly changes: (StateChange & { readonly at: Millis })[] = [];

  constructor(seed: number, address: Uint8Array) {
    this.core = new Bfd(seed);
    this.address = address;
  }

  get isUp(): boolean {
    return this.core.sessions()[0]?.state === "Up";
  }
}

interface Flight {
  readonly at: Millis;
  readonly to: Node;
  readonly event: BfdEvent;
}

/** Two cores on a wire that loses packets and delays the others by up to `delay`; where it reorders, they overtake one another. */
class Wire {
  now: Millis = 0;
  loss = 0;
  delay: Millis = 1;
  reorders = false;
  readonly nodes: readonly [Node, Node];
  readonly #random: Random;
  #flying: Flight[] = [];

  constructor(seed: number) {
    this.#random = seeded(seed);
    this.nodes = [new Node(seed * 2 + 1, ADDRESSES[0]), new Node(seed * 2 + 2, ADDRESSES[1])];
  }

  /** Both ends add their session. */
  start(timers: readonly [Partial<SessionTimers>, Partial<SessionTimers>] = [{}, {}]): void {
    for (const i of [0, 1] as const) this.add(i, timers[i]);
  }

  add(i: 0 | 1, timers: Partial<SessionTimers> = {}): void {
    const event = { type: "addSession", port: PORT, ...TIMERS, ...timers } as const;
    this.tell(this.nodes[i], { ...event, localAddress: ADDRESSES[i], remoteAddress: ADDRESSES[1 - i]! });
  }

  change(i: 0 | 1, changes: Partial<SessionTimers> & { adminDown?: boolean }): void {
    this.tell(this.nodes[i], { type: "changeSession", port: PORT, remoteAddress: ADDRESSES[1 - i]!, ...changes });
  }

  tell(node: Node, event: BfdEvent): void {
    for (const effect of node.core.handle(event, this.now)) this.#carryOut(node, effect);
  }

  run(span: Millis): void {
    const end = this.now + span;
    for (;;) {
      const landing = Math.min(NEVER, ...this.#flying.map(({ at }) => at));
      const next = Math.min(landing, ...this.nodes.map((node) => node.core.deadline()));
      if (next > end) break;
      this.now = Math.max(this.now, next);
      const landed = this.#flying.filter(({ at }) => at <= this.now);
      this.#flying = this.#flying.filter(({ at }) => at > this.now);
      for (const { to, event } of landed) this.tell(to, event);
      for (const node of this.nodes) if (node.core.deadline() <= this.now) this.tell(node, { type: "timer" });
    }
    this.now = end;
  }

  #carryOut(node: Node, effect: BfdEffect): void {
    if (effect.type === "state") {
      node.changes.push({ ...effect, at: this.now });
      return;
    }
    if (nextFraction(this.#random) < this.loss) return;
    const to = this.nodes.find(({ address }) => sameAddress(address, effect.destination))!;
    const before = this.reorders ? [] : this.#flying.filter((flight) => flight.to === to).map(({ at }) => at);
    const at = Math.max(this.now + nextFraction(this.#random) * this.delay, ...before);
    this.#flying.push({ at, to, event: { type: "packet", port: PORT, ...datagramOf(effect.octets) } });
  }
}

const seeds = Array.from({ length: 20 }, (_, i) => i + 1);

describe("two cores on one wire, in virtual time", () => {
  test.each(seeds)("seed %p: come Up within two seconds and stay so at 100 ms × 3, the timers acknowledged", (seed) => {
    const wire = new Wire(seed);
    wire.start();
    wire.run(2000);
    for (const node of wire.nodes) {
      expect(node.isUp).toBe(true);
      expect(only(node.core)).toMatchObject({ transmitInterval: 100, detectionTime: 300, polling: false });
    }
    wire.run(120_000);
    for (const { changes, core } of wire.nodes) {
      expect(changes.map(({ up }) => up)).toEqual([true]);
      expect(only(core).longestSilence).toBeLessThanOrEqual(101);
    }
  });

  test.each(seeds)("seed %p: a link that falls silent is noticed after multiplier × interval", (seed) => {
    const random = seeded(seed);
    const any = (): SessionTimers => ({
      desiredMinTx: nextBetween(random, 10, 400),
      requiredMinRx: nextBetween(random, 10, 400),
      detectMult: nextBetween(random, 1, 5),
    });
    const timers = [any(), any()] as const;
    const wire = new Wire(seed);
    wire.start(timers);
    wire.run(10_000);
    const cut = wire.now;
    wire.loss = 1;
    wire.run(10_000);
    for (const i of [0, 1] as const) {
      const [mine, its] = [timers[i], timers[1 - i]!];
      const interval = Math.max(mine.requiredMinRx, its.desiredMinTx);
      const [up, down, ...more] = wire.nodes[i].changes;
      expect([seed, up?.up, down?.up, down?.diagnostic, more]).toEqual([seed, true, false, 1, []]);
      const noticed = down!.at - cut;
      // The last packet came at most an interval before the cut, or a millisecond after.
      expect(noticed).toBeGreaterThanOrEqual((its.detectMult - 1) * interval - 1);
      expect(noticed).toBeLessThanOrEqual(its.detectMult * interval + 1);
    }
  });

  test("a link that is silent one way takes both ends down: one notices, the other is told", () => {
    const wire = new Wire(7);
    wire.start();
    wire.run(3000);
    const [a, b] = wire.nodes;
    const deaf = new Set([a]);
    const tell = wire.tell.bind(wire);
    wire.tell = (node, event) => {
      if (!(event.type === "packet" && deaf.has(node))) tell(node, event);
    };
    wire.run(400);
    expect([a.changes.at(-1)?.diagnostic, b.changes.at(-1)?.diagnostic]).toEqual([1, 3]);
    deaf.clear();
    wire.run(3000);
    expect([a.isUp, b.isUp]).toEqual([true, true]);
  });

  test.each(seeds)("seed %p: with a tenth of the packets lost, they come Up again whenever they went down", (seed) => {
    const wire = new Wire(seed);
    wire.loss = 0.1;
    wire.delay = 40;
    wire.reorders = true;
    wire.start();
    wire.run(300_000);
    wire.loss = 0;
    wire.run(5000);
    for (const node of wire.nodes) {
      expect([seed, node.isUp]).toEqual([seed, true]);
      expect(only(node.core)).toMatchObject({ transmitInterval: 100, detectionTime: 300, polling: false });
      expect(node.core.counters.refused["unknown neighbor"]).toBeUndefined();
    }
  });

  test.each(seeds)("seed %p: timers that change at random while Up never take the session down", (seed) => {
    const random = seeded(seed);
    const wire = new Wire(seed);
    wire.start();
    wire.run(3000);
    for (let i = 0; i < 60; i++) {
      wire.change(nextBelow(random, 2) as 0 | 1, {
        desiredMinTx: nextBetween(random, 5, 2000),
        requiredMinRx: nextBetween(random, 5, 2000),
        ...(nextBelow(random, 2) === 0 && { detectMult: nextBetween(random, 1, 4) }),
      });
      wire.run(nextBetween(random, 0, 3000));
    }
    wire.run(20_000);
    for (const { changes, core } of wire.nodes) {
      expect([seed, changes.map(({ up }) => up)]).toEqual([seed, [true]]);
      expect([seed, only(core).polling]).toEqual([seed, false]);
    }
    const [a, b] = wire.nodes.map(({ core }) => only(core));
    expect(a!.detectionTime).toBe(a!.remoteDetectMult * b!.transmitInterval!);
    expect(b!.detectionTime).toBe(b!.remoteDetectMult * a!.transmitInterval!);
  });

  test("AdminDown at one end holds the other Down until it is enabled again", () => {
    const wire = new Wire(3);
    wire.start();
    wire.run(3000);
    wire.change(0, { adminDown: true });
    wire.run(60_000);
    const [a, b] = wire.nodes;
    expect([only(a.core).state, only(b.core).state, b.changes.at(-1)?.remoteState]).toEqual([
      "AdminDown",
      "Down",
      "AdminDown",
    ]);
    wire.change(0, { adminDown: false });
    wire.run(2000);
    expect([a.isUp, b.isUp]).toEqual([true, true]);
  });

  test("a session taken away and added again comes Up again, its neighbor never surprised by silence", () => {
    const wire = new Wire(4);
    wire.start();
    wire.run(3000);
    wire.tell(wire.nodes[0], { type: "removeSession", port: PORT, remoteAddress: ADDRESSES[1] });
    wire.run(1500);
    wire.add(0);
    wire.run(3000);
    const [a, b] = wire.nodes;
    expect([a.isUp, b.isUp]).toEqual([true, true]);
    expect(b.changes.map(({ diagnostic }) => diagnostic)).not.toContain(1);
  });
});

describe("any events in any order", () => {
  const PORTS = [0, 1];
  const neighbors = [1, 2, 3].map((n) => ip(`fe80::${n}`));

  function anyEvent(random: Random, core: Bfd): BfdEvent {
    const port = nextBelow(random, PORTS.length);
    const remoteAddress = neighbors[nextBelow(random, neighbors.length)]!;
    const there = core.sessions().some((s) => s.port === port && sameAddress(s.remoteAddress, remoteAddress));
    const timers = (): SessionTimers => ({
      ...{ desiredMinTx: nextBetween(random, 1, 3000), requiredMinRx: nextBetween(random, 1, 3000) },
      detectMult: nextBetween(random, 1, 255),
    });
    switch (nextBelow(random, 12)) {
      case 0:
        if (there) return { type: "removeSession", port, remoteAddress };
        return { type: "addSession", port, remoteAddress, localAddress: ADDRESSES[0], ...timers() };
      case 1:
        if (!there) return { type: "timer" };
        return { type: "changeSession", port, remoteAddress, ...timers(), adminDown: nextBelow(random, 3) === 0 };
      case 2:
        return { type: "linkDown", port };
      case 3:
        return { type: "timer" };
      default:
        return arriving(anyPayload(random, core), { port, source: remoteAddress, destination: ADDRESSES[0] });
    }
  }

  function anyPayload(random: Random, core: Bfd): Uint8Array {
    const known = core.sessions().map((s) => s.localDiscriminator);
    const coin = () => nextBelow(random, 2) === 1;
    const interval = () => [0, 1, 100_000, 5_000_000, 0xffff_ffff][nextBelow(random, 5)]!;
    const payload = writeControl(
      control({
        ...{ state: STATES[nextBelow(random, 4)]!, diagnostic: nextBelow(random, 32) },
        ...{ poll: coin(), final: coin(), demand: nextBelow(random, 8) === 0 },
        ...{ detectMult: nextBetween(random, 1, 255), myDiscriminator: nextBetween(random, 1, 5) },
        yourDiscriminator: coin() ? (known[nextBelow(random, Math.max(1, known.length))] ?? 7) : 0,
        ...{ desiredMinTx: interval(), requiredMinRx: interval() },
      }),
    );
    if (nextBelow(random, 4) === 0) payload[nextBelow(random, payload.length)]! ^= 1 << nextBelow(random, 8);
    return nextBelow(random, 10) === 0 ? nextOctets(random, nextBelow(random, 40)) : payload;
  }

  test.each([1, 2, 3, 4, 5, 6])("seed %p: never throw, never stand still, keep each packet's rules", (seed) => {
    const random = seeded(seed);
    const core = new Bfd(seed);
    let now = 0;
    for (let i = 0; i < 5000; i++) {
      now += nextBelow(random, 3) === 0 ? nextFraction(random) * 500 : 0;
      const up = new Map(core.sessions().map((s) => [`${s.port} ${s.remoteAddress}`, s.state === "Up"]));
      const effects = core.handle(anyEvent(random, core), now);
      for (const p of sent(effects)) {
        expect([p.poll && p.final, p.demand, p.authentication]).toEqual([false, false, null]);
        if (p.state !== "Up") expect(p.desiredMinTx).toBeGreaterThanOrEqual(1_000_000); // §6.8.3
      }
      for (const effect of effects) {
        if (effect.type !== "state") continue; // each change is one
        expect(up.get(`${effect.port} ${effect.remoteAddress}`)).toBe(!effect.up);
      }
      while (core.deadline() <= now) core.handle({ type: "timer" }, now);
    }
  });

  test("any octets from a neighbor leave a session that is Up as it was, or are a valid packet", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.integer({ min: 0, max: 255 }), (octets, hopLimit) => {
        const core = new Bfd(1);
        core.handle({ type: "addSession", ...KEY, ...TIMERS, localAddress: ADDRESSES[0] }, 0);
        const before = only(core);
        core.handle(arriving(octets, { hopLimit }), 1);
        const total = Object.values(core.counters.refused).reduce((sum, count) => sum + count, 0);
        expect(total).toBe(1);
        expect(only(core)).toEqual(before);
      }),
      { numRuns: 1000 },
    );
  });
});
