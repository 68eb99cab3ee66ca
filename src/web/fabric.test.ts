import { expect, test } from "bun:test";
import { fabricOf } from "#web/fabric";
import type { Knowledge } from "#web/knowledge";
import type { Wire } from "#web/members";
import { type Fabric, NOTHING } from "#web/model";
import type { ViewOf } from "#web/router-views";
import { closViews } from "#web/testing/clos";
import { knows, knowsServed, silent, status } from "#web/testing/knowing";

const model = (
  routers: readonly Knowledge[],
  { before = NOTHING, wires = [], now = 0 }: { before?: Fabric; wires?: readonly Wire[]; now?: number } = {},
): Fabric =>
  fabricOf({ title: "lab", version: "0.1.0", linkSpeed: null, routers, wires, wholeMoves: new Map(), now }, before);

const clos = (): Knowledge[] =>
  [...closViews({ pods: 2, hypervisors: 2, vms: 1 })].map(([name, views]) => knowsServed(name, views));
const named = (routers: readonly Knowledge[], name: string): Knowledge => routers.find((each) => each.name === name)!;
const without = (routers: readonly Knowledge[], ...names: string[]): Knowledge[] =>
  routers.filter(({ name }) => !names.includes(name));

test("routers, areas and each link once come out of what both ends tell", () => {
  const { nodes, areas, links, about } = model(clos());
  expect(Object.keys(nodes)).toHaveLength(2 + 2 * (2 + 2 + 2));
  expect(areas).toEqual({
    "0.0.0.0": { kind: "normal", summaries: true, nodes: 6 },
    "0.0.0.1": { kind: "stub", summaries: true, nodes: 6 },
    "0.0.0.2": { kind: "stub", summaries: true, nodes: 6 },
  });
  expect(Object.keys(links)).toHaveLength(2 * (4 + 4 + 4));
  expect(Object.values(links).every(({ state }) => state === "up")).toBe(true);
  expect(about[""]).toEqual({ title: "lab", version: "0.1.0", asked: 14, answering: 14, linkSpeed: null });
});

test("a row of the map is so many hops from the nearest hypervisor", () => {
  const { nodes } = model(clos());
  const tiers = ["hv1-1", "acc1a", "agg1a", "core1"].map((name) => nodes[name]?.tier);
  expect(tiers).toEqual([0, 1, 2, 3]);
  expect(nodes.agg1a).toMatchObject({ isBorder: true, areas: ["0.0.0.0", "0.0.0.1"] });
});

test("a router that falls silent is unreachable with the reason, and what it told stays", () => {
  const routers = clos();
  const down = silent(named(routers, "acc1a"), "its process is gone");
  const { nodes, links } = model([...without(routers, "acc1a"), down]);
  expect(nodes.acc1a).toMatchObject({ state: "unreachable", reason: "its process is gone", role: "switch", tier: 1 });
  expect(Object.values(links).filter(({ a, b }) => [a.node, b.node].includes("acc1a"))).toHaveLength(4);
});

test("a link is down once an end that answers has lost the neighbor, whatever the other one told before", () => {
  const routers = clos();
  const neighbors = named(routers, "hv1-1").views["ospf/neighbors"]!.now.value.neighbors;
  const left = neighbors.filter(({ interface: name }) => name !== "eth1");
  const hv = knows("hv1-1", { "ospf/neighbors": { neighbors: left } }, { from: named(routers, "hv1-1") });
  const { links } = model([...without(routers, "hv1-1"), hv]);
  const down = Object.values(links).filter(({ state }) => state === "down");
  expect(down).toHaveLength(1);
  expect(down[0]?.reason).toBe("hv1-1 does not have it as a neighbor");
});

test("a link that both ends have lost is remembered as down for ten minutes", () => {
  const routers = clos();
  const before = model(routers);
  const lost = routers.map((router) => knows(router.name, { "ospf/neighbors": { neighbors: [] } }, { from: router }));
  const soon = model(lost, { before, now: 1000 });
  expect(Object.values(soon.links)).toHaveLength(24);
  expect(Object.values(soon.links).every(({ state, goneSince }) => state === "down" && goneSince === 1000)).toBe(true);
  expect(model(lost, { before: soon, now: 602_000 }).links).toEqual({});
});

