import { describe, expect, test } from "bun:test";
import { NEVER } from "#base/time";
import { Bfd } from "#bfd/bfd";
import type { BfdEvent } from "#bfd/events";
import { writeControl } from "#bfd/packet";
import {
  add,
  arriving,
  control,
  datagramOf,
  from,
  ITS,
  ip,
  KEY,
  LOCAL,
  lines,
  only,
  PORT,
  REMOTE,
  run,
  sent,
  sessionIn,
  settled,
  TIMERS,
  tell,
} from "#bfd/testing/peer";

const remove: BfdEvent = { type: "removeSession", ...KEY };

describe("sessions (RFC 5880 §6.8.1)", () => {
  test("begin Down, with an active role: the first packet goes out at once, Your Discriminator zero (RFC 5881 §3)", () => {
    const core = new Bfd(1);
    const effects = core.handle(add(), 0);
    expect(lines(effects)).toEqual(["send Down 1000/100 x3"]);
    expect(sent(effects)[0]).toMatchObject({ yourDiscriminator: 0, controlPlaneIndependent: true, demand: false });
    expect(only(core)).toMatchObject({
      state: "Down",
      remoteState: "Down",
      remoteDiscriminator: 0,
      detectionTime: null,
    });
  });

  test("have discriminators and source ports of their own, each always the same (RFC 5881 §4)", () => {
    const core = new Bfd(1);
    const ports = new Set<number>();
    const sourcePort = (octets: Uint8Array) => (octets[40]! << 8) | octets[41]!;
    for (let i = 0; i < 200; i++) {
      const remoteAddress = ip(`fe80::1:${i}`);
      const [first] = core.handle({ ...add(), ...{ remoteAddress } } as BfdEvent, i);
      if (first?.type !== "send") throw new Error("nothing was sent");
      ports.add(sourcePort(first.octets));
    }
    expect(ports.size).toBe(200);
    expect([Math.min(...ports) >= 49152, Math.max(...ports) <= 65535]).toEqual([true, true]);
    expect(new Set(core.sessions().map((s) => s.localDiscriminator)).size).toBe(200);
    const again = core.handle({ type: "timer" }, 5000);
    expect(again.length).toBe(200);
    for (const effect of again) if (effect.type === "send") expect(ports.has(sourcePort(effect.octets))).toBe(true);
  });

  test("are known by port and neighbor, both of which may have others", () => {
    const core = new Bfd(1);
    core.handle(add(), 0);
    core.handle({ ...add(), port: PORT + 1 } as BfdEvent, 0);
    core.handle({ ...add(), remoteAddress: ip("fe80::3") } as BfdEvent, 0);
    expect(() => core.handle(add(), 0)).toThrow("session fe80::2 on port #3 is there already");
    expect(core.sessions().length).toBe(3);
  });

  test.each([
    [{ desiredMinTx: 0 }],
    [{ requiredMinRx: 0.5 }],
    [{ desiredMinTx: 2 ** 32 }],
    [{ detectMult: 0 }],
    [{ detectMult: 256 }],
    [{ detectMult: 2.5 }],
    [{ requiredMinRx: Number.NaN }],
  ])("are refused with timers that no packet can carry: %p", (timers) => {
    expect(() => new Bfd(1).handle(add(timers), 0)).toThrow(RangeError);
    expect(() => sessionIn("Up").handle({ type: "changeSession", ...KEY, ...timers }, 1000)).toThrow(RangeError);
  });

  test("that are not there cannot be changed or removed", () => {
    expect(() => new Bfd(1).handle(remove, 0)).toThrow("no session fe80::2 on port #3");
  });
});

