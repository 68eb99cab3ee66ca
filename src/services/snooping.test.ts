/** The querier and who listens to what, in virtual time, by sections of RFC 2236, 3376, 3810 and 4541. */
import { describe, expect, test } from "bun:test";
import { nextBelow, seeded } from "#base/random";
import { NEVER } from "#base/time";
import { Snooping } from "#services/snooping";
import { MOST_GROUPS } from "#services/snooping/memberships";
import { GROUP_MEMBERSHIP_INTERVAL, LEARNING, OTHER_QUERIER_PRESENT_INTERVAL } from "#services/snooping/times";
import { MOST_WANTED } from "#services/snooping/wanted";
import {
  attach,
  block,
  counted,
  detach,
  fire,
  G4,
  G6,
  ip,
  join,
  leave,
  OTHER_PORT,
  old,
  PORT,
  pass,
  report,
  settled,
  spoken,
  still,
  tell,
} from "#services/testing/snooping";
import * as ethernet from "#wire/ethernet";
import { ALLOW, IS_EX, IS_IN, TO_EX, TO_IN } from "#wire/group-membership";
import * as igmp from "#wire/igmp";
import * as ipv4 from "#wire/ipv4";
import * as mld from "#wire/mld";

const S1 = "192.0.2.1";
const NOW = LEARNING;
const FAMILIES = [G4, G6];
const LATER = 10_000_000;

describe("the querier (RFC 3376 §6.1, RFC 3810 §7.1)", () => {
  test("asks twice to begin with, then every 125 s or a little sooner", () => {
    const core = new Snooping(7);
    const first = ["3: everything? IGMP within 1 s", "3: everything? MLD within 1 s"];
    expect(attach(core)).toEqual([...first, "3 hears all", "401 wants all"]);
    expect(core.deadline()).toBe(1000);
    expect(fire(core, 1000)).toEqual(first);
    expect(fire(core, LEARNING)).toEqual(["3 hears nothing", "401 wants nothing"]);
    let last = 1000;
    for (let i = 0; i < 20; i++) {
      const due = core.deadline();
      expect(due - last).toBeGreaterThan(112_499);
      expect(due - last).toBeLessThanOrEqual(125_000);
      expect(fire(core, due)).toEqual(["3: everything? IGMP within 10 s", "3: everything? MLD within 10 s"]);
      last = due;
    }
  });

  test("asks a VM anew that has come back, and nobody at other ports (RFC 4541 §2.1.1)", () => {
    const core = settled(OTHER_PORT);
    detach(core, PORT, NOW);
    expect(attach(core, PORT, NOW + 1).filter((line) => line.includes("?"))).toEqual([
      "3: everything? IGMP within 1 s",
      "3: everything? MLD within 1 s",
    ]);
  });

  test("asks from the settings that hold now, and forgets nothing for them", () => {
    const core = settled();
    tell(core, join(), NOW);
    expect(attach(core, PORT, NOW, { gateway: ip("10.0.0.1") })).toEqual([]);
    expect(core.groupsOf(PORT)).toEqual(["00000000000000000000ffffef010203"]);
  });

  test("wants nothing for a VM that may listen to groups not known yet only until that has answered", () => {
    const core = new Snooping(1);
    attach(core);
    expect(tell(core, still(), 500)).toEqual([]);
    expect(fire(core, LEARNING).slice(2)).toEqual([`3 hears ${G4}`, `401 wants ${G4}`]);
  });
});

