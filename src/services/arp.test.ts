import { describe, expect, test } from "bun:test";
import { formatIpv4, formatMac, parseIpv4, parseMac } from "#base/address";
import { nextBelow, nextOctets, type Random, seeded } from "#base/random";
import { NEVER } from "#base/time";
import { type ArpEffect, type ArpEvent, VmArp } from "#services/arp";
import * as arp from "#wire/arp";
import * as ethernet from "#wire/ethernet";

const ip = (text: string) => parseIpv4(text)!;
const mac = (text: string) => parseMac(text)!;
const PORT = 2;
const VM = ip("10.0.0.2");
const VM_MAC = mac("02:00:00:00:00:02");
const OTHER_MAC = mac("02:00:00:00:00:99");
const GATEWAY = ip("10.0.0.1");
const GATEWAY_MAC = mac("02:aa:00:00:00:01");
const ZERO_MAC = new Uint8Array(6);
const ZERO = new Uint8Array(4);

const attach: Extract<ArpEvent, { type: "attach" }> = {
  type: "attach",
  port: PORT,
  address: VM,
  gateway: GATEWAY,
  gatewayMac: GATEWAY_MAC,
};

/** With the VM's MAC from the configuration. */
function configured(): VmArp {
  const core = new VmArp();
  core.handle({ ...attach, mac: VM_MAC }, 0);
  return core;
}

/** Without: asking for it since time 0. */
function learning(): VmArp {
  const core = new VmArp();
  core.handle(attach, 0);
  return core;
}

interface Spoken {
  readonly operation?: number;
  readonly from?: Uint8Array;
  readonly sender?: Uint8Array;
  readonly claimed?: Uint8Array;
  readonly target?: Uint8Array;
}

/** What a VM sends: by default a right request for 10.0.0.7. */
function spoken({
  operation = arp.REQUEST,
  from = VM_MAC,
  sender = from,
  claimed = VM,
  target = ip("10.0.0.7"),
}: Spoken): ArpEvent {
  const payload = new Uint8Array(46).fill(0xa5); // padded to Ethernet's minimum
  const packet = {
    operation,
    senderHardware: sender,
    senderProtocol: claimed,
    targetHardware: ZERO_MAC,
    targetProtocol: target,
  };
  arp.write(payload, 0, packet);
  return {
    type: "frame",
    port: PORT,
    frame: ethernet.frame(ethernet.BROADCAST, from, ethernet.ETHERTYPE_ARP, payload),
  };
}

const timer: ArpEvent = { type: "timer" };
const resolve = (held: number): ArpEvent => ({ type: "resolve", port: PORT, held });

function lines(effects: readonly ArpEffect[]): string[] {
  return effects.map((e) => {
    switch (e.type) {
      case "send":
        return describeFrame(e.frame);
      case "adjacency":
        return `adjacency ${typeof e.mac === "string" ? e.mac : formatMac(e.mac)}`;
      case "drop":
        return `drop ${e.held.join(",")} ${e.reason}`;
      case "probed":
        return `probed ${formatIpv4(e.address)}`;
      default:
        return `${e.type} ${e.held.join(",")}`;
    }
  });
}

function describeFrame(b: Uint8Array): string {
  expect(ethernet.etherType(b, 0)).toBe(ethernet.ETHERTYPE_ARP);
  expect(arp.fits(b, 14, b.length)).toBe(true);
  expect(ethernet.source(b, 0)).toEqual(arp.senderHardware(b, 14));
  const [sender, target] = [formatIpv4(arp.senderProtocol(b, 14)), formatIpv4(arp.targetProtocol(b, 14))];
  const to = formatMac(ethernet.destination(b, 0));
  if (arp.operation(b, 14) === arp.REQUEST) return `who has ${target}, tell ${sender} > ${to}`;
  expect(arp.targetHardware(b, 14)).toEqual(ethernet.destination(b, 0));
  return `${sender} is at ${formatMac(arp.senderHardware(b, 14))} > ${target} ${to}`;
}

const ASK = "who has 10.0.0.2, tell 10.0.0.1 > ff:ff:ff:ff:ff:ff";

