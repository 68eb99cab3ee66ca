/** Random packets through a NAT, and what a plain list of bindings and sessions says of them. */
import { expect, test } from "bun:test";
import { nextBelow, type Random } from "#base/random";
import { type Nat, REFUSED_FILTERED, REFUSED_UNBOUND } from "#fastpath/tables/nat";
import { listBindings } from "#fastpath/tables/nat-list";
import { host, ICMP, TCP, type TestEnd, UDP, vm } from "#fastpath/testing/connection-packets";
import { type Flow, into, newNat, out, rawPool, remote, SYN, sweepAll } from "#fastpath/testing/nat-world";
import { withSeed } from "#fastpath/testing/with-seed";

interface Bound {
  readonly flow: Flow;
  readonly outside: { readonly address: number; readonly port: number };
  begun: number;
}
interface Session {
  readonly end: string;
  readonly protocol: number;
  readonly fromInside: boolean;
  used: number;
  replied: boolean;
}

const endName = (end: TestEnd, protocol: number): string => `${protocol} ${end.address}:${end.port}`;
const outsideName = ({ address, port }: Bound["outside"], protocol: number): string => `${protocol} ${address}:${port}`;

/** Everything in maps. Ticks as RFCs 4787, 5382 and 5508 and our defaults have them; TCP here only ever sends SYNs, and
 * so never leaves its handshake. */
class Naive {
  readonly bound = new Map<string, Bound>();
  readonly sessions = new Map<string, Session>();
  readonly rests = new Map<string, number>();

  static life({ protocol, replied }: Session): number {
    if (protocol === TCP) return 2400;
    return protocol === ICMP ? 600 : replied ? 3000 : 1200;
  }

  session(end: TestEnd, other: TestEnd, protocol: number, now: number): Session | undefined {
    const s = this.sessions.get(`${endName(end, protocol)} ${other.address}:${other.port}`);
    return s !== undefined && now - s.used <= Naive.life(s) ? s : undefined;
  }

  pass({ inside, remote: other, protocol }: Flow, fromInside: boolean, now: number): void {
    const known = this.session(inside, other, protocol, now);
    const end = endName(inside, protocol);
    if (known === undefined) {
      this.sessions.set(`${end} ${other.address}:${other.port}`, {
        end,
        protocol,
        fromInside,
        used: now,
        replied: false,
      });
      this.bound.get(end)!.begun = now;
      return;
    }
    known.used = now;
    if (fromInside !== known.fromInside) known.replied = true;
  }

  sweep(now: number): void {
    for (const [name, s] of this.sessions) if (now - s.used > Naive.life(s)) this.sessions.delete(name);
    const used = new Set([...this.sessions.values()].map(({ end }) => end));
    for (const [end, { flow, outside, begun }] of this.bound) {
      const idle = flow.protocol === TCP ? 2400 : flow.protocol === UDP ? 1200 : 600;
      if (used.has(end) || now - begun <= idle) continue;
      this.bound.delete(end);
      if (flow.protocol !== TCP) this.rests.set(outsideName(outside, flow.protocol), now);
    }
  }

  /** What is wrong with a new binding's outside end. */
  fault(flow: Flow, outside: Bound["outside"], now: number): string | undefined {
    const name = outsideName(outside, flow.protocol);
    for (const { flow: other, outside: taken } of this.bound.values()) {
      if (outsideName(taken, other.protocol) === name) return "the port is another's";
      if (`${other.inside.address}` === `${flow.inside.address}` && taken.address !== outside.address)
        return "the inside address has another pool address";
    }
    const since = this.rests.get(name);
    if (since !== undefined && now - since < 1200) return "the port rests";
    return outside.port < 1024 ? "the port is not of the share" : undefined;
  }
}

function randomFlow(random: Random): Flow {
  const port = 1 + nextBelow(random, 12);
  const inside =
    nextBelow(random, 4) === 0 ? host([1, 2, 3, nextBelow(random, 3)], port) : vm(7, nextBelow(random, 5), port);
  const protocol = [UDP, TCP, ICMP][nextBelow(random, 3)]!;
  return { inside, remote: remote(nextBelow(random, 4), protocol === ICMP ? 0 : 53), protocol, flags: SYN };
}

function stepOut(nat: Nat, naive: Naive, flow: Flow, now: number): void {
  const end = endName(flow.inside, flow.protocol);
  const known = naive.bound.get(end);
  const { outside } = out(nat, flow, now);
  expect(outside).toBeDefined();
  if (known !== undefined) expect(outside).toEqual(known.outside);
  else {
    expect(naive.fault(flow, outside!, now)).toBeUndefined();
    naive.bound.set(end, { flow, outside: outside!, begun: now });
  }
  naive.pass(flow, true, now);
}

function stepInto(nat: Nat, naive: Naive, random: Random, isOpen: boolean, now: number): void {
  const drawn = randomFlow(random);
  const all = [...naive.bound.values()];
  const bound = nextBelow(random, 10) === 0 ? undefined : all[nextBelow(random, Math.max(1, all.length))];
  if (bound === undefined) {
    const to = { address: rawPool(nextBelow(random, 3)), port: nextBelow(random, 65536) };
    const name = outsideName(to, drawn.protocol);
    if (all.some(({ flow, outside }) => outsideName(outside, flow.protocol) === name)) return;
    expect(into(nat, to, drawn, now)).toBe(REFUSED_UNBOUND);
    return;
  }
  const { protocol, inside } = bound.flow;
  const flow = { ...drawn, inside, protocol, remote: remote(drawn.remote.address[3]!, protocol === ICMP ? 0 : 53) };
  const mayCome = isOpen || naive.session(inside, flow.remote, protocol, now) !== undefined;
  expect(into(nat, bound.outside, flow, now)).toEqual(mayCome ? inside : REFUSED_FILTERED);
  if (mayCome) naive.pass(flow, false, now);
}

for (const filtering of ["endpoint-independent", "address-and-port-dependent"] as const) {
  test(`random packets and sweeps, filtering ${filtering}, do to a NAT what they do to plain lists`, () => {
    withSeed((random) => {
      const nat = newNat(filtering, { pool: 3, blockSize: 16, bindings: 3000, sessions: 20_000 });
      const naive = new Naive();
      let now = 0x7fff_ff00; // the clock wraps around on the way
      for (let step = 0; step < 12_000; step++) {
        if (nextBelow(random, 8) === 0) now += nextBelow(random, 300);
        const choice = nextBelow(random, 10);
        if (choice === 0) {
          sweepAll(nat, now | 0);
          naive.sweep(now);
        } else if (choice < 6) stepOut(nat, naive, randomFlow(random), now);
        else stepInto(nat, naive, random, filtering === "endpoint-independent", now);
        if (step % 500 === 0) expectSame(nat, naive, now);
      }
      expectSame(nat, naive, now);
    });
  });
}

function expectSame(nat: Nat, naive: Naive, now: number): void {
  const words = (octets: Uint8Array): string => new Int32Array(octets.slice().buffer).join(",");
  const listed = [...listBindings(nat.bindings, () => 0, now | 0)].map(
    (v) => `${v.protocol} ${words(v.inside)}:${v.insidePort} ${words(v.outside)}:${v.outsidePort}`,
  );
  const wanted = [...naive.bound].map(([end, { outside }]) => `${end} ${outside.address}:${outside.port}`);
  expect(listed.sort()).toEqual(wanted.sort());
}
