import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import type { GroupSet, Segment } from "#pmip/events";
import { coreSegment, Memberships } from "#router/broadcast/memberships";
import type { Network } from "#router/config/model";
import { configuration, SEGMENT } from "#router/testing/segment";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const GROUP = "00000000000000000000ffffeffffffa";
const HV2 = { mag: "20010db800a100020000000000000001", groups: [] } as const;
const HV3 = { mag: "20010db800a100030000000000000001", groups: "all" } as const;

class Bench {
  told: string[] = [];
  changes = 0;
  readonly memberships = new Memberships({
    tell: (segment: Segment, groups: GroupSet | undefined) =>
      void this.told.push(`${segment.prefix.address.slice(24)}/${segment.prefix.length - 96} ${groups ?? "gone"}`),
    changed: () => void this.changes++,
  });

  /** `network`: of blue/prod, as in configuration(). */
  reload(network: string): Network {
    const { networks } = configuration(network).fabric;
    this.memberships.configure(networks);
    return networks.find(({ name }) => name === "blue/prod")!;
  }

  took(): string[] {
    const { told } = this;
    this.told = [];
    return told;
  }
}

test("The core is told once it is there: what VMs listen to, at once, and when nobody is here", () => {
  const b = new Bench();
  const network = b.reload(SEGMENT);
  b.memberships.want(network, "all");
  expect(b.took()).toEqual([]);
  b.memberships.begin();
  expect(b.took()).toEqual(["0a000000/24 all"]);
  b.memberships.want(network, "all");
  expect(b.took()).toEqual([]);
  b.memberships.want(network, undefined);
  expect(b.took()).toEqual(["0a000000/24 gone"]);
});

test("Changes without pause are told ten times a second, and the last one is", () => {
  const b = new Bench();
  const network = b.reload(SEGMENT);
  b.memberships.begin();
  for (let i = 0; i < 1000; i++) {
    b.memberships.want(network, i % 2 === 0 ? [GROUP] : []);
    jest.advanceTimersByTime(1);
  }
  b.memberships.want(network, "all");
  jest.advanceTimersByTime(100);
  const told = b.took();
  expect(told.length).toBeGreaterThan(5);
  expect(told.length).toBeLessThan(14);
  expect(told.at(-1)).toBe("0a000000/24 all");
});

test("Another prefix is another segment: the old one is left, and its members count no more", () => {
  const b = new Bench();
  const network = b.reload(SEGMENT);
  b.memberships.begin();
  b.memberships.want(network, []);
  b.memberships.heard(coreSegment(network.tags, network.segment!), [HV2]);
  expect(b.memberships.of(network.tags)).toEqual([HV2]);
  b.took();
  b.reload(", gateway: 10.0.0.1, broadcast: {prefix: 10.0.0.0/25}");
  expect(b.took()).toEqual(["0a000000/24 gone", "0a000000/25 "]);
  expect(b.memberships.of(network.tags)).toEqual([]);
  b.memberships.heard(coreSegment(network.tags, network.segment!), [HV2]);
  expect(b.memberships.of(network.tags)).toEqual([]);
  b.reload(", gateway: 10.0.0.1");
  expect(b.took()).toEqual(["0a000000/25 gone"]);
});

test("When another core begins, members are kept until it has had time to hear of them", () => {
  const b = new Bench();
  const network = b.reload(SEGMENT);
  b.memberships.begin();
  b.memberships.want(network, [GROUP]);
  const segment = coreSegment(network.tags, network.segment!);
  b.memberships.heard(segment, [HV2, HV3]);
  b.took();
  b.memberships.coreReplaced();
  expect(b.took()).toEqual([`0a000000/24 ${GROUP}`]);
  expect(b.memberships.of(network.tags)).toEqual([HV2, HV3]);
  b.memberships.heard(segment, [{ ...HV2, groups: [GROUP] }]);
  expect(b.memberships.of(network.tags)).toEqual([{ ...HV2, groups: [GROUP] }, HV3]);
  const { changes } = b;
  jest.advanceTimersByTime(15_001);
  expect(b.memberships.of(network.tags)).toEqual([{ ...HV2, groups: [GROUP] }]);
  expect(b.changes).toBe(changes + 1);
});
