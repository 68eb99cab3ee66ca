import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { closingAfter } from "#sys/descriptor";
import { createNamespace, deleteNamespace, inNamespace, listNamespaces, openNamespace } from "#sys/namespace";
import { LinkMonitor, Rtnetlink } from "#sys/rtnetlink";
import { readSysctl, writeSysctl } from "#sys/sysctl";

const A = `sysA${process.pid}`;
const B = `sysB${process.pid}`;
const ip = (...args: string[]): string => spawnSync("ip", args, { encoding: "utf8" }).stdout;
const v4 = (...octets: number[]): Uint8Array => Uint8Array.from(octets);
const v6 = (last: number): Uint8Array =>
  Uint8Array.from({ length: 16 }, (_, i) => (i === 0 ? 0xfd : i === 15 ? last : 0));
const anyV4 = { address: v4(0, 0, 0, 0), prefixLength: 0 };
const anyV6 = { address: new Uint8Array(16), prefixLength: 0 };

let a: Rtnetlink;
let b: Rtnetlink;
let index: number;

beforeAll(() => {
  createNamespace(A);
  createNamespace(B);
  a = new Rtnetlink(A);
  b = new Rtnetlink(B);
  closingAfter(openNamespace(B), (peerNamespaceFd) =>
    a.addVeth({ name: "x0", peerName: "x1", peerNamespaceFd, mtu: 9000, mac: v4(2, 0, 0, 0, 0, 1), queues: 2 }),
  );
  index = a.requireLink("x0").index;
});

afterAll(() => {
  a.close();
  b.close();
  deleteNamespace(A);
  deleteNamespace(B);
});

test("namespaces are those of ip netns", () => {
  expect(ip("netns")).toContain(A);
  expect(listNamespaces()).toContain(B);
  expect(() => createNamespace(A)).toThrow(/create namespace .*EEXIST/);
  expect(() => createNamespace("a/b")).toThrow(RangeError);
});

test("inNamespace comes home, also when its call throws", () => {
  const home = readSysctl("net/core/somaxconn");
  expect(() =>
    inNamespace(A, () => {
      throw new Error("inside");
    }),
  ).toThrow("inside");
  expect(() => inNamespace("none-such", () => 0)).toThrow(/open \/run\/netns\/none-such: .*ENOENT/);
  expect(readSysctl("net/core/somaxconn")).toBe(home);
  expect(new Rtnetlink().link("x0")).toBeUndefined();
});

test("a veth pair stretches over two namespaces with the settings asked for", () => {
  const [x0, x1] = [a.requireLink("x0"), b.requireLink("x1")];
  expect(x0).toMatchObject({ mtu: 9000, up: false, running: false, kind: "veth", peer: x1.index, master: undefined });
  expect([...x0.mac]).toEqual([2, 0, 0, 0, 0, 1]);
  expect(a.links().map(({ name }) => name)).toEqual(["lo", "x0"]);
  expect(a.link("x1")).toBeUndefined();
  expect(() => a.requireLink("x1")).toThrow(/get link x1: .*ENODEV/);
});

test("a link is switched on, renamed, and told not to make addresses of its own", () => {
  b.changeLink(b.requireLink("x1").index, { up: true });
  a.changeLink(index, { generateLinkLocal: false });
  a.changeLink(index, { up: true, mtu: 1400, transmitQueueLength: 77 });
  expect(a.requireLink("x0")).toMatchObject({ mtu: 1400, up: true, running: true });
  expect(ip("-n", A, "addr", "show", "x0")).not.toContain("fe80");
  expect(ip("-n", A, "addr", "show", "x0")).toContain("qlen 77");
});

test("addresses and routes of both families are set as ip shows them", () => {
  a.addAddress(index, { address: v4(10, 0, 0, 1), prefixLength: 32 });
  a.addAddress(index, { address: v6(1), prefixLength: 64 });
  a.setRoute({ destination: { address: v4(10, 0, 0, 2), prefixLength: 32 }, nextHops: [{ index }] });
  a.setRoute({ destination: anyV4, nextHops: [{ index, gateway: v4(10, 0, 0, 9), onLink: true }] });
  a.setRoute({
    destination: anyV6,
    nextHops: [
      { index, gateway: v6(5) },
      { index, gateway: v6(6) },
    ],
  });
  a.setNeighbor(index, v6(5), v4(2, 0, 0, 0, 0, 9));
  expect(ip("-n", A, "route")).toMatch(/default via 10.0.0.9 dev x0 proto static onlink/);
  expect(ip("-n", A, "route")).toMatch(/10.0.0.2 dev x0 proto static scope link/);
  expect(ip("-n", A, "-6", "route")).toMatch(/nexthop via fd00::5 .*\n\s+nexthop via fd00::6 /);
  expect(ip("-n", A, "neigh")).toContain("fd00::5 dev x0 lladdr 02:00:00:00:00:09 PERMANENT");
  a.deleteRoute({ destination: anyV4, nextHops: [{ index, gateway: v4(10, 0, 0, 9), onLink: true }] });
  expect(ip("-n", A, "route")).not.toContain("default");
  a.deleteAddress(index, { address: v6(1), prefixLength: 64 });
  expect(ip("-n", A, "addr")).not.toContain("fd00::1/64");
});

