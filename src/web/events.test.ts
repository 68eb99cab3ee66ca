import { expect, test } from "bun:test";
import { happenings, moveText } from "#web/events";
import { type Fabric, type FabricMove, type FabricNode, NOTHING } from "#web/model";

const TIMES = { at: 100_000, since: 50_000 };
const node = (more: Partial<FabricNode> = {}): FabricNode => ({
  ...{ name: "hv1", kind: "router", role: "hypervisor", state: "up", reason: null, version: "0.1.0", address: null },
  ...{ routerId: null, areas: [], isBorder: false, tier: 0, started: 10, busy: 0, drops: 0, dropReason: null },
  ...{ dropLevel: 0, ways: null, lacks: {}, socket: "hv1" },
  ...more,
});
const withNode = (more: Partial<FabricNode>): Fabric => ({ ...NOTHING, nodes: { hv1: node(more) } });
const texts = (before: Fabric, now: Fabric, times = TIMES): string[] =>
  happenings(before, now, times).map(({ weight, text }) => `${weight}: ${text}`);

test("a router that falls silent, comes back, starts anew or changes its version is told", () => {
  const silent = withNode({ state: "unreachable", reason: "its process is gone" });
  expect(texts(withNode({}), silent)).toEqual(["bad: hv1 does not answer: its process is gone"]);
  expect(texts(silent, silent)).toEqual([]);
  expect(texts(silent, withNode({}))).toEqual(["good: hv1 answers again"]);
  expect(texts(silent, withNode({ started: 99 }))).toEqual(["note: hv1 was started anew"]);
  const other = withNode({ state: "other-version", reason: "it runs AIN 0.0.9, this page is of 0.1.0" });
  expect(texts(withNode({}), other)).toEqual(["note: hv1: it runs AIN 0.0.9, this page is of 0.1.0"]);
  expect(texts(other, other)).toEqual([]);
});

test("drops are told when their rate reaches another power of ten, and when they are over", () => {
  const some = withNode({ dropLevel: 2, drops: 30, dropReason: "no-rule" });
  expect(texts(withNode({}), some)).toEqual(["bad: hv1 drops 30 frames a second, most for no-rule"]);
  expect(texts(some, withNode({ dropLevel: 1 }))).toEqual([]);
  expect(texts(some, withNode({}))).toEqual(["good: hv1 drops hardly anything now"]);
});

const vm = (at: string, more = {}) => ({
  ...{
    name: "web",
    network: "blue/prod",
    tenant: "blue",
    addresses: ["10.0.0.2"],
    networkAddresses: [],
    at,
    port: "p",
  },
  ...{ state: "up", mac: null, home: null, also: [], isDisputed: false, sends: null, gets: null },
  ...more,
});
const withVm = (at: string, moves: Record<string, FabricMove> = {}): Fabric => ({
  ...NOTHING,
  vms: { a: vm(at) },
  moves,
});
const move = (more: Partial<FabricMove> = {}): FabricMove => ({
  ...{ vm: "web", source: "hv1", target: "hv2", outcome: "done", isReported: true, began: 99_000, took: 21 },
  ...{ downtime: 18, still: 11, network: 7, held: 12, lost: 0 },
  ...more,
});

test("a move is told by its report, and the VM's new place not once more", () => {
  const open = move({ outcome: "open", isReported: false, took: null });
  expect(texts(withVm("hv1"), withVm("hv1", { m: open }))).toEqual(["note: web: hv1 → hv2 begins"]);
  expect(texts(withVm("hv1", { m: open }), withVm("hv2", { m: move() }))).toEqual([
    "good: web: hv1 → hv2 in 21 ms, without packets for 18 ms, none lost",
  ]);
  expect(texts(withVm("hv1"), withVm("hv2"))).toEqual(["note: web (blue/prod) is at hv2 now, it was at hv1"]);
});

test("a move that was over before the page was there is no news", () => {
  const old = move({ began: 1000, isReported: false });
  expect(texts(withVm("hv2", { m: old }), withVm("hv2", { m: { ...old, isReported: true } }))).toEqual([]);
});

test("a move's text tells what is known of it", () => {
  expect(moveText(move({ downtime: null, lost: 3 }))).toBe("web: hv1 → hv2 in 21 ms, 3 lost");
  expect(moveText(move({ outcome: "aborted", target: null }))).toBe("web: hv1 → ? was given up");
  expect(moveText(move({ took: 1234 }))).toContain("in 1.2 s");
});

test("a VM that comes, leaves, is held or disputed is told", () => {
  const held: Fabric = { ...NOTHING, vms: { a: vm("hv1", { state: "held" }) } };
  expect(texts(withVm("hv1"), held)).toEqual(["note: web (blue/prod) at hv1 is held"]);
  expect(texts(NOTHING, withVm("hv1"))).toEqual(["note: web (blue/prod) is at hv1"]);
  expect(texts(withVm("hv1"), NOTHING)).toEqual(["note: web (blue/prod) has left hv1"]);
  const disputed: Fabric = {
    ...NOTHING,
    vms: { a: vm("hv1", { isDisputed: true, also: [{ node: "hv2", state: "up" }] }) },
  };
  expect(texts(withVm("hv1"), disputed)).toEqual(["bad: web (blue/prod): hv1 and hv2 both say that they have it"]);
});

test("of many at once a few are told, the bad first, and how many more", () => {
  const nodes = (state: "up" | "unreachable"): Fabric["nodes"] =>
    Object.fromEntries(
      Array.from({ length: 20 }, (_, i) => [`hv${i}`, node({ name: `hv${i}`, state, reason: "gone" })]),
    );
  const told = texts({ ...NOTHING, nodes: nodes("up") }, { ...NOTHING, nodes: nodes("unreachable") });
  expect(told).toHaveLength(6);
  expect(told.at(-1)).toBe("note: 15 more of routers changed");
});
