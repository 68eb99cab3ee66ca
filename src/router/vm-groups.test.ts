/** Groups of VMs on a hypervisor's segments: who is asked, who is told what, as ports and configurations change. */
import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import { formatAddress, formatMac } from "#base/address";
import type { Network } from "#router/config/model";
import type { PortState } from "#router/ports";
import { configuration, GATEWAY_MAC, portsOf, SEGMENT, SegmentIo } from "#router/testing/segment";
import { VmGroups } from "#router/vm-groups";
import type { GroupSet } from "#services/snooping/events";
import { groupOf } from "#services/snooping/group";
import { G4, G6, ip, join, leave, spoken } from "#services/testing/snooping";
import * as ethernet from "#wire/ethernet";
import * as igmp from "#wire/igmp";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const [A, B, C, D] = [1, 2, 3, 4];
const textOf = (groups: GroupSet): string =>
  groups === "all" ? groups : groups.map((name) => formatAddress(groupOf(name))).join(" ") || "nothing";

class Bench {
  readonly io = new SegmentIo();
  now = configuration();
  readonly ports = portsOf(this.now);
  readonly expected = new Set<number>();
  told: string[] = [];
  readonly groups = new VmGroups({
    ...{ io: this.io, ports: this.ports },
    isExpected: ({ index }: PortState) => this.expected.has(index),
    listening: (port: number, groups: GroupSet) => void this.told.push(`${port} hears ${textOf(groups)}`),
    wanted: (network: Network, groups: GroupSet | undefined) =>
      void this.told.push(`${network.name} ${groups === undefined ? "has nobody here" : `wants ${textOf(groups)}`}`),
    flood: (port: PortState) => void this.told.push(`flood from ${port.index}`),
  });

  reload(network: string): void {
    this.now = configuration(network);
    this.groups.refresh(this.now);
  }

  port(index: number): PortState {
    return this.ports.all.get(index)!;
  }

  say(index: number, frame: Uint8Array): string[] {
    this.groups.take(this.port(index), frame);
    return this.took();
  }

  took(): string[] {
    const { told } = this;
    this.told = [];
    return told;
  }

  /** Ports that were asked something, each once. */
  asked(): number[] {
    return [...new Set(this.io.took().map(({ port }) => port))];
  }

  /** All VMs have been asked what they listen to, and have not answered. */
  static settled(): Bench {
    const b = new Bench();
    b.reload(SEGMENT);
    jest.advanceTimersByTime(3001);
    b.asked();
    b.took();
    return b;
  }
}

