import { expect, test } from "bun:test";
import { parseIpv6, parsePrefix6 } from "#base/address";
import type { LsaBody } from "#ospf/packet/lsa-body";
import * as types from "#ospf/packet/lsa-header";
import { OPTION_E, OPTION_R, OPTION_V6 } from "#ospf/packet/options";
import { bodyView, kindOf, LSA_KINDS, type LsaBodyView } from "#router/ospf/lsa-view";

const prefix = { ...parsePrefix6("2001:db8::/32")!, options: 0x0a };
const options = OPTION_V6 | OPTION_E | OPTION_R;
const external = { metricType: 2, metric: 20, prefix } as const;

/** RFC 5340 §A.4.3 … §A.4.10, RFC 5187 §3.2. */
const BODIES: readonly [LsaBody, LsaBodyView][] = [
  [
    {
      kind: "router",
      flags: 0x13,
      options,
      links: [
        { type: 1, metric: 10, interfaceId: 3, neighborInterfaceId: 4, neighborRouterId: 0x0a000002 },
        { type: 2, metric: 1, interfaceId: 5, neighborInterfaceId: 6, neighborRouterId: 7 },
        { type: 9, metric: 1, interfaceId: 0, neighborInterfaceId: 0, neighborRouterId: 0 },
      ],
    },
    {
      flags: ["border", "boundary", "translator"],
      options: "V6|E|R",
      links: [
        { type: "point-to-point", metric: 10, interfaceId: 3, neighborInterfaceId: 4, neighbor: "10.0.0.2" },
        { type: "transit", metric: 1, interfaceId: 5, neighborInterfaceId: 6, neighbor: "0.0.0.7" },
        { type: "9", metric: 1, interfaceId: 0, neighborInterfaceId: 0, neighbor: "0.0.0.0" },
      ],
    },
  ],
  [
    { kind: "network", options, attachedRouters: [1, 0xffffffff] },
    { options: "V6|E|R", attached: ["0.0.0.1", "255.255.255.255"] },
  ],
  [
    { kind: "interAreaPrefix", metric: 30, prefix },
    { metric: 30, prefixes: [{ prefix: "2001:db8::/32", flags: ["LA", "P"] }] },
  ],
  [
    { kind: "interAreaRouter", options, metric: 7, destinationRouterId: 9 },
    { options: "V6|E|R", metric: 7, destination: "0.0.0.9" },
  ],
  [
    {
      kind: "asExternal",
      ...external,
      forwardingAddress: parseIpv6("2001:db8::1")!,
      tag: 77,
      referenced: { type: types.ROUTER_LSA, linkStateId: 5 },
    },
    {
      metric: 20,
      metricType: 2,
      prefixes: [{ prefix: "2001:db8::/32", flags: ["LA", "P"] }],
      forwardingAddress: "2001:db8::1",
      tag: 77,
      referenced: "router 0.0.0.5",
    },
  ],
  [
    { kind: "nssa", ...external },
    { metric: 20, metricType: 2, prefixes: [{ prefix: "2001:db8::/32", flags: ["LA", "P"] }] },
  ],
  [
    {
      kind: "link",
      priority: 1,
      options,
      linkLocalAddress: parseIpv6("fe80::1")!,
      prefixes: [{ ...prefix, options: 0 }],
    },
    { priority: 1, options: "V6|E|R", linkLocal: "fe80::1", prefixes: [{ prefix: "2001:db8::/32", flags: [] }] },
  ],
  [
    {
      kind: "intraAreaPrefix",
      referenced: { type: types.NETWORK_LSA, linkStateId: 4, advertisingRouter: 2 },
      prefixes: [{ ...prefix, options: 0x11, metric: 5 }],
    },
    {
      referenced: "network 0.0.0.4 of 0.0.0.2",
      prefixes: [{ prefix: "2001:db8::/32", flags: ["NU", "DN"], metric: 5 }],
    },
  ],
  [
    { kind: "grace", gracePeriod: 120, reason: 1 },
    { period: 120, reason: "software restart" },
  ],
  [
    { kind: "grace", gracePeriod: 9, reason: 200 },
    { period: 9, reason: "200" },
  ],
  [{ kind: "unknown", type: 0xa123, octets: Uint8Array.of(1, 0xff) }, { octets: "01ff" }],
];

test.each(BODIES.map(([body, view]) => [body.kind, body, view] as const))(
  "what an LSA says is told in full: %s",
  (_, body, view) => expect(bodyView(body)).toEqual(view),
);

test("every LS type has a name, and those that have none are unknown", () => {
  expect(LSA_KINDS).toEqual(
    [0x2001, 0x2002, 0x2003, 0x2004, 0x4005, 0x2007, 0x0008, 0x2009, 0x000b, 0xa123].map(kindOf),
  );
});
