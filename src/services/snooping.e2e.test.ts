/**
 * Snooping with Linux as the VM, its own IGMP and MLD of each version. Needs root. All tests at once, each with a Linux of
 * its own: they wait for its timers, seconds long.
 * Runs beside others.
 */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { formatAddress, parseAddress } from "#base/address";
import { Snooping } from "#services/snooping";
import type { GroupSet, SnoopingEffect } from "#services/snooping/events";
import { groupOf } from "#services/snooping/group";
import { leave } from "#services/testing/snooping";
import { TapHost } from "#services/testing/tap-host";

setDefaultTimeout(60_000);
const PORT = 1;
const ip = (text: string) => parseAddress(text)!;
const settings = {
  network: 0x401,
  gateway: ip("10.0.0.1"),
  gateway6: ip("fe80::1"),
  gatewayMac: Uint8Array.of(2, 0x41, 0x49, 0x4e, 0, 1),
};
const MEMBER = new URL("testing/group-member.ts", import.meta.url).pathname;
const MOMENT = 20_000; // milliseconds: longer than whatever is waited for

/** Runs the test beside others, with a Linux of its own. */
function besideOthers(title: string, run: (linux: Linux) => Promise<void>): void {
  test.concurrent(title, async () => {
    const linux = new Linux();
    try {
      await run(linux);
    } finally {
      linux.end();
    }
  });
}

class Linux extends TapHost {
  static #made = 0;

  constructor() {
    super(`snp${Linux.#made++}-`);
  }

  async up(...settings: string[]): Promise<void> {
    await this.renew();
    for (const setting of settings) await this.run("sysctl", "-q", "-w", setting).exited;
    await this.ip("link", "set", "t0", "up");
    await this.ip("addr", "add", "10.0.0.2/24", "dev", "t0");
  }

  member(...words: string[]) {
    return this.run(process.execPath, MEMBER, ...words);
  }
}

class Segment {
  readonly core = new Snooping(1);
  readonly #linux: TapHost;
  heard: GroupSet = [];

  constructor(linux: TapHost) {
    this.#linux = linux;
    this.carryOut(this.core.handle({ type: "attach", port: PORT, settings }, performance.now()));
  }

  carryOut(effects: readonly SnoopingEffect[]): void {
    for (const effect of effects) {
      if (effect.type === "send") this.#linux.send(effect.frame);
      if (effect.type === "listening") this.heard = effect.groups;
    }
  }

  take(frame: Uint8Array): void {
    this.carryOut(this.core.handle({ type: "frame", port: PORT, frame }, performance.now()));
  }

  hears(group: string): boolean {
    return this.heard !== "all" && this.heard.some((name) => formatAddress(groupOf(name)) === group);
  }

  /** Time passes until then; frames of Linux's that are no IGMP or MLD are refused without further ado. */
  async until(what: string, done: () => boolean): Promise<void> {
    const turn = (frame?: Uint8Array): boolean => {
      const event =
        frame === undefined ? ({ type: "timer" } as const) : ({ type: "frame", port: PORT, frame } as const);
      this.carryOut(this.core.handle(event, performance.now()));
      return done();
    };
    await this.#linux.until(what, turn, MOMENT);
  }
}

describe.each([
  ["IGMPv3", "net.ipv4.conf.t0.force_igmp_version=0", "10.0.0.2", "239.1.2.3"],
  ["IGMPv2", "net.ipv4.conf.t0.force_igmp_version=2", "10.0.0.2", "239.1.2.3"],
  ["MLDv2", "net.ipv6.conf.t0.force_mld_version=0", "::%t0", "ff05::1:3"],
  ["MLDv1", "net.ipv6.conf.t0.force_mld_version=1", "::%t0", "ff05::1:3"],
])("Linux with %s", (_, setting, at, group) => {
  besideOthers(
    "is heard when it joins, when it is asked whether it still listens, and when it leaves",
    async (linux) => {
      await linux.up(setting);
      const segment = new Segment(linux);
      const program = linux.member(at, group);
      await segment.until("join", () => segment.hears(group));
      await segment.until("end of unsolicited reports", after(3000));
      const { counters } = segment.core;
      segment.take(leave(group)); // as if another host behind the same port had left it
      expect(counters.sentGroupQueries).toBe(1);
      await segment.until("a while", after(2500));
      expect([segment.hears(group), counters.joined]).toEqual([true, 1]);
      program.kill();
      await segment.until("leave", () => !segment.hears(group));
      expect(counters.outdated).toBe(0);
    },
  );

  besideOthers(
    "that listened before the port was known is asked and tells at once (RFC 4541 §2.1.1)",
    async (linux) => {
      await linux.up(setting);
      const first = new Segment(linux);
      const program = linux.member(at, group);
      await first.until("join", () => first.hears(group));
      await first.until("end of unsolicited reports", after(3000));
      const second = new Segment(linux);
      expect(second.heard).toBe("all");
      await second.until("end of learning", () => second.heard !== "all");
      expect(second.hears(group)).toBe(true);
      program.kill();
    },
  );
});

besideOthers("Linux with IGMPv1 joins; its leaving shows by its silence (RFC 2236 §5)", async (linux) => {
  await linux.up("net.ipv4.conf.t0.force_igmp_version=1");
  const segment = new Segment(linux);
  const program = linux.member("10.0.0.2", "239.1.2.3");
  await segment.until("join", () => segment.hears("239.1.2.3"));
  program.kill();
  await program.exited;
  await segment.until("a while", after(2500));
  expect(segment.hears("239.1.2.3")).toBe(true);
  expect(segment.core.handle({ type: "timer" }, performance.now() + 300_000)).toContainEqual({
    ...{ type: "listening", port: PORT, groups: [] },
  });
});

besideOthers(
  "Linux that listens to one source alone is a listener, and when it blocks that one it is none (RFC 3376 §5.1)",
  async (linux) => {
    await linux.up("net.ipv4.conf.t0.force_igmp_version=0");
    const segment = new Segment(linux);
    const program = linux.member("10.0.0.2", "232.1.2.3", "192.0.2.1");
    await segment.until("join", () => segment.hears("232.1.2.3"));
    program.kill();
    await segment.until("leave", () => !segment.hears("232.1.2.3"));
    expect(segment.core.counters.sentGroupQueries).toBe(2);
  },
);

function after(milliseconds: number): () => boolean {
  const end = performance.now() + milliseconds;
  return () => performance.now() >= end;
}
