/** A burst is read ahead of, or it is not: the same happens. */
import { describe, expect, test } from "bun:test";
import { nextBelow, type Random } from "#base/random";
import { Frame, HEADROOM, NOT_YET } from "#fastpath/frame";
import { cameAt } from "#fastpath/look";
import { type AnyFrame, anyFrame } from "#fastpath/testing/any-frame";
import { build4, build6, framed, type Upper } from "#fastpath/testing/packet";
import { fromMember, segments, toAll } from "#fastpath/testing/segment-world";
import { udp4 } from "#fastpath/testing/small-packets";
import {
  addressesAt,
  BLUE,
  GATEWAY_MAC,
  HOMES,
  NEXT_HOP_MAC,
  RED,
  REMOTE_IPV4,
  SmallRouter,
  type SmallRouterOptions,
  UPLINK_MAC,
  VM_A,
  VM_G,
} from "#fastpath/testing/small-router";
import { PEER, tunnelFrame } from "#fastpath/testing/tunnel-packets";
import { withSeed } from "#fastpath/testing/with-seed";
import { HOSTS } from "#fastpath/translation/small-world";
import { networkAddress } from "#policy/homes";
import type { IidPrefix, Rule } from "#policy/rules";

const RUNS = Number(process.env.RUNS ?? 4000);

/** An address of red's that blue's stateful rule leads to. */
const R = addressesAt(1, RED, 9)[8]!;
const RED_VM = networkAddress(HOMES[1]!, RED, R);
const network = (tags: number): IidPrefix => ({ tags, host: 0, length: 32 });
const OUT: Rule = {
  ...{ name: "out", priority: 10, action: "allow", stateful: true, log: false },
  ...{ source: [network(BLUE)], destination: [network(RED)] },
};
const OPTIONS: SmallRouterOptions = {
  rules: [{ rule: OUT, owner: undefined }],
  routes: [{ prefix: { address: R, length: 32 }, tags: RED }],
  flowSamples: [3, 0],
  segments: segments(),
};

const SYN = 2;
const FLAGS = [SYN, SYN | 16, 16, 16, 17, 4];
const pick = <T>(random: Random, list: readonly T[]): T => list[nextBelow(random, list.length)]!;

/** A packet of one of 24 connections of VM a's, either way; some in fragments. */
function ofConnection(random: Random): AnyFrame {
  const port = 40_000 + nextBelow(random, 24);
  const isOut = nextBelow(random, 3) > 0;
  const [source, destination] = isOut ? [port, 80] : [80, port];
  const upper: Upper =
    nextBelow(random, 2) === 0
      ? { kind: "tcp", source, destination, flags: pick(random, FLAGS) }
      : { kind: "udp", source, destination };
  const fragment = nextBelow(random, 8) === 0 ? { moreFragments: true, identification: nextBelow(random, 4) } : {};
  const frame = isOut
    ? framed(build4({ source: VM_A.ipv4, destination: R, upper, ...fragment }), GATEWAY_MAC, VM_A.mac)
    : framed(build6({ source: RED_VM, destination: VM_A.address, upper }), UPLINK_MAC, NEXT_HOP_MAC);
  return { port: isOut ? VM_A.port : 0, frame, offload: {} };
}

function drawn(random: Random): AnyFrame {
  switch (nextBelow(random, 8)) {
    case 0:
      return { port: VM_A.port, frame: toAll(), offload: {} };
    case 1:
      return { port: 0, frame: fromMember(toAll()), offload: {} };
    case 2:
    case 3:
    case 4:
      return ofConnection(random);
    default:
      return anyFrame(random);
  }
}

/** All that can be seen of a router, memory that forwarders share included. */
const all = (r: SmallRouter) => ({
  counters: r.counters,
  ...{ punted: r.punted, dropped: r.dropped, noted: r.noted, wanted: r.wanted, flows: r.flows },
  shared: Object.values(r.shared).map((buffer) => Buffer.from(buffer).toString("latin1")),
});

/** What may happen between two bursts, to both routers. */
function meanwhile(random: Random, routers: readonly SmallRouter[]): void {
  const ticks = pick(random, [0, 0, 0, 1, 700, 3000]);
  const happens = nextBelow(random, 12);
  const resolved = nextBelow(random, 4) > 0;
  for (const { engine, neighbors, adopt } of routers) {
    engine.tables.now += ticks;
    engine.tick();
    if (happens === 0) engine.cacheTick();
    if (happens === 1) engine.tables.generation++;
    if (happens === 2) neighbors[0]!.resolved = resolved;
    if (happens === 3) adopt({ rules: resolved ? OPTIONS.rules! : [] });
  }
}

