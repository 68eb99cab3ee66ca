/** Watching changes nothing about the frames that are watched, and tells what they were and became. */
import { describe, expect, test } from "bun:test";
import { nextBelow } from "#base/random";
import { Frame, KIND_IPV4, KIND_IPV6 } from "#fastpath/frame";
import { FrameRing } from "#fastpath/frame-ring";
import { STAGES } from "#fastpath/pipeline";
import { ST_STAGE, STEP_WORDS } from "#fastpath/steps";
import { raw, rawOf, rawWords } from "#fastpath/tables/raw-words";
import { fromSeed } from "#fastpath/testing/choices";
import { generate4, generate6 } from "#fastpath/testing/generate";
import { framed } from "#fastpath/testing/packet";
import { udp4, udpBack } from "#fastpath/testing/small-packets";
import {
  BLUE,
  GATEWAY_MAC,
  NEXT_HOP_MAC,
  RED,
  REMOTE,
  REMOTE_IPV4,
  SmallRouter,
  UPLINK_MAC,
  VM_A,
  VM_B,
} from "#fastpath/testing/small-router";
import { tunnelFrame } from "#fastpath/testing/tunnel-packets";
import { withSeed } from "#fastpath/testing/with-seed";
import { HOSTS } from "#fastpath/translation/small-world";
import { ENDINGS } from "#fastpath/verdicts";
import type { Filter } from "#fastpath/watch/filter";
import { WATCH_COUNTS, type WatchOrder, WC_LIMITED, WC_LOST, WC_MATCHED, WC_TOLD } from "#fastpath/watch/watch";
import { RECORD_IN, RECORD_OUT, RECORD_TRACE, WatchRecords, WR_FLAG_CAUGHT } from "#fastpath/watch/watch-record";
import { Watcher } from "#fastpath/watch/watcher";

const ALL: Filter = { op: "all" };

/** A watch at a router whose frames pass the watcher. */
class Watched {
  readonly router: SmallRouter;
  readonly ring: FrameRing;
  readonly counts = new Int32Array(new SharedArrayBuffer(WATCH_COUNTS * 4));
  readonly watcher: Watcher;

  constructor(router: SmallRouter, order: Partial<WatchOrder> = {}, ringOctets = 1 << 18) {
    this.router = router;
    this.ring = FrameRing.create(ringOctets);
    this.watcher = new Watcher(router.engine);
    const { engine } = router;
    const receive = this.watcher.receive.bind(this.watcher);
    this.watcher.add({
      ...{ id: 1, kind: "trace", filter: ALL, ring: this.ring.buffer, counts: this.counts.buffer, rate: 0 },
      ...{ isIn: true, isOut: false, snap: 65_550, catches: false },
      ...order,
    });
    const original = engine.receive.bind(engine);
    let isInside = false;
    engine.receive = (f) => {
      if (isInside) return original(f);
      isInside = true;
      try {
        receive(f);
        return 0;
      } finally {
        isInside = false;
      }
    };
  }

  records() {
    const all = [];
    for (;;) {
      const record = new WatchRecords().take(this.ring);
      if (record === undefined) return all;
      all.push(record);
    }
  }

  /** How many of the frames match. */
  matching(frames: readonly (readonly [port: number, frame: Uint8Array])[]): number[] {
    return frames.map(([port, frame]) => {
      this.router.offer(port, frame);
      return this.records().length;
    });
  }
}

const fromFabric = (packet: Uint8Array): Uint8Array => framed(packet, UPLINK_MAC, NEXT_HOP_MAC);
const out = udp4(VM_A, REMOTE_IPV4, 32);
const hairpin = udp4(VM_A, VM_B.ipv4, 32);

describe("watched or not, the same happens", () => {
  test("endings, counters and octets of all that is sent", () => {
    withSeed((random) => {
      const options = { cacheEntries: 64, connections: 16, vmMtu: 1280 };
      const [plain, watched] = [new SmallRouter(options), new SmallRouter(options)];
      const watch = new Watched(watched, {}, 1 << 20);
      for (const router of [plain, watched]) router.bind(BLUE, HOSTS.peers[0]!.ipv4);
      const wish = { hosts: HOSTS, mtu: 1500, broken: 10 };
      for (let i = 0; i < 1500; i++) {
        const c = fromSeed(nextBelow(random, 2 ** 32));
        const isOut = c.below(2) === 0;
        const frame = isOut ? framed(generate4(c, wish), GATEWAY_MAC, VM_A.mac) : fromFabric(generate6(c, wish));
        const tunnelled = c.below(6) === 0 ? tunnelFrame(generate6(c, wish), { key: BLUE }) : frame;
        const port = isOut && tunnelled === frame ? VM_A.port : 0;
        for (const router of [plain, watched]) router.engine.tick();
        expect(watched.offer(port, tunnelled)).toEqual(plain.offer(port, tunnelled));
        watch.records();
      }
      for (let port = 0; port < 9; port++) expect(watched.endings(port)).toEqual(plain.endings(port));
    });
  });

  test("and after the last watch the ports are the router's own again", () => {
    const router = new SmallRouter();
    const before = [...router.engine.ports];
    const { watcher } = new Watched(router);
    expect(router.engine.ports[1]).not.toBe(before[1]!);
    watcher.remove(1);
    expect(watcher.isIdle).toBe(true);
    expect(router.engine.ports.every((port, i) => port === before[i])).toBe(true);
  });
});