describe("taking a session away (RFC 5880 §6.8.16)", () => {
  test("tells AdminDown for a Detection Time as the neighbor reckons it, then forgets", () => {
    const core = settled();
    expect(tell(core, remove, 2000)).toEqual(["send AdminDown P 1000/100 x3"]);
    expect([core.sessions(), core.uses(PORT), core.uses(PORT + 1)]).toEqual([[], true, false]);
    const happened = run(core, 10_000);
    expect(happened.every(({ what }) => what.startsWith("send AdminDown"))).toBe(true);
    expect(happened.length).toBeGreaterThanOrEqual(2);
    expect([core.deadline(), core.uses(PORT)]).toEqual([NEVER, false]);
  });

  test("forgets at once who was never heard", () => {
    const core = sessionIn("Down");
    expect(tell(core, remove, 2000)).toEqual([]);
    expect([core.deadline(), core.uses(PORT)]).toEqual([NEVER, false]);
  });

  test("may be followed by a new session with the same neighbor, at once", () => {
    const core = settled();
    const before = only(core).localDiscriminator;
    core.handle(remove, 2000);
    expect(() => core.handle(remove, 2000)).toThrow(RangeError);
    expect(tell(core, add(), 2001)).toEqual(["send Down 1000/100 x3"]);
    expect(only(core).localDiscriminator).not.toBe(before);
    core.handle(arriving(writeControl(control({ yourDiscriminator: before }))), 2002);
    expect(core.counters.refused).toEqual({ "unknown discriminator": 1 });
    core.handle(arriving(writeControl(control())), 2003);
    expect(only(core).state).toBe("Init");
  });
});

describe("reception (RFC 5880 §6.8.6)", () => {
  const up = control({ state: "Up", yourDiscriminator: 1 });
  const authenticated = (core: Bfd) => from(core, "Up", { authentication: new Uint8Array(10) });
  test.each([
    ["hop limit (RFC 5881 §5)", (core: Bfd) => ({ ...from(core, "Down"), hopLimit: 254 }) as BfdEvent, "hop limit"],
    ["what is no Control packet", () => arriving(new Uint8Array(10)), "version"],
    ["Your Discriminator of nobody", () => arriving(writeControl(up)), "unknown discriminator"],
    [
      "Your Discriminator of a session on another interface (RFC 5881 §3)",
      (core: Bfd) => ({ ...from(core, "Down"), port: PORT + 1 }) as BfdEvent,
      "another interface",
    ],
    [
      "Your Discriminator zero and Init",
      () => arriving(writeControl(control({ state: "Init" }))),
      "your discriminator zero",
    ],
    [
      "Your Discriminator zero and Up",
      () => arriving(writeControl(control({ state: "Up" }))),
      "your discriminator zero",
    ],
    [
      "a neighbor without a session",
      () => arriving(writeControl(control()), { source: ip("fe80::9") }),
      "unknown neighbor",
    ],
    ["a neighbor on another port", () => arriving(writeControl(control()), { port: PORT + 1 }), "unknown neighbor"],
    [
      "a packet to another address of ours",
      () => arriving(writeControl(control()), { destination: ip("2001:db8::1") }),
      "unknown neighbor",
    ],
    ["authentication that is not in use", authenticated, "authentication"],
  ])("discards and counts: %s", (_, event, reason) => {
    const core = sessionIn("Up");
    const before = only(core);
    expect(tell(core, event(core), 1010)).toEqual([]);
    expect(only(core)).toEqual(before);
    expect(core.counters.refused).toEqual({ [reason]: 1 });
  });

  test("with Your Discriminator asks for no address", () => {
    const core = sessionIn("Up");
    const event = { ...from(core, "Up"), source: ip("2001:db8::2") } as BfdEvent;
    core.handle(event, 1010);
    expect(only(core).packetsReceived).toBe(3);
    const [, next] = [core.handle({ type: "timer" }, 1100), core.handle({ type: "timer" }, 1300)];
    expect(next[0]).toMatchObject({ destination: REMOTE, source: LOCAL }); // RFC 5881 §6
  });

  test("a neighbor that started anew takes the session down and up again", () => {
    const core = settled();
    const anew = control({ myDiscriminator: 0x7777 });
    expect(tell(core, arriving(writeControl(anew)), 1050)[0]).toBe("down: neighbor signaled session down");
    core.handle(arriving(writeControl(anew)), 1060);
    expect(tell(core, from(core, "Init", { myDiscriminator: 0x7777 }), 1070)[0]).toBe("up");
    expect(only(core)).toMatchObject({ state: "Up", remoteDiscriminator: 0x7777, flaps: 1 });
  });

  test("reports the longest silence of a session that was Up all the while", () => {
    const core = settled();
    for (const at of [1100, 1350, 1400]) core.handle(from(core, "Up"), at);
    expect(only(core)).toMatchObject({ longestSilence: 250, packetsReceived: 6, upSince: 1000 });
  });
});