describe("whatever comes in a burst, reading ahead changes nothing: what is sent, told, counted and remembered", () => {
  for (const cacheEntries of [0, 2, 64]) {
    for (const offload of [true, false]) {
      test(`${cacheEntries} records, ports ${offload ? "with" : "without"} offload`, () => {
        withSeed((random) => {
          for (let run = 0; run < RUNS / 800; run++) {
            const crowd = pick(random, [0, 0, 20]);
            const options = { ...OPTIONS, cacheEntries, crowd, offload, connections: pick(random, [16, 64]) };
            const routers = [new SmallRouter(options), new SmallRouter(options)] as const;
            for (const router of routers) router.bind(BLUE, HOSTS.peers[0]!.ipv4);
            const frames = Array.from({ length: 80 }, () => drawn(random));
            for (let i = 0; i < 40; i++) {
              meanwhile(random, routers);
              const port = pick(random, frames).port;
              const of = frames
                .filter((each) => each.port === port)
                .map((f) => ({ octets: f.frame, offload: f.offload }));
              const burst = Array.from({ length: 1 + nextBelow(random, 70) }, () => pick(random, of));
              while (burst.reduce((sum, { octets }) => sum + octets.length + 200, 200) > 1 << 20) burst.pop();
              const [sent, plain] = [routers[0].offerBurst(port, burst), routers[1].offerBurst(port, burst, false)];
              expect(sent).toEqual(plain);
            }
            expect(all(routers[0])).toEqual(all(routers[1]));
          }
        });
      });
    }
  }
});

/** Frames of VM a's, laid in the router's memory: not received yet. */
function laid(router: SmallRouter, octets: readonly Uint8Array[], port = VM_A.port): Frame[] {
  return octets.map((each, i) => {
    const f = new Frame();
    f.at = 4096 * (i + 1) + HEADROOM + 2;
    f.end = f.at + each.length;
    f.port = port;
    router.bytes.set(each, f.at);
    return f;
  });
}

/** Sets the field as ever, except for the `nth` time. */
function breakAt(f: Frame, field: "hopLimit", nth: number): void {
  let value = 0;
  let count = 0;
  Object.defineProperty(f, field, {
    get: () => value,
    set(to: number) {
      if (++count === nth) throw new Error("a defect");
      value = to;
    },
  });
}

describe("a defect", () => {
  const datagrams = Array.from({ length: 6 }, (_, i) => udp4(VM_A, REMOTE_IPV4, 32, { sourcePort: 5000 + i }));

  test("met while looking ahead is no frame's but its own, and is thrown in its turn", () => {
    const router = new SmallRouter();
    const frames = laid(router, datagrams);
    let value = 0;
    Object.defineProperty(frames[2]!, "hopLimit", {
      get: () => value,
      set(to: number) {
        value = to;
        throw new Error("a defect");
      },
    });
    router.engine.readAhead(frames, frames.length);
    expect(frames.map(({ early }) => early === NOT_YET)).toEqual([false, false, true, true, true, true]);
    frames.forEach((f, i) => {
      if (i === 2) expect(() => router.engine.receive(f)).toThrow("a defect");
      else router.engine.receive(f);
    });
    expect(router.endings(VM_A.port)).toEqual({ "to-fabric": 5 });
    const plain = new SmallRouter();
    plain.offerBurst(
      VM_A.port,
      datagrams.filter((_, i) => i !== 2).map((octets) => ({ octets })),
      false,
    );
    expect(router.sent).toEqual(plain.sent);
  });

  test("met once only, inside of a tunnel, costs nothing: the frame is looked at again from where it began", () => {
    const router = new SmallRouter();
    const upper = { kind: "udp", source: 1, destination: 7 } as const;
    const wrapped = tunnelFrame(build6({ source: PEER, destination: VM_G.address, upper }), { key: BLUE });
    const frames = laid(router, [wrapped, wrapped, wrapped, wrapped], 0);
    const { at } = frames[1]!;
    breakAt(frames[1]!, "hopLimit", 2); // the outer header's is the first
    router.engine.readAhead(frames, frames.length);
    expect([frames[1]!.at, frames[1]!.early]).toEqual([at, NOT_YET]);
    for (const f of frames) router.engine.receive(f);
    router.engine.flush();
    expect(router.endings(0)).toEqual({ "to-vm": 4 });
  });
});

test("a frame that has been looked at still says where it came to lie, in a tunnel too", () => {
  const router = new SmallRouter();
  const upper = { kind: "udp", source: 1, destination: 7 } as const;
  const wrapped = tunnelFrame(build6({ source: PEER, destination: VM_G.address, upper }), { key: BLUE });
  const frames = laid(router, [wrapped, wrapped, udp4(VM_A, REMOTE_IPV4, 32)], 0);
  const before = frames.map(cameAt);
  router.engine.readAhead(frames, frames.length);
  expect(frames.map(({ outer }) => outer > 0)).toEqual([true, true, false]);
  expect(frames.map(cameAt)).toEqual(before);
});

test("a flow that its record was taken from finds its connection by the hint, and no other's", () => {
  const router = new SmallRouter({ ...OPTIONS, flowSamples: [0, 0], cacheEntries: 2, crowd: 0 });
  const flow = (source: number) => ({
    octets: framed(
      build4({ source: VM_A.ipv4, destination: R, upper: { kind: "udp", source, destination: 53 } }),
      GATEWAY_MAC,
      VM_A.mac,
    ),
  });
  const burst = [1, 2, 3, 4, 5, 6, 7, 8].map(flow);
  router.offerBurst(VM_A.port, burst);
  const { connections } = router.engine.tables;
  const searched: number[] = [];
  const find = connections!.find.bind(connections);
  connections!.find = (now) => {
    searched.push(find(now));
    return searched.at(-1)!;
  };
  router.offerBurst(VM_A.port, [...burst, flow(9)]);
  expect(router.endings(VM_A.port)).toEqual({ "to-fabric": 17 });
  expect(searched).toEqual([0]); // the new one's
  expect(connections!.entries.size).toBe(9);
});