describe.each(FAMILIES)("a listener to %s", (group) => {
  test("is one from its report on (RFC 3376 §6.4, RFC 3810 §7.4)", () => {
    const core = settled();
    expect(tell(core, join(group), NOW)).toEqual([`3 hears ${group}`, `401 wants ${group}`]);
    expect(tell(core, still(group), NOW + 1)).toEqual([]);
  });

  test("is none when nothing is heard of it for 260 s (RFC 3376 §8.4, RFC 3810 §9.4, RFC 4541 §2.1.1)", () => {
    const core = settled();
    tell(core, join(group), NOW);
    tell(core, still(group), NOW + 1000);
    const over = NOW + 1000 + GROUP_MEMBERSHIP_INTERVAL;
    expect(pass(core, over - 1)).toEqual([]);
    expect(pass(core, over)).toEqual(["3 hears nothing", "401 wants nothing"]);
  });

  test("that leaves is asked twice whether another there does not, for 2 s (RFC 3376 §6.6.3.1, §8.10)", () => {
    const core = settled();
    tell(core, join(group), NOW);
    expect(tell(core, leave(group), NOW)).toEqual([`3: ${group}? within 1 s`]);
    expect(pass(core, NOW + 999)).toEqual([]);
    expect(pass(core, NOW + 1000)).toEqual([`3: ${group}? within 1 s`]);
    expect(pass(core, NOW + 1999)).toEqual([]);
    expect(pass(core, NOW + 2000)).toEqual(["3 hears nothing", "401 wants nothing"]);
  });

  test("that another there listens to remains, and is asked no more (RFC 2236 §7)", () => {
    const core = settled();
    tell(core, join(group), NOW);
    tell(core, leave(group), NOW);
    expect(tell(core, still(group), NOW + 500)).toEqual([]);
    expect(pass(core, NOW + 500 + GROUP_MEMBERSHIP_INTERVAL - 1)).toEqual([]);
  });

  test("that leaves again while it is asked is asked no more often (RFC 3376 §6.4.2)", () => {
    const core = settled();
    tell(core, join(group), NOW);
    tell(core, leave(group), NOW);
    expect(tell(core, leave(group), NOW + 10)).toEqual([]);
    expect(pass(core, NOW + 2000)).toEqual([`3: ${group}? within 1 s`, "3 hears nothing", "401 wants nothing"]);
  });

  test("that was none cannot leave (RFC 2236 §3)", () => {
    const core = settled();
    expect(tell(core, leave(group), NOW)).toEqual([]);
    expect(counted(core)).toMatchObject({ reports: 1, strayLeaves: 1 });
  });

  test("is gone at once when all timers were late", () => {
    const core = settled();
    tell(core, join(group), NOW);
    tell(core, leave(group), NOW);
    expect(tell(core, spoken({ type: igmp.REPORT_3, records: [] }), NOW + 5000)).toEqual([
      "3 hears nothing",
      "401 wants nothing",
    ]);
  });
});

describe("records of version 3 (RFC 3376 §4.2.12, §6.4)", () => {
  test.each([
    ["IS_EX with and without sources", [report(IS_EX), report(IS_EX, G4, S1)]],
    ["TO_EX with and without sources", [report(TO_EX), report(TO_EX, G4, S1)]],
    ["IS_IN some sources", [report(IS_IN, G4, S1)]],
    ["TO_IN some sources", [report(TO_IN, G4, S1)]],
    ["ALLOW some sources", [report(ALLOW, G4, S1)]],
  ])("make a listener: %s", (_, frames) => {
    for (const frame of frames) expect(tell(settled(), frame, NOW)).toEqual([`3 hears ${G4}`, `401 wants ${G4}`]);
  });

  test.each([
    ["IS_IN no sources", report(IS_IN)],
    ["ALLOW no sources", report(ALLOW)],
    ["BLOCK", block(G4, S1)],
    ["an unknown type", report(7, G4, S1)],
    ["another address than a group's", report(TO_EX, "10.0.0.7")],
  ])("make none: %s", (_, frame) => {
    expect(tell(settled(), frame, NOW)).toEqual([]);
  });

  test("of sources that are blocked lead to a question about the group: they may have been all (§5.1)", () => {
    const core = settled();
    tell(core, report(ALLOW, G4, S1), NOW);
    expect(tell(core, block(G4, S1), NOW)).toEqual([`3: ${G4}? within 1 s`]);
    expect(tell(core, report(IS_IN, G4, "192.0.2.2"), NOW + 100)).toEqual([]);
    expect(pass(core, NOW + 3000)).toEqual([]);
    expect(tell(core, block(G4), NOW)).toEqual([]);
  });

  test("come several in one report", () => {
    const core = settled();
    const records = [G4, "239.0.0.9"].map((group) => ({ type: TO_EX, group: ip(group), sources: [] }));
    const both = "239.0.0.9 239.1.2.3";
    expect(tell(core, spoken({ type: igmp.REPORT_3, records }), NOW)).toEqual([`3 hears ${both}`, `401 wants ${both}`]);
  });
});

