import { expect, test } from "bun:test";
import { newKnowledge, refused } from "#web/knowledge";
import { membersOf } from "#web/members";
import { levelOf, nodesOf } from "#web/nodes";
import { knows, silent, status } from "#web/testing/knowing";

const nodeOf = (known: ReturnType<typeof newKnowledge>, version = "0.1.0") =>
  nodesOf(membersOf([known], []), new Map(), { version, levels: new Map() })[known.name];

test("a router is asked, silent with its reason, up, or of another version", () => {
  expect(nodeOf(newKnowledge("hv1", "hv1"))).toMatchObject({ state: "asking", role: null });
  expect(nodeOf(silent(newKnowledge("hv1", "hv1"), "gone"))).toMatchObject({ state: "unreachable", reason: "gone" });
  const up = knows("hv1", { status: status("hv1") });
  expect(nodeOf(up)).toMatchObject({ state: "up", role: "hypervisor", version: "0.1.0" });
  expect(nodeOf(up, "0.2.0")).toMatchObject({
    state: "other-version",
    reason: "it runs AIN 0.1.0, this page is of 0.2.0",
  });
});

test("a view that it cannot give is named with its words", () => {
  const up = refused(knows("hv1", { status: status("hv1") }), "tunnels", 'nothing is called "tunnels"');
  expect(nodeOf(up)?.lacks).toEqual({ tunnels: 'nothing is called "tunnels"' });
});

test("when it was started does not change from one answer to the next, and does when it starts anew", () => {
  const first = knows("hv1", { status: status("hv1", "hypervisor", { uptime: 10 }) }, { at: 100_000 });
  const next = knows("hv1", { status: status("hv1", "hypervisor", { uptime: 11.2 }) }, { at: 102_000, from: first });
  expect([nodeOf(first)?.started, nodeOf(next)?.started]).toEqual([90, 90]);
  const anew = knows("hv1", { status: status("hv1", "hypervisor", { uptime: 1 }) }, { at: 110_000, from: next });
  expect(nodeOf(anew)?.started).toBe(109);
});

test("how busy it is is told of its busiest forwarder", () => {
  const busy = (a: number, b: number) => status("hv1", "hypervisor", { forwarders: [{ busy: a }, { busy: b }] });
  const first = knows("hv1", { status: busy(0, 0) }, { at: 0 });
  expect(nodeOf(knows("hv1", { status: busy(200, 1500) }, { at: 2000, from: first }))?.busy).toBe(0.75);
});

test("the level of drops rises with each power of ten and falls only well below it", () => {
  expect([0, 0.9, 1, 9.9, 10, 1e4].map((rate) => levelOf(rate, 0))).toEqual([0, 0, 1, 1, 2, 5]);
  expect([9, 4, 3, 0.5, 0.2].map((rate) => levelOf(rate, 2))).toEqual([2, 2, 1, 0, 0]);
  expect([0.5, 0.3].map((rate) => levelOf(rate, 1))).toEqual([1, 0]);
});
