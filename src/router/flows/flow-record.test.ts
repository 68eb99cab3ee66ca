/** Whose the ends of a packet are, from its head alone. */
import { expect, test } from "bun:test";
import { parseIpv6 } from "#base/address";
import { build6, framed } from "#fastpath/testing/packet";
import { checkFabric } from "#router/config/fabric";
import { endsOf } from "#router/flows/flow-record";
import { parseSource } from "#runtime/document/source";

const MAC = new Uint8Array(6);
const ip = (text: string): Uint8Array => parseIpv6(text)!;
const source = parseSource(
  "fabric.yaml",
  `name: demo
key: 000102030405060708090a0b0c0d0e0f
prefixes: [2001:db8:a1::/48]
homes: [2001:db8:a1:1::/64]
outside: {prefix: 2001:db8:a1:fe::/64, ipv6: ["2001::/16"]}
tenants:
  blue: {id: 1, networks: {web: {id: 1, publicIpv6: true, tenantPrefixes: [{prefix: "2001:db8:70::/48", public: true}, "fd00:71::/48"]}}}
  red: {id: 2, networks: {web: {id: 1, tenantPrefixes: ["fd00:71::/48"]}}}
`,
);
if ("errors" in source) throw new Error("bad YAML in a test");
const result = checkFabric(source.source);
if (!result.ok) throw new Error("bad fabric in a test");
const { fabric } = result;
const red = { network: fabric.networks.find(({ name }) => name === "red/web")!, networkOf: () => undefined };
const ends = (from: string, to: string, sender?: typeof red) =>
  endsOf(framed(build6({ source: ip(from), destination: ip(to), upper: { kind: "udp" } }), MAC, MAC), sender, fabric);

test("IPv6 addresses are the fabric's, a tenant's that is known, or an outside host's", () => {
  expect(ends("2001:db8:cafe::9", "2001:db8:a1:1:0:401:0:2")).toMatchObject({
    sourceNetwork: "outside",
    sourceAddress: "2001:db8:cafe::9",
    destinationNetwork: "blue/web",
    destinationAddress: "2001:db8:a1:1:0:401:0:2",
  });
  expect(ends("2001:db8:70::7", "2003::1")).toMatchObject({
    sourceNetwork: "blue/web",
    sourceAddress: "2001:db8:70::7",
    destinationNetwork: null,
    destinationAddress: "2003::1",
  });
  expect(ends("fd00:71::7", "2001:db8:cafe::9", red)).toMatchObject({ sourceNetwork: "red/web" });
  expect(ends("fd00:71::7", "2001:db8:cafe::9")).toMatchObject({ sourceNetwork: null, sourceAddress: "fd00:71::7" });
});