describe("older hosts (RFC 3376 §7.3.2, RFC 3810 §8.3.2)", () => {
  test.each([
    [igmp.REPORT_2, igmp.LEAVE, G4],
    [mld.REPORT_1, mld.DONE, G6],
  ] as const)("join and leave with types %i and %i", (joins, leaves, group) => {
    const core = settled();
    expect(tell(core, old(joins, group), NOW)).toEqual([`3 hears ${group}`, `401 wants ${group}`]);
    expect(tell(core, old(leaves, group), NOW + 1)).toEqual([`3: ${group}? within 1 s`]);
    expect(pass(core, NOW + 2001).slice(1)).toEqual(["3 hears nothing", "401 wants nothing"]);
  });

  test.each([
    [old(igmp.REPORT_2, G4), G4],
    [old(mld.REPORT_1, G6), G6],
  ])("of the version before the last are not overruled by blocked sources, but by leaves are", (joins, group) => {
    const core = settled();
    tell(core, joins, NOW);
    expect(tell(core, block(group, group === G4 ? S1 : "2001:db8::1"), NOW)).toEqual([]);
    expect(counted(core)).toMatchObject({ outdated: 1 });
    expect(tell(core, leave(group), NOW)).toEqual([`3: ${group}? within 1 s`]);
  });

  test("of version 1 never leave, and nobody's leaving is heeded until 260 s after they were heard (RFC 2236 §5)", () => {
    const core = settled();
    tell(core, old(igmp.REPORT_1, G4), NOW);
    for (const frame of [old(igmp.LEAVE, G4), leave(), block(G4, S1)]) expect(tell(core, frame, NOW + 1)).toEqual([]);
    const over = NOW + GROUP_MEMBERSHIP_INTERVAL;
    tell(core, still(), over - 1);
    expect(tell(core, leave(), over - 1)).toEqual([]);
    expect(tell(core, leave(), over)).toEqual([`3: ${G4}? within 1 s`]);
  });

  test("of version 2 are what remains when those of version 1 are gone", () => {
    const core = settled();
    tell(core, old(igmp.REPORT_1, G4), NOW);
    tell(core, old(igmp.REPORT_2, G4), NOW + 1000);
    const over = NOW + GROUP_MEMBERSHIP_INTERVAL;
    expect(pass(core, over)).toEqual([]);
    expect(tell(core, block(G4, S1), over)).toEqual([]);
    expect(tell(core, old(igmp.LEAVE, G4), over)).toEqual([`3: ${G4}? within 1 s`]);
    tell(core, still(), over + 1);
    expect(tell(core, block(G4, S1), over + 1000)).toEqual([`3: ${G4}? within 1 s`]);
  });
});

