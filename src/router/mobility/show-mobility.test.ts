import { describe, expect, test } from "bun:test";
import { parseIpv4, parseIpv6, parsePrefix6 } from "#base/address";
import { C_ENDINGS, COUNTERS_OCTETS, portCounters, W_WAYS } from "#fastpath/counters";
import { WAY_FORMER, WAY_HOME, WAY_TUNNEL } from "#fastpath/place";
import { createBindingTable } from "#fastpath/tables/bindings";
import { createTunnelTable, Tunnels } from "#fastpath/tables/tunnels";
import { HAIRPIN, TO_FABRIC } from "#fastpath/verdicts";
import type { MobilityView as CoreView } from "#pmip/view";
import { checkFabric } from "#router/config/fabric";
import { checkNode } from "#router/config/node";
import { anchorAddresses, hostedConfig } from "#router/mobility/hosted-config";
import { PathMtus } from "#router/mobility/path-mtu";
import { Places } from "#router/mobility/places";
import { bindingsView, mobilityView, tunnelsView } from "#router/mobility/show-mobility";
import { subjectOf } from "#router/mobility/subjects";
import { parseSource } from "#runtime/document/source";

const FABRIC = `name: demo
key: 000102030405060708090a0b0c0d0e0f
prefixes: [2001:db8:a1::/48]
homes: [2001:db8:a1:1::/64, {prefix: 2001:db8:a1:2::/64, hypervisor: hv2}, 2001:db8:a1:3::/64]
tenants: {blue: {id: 1, networks: {prod: {id: 1, prefixes: [10.0.0.0/24]}}}}
mobility: {grace: 2min, idle: 45s, auth: {keys: [{id: 300, secret: old}, {id: 301, secret: new}], send: 301}}
`;
const NODE = `name: hv1
fabric: fabric.yaml
role: hypervisor
prefixes: [2001:db8:a1:1::/64, 2001:db8:a1:3::/64]
uplinks: [{interface: eth1}]
`;

function configuration() {
  const [fabric, node] = [parseSource("fabric.yaml", FABRIC), parseSource("node.yaml", NODE)];
  if ("errors" in fabric || "errors" in node) throw new Error("bad YAML in a test");
  const result = checkNode(node.source, checkFabric(fabric.source));
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result;
}

const HV2 = "20010db800a100020000000000000001";
const web = subjectOf(0x401, parseIpv4("10.0.0.5")!);
const db = subjectOf(0x401, parseIpv4("10.0.0.6")!);
const six = subjectOf(0x900, parseIpv6("2001:db8:cafe::5")!);
const NOTHING: CoreView = {
  ...{ address: "", restartCounter: 7, attached: [], bindings: [], updateList: [], correspondents: [], formers: [] },
  ...{ peers: [], counters: {} },
  sizes: { attached: 0, bindings: 1, updateList: 2, correspondents: 3, formers: 4, requests: 0, peers: 0 },
};

function world() {
  const buffer = createBindingTable({ entries: 100, key: Int32Array.of(1, 2) });
  const tunnels = new Tunnels(createTunnelTable(10));
  const places = new Places({ buffer, tunnels, warn: () => {} });
  return { tunnels, places, fabric: configuration().fabric, ticks: 1000 };
}

describe("show bindings", () => {
  test("has each role's, with names where there are any", () => {
    const around = world();
    around.places.set({ subject: db, place: { mag: HV2 }, role: "home" }, 0);
    const registration = { vm: "web", lma: HV2, role: "home", state: "registering", tries: 2 } as const;
    const core: CoreView = {
      ...NOTHING,
      updateList: [{ ...registration, subject: web, lifetime: null, status: 129 }],
      bindings: [{ subject: db, role: "home", mag: HV2, lifetime: 250_500, since: 0, sequence: 1, told: 0 }],
      correspondents: [{ subject: six, state: "native", mag: null, lifetime: null, isBound: false, idle: 0 }],
      formers: [{ subject: six, mag: HV2, left: 900 }],
    };
    const none = { packets: 0, octets: 0, idle: null };
    const hv2 = { address: "2001:db8:a1:2::1", hypervisor: "hv2" };
    const [blue, own] = [
      { network: "blue/prod", peer: hv2 },
      { network: null, address: "2001:db8:cafe::5" },
    ];
    expect(bindingsView(core, around)).toMatchObject({
      bindings: [
        { ...blue, address: "10.0.0.5", role: "attached", state: "registering, status 129", lifetime: null, ...none },
        {
          ...blue,
          ...{ address: "10.0.0.6", role: "home", state: "bound", lifetime: 250.5 },
          ...none,
        },
        { ...own, role: "correspondent", peer: null, state: "native", lifetime: null, ...none },
        { ...own, role: "former", peer: hv2, state: "forwarding", lifetime: 0.9, ...none },
      ],
      size: 1,
    });
  });

  test("of a switch is empty", () => {
    expect(bindingsView(undefined, world())).toMatchObject({ bindings: [], size: 0 });
  });
});

