import { describe, expect, test } from "bun:test";
import { bfdText } from "#cli/bfd-text";
import { lsasText } from "#cli/lsa-text";
import { ospfText, span } from "#cli/ospf-text";
import type { OspfNeighborView, OspfViews } from "#router/ospf/views";

const neighbor: OspfNeighborView = {
  ...{ routerId: "10.0.0.2", interface: "up1", address: "fe80::2", area: "0.0.0.1", state: "ExStart" },
  ...{
    for: 75,
    deadIn: 3.21,
    priority: 1,
    interfaceId: 7,
    options: "V6|E|R",
    designated: "0.0.0.0",
    backup: "0.0.0.0",
  },
  ...{
    requests: 2,
    retransmissions: 5,
    helpedFor: null,
    watchedByBfd: true,
    changes: 3,
    trouble: "MTU 9000, ours is 1500",
  },
};

const text = <What extends keyof OspfViews>(what: What, view: OspfViews[What]): string => ospfText(what, view);

test("spans of time take the two largest units that say something", () => {
  expect([0.04, 3.21, 9.96, 42.9, 60, 125, 3600, 90_061].map(span)).toEqual([
    "0s",
    "3.2s",
    "10s",
    "42s",
    "1m 0s",
    "2m 5s",
    "1h 0m",
    "1d 1h",
  ]);
});