describe("a trace", () => {
  test("has the frame, what each stage said, and what became of it; of remembered flows too", () => {
    const watch = new Watched(new SmallRouter());
    for (let i = 0; i < 2; i++) {
      const [sent] = watch.router.offer(VM_A.port, out);
      const [record] = watch.records();
      expect(record).toMatchObject({ kind: RECORD_TRACE, from: VM_A.port, length: out.length, sentCount: 1 });
      expect(record!.octets).toEqual(out.slice(0, 256));
      expect(ENDINGS[record!.ending]!.name).toBe("to-fabric");
      const stages = Array.from(
        { length: record!.stepCount },
        (_, k) => STAGES[record!.steps[k * STEP_WORDS + ST_STAGE]!],
      );
      const said = stages.filter((stage) => stage !== "segment").join(" ");
      expect(said).toBe(
        "classify arrive admit answer resolve guardOut trackOut home redirect route translatableTo6 inquire adjacency send",
      );
      expect(record!.sent).toEqual([{ port: 0, length: sent!.octets.length, octets: sent!.octets }]);
    }
  });

  test("tells a flow's steps once, and again to whoever was not told", () => {
    const router = new SmallRouter();
    const watch = new Watched(router, { rate: 10 });
    const told = (): (readonly [way: number, stepCount: number])[] => {
      router.offer(VM_A.port, out);
      return watch.records().map(({ way, stepCount }) => [way, stepCount] as const);
    };
    told(); // asks the receiver's home where it is
    const [[way, count]] = told() as [readonly [number, number]];
    expect(count).toBeGreaterThan(5);
    expect(told()).toEqual([[way, 0]]);
    router.offer(VM_A.port, hairpin);
    const [other] = watch.records(); // leaves something else in record and frame
    expect([other!.way === way, other!.stepCount > 5]).toEqual([false, true]);
    expect(told()).toEqual([[way, 0]]);
    for (let i = 0; i < 10; i++) told(); // the rate's
    router.offer(VM_A.port, udp4(VM_A, REMOTE_IPV4, 64)); // another way, which is not told of
    router.engine.tables.now += 10;
    router.offer(VM_A.port, udp4(VM_A, REMOTE_IPV4, 64));
    expect(watch.records().map(({ stepCount }) => stepCount > 5)).toEqual([true]);
  });

  test("has the ICMP error behind what was sent", () => {
    const watch = new Watched(new SmallRouter({ uplinkMtu: 1280 }));
    const [error] = watch.router.offer(VM_A.port, udp4(VM_A, REMOTE_IPV4, 1400));
    const [record] = watch.records();
    expect(ENDINGS[record!.ending]!.name).toBe("too-big");
    expect(record).toMatchObject({ sentCount: 1, sentOwn: 0 });
    expect(record!.sent[0]!.octets).toEqual(error!.octets.slice(0, 256));
  });

  test("tells no more than its rate a second, and counts what it does not tell", () => {
    const watch = new Watched(new SmallRouter(), { rate: 10 });
    for (let i = 0; i < 100; i++) watch.router.offer(VM_A.port, out);
    expect(watch.records().length).toBe(10);
    watch.router.engine.tables.now += 5; // half a second
    for (let i = 0; i < 100; i++) watch.router.offer(VM_A.port, out);
    expect(watch.records().length).toBe(5);
    expect([watch.counts[WC_TOLD], watch.counts[WC_LIMITED]]).toEqual([15, 185]);
  });

  test("waits for nobody: what finds no room is counted", () => {
    const watch = new Watched(new SmallRouter(), {}, 1 << 14);
    for (let i = 0; i < 10; i++) watch.router.offer(VM_A.port, out);
    const told = watch.records().length;
    expect(told).toBeGreaterThan(0);
    expect([watch.counts[WC_MATCHED], watch.counts[WC_TOLD], watch.counts[WC_LOST]]).toEqual([10, told, 10 - told]);
  });

  test("that catches takes out what would leave the fabric, and lets on what stays in it", () => {
    const watch = new Watched(new SmallRouter(), { catches: true });
    expect(watch.router.offer(VM_A.port, hairpin)).toEqual([]);
    expect(watch.records()[0]).toMatchObject({ flags: WR_FLAG_CAUGHT, sent: [{ port: VM_B.port }] });
    expect(watch.router.offer(VM_A.port, out).length).toBe(1);
    expect(watch.records()[0]).toMatchObject({ flags: 0, sent: [{ port: 0 }] });
  });
});

