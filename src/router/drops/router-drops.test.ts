import { expect, test } from "bun:test";
import { dropsText } from "#cli/drops-text";
import { C_ENDINGS, C_RECEIVE_DROPS, COUNTERS_OCTETS, portCounters } from "#fastpath/counters";
import { createDropTags, DropTags } from "#fastpath/drop-tags";
import { rawOf } from "#fastpath/tables/snapshot";
import { build6, counting } from "#fastpath/testing/packet";
import { udp4 } from "#fastpath/testing/small-packets";
import { BLUE, RED, REMOTE_IPV4, VM_A } from "#fastpath/testing/small-router";
import { AWAY, native } from "#fastpath/testing/tunnel-packets";
import { CONTROL_IGNORED, NO_ROUTE, SPOOFED_SOURCE } from "#fastpath/verdicts";
import type { Fabric } from "#router/config/model";
import { RouterDrops } from "#router/drops/router-drops";
import { PortCounters } from "#router/port-counters";
import type { PortState, Ports } from "#router/ports";

const networks = [
  { name: "blue/prod", tags: BLUE },
  { name: "red/prod", tags: RED },
];
const uplink = { index: 0, name: "up0", kind: "uplink" } as PortState;
const vm = { index: 1, name: "web1", kind: "vm", vm: { network: networks[0] } } as unknown as PortState;
const frame = udp4(VM_A, REMOTE_IPV4, 40);
const fromFabric = native(
  build6({ source: AWAY, destination: AWAY, upper: { kind: "udp", source: 1, destination: 2, data: counting(8) } }),
);

/** Counters of one forwarder, and what is made of them. `refused`: by the kernel's limit for groups. */
function world(refused: ReadonlyMap<PortState, number> = new Map()) {
  const counters = new Float64Array(COUNTERS_OCTETS / 8);
  const dropTags = new DropTags(createDropTags());
  const all = new Map([uplink, vm].map((port) => [port.index, port]));
  const ports = {
    all,
    drops: { read: () => new Map([[uplink, { receive: 0, transmit: 3 }]]) },
    groups: { refused: (port: PortState) => refused.get(port) ?? 0 },
  } as unknown as Ports;
  const drops = new RouterDrops({
    ports,
    counters: new PortCounters(() => [{ counters, dropTags }]),
    fabric: () => ({ networks, prefixes: [] }) as unknown as Fabric,
  });
  const drop = (port: number, ending: number, frames: number, tags = 0): void => {
    counters[portCounters(port) + C_ENDINGS + ending]! += frames;
    for (let i = 0; i < frames && tags !== 0; i++) dropTags.count(port, ending, rawOf(tags));
  };
  return { drops, drop, counters };
}

test("a reason's frames are told by port and tenant, those of an uplink by whom they were for, as far as that is known", () => {
  const { drops, drop, counters } = world();
  drop(1, NO_ROUTE, 5);
  drop(0, NO_ROUTE, 4, RED);
  drop(0, NO_ROUTE, 2);
  counters[portCounters(0) + C_RECEIVE_DROPS] = 9;
  const { reasons } = drops.view(0);
  expect(reasons.map(({ reason, frames }) => [reason, frames])).toEqual([
    ["no-route", 11],
    ["kernel-receive-drop", 9],
    ["interface-transmit-drop", 3],
  ]);
  expect(reasons[0]!.ports.map(({ port, tenant, network, frames }) => [port, tenant, network, frames])).toEqual([
    ["web1", "blue", "blue/prod", 5],
    ["up0", "red", "red/prod", 4],
    ["up0", null, null, 2],
  ]);
  expect(reasons[2]!.lastSecond).toBeNull();
});

test("what the kernel refused of a VM's to groups is its tenant's", () => {
  const { reasons } = world(new Map([[vm, 7]])).drops.view(0);
  expect(reasons[0]).toMatchObject({
    reason: "kernel-group-limit",
    frames: 7,
    ports: [{ port: "web1", tenant: "blue", network: "blue/prod", frames: 7 }],
  });
});

test("what ends at the control thread is counted likewise, and kept as a sample", () => {
  const { drops } = world();
  drops.lost(0, CONTROL_IGNORED, fromFabric);
  drops.lost(1, CONTROL_IGNORED, frame);
  drops.lost(1, CONTROL_IGNORED);
  drops.lost(7, CONTROL_IGNORED, frame); // its port has gone
  const { reasons } = drops.view(0);
  const control = reasons.find(({ reason }) => reason === "control-ignored")!;
  expect(control.ports.map(({ port, network, frames }) => [port, network, frames])).toEqual([
    ["web1", "blue/prod", 2],
    ["up0", "blue/prod", 1],
  ]);
  expect(control.samples.map(({ port }) => port)).toEqual(["web1", "up0"]);
});

test("the last eight frames of each reason are kept", () => {
  const { drops, drop } = world();
  drop(1, SPOOFED_SOURCE, 20);
  for (let i = 0; i < 20; i++) drops.shown(i === 19 ? uplink : vm, { adjacency: SPOOFED_SOURCE, octets: frame });
  const samples = drops.view(0).reasons[0]!.samples;
  expect(samples.map(({ port }) => port)).toEqual(["up0", ...Array.from({ length: 7 }, () => "web1")]);
  expect(samples[0]!.packet).toStartWith("udp ");
});

test("the most frequent of late comes first, whatever was before", () => {
  const { drops, drop } = world();
  drop(1, SPOOFED_SOURCE, 1000);
  drops.look(0);
  drop(1, NO_ROUTE, 5);
  expect(drops.view(1000).reasons.map(({ reason, lastSecond }) => [reason, lastSecond])).toEqual([
    ["no-route", 5],
    ["spoofed-source", 0],
    ["interface-transmit-drop", null],
  ]);
});

test("in text, a reason at one port is one line, and at several a total and lines", () => {
  const { drops, drop } = world();
  expect(dropsText({ reasons: [] })).toBe("nothing was dropped");
  drop(1, SPOOFED_SOURCE, 2);
  drop(1, NO_ROUTE, 5);
  drop(0, NO_ROUTE, 4);
  drops.shown(vm, { adjacency: NO_ROUTE, octets: frame });
  const lines = dropsText(drops.view(0))
    .split("\n")
    .map((line) => line.replace(/ +/g, " ").replace(/\d\d:\d\d:\d\d\.\d+/, "TIME"));
  expect(lines.slice(0, 6)).toEqual([
    "REASON PORT NETWORK FRAMES 1 S 1 MIN",
    "no-route 9 0 0",
    " web1 blue/prod 5 0 0",
    " up0 - 4 0 0",
    "interface-transmit-drop up0 - 3 - -",
    "spoofed-source web1 blue/prod 2 0 0",
  ]);
  expect(lines).toContain("no-route: no route into the fabric");
  expect(lines.find((line) => line.startsWith(" TIME web1 udp "))).toBeDefined();
});