describe("Poll and Final (RFC 5880 §6.5, §6.8.7)", () => {
  test.each(["Down", "Init", "Up"] as const)("a Poll is answered at once in %s, without the Poll bit", (state) => {
    const core = sessionIn(state);
    const [answer, ...more] = sent(core.handle(from(core, state, { poll: true }), 1001));
    expect(answer).toMatchObject({ poll: false, final: true, yourDiscriminator: ITS });
    expect(more).toEqual([]);
  });

  test("the answer does not put the next periodic packet off, and tells of a change as well", () => {
    const core = sessionIn("Init");
    const before = core.deadline();
    const effects = core.handle(from(core, "Init", { poll: true }), 1001);
    expect(lines(effects)).toEqual(["up", "send Up F 100/100 x3"]);
    expect(core.deadline()).toBeLessThan(before); // the interval is shorter now
    expect(lines(core.handle({ type: "timer" }, core.deadline()))).toEqual(["send Up P 100/100 x3"]);
  });

  test("too many Polls are not answered, and counted", () => {
    const core = settled();
    let answers = 0;
    for (let i = 0; i < 1000; i++) answers += core.handle(from(core, "Up", { poll: true }), 1020 + i / 10).length;
    expect(answers).toBeLessThanOrEqual(20);
    expect(core.counters.pollsUnanswered).toBe(1000 - answers);
    expect(core.handle(from(core, "Up", { poll: true }), 1300).length).toBe(1);
  });

  test("a neighbor that goes up and down without end costs no more", () => {
    const core = settled();
    let packets = 0;
    for (let i = 0; i < 1000; i++) {
      const effects = core.handle(from(core, i % 2 === 0 ? "Down" : "Init"), 1020 + i / 10);
      packets += effects.filter(({ type }) => type === "send").length;
    }
    expect(packets).toBeLessThanOrEqual(20);
  });

  test("periodic packets carry the Poll bit until the answer comes", () => {
    const core = sessionIn("Up");
    core.handle(from(core, "Up"), 1200); // not Final
    const before = run(core, 1400);
    expect(before.every(({ what }) => what === "send Up P 100/100 x3")).toBe(true);
    core.handle(from(core, "Up", { final: true }), 1400);
    const after = run(core, 1600);
    expect([after.length > 0, after.every(({ what }) => what === "send Up 100/100 x3")]).toEqual([true, true]);
  });
});

describe("Demand mode of the neighbor (RFC 5880 §6.6, §6.8.7)", () => {
  test("stops our periodic packets while both are Up", () => {
    const core = settled();
    core.handle(from(core, "Up", { demand: true }), 1050);
    expect(run(core, 1340)).toEqual([]);
    core.handle(from(core, "Up"), 1345);
    expect(tell(core, { type: "timer" }, 1345)).toEqual(["send Up 100/100 x3"]);
  });

  test("a change is polled for, and told until it is acknowledged", () => {
    const core = settled();
    core.handle(from(core, "Up", { demand: true }), 1050);
    const change = core.handle({ type: "changeSession", ...KEY, detectMult: 5 }, 1060);
    expect(lines(change)).toEqual(["send Up P 100/100 x5"]);
    expect(run(core, 1200).every(({ what }) => what === "send Up P 100/100 x5")).toBe(true);
    core.handle(from(core, "Up", { demand: true, final: true }), 1210);
    expect(run(core, 1500).map(({ what }) => what)).toEqual([]);
  });
});

describe("a neighbor that wants no periodic packets (RFC 5880 §6.8.7, §6.8.18)", () => {
  test("gets none, but hears of changes and has its Polls answered", () => {
    const core = settled();
    core.handle(from(core, "Up", { requiredMinRx: 0 }), 1050);
    expect(only(core).transmitInterval).toBe(null);
    expect(run(core, 1300)).toEqual([]);
    expect(tell(core, from(core, "Up", { requiredMinRx: 0, poll: true }), 1310)).toEqual(["send Up F 100/100 x3"]);
    expect(tell(core, { type: "linkDown", port: PORT }, 1320)).toEqual(["down: path down", "send Down P 1000/100 x3"]);
  });
});

test("each packet is whole: addresses, UDP, checksum, and Control packet", () => {
  const core = new Bfd(1);
  const [effect] = core.handle(add(), 0);
  if (effect?.type !== "send") throw new Error("nothing was sent");
  expect(effect).toMatchObject({ port: PORT, source: LOCAL, destination: REMOTE });
  expect(datagramOf(effect.octets)).toMatchObject({ source: LOCAL, destination: REMOTE, hopLimit: 255 });
  expect(TIMERS.detectMult).toBe(sent([effect])[0]!.detectMult);
});
