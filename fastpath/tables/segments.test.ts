import { expect, test } from "bun:test";
import fc from "fast-check";
import { fromHex, toHex } from "#base/bytes";
import { raw, rawOf, rawWords } from "#fastpath/tables/raw-words";
import { buildSegments, type ListenedGroups, type SegmentPlan } from "#fastpath/tables/segment-builder";
import {
  LN_LOCAL_COUNT,
  LN_LOCALS,
  LN_REMOTE_COUNT,
  LN_REMOTES,
  LO_PORT,
  LOCAL_WORDS,
  listenedGroup,
  MC_FROM,
  MC_PORT_COUNT,
  MC_PORTS,
  multicastRoute,
  NO_SEGMENTS,
  REMOTE_WORDS,
  RM_ADDRESS,
  remoteMember,
  SEGMENT_ARP_FLOOD,
  SEGMENT_DHCP,
  type SegmentTables,
  SG_BURST,
  SG_FLAGS,
  SG_GROUP,
  SG_LOCAL_ALL,
  SG_LOCAL_COUNT,
  SG_LOCALS,
  SG_MASK,
  SG_MULTICAST_FROM,
  SG_PREFIX,
  SG_RATE,
  SG_REMOTE_ALL,
  SG_REMOTE_COUNT,
  SG_REMOTES,
  segmentOfPort,
  segmentOfTags,
} from "#fastpath/tables/segments";

const GROUPS = ["e0010101", "e0010102", "effffffa"].map((group) => `00000000000000000000ffff${group}`);
const group6 = "ff0500000000000000000000000000fb";
const addressOf = (n: number): Uint8Array => fromHex(`fd0000000000${n.toString(16).padStart(4, "0")}0000000000000001`)!;

const plan = (tags: number, changes: Partial<SegmentPlan> = {}): SegmentPlan => ({
  ...{ tags, prefix: { address: Uint8Array.of(10, 0, 0, 0), length: 24 }, arp: "answer", dhcp: false },
  ...{ rate: 1000, burst: 250, locals: [], remotes: [], group: fromHex("ff380000000000000000000080000001")! },
  ...{ multicastFrom: undefined, ...changes },
});

const build = (...segments: SegmentPlan[]): SegmentTables =>
  buildSegments({ segments, uplinks: [], multicastRoutes: [] });

/** Those who get a frame to the group, or undefined: to all. */
function receivers(s: SegmentTables, segment: number, group: string | undefined): { ports: number[]; to: string[] } {
  const row = (at: number): number => s.segments[segment + at]!;
  const isAll = group === undefined;
  const locals = Array.from(
    { length: row(isAll ? SG_LOCAL_COUNT : SG_LOCAL_ALL) },
    (_, i) => row(SG_LOCALS) + i * LOCAL_WORDS,
  );
  const remotes = Array.from(
    { length: row(isAll ? SG_REMOTE_COUNT : SG_REMOTE_ALL) },
    (_, i) => row(SG_REMOTES) + i * REMOTE_WORDS,
  );
  const listened = isAll ? -1 : listenedGroup(s, segment, rawWords(fromHex(group)!), 0);
  if (listened >= 0) {
    const at = (offset: number): number => s.listened[listened + offset]!;
    locals.push(...s.listeners.subarray(at(LN_LOCALS), at(LN_LOCALS) + at(LN_LOCAL_COUNT)));
    remotes.push(...s.listeners.subarray(at(LN_REMOTES), at(LN_REMOTES) + at(LN_REMOTE_COUNT)));
  }
  return {
    ports: locals.map((at) => s.locals[at + LO_PORT]!).sort((a, b) => a - b),
    to: remotes.map((at) => addressAt(s.remotes, at + RM_ADDRESS)).sort(),
  };
}

const addressAt = (words: Int32Array, at: number): string => toHex(new Uint8Array(words.slice(at, at + 4).buffer));

test("A segment is found by a member's port and by the tags, and by nothing else", () => {
  const here = (port: number) => ({ port, state: "active", groups: [] }) as const;
  const s = build(plan(0xff000001, { locals: [here(3), here(7)] }), plan(5, { locals: [here(4)] }));
  const first = segmentOfTags(s, rawOf(0xff000001));
  const second = segmentOfTags(s, rawOf(5));
  expect([3, 4, 7].map((port) => segmentOfPort(s, port))).toEqual([first, second, first]);
  expect([0, 5, 8, 1000].map((port) => segmentOfPort(s, port))).toEqual([-1, -1, -1, -1]);
  expect(segmentOfTags(s, rawOf(6))).toBe(-1);
  expect(segmentOfTags(NO_SEGMENTS, rawOf(5))).toBe(-1);
  expect(segmentOfPort(NO_SEGMENTS, 0)).toBe(-1);
});

