import { describe, expect, test } from "bun:test";
import { seeded } from "#base/random";
import { Bfd } from "#bfd/bfd";
import type { BfdEvent, SessionTimers } from "#bfd/events";
import { writeControl } from "#bfd/packet";
import {
  add,
  arriving,
  control,
  from,
  gaps,
  KEY,
  lines,
  only,
  PORT,
  run,
  sessionIn,
  settled,
  tell,
} from "#bfd/testing/peer";
import { drawJitter } from "#bfd/timers";

const change = (timers: Partial<SessionTimers>): BfdEvent => ({ type: "changeSession", ...KEY, ...timers });

describe("jitter (RFC 5880 §6.8.7)", () => {
  test.each([
    [3, 1],
    [1, 0.9],
  ])("with a Detect Mult of %p each interval is 75 to %p of what was negotiated, evenly", (detectMult, most) => {
    const random = seeded(4711);
    const draws = Array.from({ length: 10_000 }, () => drawJitter(detectMult, random)).sort((a, b) => a - b);
    expect(draws[0]).toBeGreaterThanOrEqual(0.75);
    expect(draws.at(-1)).toBeLessThanOrEqual(most);
    expect(Math.abs(draws[5000]! - (0.75 + most) / 2)).toBeLessThan(0.01);
  });

  test.each([1, 3])("holds for the packets of a session with a Detect Mult of %p", (detectMult) => {
    const core = settled({ detectMult });
    for (let at = 1100; at <= 20_000; at += 100) {
      core.handle(from(core, "Up"), at);
      const between = gaps(run(core, at + 99));
      expect(between.every((gap) => gap >= 75 && gap <= (detectMult === 1 ? 90 : 100))).toBe(true);
    }
    expect(only(core)).toMatchObject({ state: "Up", flaps: 0 });
  });
});

describe("transmission (RFC 5880 §6.8.3, §6.8.7)", () => {
  test("is once a second, less jitter, while the session is not Up", () => {
    const core = new Bfd(1);
    core.handle(add({ desiredMinTx: 10 }), 0);
    const happened = run(core, 60_000);
    expect(happened.every(({ what }) => what === "send Down 1000/100 x3")).toBe(true);
    expect(gaps(happened).every((gap) => gap >= 750 && gap <= 1000)).toBe(true);
  });

  test("is slower yet if that is wanted", () => {
    const core = new Bfd(1);
    expect(tell(core, add({ desiredMinTx: 5000 }), 0)).toEqual(["send Down 5000/100 x3"]);
    expect(gaps(run(core, 60_000)).every((gap) => gap >= 3750)).toBe(true);
  });

  test("takes its own interval or the neighbor's, whichever is longer", () => {
    const core = settled();
    expect(only(core).transmitInterval).toBe(100);
    core.handle(from(core, "Up", { requiredMinRx: 400_000 }), 1010);
    expect(only(core).transmitInterval).toBe(400);
    core.handle(from(core, "Up", { requiredMinRx: 1000 }), 1020);
    expect(only(core).transmitInterval).toBe(100);
  });

  test("honours an interval that the neighbor reduces at once, counted from the last packet", () => {
    const core = settled();
    core.handle(from(core, "Up", { requiredMinRx: 10_000_000, desiredMinTx: 10_000_000 }), 1100);
    const last = run(core, 1100).at(-1)?.at ?? 1000;
    expect(core.deadline()).toBeGreaterThan(8000);
    core.handle(from(core, "Up", { requiredMinRx: 100_000, desiredMinTx: 10_000_000 }), 5000);
    expect(core.deadline()).toBeLessThanOrEqual(last + 100);
    expect(tell(core, { type: "timer" }, 5000)).toEqual(["send Up 100/100 x3"]);
  });
});