test("show tunnels adds up the ways of packets over all forwarders; what homes and former hosts pass on is relayed", () => {
  const around = world();
  around.places.set({ subject: db, place: { mag: HV2 }, role: "home" }, 0);
  const pathMtus = new PathMtus(around.tunnels, () => {});
  pathMtus.heard({ kind: "too-big", end: parseIpv6("2001:db8:a1:2::1")!, mtu: 1400 }, 0);
  const forwarders = [1, 10].map((times) => {
    const counters = new Float64Array(COUNTERS_OCTETS / 8);
    for (const way of [WAY_TUNNEL, WAY_HOME, WAY_FORMER]) counters[W_WAYS + way] = times * way;
    counters[portCounters(1) + C_ENDINGS + TO_FABRIC] = times * (100 + WAY_TUNNEL); // both ways into the fabric
    counters[portCounters(1) + C_ENDINGS + HAIRPIN] = 7 * times;
    return counters;
  });
  const { tunnels, shares } = tunnelsView({ ...around, pathMtus, forwarders });
  expect(tunnels).toEqual([
    {
      end: { address: "2001:db8:a1:2::1", hypervisor: "hv2" },
      ...{ mtu: 1400, packets: 0, octets: 0, users: 1, tooBig: 1, unreachable: 0 },
    },
  ]);
  expect(shares).toEqual({
    native: 1100,
    direct: 11 * WAY_TUNNEL,
    relayed: 11 * (WAY_HOME + WAY_FORMER),
    hairpin: 77,
  });
});

test("show mobility tells keys by their ids, and counters sorted by name", () => {
  const around = world();
  const peer = { address: HV2, users: 2, restartCounter: null, heard: 1500, roundTrip: 1, answers: true };
  const view = mobilityView(
    { ...NOTHING, peers: [peer] },
    {
      ...around,
      ...{ address: "2001:db8:a1:1::1", keys: around.fabric.mobility.auth },
      counters: new Map([
        ["pbu-sent", 3],
        ["lra", 1],
      ]),
    },
  );
  expect(view).toEqual({
    ...{ address: "2001:db8:a1:1::1", sendKey: 301, keys: [300, 301], restarts: 7 },
    bindings: { home: 1, attached: 2, correspondent: 3, former: 4 },
    peers: [{ address: "2001:db8:a1:2::1", hypervisor: "hv2", bindings: 2, heard: 1.5, restarts: null, answers: true }],
    counters: [
      { name: "lra", count: 1 },
      { name: "pbu-sent", count: 3 },
    ],
  });
  expect(JSON.stringify(view)).not.toContain("old");
});

describe("what the core is told of a configuration", () => {
  test("are addresses and keys as hexadecimal digits, times and limits", () => {
    expect(hostedConfig(configuration())).toMatchObject({
      address: "20010db800a100010000000000000001",
      hashKey: "000102030405060708090a0b0c0d0e0f",
      homes: ["20010db800a10001", "20010db800a10002", "20010db800a10003"],
      own: [0, 2],
      fabric: [{ address: "20010db800a100000000000000000000", length: 48 }],
      authentication: { send: 301, keys: [{ spi: 300, secret: "6f6c64" }, { spi: 301 }] },
      // Who still sends to a former host must not have forgotten it later than that.
      timers: {
        lifetime: 300_000,
        grace: 120_000,
        formerLongest: 120_000,
        idle: 45_000,
        correspondentLifetime: 60_000,
      },
      limits: { bindings: 131_072, subjects: 131_072, correspondents: 1024 },
    });
  });

  test("a hypervisor is the anchor of each of its homes at interface identifier 1", () => {
    const expected = ["2001:db8:a1:1::1", "2001:db8:a1:3::1"].map((text) => parseIpv6(text)!);
    expect(anchorAddresses(configuration())).toEqual(expected);
    const [first] = configuration().node.homes;
    expect(configuration().fabric.homes[first!]!.prefix.address).toEqual(parsePrefix6("2001:db8:a1:1::/64")!.address);
  });
});
