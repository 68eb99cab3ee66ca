import { expect, test } from "bun:test";
import { parseIpv4, parseIpv6 } from "#base/address";
import { build4, build6, counting, fragments6, framed, type Upper } from "#fastpath/testing/packet";
import { checkFabric } from "#router/config/fabric";
import { flowText } from "#router/flow-text";
import { parseSource } from "#runtime/document/source";

const source = parseSource(
  "fabric.yaml",
  `name: demo
key: 000102030405060708090a0b0c0d0e0f
prefixes: [2001:db8:a1::/48]
homes: [2001:db8:a1:1::/64]
tenants: {blue: {id: 1, networks: {prod: {id: 1, prefixes: [10.0.0.0/24]}}}}
`,
);
const result = "source" in source ? checkFabric(source.source) : undefined;
if (result?.ok !== true) throw new Error("the test's fabric is wrong");
const { fabric } = result;

const MAC = new Uint8Array(6);
const A = parseIpv4("10.0.0.2")!;
const B = parseIpv4("10.0.0.3")!;
const BLUE = parseIpv6("2001:db8:a1:1:0:401:a00:2")!;
const OTHER = parseIpv6("2001:db8:a1:1:0:801:a00:3")!;
const said = (packet: Uint8Array): string => flowText(framed(packet, MAC, MAC), fabric);
const tcp: Upper = { kind: "tcp", source: 40_000, destination: 80, data: counting(40) };

test("a flow is told by network and IPv4 address, in the fabric's packets too; networks that there are not by address", () => {
  expect(said(build4({ source: A, destination: B, upper: tcp }))).toBe("tcp 10.0.0.2:40000 > 10.0.0.3:80");
  expect(said(build6({ source: BLUE, destination: OTHER, upper: tcp }))).toBe(
    "tcp blue/prod 10.0.0.2:40000 > [2001:db8:a1:1:0:801:a00:3]:80",
  );
  expect(said(build4({ source: A, destination: B, upper: { kind: "icmp", type: 8 } }))).toBe(
    "icmp 10.0.0.2 > 10.0.0.3 type 8 code 0",
  );
  expect(said(build4({ source: A, destination: B, upper: { kind: "raw", protocol: 47, data: counting(8) } }))).toBe(
    "47 10.0.0.2 > 10.0.0.3",
  );
});

test("an IPv6 host is told by its network and whole address", () => {
  const source = parseIpv6("2001:db8:a1:1:0:401:0:2")!;
  const destination = parseIpv6("2001:db8:a1:2:0:401:ff:ffff")!;
  expect(said(build6({ source, destination, upper: tcp }))).toBe(
    "tcp blue/prod [2001:db8:a1:1:0:401:0:2]:40000 > blue/prod [2001:db8:a1:2:0:401:ff:ffff]:80",
  );
  expect(said(build6({ source, destination, upper: { kind: "icmp", type: 128 } }))).toBe(
    "icmp6 blue/prod 2001:db8:a1:1:0:401:0:2 > blue/prod 2001:db8:a1:2:0:401:ff:ffff type 128 code 0",
  );
});

test("fragments show ports or that they have none, and what is cut off is no error", () => {
  const [first, later] = fragments6({ source: BLUE, destination: BLUE, upper: tcp }, 24, 7) as [Uint8Array, Uint8Array];
  expect(said(first)).toBe("tcp blue/prod 10.0.0.2:40000 > blue/prod 10.0.0.2:80");
  expect(said(later)).toBe("tcp blue/prod 10.0.0.2 > blue/prod 10.0.0.2, a later fragment");
  const whole = framed(build6({ source: BLUE, destination: BLUE, upper: tcp }), MAC, MAC);
  for (let length = 0; length <= whole.length; length++) {
    expect(flowText(whole.slice(0, length), fabric).length).toBeGreaterThan(0);
  }
});

test("extension headers are passed over, and a group or a foreign address is nobody's network, whatever its octets (RFC 8200 §4)", () => {
  const report: Upper = { kind: "icmp", type: 143, body: counting(20) };
  const extensions = [{ header: 0, body: new Uint8Array(6) }];
  const group = parseIpv6("ff02::1:ff00:202")!;
  expect(said(build6({ source: parseIpv6("::")!, destination: group, upper: report, extensions }))).toBe(
    "icmp6 :: > ff02::1:ff00:202 type 143 code 0",
  );
  const foreign = parseIpv6("2001:db8:ffff:1:0:401:a00:2")!;
  expect(said(build6({ source: foreign, destination: BLUE, upper: tcp }))).toBe(
    "tcp [2001:db8:ffff:1:0:401:a00:2]:40000 > blue/prod 10.0.0.2:80",
  );
});