describe("changing the timers of a session that is Up (RFC 5880 §6.8.3)", () => {
  test("an increase of Desired Min TX is announced, and done once it is acknowledged", () => {
    const core = settled();
    expect(tell(core, change({ desiredMinTx: 400 }), 1010)).toEqual(["send Up P 400/100 x3"]);
    expect(only(core)).toMatchObject({ transmitInterval: 100, polling: true });
    core.handle(from(core, "Up"), 1020);
    expect(only(core).transmitInterval).toBe(100);
    core.handle(from(core, "Up", { final: true }), 1030);
    expect(only(core)).toMatchObject({ transmitInterval: 400, polling: false });
  });

  test("a decrease of Desired Min TX is done at once", () => {
    const core = settled();
    expect(tell(core, change({ desiredMinTx: 20 }), 1010)).toEqual(["send Up P 20/100 x3"]);
    core.handle(from(core, "Up", { requiredMinRx: 1 }), 1020);
    expect(only(core)).toMatchObject({ transmitInterval: 20, polling: true });
  });

  test("a decrease of Required Min RX counts for the Detection Time once it is acknowledged", () => {
    const core = settled({ requiredMinRx: 300 });
    expect(only(core).detectionTime).toBe(900);
    expect(tell(core, change({ requiredMinRx: 50 }), 1010)).toEqual(["send Up P 100/50 x3"]);
    core.handle(from(core, "Up"), 1020);
    expect(only(core).detectionTime).toBe(900);
    core.handle(from(core, "Up", { final: true, desiredMinTx: 50_000 }), 1030);
    expect(only(core).detectionTime).toBe(150);
  });

  test("an increase of Required Min RX counts at once", () => {
    const core = settled();
    expect(tell(core, change({ requiredMinRx: 200 }), 1010)).toEqual(["send Up P 100/200 x3"]);
    expect(only(core).detectionTime).toBe(600);
  });

  test("a new Detect Mult needs no Poll Sequence (§6.8.12)", () => {
    const core = settled();
    expect(tell(core, change({ detectMult: 9 }), 1010)).toEqual(["send Up 100/100 x9"]);
    expect(only(core)).toMatchObject({ polling: false, detectionTime: 300 });
  });

  test("what changes nothing is not told", () => {
    const core = settled();
    expect(tell(core, change({ desiredMinTx: 100, requiredMinRx: 100, detectMult: 3 }), 1010)).toEqual([]);
  });

  test("a second change waits until the first one's Final cannot be meant for it", () => {
    const core = settled();
    core.handle(change({ desiredMinTx: 400 }), 1010);
    expect(tell(core, change({ desiredMinTx: 500 }), 1020)).toEqual(["send Up P 500/100 x3"]);
    core.handle(from(core, "Up", { final: true }), 1030); // of the first, perhaps
    expect(only(core)).toMatchObject({ transmitInterval: 100, polling: false });
    core.handle(from(core, "Up"), 1040);
    const asked = run(core, 1150).map(({ what }) => what);
    expect(asked.at(-1)).toBe("send Up P 500/100 x3");
    core.handle(from(core, "Up", { final: true }), 1160);
    expect(only(core)).toMatchObject({ transmitInterval: 500, polling: false });
  });

  test("while it is not Up, they hold at once, a Poll Sequence or not", () => {
    const core = sessionIn("Init", { requiredMinRx: 300 });
    core.handle(change({ requiredMinRx: 50, desiredMinTx: 2000 }), 1010);
    expect(only(core)).toMatchObject({ detectionTime: 300, transmitInterval: 2000, polling: true });
  });

  test("going Up and going down are changes themselves", () => {
    const core = sessionIn("Init");
    expect(tell(core, from(core, "Init"), 1010)).toEqual(["up", "send Up P 100/100 x3"]);
    core.handle(from(core, "Up", { final: true }), 1020);
    expect(tell(core, from(core, "Down"), 1030).at(-1)).toBe("send Down P 1000/100 x3");
    expect(only(core).transmitInterval).toBe(1000);
  });
});

describe("the Detection Time (RFC 5880 §6.8.4)", () => {
  test.each([
    // ours in ms, the neighbor's Desired Min TX in µs and multiplier, Detection Time in ms
    [100, 100_000, 3, 300],
    [100, 10_000, 3, 300],
    [10, 100_000, 3, 300],
    [100, 100_000, 1, 100],
    [100, 0, 255, 25_500],
  ])("Required Min RX %p, Desired Min TX %p, Detect Mult %p: %p", (requiredMinRx, desiredMinTx, detectMult, time) => {
    const core = settled({ requiredMinRx });
    core.handle(from(core, "Up", { desiredMinTx, detectMult }), 1100);
    expect(only(core).detectionTime).toBe(time);
    const down = run(core, 1100 + time).find(({ what }) => what.startsWith("down"));
    expect(down).toEqual({ at: 1100 + time, what: "down: control detection time expired" });
  });

  test("takes Init down as well, and tells at once", () => {
    const core = sessionIn("Init");
    const happened = run(core, 1300);
    expect(happened).toEqual([{ at: 1300, what: "send Down 1000/100 x3" }]);
    expect(only(core)).toMatchObject({ state: "Down", diagnostic: 1 });
  });

  test("is not over while packets wait to be handed in, of this session or another", () => {
    const core = settled();
    core.handle({ ...add(), port: PORT + 1 } as BfdEvent, 1000);
    const yourDiscriminator = core.sessions()[0]!.localDiscriminator;
    // Held up for four seconds: this one was in the queue.
    core.handle(arriving(writeControl(control({ state: "Up", yourDiscriminator }))), 5000);
    expect(lines(core.handle({ type: "timer" }, 5000)).filter((line) => line.startsWith("down"))).toEqual([]);
  });

  test("once over, the neighbor is a stranger again (§6.8.1, §6.8.18)", () => {
    const core = settled();
    core.handle(from(core, "Up", { requiredMinRx: 30_000_000, desiredMinTx: 100_000 }), 1010);
    run(core, 1310);
    expect(only(core)).toMatchObject({ state: "Down", remoteDiscriminator: 0, transmitInterval: 1000 });
  });

  test("is kept after the path failed, and then forgets as well", () => {
    const core = settled();
    core.handle({ type: "linkDown", port: PORT }, 1010);
    expect(only(core).remoteDiscriminator).not.toBe(0);
    run(core, 1300);
    expect(only(core)).toMatchObject({ remoteDiscriminator: 0, diagnostic: 5 });
  });
});