describe("what a snooping switch owes (RFC 4541)", () => {
  test("reports from 0.0.0.0 and :: count (§2.1.1, §3)", () => {
    const records = (group: string) => [{ type: TO_EX, group: ip(group), sources: [] }];
    const core = settled();
    expect(tell(core, spoken({ type: igmp.REPORT_3, records: records(G4) }, "0.0.0.0"), NOW)).not.toEqual([]);
    expect(tell(core, spoken({ type: mld.REPORT_2, records: records(G6) }, "::"), NOW)).not.toEqual([]);
    const routed = spoken({ type: mld.REPORT_2, records: records("ff05::99") }, "2001:db8::2");
    expect(tell(core, routed, NOW)).toEqual(["refused malformed"]); // RFC 3810 §7.4
  });

  test("groups that all hear anyway are not kept (§2.1.2, §3), nor those of neighbor discovery", () => {
    const core = settled();
    for (const group of ["224.0.0.251", "ff02::1", "ff01::5", "ff02::1:ff00:2"])
      expect(tell(core, join(group), NOW)).toEqual([]);
    expect(counted(core)).toMatchObject({ reports: 4, needless: 4 });
    expect(tell(core, join("ff02::fb"), NOW)).toEqual(["3 hears ff02::fb", "401 wants ff02::fb"]);
  });

  test("IGMP of an unknown type is for everybody (§2.1.1)", () => {
    const frame = spoken({ type: igmp.LEAVE, group: ip(G4) });
    const at = ethernet.SIZE + 24;
    frame.set([0x13, 0, frame[at + 2]! + 4, frame[at + 3]!], at); // DVMRP
    const core = settled();
    expect(tell(core, frame, NOW)).toEqual(["flood from 3"]);
    expect(counted(core)).toMatchObject({ unknown: 1 });
  });

  test("damaged frames change nothing (§2.1.1)", () => {
    const core = settled();
    const damaged = join();
    damaged[damaged.length - 1]! ^= 1;
    const header = join();
    ipv4.setTtl(header, ethernet.SIZE, 2);
    for (const frame of [damaged, header, new Uint8Array(10), new Uint8Array(60)])
      expect(tell(core, frame, NOW)).toEqual(["refused malformed"]);
    expect(counted(core)).toMatchObject({ malformed: 4 });
  });

  test("who asks from an address is a multicast router, which everything goes to for 255 s (§2.1.1, §2.1.2)", () => {
    const core = settled();
    const query = (source: string) =>
      spoken({ type: igmp.QUERY, version: 2, group: ip("0.0.0.0"), maxResponse: 1000 }, source);
    expect(tell(core, query("0.0.0.0"), NOW)).toEqual([]);
    expect(tell(core, query("10.0.0.2"), NOW)).toEqual(["3 hears all", "401 wants all"]);
    tell(core, join(), NOW);
    const over = NOW + OTHER_QUERIER_PRESENT_INTERVAL;
    expect(pass(core, over - 1)).toEqual([]);
    expect(pass(core, over)).toEqual([`3 hears ${G4}`, `401 wants ${G4}`]);
    const asks6 = spoken({ type: mld.QUERY, version: 1, group: ip("::"), maxResponse: 1000 });
    expect(tell(core, asks6, over)).toEqual(["3 hears all", "401 wants all"]);
  });
});