test("what the kernel refuses names the operation, the object and the kernel's own words", () => {
  expect(() => a.setRoute({ destination: anyV4, nextHops: [{ index, gateway: v4(9, 9, 9, 9) }] })).toThrow(
    /set route \(Nexthop has invalid gateway\): .*ENETUNREACH/,
  );
  expect(() => a.addVeth({ name: "x0", peerName: "x9" })).toThrow(/add veth x0 – x9: .*EEXIST/);
  expect(() => a.changeLink(index, { mtu: 10 }, "x0")).toThrow(
    /set link x0 mtu .*mtu less than device minimum.*EINVAL/,
  );
});

test("a setting is written inside the namespace and the earlier value returned", () => {
  const key = "net/ipv6/conf/x0/disable_ipv6";
  expect(writeSysctl(key, 1, A)).toBe("0");
  expect(readSysctl(key, A)).toBe("1");
  expect(() => readSysctl("net/ipv6/conf/none/mtu", A)).toThrow(/read sysctl net\/ipv6\/conf\/none\/mtu: .*ENOENT/);
  expect(() => writeSysctl("net/ipv6/conf/x0/mtu", "many", A)).toThrow(/write many to sysctl .*EINVAL/);
});

test("ports of a bridge are opened and closed together, their carrier stays, and losing it changes nothing", () => {
  a.addBridge("wire");
  const names = ["y0", "z0"];
  for (const name of names) {
    a.addVeth({ name, peerName: `${name}p` });
    a.changeLink(a.requireLink(name).index, { master: a.requireLink("wire").index });
    for (const each of [`${name}p`, name]) a.changeLink(a.requireLink(each).index, { up: true });
  }
  const areOpen = () => names.map((name) => a.requireLink(name).open);
  const [y, z] = names.map((name) => a.requireLink(name).index) as [number, number];
  expect(areOpen()).toEqual([true, true]);
  a.changeBridgePorts([
    { index: y, settings: { learns: false, isolated: true } },
    { index: z, settings: { learns: false, isolated: true, open: false } },
  ]);
  expect(areOpen()).toEqual([true, false]);
  const closed = /learning off flood off .*mcast_flood off bcast_flood off .*isolated on locked on/;
  expect(ip("-n", A, "-d", "link", "show", "z0")).toMatch(closed);
  a.changeBridgePorts([
    { index: z, settings: { open: true } },
    { index: y, settings: { open: false } },
  ]);
  expect(areOpen()).toEqual([false, true]);
  expect(names.map((name) => a.requireLink(`${name}p`).running)).toEqual([true, true]);
  for (const up of [false, true]) a.changeLink(a.requireLink("y0p").index, { up });
  expect(areOpen()).toEqual([false, true]);
  const notPort = a.requireLink("y0p").index;
  expect(() => a.changeBridgePorts([{ index: notPort, settings: { open: true } }])).toThrow(/set bridge ports #\d+.*E/);
  for (const name of [...names, "wire"]) a.deleteLink(a.requireLink(name).index, name);
});

test("a bridge takes members, and the monitor tells of links that change and go", () => {
  const monitor = new LinkMonitor(A);
  a.addBridge("br");
  a.changeLink(index, { master: a.requireLink("br").index });
  expect(a.requireLink("x0").master).toBe(a.requireLink("br").index);
  a.changeLink(index, { master: 0 });
  closingAfter(openNamespace(B), (namespaceFd) => a.changeLink(index, { namespaceFd, name: "moved" }, "x0"));
  expect(b.requireLink("moved").mtu).toBe(1400);
  b.deleteLink(b.requireLink("moved").index, "moved");
  expect(b.link("x1")).toBeUndefined();
  const notices = monitor.notices() ?? [];
  monitor.close();
  expect(notices.some(({ kind, link }) => kind === "changed" && link.name === "br")).toBe(true);
  expect(notices.at(-1)).toMatchObject({ kind: "gone", link: { name: "x0" } });
  expect(() => a.deleteLink(9999, "none")).toThrow(/delete link none: .*ENODEV/);
});
