import { expect, test } from "bun:test";
import { nothing } from "./feed.mjs";
import { find, octetsOf } from "./search.mjs";

/** @type {(name: string, address: string, at: string, home: string | null) => any} */
const vm = (name, address, at, home) => ({
  ...{
    name,
    network: "blue/prod",
    tenant: "blue",
    addresses: [address],
    networkAddresses: ["2001:db8:a1:1:0:401:a00:2"],
  },
  ...{ at, home, port: "p", state: "up", mac: null, also: [], isDisputed: false, sends: null, gets: null },
});
/** @type {any} */
const router = { name: "hv1", kind: "router", role: "hypervisor", address: "2001:db8:a1:1::1", routerId: "0.0.0.1" };
const fabric = {
  ...nothing(),
  nodes: { hv1: router },
  vms: { a: vm("web", "10.0.0.2", "hv2", "hv1"), b: vm("web-2", "10.0.0.20", "hv1", "hv1") },
  homes: {
    "2001:db8:a1:1::/64": { hypervisor: "hv1", node: "hv1" },
    "2001:db8:a1:2::/64": { hypervisor: "hv9", node: null },
  },
};

test("VMs and routers are found by name and address, what is meant exactly first, with home and host", () => {
  expect(find(fabric, "web").map(({ title, more }) => `${title}: ${more}`)).toEqual([
    "web: blue/prod 10.0.0.2: at hv2, home hv1",
    "web-2: blue/prod 10.0.0.20: at home at hv1",
  ]);
  expect(find(fabric, " 10.0.0.2 ")[0]).toMatchObject({ title: "web", to: { kind: "vms", id: "a" } });
  expect(find(fabric, "HV1")[0]).toMatchObject({ title: "hv1", to: { kind: "nodes", id: "hv1" } });
  expect(find(fabric, "")).toEqual([]);
});

test("of an address that no VM has its home is told", () => {
  expect(find(fabric, "2001:db8:a1:1::77")).toMatchObject([{ title: "home hv1", to: { kind: "nodes", id: "hv1" } }]);
  expect(find(fabric, "2001:db8:a1:2::77")).toMatchObject([{ title: "home hv9", to: null }]);
  expect(find(fabric, "2001:db8:b::1")).toMatchObject([{ title: "no VM has this address", to: null }]);
  expect(find(fabric, "nobody")).toMatchObject([{ title: "nothing is called that", to: null }]);
});

test("RFC 4291 §2.2: an IPv6 address is read in any of its forms", () => {
  expect(octetsOf("::")).toEqual(Array(16).fill(0));
  expect(octetsOf("2001:DB8::1")).toEqual([0x20, 0x01, 0x0d, 0xb8, ...Array(11).fill(0), 1]);
  expect(octetsOf("::ffff:10.0.0.2")?.slice(10)).toEqual([0xff, 0xff, 10, 0, 0, 2]);
  expect(octetsOf("1:2:3:4:5:6:7:8")).toHaveLength(16);
  for (const text of ["", "10.0.0.1", "1:2", "g::1", "::1::"]) expect(octetsOf(text)).toBeUndefined();
});