describe("VMs' multicast groups", () => {
  test("are asked for where VMs are on a segment, and nowhere else", () => {
    const b = new Bench();
    b.reload(SEGMENT);
    expect([b.asked(), b.took()]).toEqual([
      [A, B],
      ["1 hears all", "2 hears all", "blue/prod wants all"],
    ]);
    jest.advanceTimersByTime(1001);
    expect(b.asked()).toEqual([A, B]);
    jest.advanceTimersByTime(2000);
    expect(b.took()).toEqual(["1 hears nothing", "2 hears nothing", "blue/prod wants nothing"]);
    for (const index of [C, D]) expect(b.say(index, join())).toEqual([]);
    expect(b.io.lostFrames).toEqual(["3 control-ignored", "4 control-ignored"]);
  });

  test("are asked for by the gateway of the network", () => {
    const b = new Bench();
    b.reload(SEGMENT);
    const [first] = b.io.took();
    expect([formatMac(ethernet.source(first!.octets, 0)), [...first!.octets.subarray(26, 30)]]).toEqual([
      formatMac(GATEWAY_MAC),
      [10, 0, 0, 1],
    ]);
  });

  test("are told when they are joined, and when nobody answers that he has not left", () => {
    const b = Bench.settled();
    expect(b.say(A, join(G4))).toEqual([`1 hears ${G4}`, `blue/prod wants ${G4}`]);
    expect(b.say(B, join(G6))).toEqual([`2 hears ${G6}`, `blue/prod wants ${G4} ${G6}`]);
    expect(b.groups.view()).toEqual([
      { vm: "a", network: "blue/prod", groups: [G4] },
      { vm: "b", network: "blue/prod", groups: [G6] },
    ]);
    expect(b.say(A, leave(G4))).toEqual([]);
    expect(b.asked()).toEqual([A]);
    jest.advanceTimersByTime(2001);
    expect(b.took()).toEqual(["1 hears nothing", `blue/prod wants ${G6}`]);
    expect(b.groups.counters).toMatchObject({ joined: 2, left: 1, sentGroupQueries: 2 });
  });

  test("go with their ports, and come back with an answer", () => {
    const b = Bench.settled();
    b.say(A, join());
    b.say(B, join());
    b.took();
    b.port(A).trouble = "gone";
    b.reload(SEGMENT);
    expect([b.asked(), b.took()]).toEqual([[], ["1 hears nothing"]]);
    b.port(B).trouble = "gone too";
    b.reload(SEGMENT);
    expect(b.took()).toEqual(["2 hears nothing", "blue/prod has nobody here"]);
    b.port(A).trouble = undefined;
    b.reload(SEGMENT);
    expect([b.asked(), b.took()]).toEqual([[A], ["1 hears all", "blue/prod wants all"]]);
  });

  test("end with the segment, and are left alone by reloads that do not change it", () => {
    const b = Bench.settled();
    b.say(A, join());
    b.took();
    b.reload(`${SEGMENT}, dhcp: {mtu: 1400}`);
    expect([b.asked(), b.took()]).toEqual([[], []]);
    b.reload(", gateway: 10.0.0.1");
    expect(b.took()).toEqual(["1 hears nothing", "2 hears nothing", "blue/prod has nobody here"]);
    expect([b.groups.view(), b.say(A, join())]).toEqual([[], []]);
  });

  test("of a VM that is expected are all, and it is asked when it has come", () => {
    const b = new Bench();
    b.expected.add(A);
    b.reload(SEGMENT);
    jest.advanceTimersByTime(60_000);
    expect([b.asked(), b.groups.view()[0]?.groups]).toEqual([[B], "all"]);
    expect(b.took().filter((line) => line.startsWith("blue"))).toEqual(["blue/prod wants all"]);
    b.expected.clear();
    b.reload(SEGMENT);
    expect(b.asked()).toEqual([A]);
    b.say(A, join());
    jest.advanceTimersByTime(3001);
    expect(b.took()).toEqual([`1 hears ${G4}`, `blue/prod wants ${G4}`]);
  });

  test("of a port that another VM has taken over are the other's", () => {
    const b = Bench.settled();
    b.say(A, join());
    b.took();
    b.ports.all.set(A, { ...b.port(A) });
    b.reload(SEGMENT);
    expect([b.asked(), b.took()]).toEqual([[A], ["1 hears all", "blue/prod wants all"]]);
  });
});

test("IGMP that is nothing of a listener's goes to all, what is damaged to nobody (RFC 4541 §2.1.1)", () => {
  const b = Bench.settled();
  const frame = spoken({ type: igmp.LEAVE, group: ip(G4) });
  const damaged = frame.slice();
  damaged[damaged.length - 1]! ^= 1;
  expect(b.say(A, damaged)).toEqual([]);
  expect(b.io.lostFrames).toEqual(["1 control-ignored"]);
  const at = ethernet.SIZE + 24;
  frame.set([0x13, 0, frame[at + 2]! + 4, frame[at + 3]!], at);
  expect(b.say(A, frame)).toEqual(["flood from 1"]);
});

test("nothing is asked any more once it is stopped", () => {
  const b = Bench.settled();
  b.groups.stop();
  jest.advanceTimersByTime(300_000);
  expect([b.asked(), b.took()]).toEqual([[], []]);
});