describe("ain show ospf", () => {
  test("neighbors: what is the matter with each, and who was refused", () => {
    const refused = [
      {
        interface: "up2",
        routerId: "10.0.0.9",
        address: "fe80::9",
        reason: "area 0.0.0.2, ours is 0.0.0.1",
        packets: 4,
        ago: 1.5,
      },
    ];
    expect(
      text("neighbors", {
        neighbors: [neighbor, { ...neighbor, state: "Full", trouble: "", helpedFor: 90, deadIn: null }],
        refused,
      }),
    ).toBe(`ROUTER ID  INTERFACE  ADDRESS  AREA     STATE       FOR  DEAD IN  ASK  UNACKED  CHANGES  TROUBLE
10.0.0.2   up1        fe80::2  0.0.0.1  ExStart  1m 15s     3.2s    2        5        3  MTU 9000, ours is 1500
10.0.0.2   up1        fe80::2  0.0.0.1  Full     1m 15s        -    2        5        3  restarts, helped for 1m 30s more

REFUSED   INTERFACE  ADDRESS  PACKETS   AGO  REASON OF THE LAST
10.0.0.9  up2        fe80::9        4  1.5s  area 0.0.0.2, ours is 0.0.0.1`);
    expect(text("neighbors", { neighbors: [], refused: [] })).not.toContain("REFUSED");
  });

  test("status: roles, and what is out of the ordinary", () => {
    const status: OspfViews["status"] = {
      ...{ routerId: "10.0.0.1", areas: ["0.0.0.0", "0.0.0.1"], isBorder: true, isBoundary: true, interfacesUp: 2 },
      ...{ neighbors: 2, full: 1, lsas: 40, maxLsas: 1000, routes: 9, waiting: 3, withoutRoom: 1, restartingFor: 60 },
      ...{ rehearsed: 3, isRehearsing: true },
    };
    expect(text("status", status)).toBe(`router 10.0.0.1, area border router, AS boundary router
areas 0.0.0.0 0.0.0.1; 2 interfaces up; 2 neighbors, 1 full
40 LSAs of at most 1000; 9 routes
3 routes wait to be installed
1 routes found no room in the forwarding table
rehearses database exchanges with itself, 3 so far
restarts gracefully, for 1m 0s more at most`);
    const plain = {
      ...status,
      isBorder: false,
      isBoundary: false,
      waiting: 0,
      withoutRoom: 0,
      restartingFor: null,
      isRehearsing: false,
    };
    expect(text("status", plain).split("\n")).toHaveLength(3);
  });

  test("areas, with their ranges", () => {
    const area: OspfViews["areas"][number] = {
      ...{ area: "0.0.0.1", kind: "stub", summaries: false, interfaces: ["up1"], lsas: 7, checksum: 0xabc },
      ...{ borderRouters: ["10.0.0.1"], boundaryRouters: [] },
      ranges: [
        { prefix: "2001:db8::/32", advertise: true, cost: 5 },
        { prefix: "2001:db9::/32", advertise: false, cost: null },
      ],
      trouble: "",
    };
    expect(text("areas", [{ ...area, trouble: "nothing is told" }])).toEndWith(
      "2001:db9::/32 hidden\n  nothing is told",
    );
    expect(text("areas", [area])).toBe(`area 0.0.0.1: totally stubby, 7 LSAs, checksum 0x00000abc
  interfaces        up1
  border routers    10.0.0.1
  boundary routers  -
  range             2001:db8::/32 cost 5
  range             2001:db9::/32 hidden`);
  });

  test("routes: path, cost of both kinds, next hops, and whether they are used", () => {
    const routes: OspfViews["routes"] = [
      {
        prefix: "::/0",
        path: "external-2",
        area: null,
        cost: 10,
        type2Cost: 20,
        tag: 5,
        nextHops: [{ interface: "up1", address: "fe80::2" }],
        state: "used",
      },
      {
        prefix: "2001:db8::/64",
        path: "intra",
        area: "0.0.0.1",
        cost: 1,
        nextHops: [{ interface: "up2", address: null }],
        state: "on the link",
      },
      { prefix: "2001:db8::/32", path: "discard", area: "0.0.0.1", cost: 9, nextHops: [] },
    ];
    expect(text("routes", routes)).toBe(`PREFIX         PATH              AREA      COST  NEXT HOPS        STATE
::/0           external-2 tag 5  -        10/20  fe80::2 via up1  used
2001:db8::/64  intra             0.0.0.1      1  on up2           on the link
2001:db8::/32  discard           0.0.0.1      9  -`);
  });

  test("spf: RFC 8405's state and the computations, the latest first", () => {
    const run: OspfViews["spf"]["runs"][number] = {
      ...{ ago: 2, kind: "full", waited: 50.4, took: 1.2, reasons: ["router-LSA came"], events: 3, slices: 1 },
      ...{ vertices: 5, prefixes: 9, changed: 2, removed: 1, leftOut: 0 },
    };
    const view = text("spf", {
      state: "SHORT_WAIT",
      computeIn: 0.2,
      runs: [run, { ...run, waited: null, kind: "prefix" }],
    });
    expect(view.split("\n")[0]).toBe("short wait, computes in 0.2s");
    expect(view).toMatch(/2s +full +50\.4ms +1\.2ms +5 +9 +2 +1 +3 +router-LSA came\n +2s +prefix +- /);
  });

  test("database: each scope with its sums, then its LSAs", () => {
    const lsa = {
      scope: "area 0.0.0.1",
      type: 0x2001,
      kind: "router",
      linkStateId: "0.0.0.0",
      advertisingRouter: "10.0.0.1",
    };
    const more = { age: 12, sequence: 0x80000003, checksum: 0xbeef, length: 40 };
    const view: OspfViews["database"] = {
      scopes: [
        {
          scope: "area 0.0.0.1",
          lsas: 1,
          checksum: 0xbeef,
          types: [{ type: 0x2001, kind: "router", lsas: 1, checksum: 0xbeef }],
        },
        { scope: "as", lsas: 0, checksum: 0, types: [] },
      ],
      lsas: [{ ...lsa, ...more }],
    };
    expect(text("database", view)).toBe(`area 0.0.0.1: 1 LSAs, checksum 0x0000beef (1 router 0x0000beef)
KIND    LINK STATE ID  ADVERTISING ROUTER  AGE    SEQUENCE  CHECKSUM  OCTETS
router  0.0.0.0        10.0.0.1             12  0x80000003    0xbeef      40`);
    expect(
      lsasText([
        {
          ...lsa,
          ...more,
          body: { flags: [], options: "V6|R", prefixes: [{ prefix: "::/0", flags: ["LA"], metric: 3 }] },
        },
      ]),
    ).toBe(`router 0.0.0.0 of 10.0.0.1 (area 0.0.0.1)
  age 12, sequence 0x80000003, checksum 0xbeef, 40 octets
  options V6|R
  prefix ::/0 metric 3 LA`);
    expect(lsasText([])).toBe("there is no such LSA");
  });
});

test("ain show bfd: a session that is down says why, from either end", () => {
  const session = {
    ...{
      port: 1,
      interface: "eth1",
      local: "fe80::1",
      remote: "fe80::2",
      state: "Down",
      remoteState: "Up",
      polling: false,
    },
    ...{ diagnostic: "control detection time expired", remoteDiagnostic: "no diagnostic", localDiscriminator: 1 },
    ...{ remoteDiscriminator: 2, transmitInterval: 100, detectionTime: null, multiplier: 3, remoteMultiplier: 3 },
    ...{ upFor: null, flaps: 1, packetsSent: 10, packetsReceived: 9, longestSilence: 120 },
  };
  const status = {
    ...{ scheduling: "real-time", longestDelay: 1, refused: { "bad length": 2 }, pollsUnanswered: 0, ignored: 0 },
    ...{ transmitErrors: 0, receiveDrops: 0, sessions: [session] },
  };
  expect(bfdText(status)).toMatch(
    /eth1 +fe80::2 +Down +Up +100ms +- +- +1 +9 +120ms +control detection time expired\nrefused 2: bad length$/,
  );
});