test("A segment's row has its prefix, its rate, its group and from how many copies on that is used", () => {
  const s = build(plan(5, { arp: "flood", dhcp: true, multicastFrom: 15 }), plan(6));
  const at = segmentOfTags(s, rawOf(5));
  const word = (offset: number): number => s.segments[at + offset]!;
  expect([word(SG_PREFIX), word(SG_MASK)]).toEqual([
    raw(Uint8Array.of(10, 0, 0, 0)),
    raw(Uint8Array.of(255, 255, 255, 0)),
  ]);
  expect([word(SG_RATE), word(SG_BURST), word(SG_MULTICAST_FROM)]).toEqual([1000, 250, 15]);
  expect(word(SG_FLAGS)).toBe(SEGMENT_ARP_FLOOD | SEGMENT_DHCP);
  expect(addressAt(s.segments, at + SG_GROUP)).toBe("ff380000000000000000000080000001");
  const other = segmentOfTags(s, rawOf(6));
  expect([s.segments[other + SG_FLAGS], s.segments[other + SG_MULTICAST_FROM]]).toEqual([0, 0x7fffffff]);
});

const groupSet = fc.oneof(
  fc.constant("all" as const),
  fc.uniqueArray(fc.constantFrom(...GROUPS, group6), { maxLength: 4 }),
);
const members = fc.record({
  locals: fc.array(groupSet, { maxLength: 6 }),
  remotes: fc.array(groupSet, { maxLength: 8 }),
});

test("Whoever listens to a group gets it once, and all members what is for all", () => {
  fc.assert(
    fc.property(fc.array(members, { maxLength: 5 }), (wanted) => {
      const portOf = (segment: number, i: number): number => segment * 8 + i;
      const s = build(
        ...wanted.map(({ locals, remotes }, n) =>
          plan(n + 1, {
            locals: locals.map((groups, i) => ({ port: portOf(n, i), state: "active", groups })),
            // The same hypervisors in all segments: who is a member of one is none of another.
            remotes: remotes.map((groups, i) => ({ address: addressOf(i), groups })),
          }),
        ),
      );
      wanted.forEach(({ locals, remotes }, n) => {
        const segment = segmentOfTags(s, rawOf(n + 1));
        const chosen = (sets: readonly ListenedGroups[], group?: string): number[] =>
          sets.flatMap((set, i) => (group === undefined || set === "all" || set.includes(group) ? [i] : []));
        for (const group of [undefined, ...GROUPS, group6])
          expect(receivers(s, segment, group)).toEqual({
            ports: chosen(locals, group).map((i) => portOf(n, i)),
            to: chosen(remotes, group).map((i) => toHex(addressOf(i))),
          });
        for (let i = 0; i < 9; i++) {
          const at = remoteMember(s, segment, rawWords(addressOf(i)), 0);
          expect(at >= 0).toBe(i < remotes.length);
          if (at >= 0) expect(addressAt(s.remotes, at)).toBe(toHex(addressOf(i)));
        }
      });
    }),
  );
});

test("A switch's routes are found by source and group together", () => {
  const routes = [1, 2, 3].map((n) => ({
    ...{ source: addressOf(n), group: fromHex(group6)!, from: n },
    to: Array.from({ length: n }, (_, i) => 10 * n + i),
  }));
  const s = buildSegments({ segments: [], uplinks: [1, 2], multicastRoutes: routes });
  for (const { source, group, from, to } of routes) {
    const at = multicastRoute(s, Int32Array.of(0, ...rawWords(source), ...rawWords(group)), 1);
    const first = s.multicastRoutes[at + MC_PORTS]!;
    expect(s.multicastRoutes[at + MC_FROM]).toBe(from);
    expect([...s.multicastPorts.subarray(first, first + s.multicastRoutes[at + MC_PORT_COUNT]!)]).toEqual(to);
  }
  const swapped = Int32Array.of(...rawWords(fromHex(group6)!), ...rawWords(addressOf(1)));
  expect(multicastRoute(s, swapped, 0)).toBe(-1);
  expect([...s.uplinks]).toEqual([1, 2]);
});
