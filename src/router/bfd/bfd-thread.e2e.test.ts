/** Two BFD threads at the two ends of a link. Needs root. */
import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeDatagram } from "#bfd/datagram";
import type { BfdChange, BfdSession } from "#router/bfd/bfd-session";
import { BfdThread, type BfdThreadOptions } from "#router/bfd/bfd-thread";
import { Bench, eventually, INTERFACE, ITS, ITS_MAC, OUR_MAC, OURS } from "#router/bfd/testing/bench";
import { DEADLY_MAC } from "#router/bfd/testing/mortal-worker";
import { Log } from "#router/log";
import * as ethernet from "#wire/ethernet";

setDefaultTimeout(30_000);

const bench = new Bench();
const lines: string[] = [];
const log = new Log("info", (line) => lines.push(line));
const timers = { desiredMinTx: 50, requiredMinRx: 50, multiplier: 3 };
const ours: BfdSession = {
  ...{ port: 7, interface: INTERFACE, localMac: OUR_MAC, remoteMac: ITS_MAC, local: OURS, remote: ITS, ...timers },
};
const its: BfdSession = {
  ...{ port: 0, interface: INTERFACE, localMac: ITS_MAC, remoteMac: OUR_MAC, local: ITS, remote: OURS, ...timers },
};

/** A thread, its one session, and what it told. */
class End {
  readonly thread: BfdThread;
  readonly session: BfdSession;
  readonly changes: BfdChange[] = [];

  static async start(namespace: string, session: BfdSession, options: BfdThreadOptions = {}): Promise<End> {
    return new End(session, await BfdThread.start(log, { ...options, namespace }));
  }

  private constructor(session: BfdSession, thread: BfdThread) {
    this.session = session;
    this.thread = thread;
    thread.onState((change) => this.changes.push(change));
  }

  add(session = this.session): void {
    this.thread.add(session);
  }

  view() {
    return this.thread.sessions().then(([view]) => view);
  }

  until(state: string, seconds?: number) {
    return eventually(
      `session that is ${state}`,
      () => this.view(),
      (view) => view?.state === state,
      seconds,
    );
  }
}

let a: End;
let b: End;

beforeAll(async () => {
  bench.up();
  a = await End.start(bench.ours, ours);
  b = await End.start(bench.its, its);
});

afterAll(async () => {
  await a?.thread.stop();
  await b?.thread.stop();
  bench.down();
});

beforeEach(async () => {
  bench.join(true);
  bench.switchOurs(true);
  for (const end of [a, b]) if ((await end.view()) === undefined) end.add();
  await Promise.all([a.until("Up"), b.until("Up")]);
  for (const end of [a, b]) end.changes.length = 0;
});