test("an adjacency that is not Full, or that BFD has lost, is told with its state", () => {
  const [hv] = without(clos(), "core1").filter(({ name }) => name === "hv1-1");
  const neighbors = hv!.views["ospf/neighbors"]!.now.value.neighbors.map((each, i) =>
    i === 0 ? { ...each, state: "ExStart", trouble: "MTU mismatch" } : each,
  );
  const bfd = { sessions: [{ interface: "eth2", remote: neighbors[1]!.address, state: "Down" }] };
  const { links } = model([knows("hv1-1", { "ospf/neighbors": { neighbors }, bfd }, { from: hv! })]);
  expect(Object.values(links).map(({ state, reason }) => [state, reason])).toEqual([
    ["forming", "hv1-1: OSPF is ExStart, MTU mismatch"],
    ["forming", "hv1-1: BFD is Down"],
  ]);
});

// ---- routers that nobody can ask ----

const lsa = (
  advertisingRouter: string,
  links: readonly [own: number, neighbor: string, other: number][],
  more: { scope?: string; flags?: string[]; type?: string } = {},
): ViewOf<"ospf/database/router">[number] => ({
  ...{ scope: more.scope ?? "area 0.0.0.1", advertisingRouter },
  body: {
    flags: more.flags ?? [],
    links: links.map(([interfaceId, neighbor, neighborInterfaceId]) => ({
      ...{ type: more.type ?? "point-to-point", metric: 7, interfaceId, neighborInterfaceId, neighbor },
    })),
  },
});

/** hv1 (0.0.0.1) – acc (10.0.0.3) – agg (10.0.0.1), of which only hv1 is asked. */
const lonely = (): Knowledge =>
  knows("hv1", {
    status: status("hv1"),
    ports: [],
    "ospf/status": { routerId: "0.0.0.1", areas: ["0.0.0.1"], isBorder: false },
    "ospf/areas": [{ area: "0.0.0.1", kind: "stub", summaries: true, borderRouters: ["10.0.0.1"], checksum: 5 }],
    "ospf/interfaces": [
      {
        ...{ interface: "eth1", area: "0.0.0.1", kind: "point-to-point", state: "PointToPoint", cost: 10 },
        ...{ interfaceId: 2, linkLocal: "fe80::1", passive: false },
      },
    ],
    "ospf/neighbors": {
      neighbors: [
        {
          ...{ routerId: "10.0.0.3", interface: "eth1", address: "fe80::3", area: "0.0.0.1" },
          ...{ state: "Full", interfaceId: 4, trouble: "" },
        },
      ],
    },
    "ospf/database/router": [
      lsa("0.0.0.1", [[2, "10.0.0.3", 4]]),
      lsa("10.0.0.3", [
        [4, "0.0.0.1", 2],
        [5, "10.0.0.1", 6],
      ]),
      lsa("10.0.0.1", [[6, "10.0.0.3", 5]], { flags: ["border"] }),
    ],
  });

test("RFC 5340 §A.4.3: routers that only OSPF tells of are nodes, joined as their router LSAs say", () => {
  const { nodes, links } = model([lonely()]);
  expect(nodes["ospf 10.0.0.3"]).toMatchObject({ kind: "foreign", state: "foreign", name: "10.0.0.3", tier: 1 });
  expect(nodes["ospf 10.0.0.1"]).toMatchObject({ tier: 2, isBorder: true });
  expect(links["hv1#2 ~ ospf 10.0.0.3#4"]).toMatchObject({ state: "up", a: { cost: 10 }, b: { cost: 7 } });
  expect(links["ospf 10.0.0.1#6 ~ ospf 10.0.0.3#5"]).toMatchObject({ state: "up", a: { cost: 7 } });
});

test("of a link whose asked end is silent the other one's router LSA is believed", () => {
  const witness = (links: Parameters<typeof lsa>[1]) =>
    knows("hv2", { status: status("hv2"), "ospf/database/router": [lsa("10.0.0.3", links)] }, { at: 9 });
  const dead = silent(lonely(), "its process is gone");
  const id = "hv1#2 ~ ospf 10.0.0.3#4";
  expect(model([dead, witness([[4, "0.0.0.1", 2]])]).links[id]).toMatchObject({ state: "up" });
  const reason = "10.0.0.3 does not tell of it any more";
  expect(model([dead, witness([])]).links[id]).toMatchObject({ state: "down", reason });
  expect(model([dead]).links[id]).toMatchObject({ state: "up" });
});

