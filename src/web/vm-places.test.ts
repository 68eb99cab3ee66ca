import { expect, test } from "bun:test";
import type { Knowledge } from "#web/knowledge";
import { knows, silent, vm } from "#web/testing/knowing";
import { homesOf, vmsOf } from "#web/vm-places";

const HOMES = [
  { prefix: "2001:db8:a1:1::/64", hypervisor: "hv1", here: false },
  { prefix: "2001:db8:a1:2::/64", hypervisor: "hv2", here: false },
];
const web = (state = "up") =>
  vm("web", "blue/prod", "10.0.0.2", { networkAddress: "2001:db8:a1:1:0:401:a00:2", state });
const ID = "blue/prod 10.0.0.2";
const hv = (name: string, vms: ReturnType<typeof vm>[], at: number, from?: Knowledge): Knowledge =>
  knows(name, { vms, homes: HOMES }, from === undefined ? { at } : { at, from });
const places = (routers: readonly Knowledge[]) => vmsOf(routers, homesOf(routers));

test("a VM's home is the hypervisor whose prefix its address in the fabric is in", () => {
  const vms = places([hv("hv1", [], 0), hv("hv2", [web()], 0)]);
  expect(vms[ID]).toMatchObject({ at: "hv2", home: "hv1", tenant: "blue", addresses: ["10.0.0.2"] });
});

test("VMs of the same name and of the same address in other networks are others", () => {
  const vms = places([hv("hv1", [web(), vm("web", "red/prod", "10.0.0.2")], 0)]);
  expect(Object.keys(vms)).toEqual([ID, "red/prod 10.0.0.2"]);
});

test("while it moves it is where packets are held, then where it runs, whoever is asked first", () => {
  const source = hv("hv1", [web()], 0);
  const expecting = hv("hv2", [web("prepared")], 100);
  expect(places([source, expecting])[ID]).toMatchObject({ at: "hv1", state: "up" });
  const held = hv("hv1", [web("held")], 200, source);
  expect(places([expecting, held])[ID]).toMatchObject({ at: "hv1", state: "held", also: [{ node: "hv2" }] });
  const there = hv("hv2", [web()], 300, expecting);
  expect(places([held, there])[ID]).toMatchObject({ at: "hv2", state: "up", isDisputed: false });
});

test("of two that say that they have it the later one has; when both go on saying so it is disputed", () => {
  const source = hv("hv1", [web()], 0);
  const target = hv("hv2", [web()], 1000);
  expect(places([source, target])[ID]).toMatchObject({ at: "hv2", isDisputed: false });
  const again = [hv("hv1", [web()], 6000, source), hv("hv2", [web()], 6000, target)];
  expect(places(again)[ID]).toMatchObject({ at: "hv2", isDisputed: true, also: [{ node: "hv1", state: "up" }] });
});

test("what a silent router said last gives way to what another one says now", () => {
  const dead = silent(hv("hv2", [web()], 1000), "its process is gone");
  expect(places([dead])[ID]).toMatchObject({ at: "hv2" });
  expect(places([dead, hv("hv1", [web()], 500)])[ID]).toMatchObject({ at: "hv1", isDisputed: false });
});

test("who has the home says so, else the fabric's file names it, else nobody knows", () => {
  const [first, second] = HOMES as [(typeof HOMES)[0], (typeof HOMES)[0]];
  const routers = [
    knows("hv1", { homes: [{ ...first, hypervisor: "other", here: true }, second] }),
    knows("hv3", { homes: [{ ...first, hypervisor: "other" }, second] }),
  ];
  expect(homesOf(routers)).toEqual({
    [first.prefix]: { hypervisor: "other", node: "hv1" },
    [second.prefix]: { hypervisor: "hv2", node: null },
  });
});