describe("two BFD threads", () => {
  test("come up at the negotiated timers, past the program that keeps the kernel's stack off", async () => {
    const view = await eventually(
      "end of polling",
      () => a.view(),
      (seen) => seen?.polling === false,
    );
    expect(view).toMatchObject({
      ...{ port: 7, interface: INTERFACE, local: "fe80::bf:d0ff:fe00:1", remote: "fe80::bf:d0ff:fe00:2" },
      ...{ state: "Up", remoteState: "Up", diagnostic: "no diagnostic", transmitInterval: 50, detectionTime: 150 },
    });
    const { refused, transmitErrors, receiveDrops, scheduling } = await a.thread.status();
    expect([refused, transmitErrors, receiveDrops]).toEqual([{}, 0, 0]);
    expect(["real-time", "preferred", "ordinary"]).toContain(scheduling);
    expect(lines.some((line) => line.includes("BFD: its thread runs"))).toBe(true);
  });

  test("notice a link that falls silent, and find each other again", async () => {
    bench.join(false);
    await Promise.all([a.until("Down"), b.until("Down")]);
    for (const { changes } of [a, b])
      expect(changes).toMatchObject([{ up: false, reason: "control detection time expired", administrative: false }]);
    bench.join(true);
    await Promise.all([a.until("Up"), b.until("Up")]);
    expect((await a.view())?.flaps).toBeGreaterThan(0);
  });

  test("notice an interface that goes down at once, and go on when it is back", async () => {
    bench.switchOurs(false);
    await eventually(
      "change",
      () => a.changes,
      (seen) => seen.length > 0,
    );
    expect(a.changes).toMatchObject([{ up: false, reason: "path down", administrative: false }]);
    bench.switchOurs(true);
    await Promise.all([a.until("Up"), b.until("Up")]);
  });

  test("negotiate new timers without going down (RFC 5880 §6.8.3)", async () => {
    a.thread.change({ port: 7, remote: ITS }, { desiredMinTx: 200, requiredMinRx: 30, multiplier: 4 });
    const settled = (view: Awaited<ReturnType<End["view"]>>) => view?.transmitInterval === 200 && !view.polling;
    await eventually("new interval", () => a.view(), settled);
    expect(await b.view()).toMatchObject({ state: "Up", detectionTime: 800, transmitInterval: 50 });
    a.thread.change({ port: 7, remote: ITS }, timers);
    await eventually(
      "old interval",
      () => a.view(),
      (view) => view?.transmitInterval === 50 && !view.polling,
    );
    expect([a.changes, b.changes]).toEqual([[], []]);
  });

  test("tell an operator's will from a failure (RFC 5882 §3.2)", async () => {
    a.thread.setAdminDown({ port: 7, remote: ITS }, true);
    await b.until("Down");
    expect(a.changes).toMatchObject([{ up: false, reason: "administratively down", administrative: true }]);
    expect(b.changes).toMatchObject([{ up: false, reason: "neighbor signaled session down", administrative: true }]);
    a.thread.setAdminDown({ port: 7, remote: ITS }, false);
    await Promise.all([a.until("Up"), b.until("Up")]);
  });

  test("take a session away and add it again; the socket goes with the last one", async () => {
    a.thread.remove({ port: 7, remote: ITS });
    await b.until("Down");
    expect(b.changes).toMatchObject([{ administrative: true }]);
    expect([await a.thread.sessions(), a.changes]).toEqual([[], []]);
    expect(() => a.add({ ...ours, interface: "none" })).toThrow(/get link none.*ENODEV/);
    expect(() => a.add({ ...ours, multiplier: 0 })).toThrow(RangeError);
    a.add();
    expect(() => a.add()).toThrow("is there already");
    await a.until("Up");
  });

  test("follow a neighbor to another MAC address", async () => {
    a.thread.setMac({ port: 7, remote: ITS }, OUR_MAC); // nobody hears that
    await b.until("Down");
    a.thread.setMac({ port: 7, remote: ITS }, ITS_MAC);
    await Promise.all([a.until("Up"), b.until("Up")]);
  });

  test("count what is no Control packet, and go on", async () => {
    const before = (await a.thread.status()).refused.version ?? 0;
    const packet = writeDatagram({ source: ITS, destination: OURS, sourcePort: 49152 }, new Uint8Array(24));
    bench.send(ethernet.frame(OUR_MAC, ITS_MAC, ethernet.ETHERTYPE_IPV6, packet));
    await eventually(
      "refusal",
      () => a.thread.status(),
      ({ refused }) => (refused.version ?? 0) === before + 1,
    );
    expect([(await a.view())?.state, a.changes]).toEqual(["Up", []]);
  });
  test("outlive the death of a thread: its sessions are down until the next one has them up again", async () => {
    await a.thread.stop();
    b.changes.length = 0;
    const mortal = await End.start(bench.ours, ours, {
      program: new URL("./testing/mortal-worker.ts", import.meta.url),
    });
    try {
      mortal.add();
      await mortal.until("Up");
      mortal.thread.setMac({ port: 7, remote: ITS }, DEADLY_MAC);
      await eventually(
        "change",
        () => mortal.changes,
        (seen) => seen.length === 2,
      );
      expect(mortal.changes[1]).toMatchObject({ up: false, reason: "the BFD thread ended", administrative: false });
      await expect(mortal.thread.sessions()).rejects.toThrow("the BFD thread is not running");
      mortal.thread.setMac({ port: 7, remote: ITS }, ITS_MAC);
      await eventually(
        "change",
        () => mortal.changes,
        (seen) => seen.length === 3,
      );
      expect(mortal.changes[2]).toMatchObject({ up: true });
      await b.until("Up");
    } finally {
      await mortal.thread.stop();
    }
  });
});