test("RFC 2328 §3.1: border routers are joined by a backbone, shown as unseen where nobody asked is in it", () => {
  const { nodes, links } = model([lonely()]);
  expect(nodes["unseen backbone"]).toMatchObject({ kind: "unseen", areas: ["0.0.0.0"], tier: 3 });
  expect(Object.values(links).filter(({ kind }) => kind === "unseen")).toHaveLength(1);
});

test("in a lab their names are those at the other ends of its wires, however many hops away", () => {
  const wires = [
    { a: { node: "hv1", interfaceIndex: 2 }, b: { node: "acc", interfaceIndex: 4 } },
    { a: { node: "agg", interfaceIndex: 6 }, b: { node: "acc", interfaceIndex: 5 } },
  ];
  const { nodes } = model([lonely()], { wires });
  expect([nodes["ospf 10.0.0.3"]?.name, nodes["ospf 10.0.0.1"]?.name]).toEqual(["acc", "agg"]);
  const cut = knows("hv1", { "ospf/database/router": [lsa("10.0.0.1", [])] }, { from: lonely() });
  expect(model([cut], { wires }).nodes["ospf 10.0.0.1"]?.name).toBe("10.0.0.1");
  expect(model([cut], { wires, before: model([lonely()], { wires }) }).nodes["ospf 10.0.0.1"]?.name).toBe("agg");
});

test("RFC 5340 §4.4.3.2: a link to a transit network joins its router to the LAN", () => {
  const lan = (router: string, own: number) => lsa(router, [[own, "10.0.0.9", 3]], { type: "transit" });
  const hv = knows("hv1", { "ospf/database/router": [lan("0.0.0.1", 2), lan("10.0.0.9", 3)] }, { from: lonely() });
  const { nodes, links } = model([hv]);
  expect(nodes["lan 10.0.0.9#3"]).toMatchObject({ kind: "network", areas: ["0.0.0.1"], tier: 0.5 });
  const ends = Object.values(links).filter(({ b }) => b.node.startsWith("lan ") || b.node === "hv1");
  expect(ends.some(({ a, b }) => a.node === "hv1" && a.port === "eth1" && b.node === "lan 10.0.0.9#3")).toBe(true);
  expect(nodes["ospf 10.0.0.9"]?.tier).toBe(1);
});

// ---- without OSPF ----

const port = (name: string, mac: string) => ({
  ...{ name, kind: "uplink", state: "up", mtu: 1500, mac, rxOctets: 0, txOctets: 0 },
});
const neighbor = (at: string, mac: string, state = "reachable") => ({ port: at, address: "fe80::1", mac, state });

test("without OSPF a link is where one router has the other's MAC address as a neighbor's", () => {
  const hv = knows("hv", { ports: [port("eth1", "02::1")], neighbors: [neighbor("eth1", "02::2")] });
  const sw = knows("sw", { ports: [port("p1", "02::2"), port("p2", "02::3")], neighbors: [] });
  const { links } = model([hv, sw]);
  expect(Object.keys(links)).toEqual(["hv/eth1 ~ sw/p1"]);
  expect(links["hv/eth1 ~ sw/p1"]).toMatchObject({ kind: "plain", state: "up", area: null });
  const failed = knows("hv", { neighbors: [neighbor("eth1", "02::2", "failed")] }, { from: hv });
  expect(model([failed, sw]).links["hv/eth1 ~ sw/p1"]).toMatchObject({ state: "down" });
});

test("a link's load is what its ends' ports count, the near end's own where both are known", () => {
  const at = (name: string, mac: string, tx: number, rx: number) => ({
    ports: [{ ...port(name, mac), txOctets: tx, rxOctets: rx }],
    neighbors: [neighbor(name, mac === "02::1" ? "02::2" : "02::1")],
  });
  const hv = knows("hv", at("eth1", "02::1", 2000, 500), { at: 2000, from: knows("hv", at("eth1", "02::1", 0, 0)) });
  const sw = knows("sw", at("p1", "02::2", 0, 0));
  expect(model([hv, sw]).links["hv/eth1 ~ sw/p1"]).toMatchObject({ ab: 8000, ba: 2000 });
});