describe("proxy ARP (RFC 1027): a VM's requests", () => {
  test.each(["10.0.0.1", "10.0.0.7", "192.0.2.1"])("for %s are answered with the gateway's MAC", (target) => {
    const effects = configured().handle(spoken({ target: ip(target) }), 1);
    expect(lines(effects)).toEqual([`${target} is at 02:aa:00:00:00:01 > 10.0.0.2 02:00:00:00:00:02`]);
  });

  test.each(["0.0.0.0", "127.0.0.1", "224.0.0.5", "255.255.255.255"])("for %s are not: no host has it", (target) => {
    const core = configured();
    expect(core.handle(spoken({ target: ip(target) }), 1)).toEqual([]);
    expect(core.counters.impossible).toBe(1);
  });
});

describe("on an Ethernet segment (paper §2.2)", () => {
  const prefix = { address: ip("10.0.0.0"), length: 24 };
  const probe = (target: string) => spoken({ claimed: ZERO, target: ip(target) });

  function segmented(answers: boolean): VmArp {
    const core = configured();
    expect(core.handle({ type: "network", port: PORT, gateway: GATEWAY, segment: { prefix, answers } }, 0)).toEqual([]);
    return core;
  }
  const ask = (core: VmArp, target: string) => lines(core.handle(spoken({ target: ip(target) }), 1));
  const answer = (target: string) => [`${target} is at 02:aa:00:00:00:01 > 10.0.0.2 02:00:00:00:00:02`];

  test.each(["10.0.0.1", "10.0.0.7", "192.0.2.1", "169.254.169.254"])("the router answers for %s", (target) => {
    expect(ask(segmented(true), target)).toEqual(answer(target));
  });

  test.each([true, false])("nobody has the network's and the broadcast address (router answers: %p)", (answers) => {
    const core = segmented(answers);
    for (const target of ["10.0.0.0", "10.0.0.255"]) {
      expect([ask(core, target), lines(core.handle(probe(target), 1))]).toEqual([[], []]);
    }
    expect(core.counters).toMatchObject({ impossible: 4, answered: 0 });
  });

  test("whose VMs hear one another, they answer themselves; for the gateway and what is behind it the router does", () => {
    const core = segmented(false);
    expect(ask(core, "10.0.0.7")).toEqual([]);
    expect(lines(core.handle(probe("10.0.0.7"), 1))).toEqual([]);
    expect(core.counters).toMatchObject({ left: 2, answered: 0 });
    for (const target of ["10.0.0.1", "10.0.1.7", "169.254.169.254"]) expect(ask(core, target)).toEqual(answer(target));
  });

  test("a probe is answered when somebody has the address, and goes unheard else (RFC 5227 §2.1.1)", () => {
    const core = segmented(true);
    const [effect] = core.handle(probe("10.0.0.7"), 1);
    expect(lines([effect!])).toEqual(["probed 10.0.0.7"]);
    if (effect?.type !== "probed") throw new Error("not asked");
    const told = core.handle({ type: "taken", port: PORT, frame: effect.frame }, 2);
    expect(lines(told)).toEqual(["10.0.0.7 is at 02:aa:00:00:00:01 > 0.0.0.0 02:00:00:00:00:02"]);
    expect(core.counters).toMatchObject({ probes: 1, defended: 1, answered: 0 });
  });

  test.each([true, false])("a probe of the gateway's address is answered (router answers: %p)", (answers) => {
    const core = segmented(answers);
    expect(lines(core.handle(probe("10.0.0.1"), 1))).toEqual([
      "10.0.0.1 is at 02:aa:00:00:00:01 > 0.0.0.0 02:00:00:00:00:02",
    ]);
    expect(core.counters).toMatchObject({ defended: 1 });
  });

  test("a VM may have its own address, and say so (RFC 5227 §2.1.1, §2.3)", () => {
    const core = segmented(true);
    expect(lines(core.handle(probe("10.0.0.2"), 1))).toEqual([]);
    expect(ask(core, "10.0.0.2")).toEqual([]);
    expect(lines(core.handle(probe("10.9.0.7"), 1))).toEqual([]); // of no address on the segment
  });

  test("what is learnt stays when the network changes, which counts at once", () => {
    const core = learning();
    core.handle(spoken({}), 1);
    expect(
      core.handle({ type: "network", port: PORT, gateway: ip("10.0.0.9"), segment: { prefix, answers: false } }, 1),
    ).toEqual([]);
    expect(core.macOf(PORT)).toEqual(VM_MAC);
    expect([ask(core, "10.0.0.1"), ask(core, "10.0.0.9")]).toEqual([[], answer("10.0.0.9")]);
    core.handle({ type: "network", port: PORT, gateway: GATEWAY }, 2);
    expect(ask(core, "10.0.0.7")).toEqual(answer("10.0.0.7"));
    expect(core.handle({ type: "taken", port: 99, frame: new Uint8Array(60) }, 2)).toEqual([]);
  });
});