test("a watch that catches takes out what control sends because of it, too: the answer to a ping", () => {
  const nonce = Uint8Array.from({ length: 16 }, (_, i) => 0xe0 + i);
  const filter: Filter = { op: "nonce", words: [...rawWords(nonce)] };
  const { router } = new Watched(new SmallRouter(), { filter, catches: true });
  const own = (octets: Uint8Array): number => {
    const f = new Frame();
    f.at = (1 << 18) + 2;
    router.bytes.set(octets, f.at);
    f.end = f.at + octets.length;
    const before = router.sent.length;
    router.engine.send(f, VM_A.port);
    return router.sent.length - before;
  };
  const marked = out.slice();
  marked.set(nonce, marked.length - 16);
  expect([own(out), own(marked)]).toEqual([1, 0]);
});

describe("a capture", () => {
  test("has frames as they come in, with their ending, and as they go out", () => {
    const watch = new Watched(new SmallRouter(), { kind: "capture", isOut: true });
    const [sent] = watch.router.offer(VM_A.port, out);
    const records = watch.records();
    expect(records.map(({ kind, port, from }) => [kind, port, from])).toEqual([
      [RECORD_OUT, 0, VM_A.port],
      [RECORD_IN, VM_A.port, VM_A.port],
    ]);
    expect(records.map(({ octets }) => octets)).toEqual([sent!.octets, out]);
    expect(ENDINGS[records[1]!.ending]!.name).toBe("to-fabric");
  });

  test("is cut to its snap length, and says how long the frame was", () => {
    const watch = new Watched(new SmallRouter(), { kind: "capture", snap: 20 });
    watch.router.offer(VM_A.port, out);
    const [record] = watch.records();
    expect([record!.octets, record!.length]).toEqual([out.slice(0, 20), out.length]);
  });
});

describe("filters", () => {
  const back = udpBack(out);
  const inTunnel = tunnelFrame(back.slice(14), { key: BLUE });
  const frames: [number, Uint8Array][] = [
    [VM_A.port, out],
    [VM_A.port, hairpin],
    [0, back],
    [0, inTunnel],
    [0, Uint8Array.of(1, 2, 3)],
  ];
  const words = (address: Uint8Array) => [...rawWords(address)];
  const ALL_BITS = [-1, -1, -1, -1];
  const CASES: readonly (readonly [what: string, filter: Filter, matching: number[]])[] = [
    ["everything", ALL, [1, 1, 1, 1, 1]],
    ["nothing", { op: "not", of: ALL }, [0, 0, 0, 0, 0]],
    ["a port", { op: "on", ports: [0] }, [0, 0, 1, 1, 1]],
    ["IPv4", { op: "kind", kind: KIND_IPV4 }, [1, 1, 0, 0, 0]],
    ["IPv6", { op: "kind", kind: KIND_IPV6 }, [0, 0, 1, 1, 0]],
    ["tunnels", { op: "tunnelled" }, [0, 0, 0, 1, 0]],
    ["UDP, inside of tunnels too", { op: "protocol", number: 17 }, [1, 1, 1, 1, 0]],
    [
      "an IPv4 host, by its network address too",
      { op: "prefix4", side: "either", word: raw(REMOTE_IPV4), mask: -1 },
      [1, 0, 1, 1, 0],
    ],
    ["as source", { op: "prefix4", side: "source", word: raw(REMOTE_IPV4), mask: -1 }, [0, 0, 1, 1, 0]],
    ["as destination", { op: "prefix4", side: "destination", word: raw(REMOTE_IPV4), mask: -1 }, [1, 0, 0, 0, 0]],
    ["an IPv6 address", { op: "prefix6", side: "source", words: words(REMOTE), masks: ALL_BITS }, [0, 0, 1, 1, 0]],
    ["a network", { op: "tags", side: "destination", word: rawOf(BLUE), mask: -1 }, [1, 1, 1, 1, 0]],
    ["another network", { op: "tags", side: "either", word: rawOf(RED), mask: -1 }, [0, 0, 0, 0, 0]],
    ["ports", { op: "ports", side: "source", first: 5000, last: 5000 }, [1, 1, 1, 1, 0]],
    ["an ending", { op: "ending", verdicts: [ENDINGS.findIndex(({ name }) => name === "hairpin")] }, [0, 1, 0, 0, 0]],
    [
      "an ending and a port",
      {
        op: "and",
        of: [
          { op: "on", ports: [0] },
          { op: "ending", verdicts: [ENDINGS.findIndex(({ fate }) => fate === "dropped")] },
        ],
      },
      [0, 0, 0, 0, 1],
    ],
    ["a length", { op: "length", least: 0, most: 20 }, [0, 0, 0, 0, 1]],
  ];
  for (const [what, filter, matching] of CASES)
    test(what, () => expect(new Watched(new SmallRouter(), { filter }).matching(frames)).toEqual(matching));

  test("octets that lie in a row, wherever the headers end", () => {
    const nonce = Uint8Array.from({ length: 16 }, (_, i) => 0xe0 + i);
    const marked = out.slice();
    marked.set(nonce, marked.length - 16);
    const filter: Filter = { op: "nonce", words: [...rawWords(nonce)] };
    const watch = new Watched(new SmallRouter(), { filter });
    watch.router.offer(VM_A.port, marked);
    expect(watch.records().length).toBe(1);
    expect(watch.matching([[0, udpBack(marked)], ...frames])).toEqual([1, 0, 0, 0, 0, 0]);
  });
});