describe("ports", () => {
  test("of one network are counted together, others are not", () => {
    const core = settled(OTHER_PORT);
    attach(core, 5, NOW, { network: 0x402 });
    fire(core, NOW + LEARNING);
    const now = NOW + LEARNING;
    expect(tell(core, join(), now)).toEqual([`3 hears ${G4}`, `401 wants ${G4}`]);
    expect(tell(core, join(), now, OTHER_PORT)).toEqual([`4 hears ${G4}`]);
    expect(tell(core, join(), now, 5)).toEqual([`5 hears ${G4}`, `402 wants ${G4}`]);
    expect(detach(core, PORT, now)).toEqual([]);
    expect(detach(core, OTHER_PORT, now)).toEqual(["401 wants nothing"]);
    expect(core.groupsOf(OTHER_PORT)).toBeUndefined();
  });

  test("that move to another network take nothing with them", () => {
    const core = settled();
    tell(core, join(), NOW);
    expect(attach(core, PORT, NOW, { network: 0x402 })).toEqual([
      "3: everything? IGMP within 1 s",
      "3: everything? MLD within 1 s",
      "3 hears all",
      "401 wants nothing",
      "402 wants all",
    ]);
  });

  test("whose VM is expected get everything, and the VM is asked when it comes (RFC 4541 §2.1.1)", () => {
    const core = new Snooping(1);
    expect(attach(core, PORT, 0, { isHere: false })).toEqual(["3 hears all", "401 wants all"]);
    expect(core.deadline()).toBe(NEVER);
    expect(attach(core, PORT, 50_000)).toEqual(["3: everything? IGMP within 1 s", "3: everything? MLD within 1 s"]);
    tell(core, still(), 50_700);
    expect(pass(core, 50_000 + LEARNING)).toEqual([`3 hears ${G4}`, `401 wants ${G4}`]);
    expect(attach(core, PORT, 60_000, { isHere: false })).toEqual(["3 hears all", "401 wants all"]);
  });

  test("that are not attached are not heard", () => {
    const core = settled();
    expect(tell(core, join(), NOW, 99)).toEqual([]);
    expect(detach(core, 99)).toEqual([]);
    expect(detach(core)).toEqual([]);
    expect(core.deadline()).toBe(NEVER);
  });

  test("listen to so many groups and no more; there is room again when one is left", () => {
    const core = settled();
    const group = (i: number): string => `239.2.${i >> 8}.${i & 255}`;
    for (let i = 0; i <= MOST_GROUPS; i++) tell(core, join(group(i)), NOW);
    expect(core.groupsOf(PORT)).toHaveLength(MOST_GROUPS);
    expect(counted(core)).toMatchObject({ joined: MOST_GROUPS, overflows: 1 });
    tell(core, leave(group(0)), NOW);
    pass(core, NOW + 2000);
    tell(core, join(group(MOST_GROUPS)), NOW + 2000);
    expect(core.groupsOf(PORT)).toHaveLength(MOST_GROUPS);
    expect(counted(core)).toMatchObject({ joined: MOST_GROUPS + 1, left: 1, overflows: 1 });
  });

  test("that listen to more than hypervisors tell one another are told as all", () => {
    const core = settled();
    for (let i = 0; i < MOST_WANTED; i++) tell(core, join(`239.3.0.${i}`), NOW);
    expect(tell(core, join("239.3.1.0"), NOW).at(-1)).toBe("401 wants all");
    expect(tell(core, join("239.3.1.1"), NOW).length).toBe(1);
    tell(core, leave("239.3.1.0"), NOW);
    tell(core, leave("239.3.1.1"), NOW);
    expect(
      pass(core, NOW + 2000)
        .at(-1)
        ?.split(" ").length,
    ).toBe(2 + MOST_WANTED);
  });
});

test("whatever VMs do, what a network wants is what its ports hear, and all of it ends", () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
  const random = seeded(seed);
  const pick = <T>(all: readonly T[]): T => all[nextBelow(random, all.length)]!;
  const core = new Snooping(seed);
  const heard = new Map<string, string>();
  const wants = new Map<string, string>();
  const note = (all: readonly string[]): void => {
    for (const line of all) {
      const [, who, verb, what] = /^(\w+) (hears|wants) (.*)$/.exec(line) ?? [];
      if (verb === "hears") heard.set(who!, what!);
      if (verb === "wants") wants.set(who!, what!);
    }
  };
  const groups = [G4, G6, "239.9.9.9", "224.0.0.9"];
  const spokenBy = [join, leave, still, (g: string) => block(g, g.includes(":") ? "2001:db8::1" : S1)];
  const older = [old(igmp.REPORT_1, G4), old(igmp.REPORT_2, G4), old(igmp.LEAVE, G4), old(mld.DONE, G6)];
  let now = 0;
  for (let i = 0; i < 2000; i++) {
    now += nextBelow(random, pick([10, 3000, 200_000]));
    note(fire(core, now));
    const port = 1 + nextBelow(random, 4);
    const what = nextBelow(random, 10);
    if (what === 0) {
      note(detach(core, port, now));
      heard.delete(`${port}`);
    } else if (what === 1) note(attach(core, port, now));
    else note(tell(core, what === 2 ? pick(older) : pick(spokenBy)(pick(groups)), now, port));
    const parts = [...heard.values()].filter((set) => set !== "nothing");
    const union = [...new Set(parts.flatMap((set) => set.split(" ")))].sort();
    const wanted = (wants.get("401") ?? "nothing").split(" ").sort();
    const expected = parts.includes("all") ? ["all"] : union.length === 0 ? ["nothing"] : union;
    if (wanted.join() !== expected.join()) throw new Error(`seed ${seed}: at step ${i} ${wanted}, not ${expected}`);
  }
  note(fire(core, now + LATER));
  expect([seed, [...heard.values()].every((set) => set === "nothing"), wants.get("401")]).toEqual([
    seed,
    true,
    "nothing",
  ]);
});