describe("address conflict detection (RFC 5227): a VM", () => {
  test("that probes for its own address hears nothing, so it may have it (§2.1.1)", () => {
    const core = configured();
    expect(core.handle(spoken({ claimed: ZERO, target: VM }), 1)).toEqual([]);
    expect(core.counters.probes).toBe(1);
  });

  test("that probes for another address is told nothing either", () => {
    expect(configured().handle(spoken({ claimed: ZERO }), 1)).toEqual([]);
  });

  test("that announces its own address hears nothing (§2.3)", () => {
    const core = configured();
    expect(core.handle(spoken({ target: VM }), 1)).toEqual([]);
    expect(core.counters.probes).toBe(1);
  });

  test("teaches its MAC by an announcement, not by a probe", () => {
    const core = learning();
    core.handle(spoken({ claimed: ZERO, target: VM }), 1);
    expect(core.macOf(PORT)).toBeUndefined();
    expect(lines(core.handle(spoken({ target: VM }), 2))).toEqual(["adjacency 02:00:00:00:00:02"]);
  });
});

describe("spoofed ARP is not answered, teaches nothing and is counted:", () => {
  test.each([
    ["another sender address", { claimed: ip("10.0.0.3") }, "spoofedAddress"],
    ["the gateway's address", { claimed: GATEWAY }, "spoofedAddress"],
    ["another MAC than the configured one", { from: OTHER_MAC }, "spoofedMac"],
    ["another MAC in the message than in the frame", { sender: OTHER_MAC }, "spoofedMac"],
    ["a group's MAC", { from: mac("03:00:00:00:00:02") }, "spoofedMac"],
    ["a reply for another address", { operation: arp.REPLY, claimed: ip("10.0.0.3") }, "spoofedAddress"],
  ] as const)("%s", (_what, frame, counter) => {
    const core = configured();
    expect(core.handle(spoken(frame), 1)).toEqual([]);
    expect(core.counters[counter]).toBe(1);
    expect(core.macOf(PORT)).toEqual(VM_MAC);
  });

  test("what is no Ethernet/IPv4 ARP, and every truncation", () => {
    const core = configured();
    const event = spoken({});
    if (event.type !== "frame") throw new Error("not a frame");
    for (let end = 0; end < 42; end++) {
      expect(core.handle({ ...event, frame: event.frame.slice(0, end) }, 1)).toEqual([]);
    }
    const other = event.frame.slice();
    other[15] = 6; // IEEE 802 hardware
    expect(core.handle({ ...event, frame: other }, 1)).toEqual([]);
    expect(core.counters.malformed).toBe(43);
  });
});

describe("the MAC of a VM", () => {
  test("that is configured is known at once, and never asked for", () => {
    const core = new VmArp();
    expect(lines(core.handle({ ...attach, mac: VM_MAC }, 0))).toEqual(["adjacency 02:00:00:00:00:02"]);
    expect([core.deadline(), lines(core.handle(resolve(1), 1))]).toEqual([NEVER, ["release 1"]]);
  });

  test("that is not configured is asked for in the gateway's name, ever more seldom, down to every 30 s", () => {
    const core = new VmArp();
    expect(lines(core.handle(attach, 0))).toEqual(["adjacency unresolved", ASK]);
    const gaps: number[] = [];
    for (let i = 0, last = 0; i < 10; i++) {
      const now = core.deadline();
      gaps.push(now - last);
      last = now;
      expect(lines(core.handle(timer, now))).toContain(ASK);
    }
    expect(gaps).toEqual([250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });

  test("is learnt from a reply, a request, or a frame of the VM's own", () => {
    const events: ArpEvent[] = [
      spoken({ operation: arp.REPLY, target: GATEWAY }),
      spoken({}),
      { type: "seen", port: PORT, mac: VM_MAC },
    ];
    for (const event of events) {
      const core = learning();
      expect(lines(core.handle(event, 1))).toContain("adjacency 02:00:00:00:00:02");
      expect([core.deadline(), core.counters.learnt]).toEqual([NEVER, 1]);
      expect(lines(core.handle(event, 2))).not.toContain("adjacency 02:00:00:00:00:02");
    }
  });

  test("that was learnt may change: the VM got another network card", () => {
    const core = learning();
    core.handle(spoken({}), 1);
    expect(lines(core.handle(spoken({ from: OTHER_MAC }), 2))).toEqual([
      "adjacency 02:00:00:00:00:99",
      "10.0.0.7 is at 02:aa:00:00:00:01 > 10.0.0.2 02:00:00:00:00:99",
    ]);
  });

  test("is never a group's or empty", () => {
    const core = learning();
    for (const odd of [ethernet.BROADCAST, ZERO_MAC]) core.handle({ type: "seen", port: PORT, mac: odd }, 1);
    expect(core.macOf(PORT)).toBeUndefined();
  });
});

describe("packets that wait for a VM's MAC", () => {
  test("are three at most, the newest, and go once it is known (RFC 1122 §2.3.2.2)", () => {
    const core = learning();
    for (const held of [1, 2, 3]) expect(core.handle(resolve(held), 1)).toEqual([]);
    expect(lines(core.handle(resolve(4), 1))).toEqual(["drop 1 overflow"]);
    expect(lines(core.handle(spoken({ operation: arp.REPLY, target: GATEWAY }), 2))).toEqual([
      "adjacency 02:00:00:00:00:02",
      "release 2,3,4",
    ]);
  });

  test("are refused after three requests without an answer; the next one asks briskly again", () => {
    const core = learning();
    core.handle(resolve(1), 1);
    core.handle(timer, 250);
    core.handle(timer, 750);
    expect(lines(core.handle(timer, 1750))).toEqual(["adjacency failed", "release 1", ASK]);
    expect(lines(core.handle(timer, core.deadline()))).toEqual(["adjacency unresolved", ASK]);
    expect(lines(core.handle(resolve(2), 4000))).toEqual([ASK]);
    expect(core.deadline()).toBe(4250);
  });

  test("are given up when the port goes, or is attached anew", () => {
    const core = learning();
    core.handle(resolve(1), 1);
    expect(lines(core.handle(attach, 2))).toEqual([
      "adjacency unresolved",
      "drop 1 detached",
      "adjacency unresolved",
      ASK,
    ]);
    core.handle(resolve(2), 3);
    expect(lines(core.handle({ type: "detach", port: PORT }, 4))).toEqual(["adjacency unresolved", "drop 2 detached"]);
    expect([core.deadline(), core.handle(spoken({}), 5)]).toEqual([NEVER, []]);
  });
});

describe("any events in any order", () => {
  test.each([1, 2, 3, 4, 5])("seed %p: never throw, hold few packets, give each back once", (seed) => {
    const random = seeded(seed);
    const core = new VmArp();
    const held = new Set<number>();
    const take = (effects: readonly ArpEffect[]) => {
      for (const effect of effects) {
        if (effect.type === "send") describeFrame(effect.frame);
        if (effect.type !== "release" && effect.type !== "drop") continue;
        for (const handle of effect.held) expect(held.delete(handle)).toBe(true);
      }
    };
    const up: ArpEvent[] = [attach, { ...attach, port: 3 }, { ...attach, port: 4, mac: VM_MAC }];
    for (const event of up) take(core.handle(event, 0));
    let now = 0;
    for (let i = 0; i < 3000; i++) {
      now += nextBelow(random, 500);
      const event = anyEvent(random, up, i);
      if (event.type === "resolve") held.add(event.held);
      take(core.handle(event, now));
      expect(held.size <= 3 * 3).toBe(true);
    }
    for (const port of [2, 3, 4]) take(core.handle({ type: "detach", port }, now));
    expect([held.size, core.deadline()]).toEqual([0, NEVER]);
  });
});

function anyEvent(random: Random, up: readonly ArpEvent[], i: number): ArpEvent {
  const port = 2 + nextBelow(random, 3);
  const any = <T>(choices: readonly T[]): T => choices[nextBelow(random, choices.length)]!;
  switch (nextBelow(random, 20)) {
    case 0:
      return any(up);
    case 1:
      return { type: "seen", port, mac: any([VM_MAC, OTHER_MAC, ZERO_MAC, ethernet.BROADCAST]) };
    case 2:
      return { type: "frame", port, frame: nextOctets(random, nextBelow(random, 80)) };
    case 3:
    case 4: {
      const operation = nextBelow(random, 4);
      const [from, claimed, target] = [any([VM_MAC, OTHER_MAC]), any([VM, GATEWAY, ZERO]), any([VM, GATEWAY, ZERO])];
      return { ...spoken({ operation, from, claimed, target }), port } as ArpEvent;
    }
    case 5:
    case 6:
    case 7:
    case 8:
      return timer;
    default:
      return { type: "resolve", port, held: i };
  }
}
