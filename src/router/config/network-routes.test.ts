import { describe, expect, test } from "bun:test";
import { checkFabric } from "#router/config/fabric";
import { formatConfigError } from "#runtime/document/config-error";
import { parseSource } from "#runtime/document/source";

const HEAD = `name: demo
key: 000102030405060708090a0b0c0d0e0f
prefixes: [2001:db8:a1::/48]
homes: [2001:db8:a1:1::/64]
tenants:
  blue:
    id: 1
    networks:
`;

function check(networks: string) {
  const result = parseSource("fabric.yaml", `${HEAD}${networks}`);
  if ("errors" in result) throw new Error("bad YAML in a test");
  return checkFabric(result.source);
}

const errors = (networks: string): string[] => {
  const result = check(networks);
  return result.ok
    ? []
    : result.errors.map((e) =>
        formatConfigError(e).replace(/^fabric\.yaml:(\d+):\d+: tenants\.blue\.networks\./, "$1: "),
      );
};

describe("networks that reach one another", () => {
  test("have routes both ways", () => {
    const result =
      check(`      a: {id: 1, prefixes: [10.0.0.0/24], routes: [{to: 10.1.0.0/16, via: blue/b}, {to: 0.0.0.0/0, via: blackhole}]}
      b: {id: 2, prefixes: [10.1.0.0/24], public: [203.0.113.0/28], routes: [{to: 10.0.0.0/24, via: blue/a}]}
`);
    expect(
      result.ok && result.fabric.networks.map(({ routes }) => routes.map(({ to, via }) => [to.text, via])),
    ).toEqual([
      [
        ["10.1.0.0/16", { kind: "peer", network: "blue/b" }],
        ["0.0.0.0/0", { kind: "blackhole" }],
      ],
      [["10.0.0.0/24", { kind: "peer", network: "blue/a" }]],
    ]);
  });

  test("must agree: a peering without a way back is refused, and one with nobody, with itself, or to what the peer lacks", () => {
    expect(
      errors(`      a: {id: 1, prefixes: [10.0.0.0/24], routes: [{to: 10.1.0.0/16, via: blue/b}, {to: 10.2.0.0/16, via: blue/x}]}
      b: {id: 2, prefixes: [10.1.0.0/24], routes: [{to: 10.3.0.0/24, via: blue/b}, {to: 10.4.0.0/24, via: blue/c}]}
      c: {id: 3, prefixes: [10.2.0.0/24], routes: [{to: 10.1.0.0/24, via: blue/b}]}
`),
    ).toEqual([
      "9: a.routes[0].via: found blue/b, which has no route to blue/a, expected a network that has a route back: both sides of a peering must agree",
      '9: a.routes[1].via: found the unknown network "blue/x", expected public, gateway, blackhole, or one of the fabric\'s networks\n    Did you mean "blue/a"?',
      "10: b.routes[0].via: found blue/b, the network itself, expected another network",
      "10: b.routes[1].to: found 10.4.0.0/24, of which blue/c has nothing, expected a destination in blue/c's prefixes (10.2.0.0/24)",
    ]);
  });

  test("keep their own addresses, and each destination has one route", () => {
    expect(
      errors(`      a: {id: 1, prefixes: [10.0.0.0/24], routes: [{to: 10.0.0.0/24, via: blackhole}, {to: 10.0.0.0/25, via: public}, {to: 10.0.0.128/25, via: blackhole}, {to: 10.0.0.128/25, via: public}]}
`),
    ).toEqual([
      "9: a.routes[0].to: found 10.0.0.0/24, inside the network's own 10.0.0.0/24, expected a destination outside the network's own prefixes",
      "9: a.routes[1].to: found 10.0.0.0/25, inside the network's own 10.0.0.0/24, expected a destination outside the network's own prefixes",
      "9: a.routes[3].to: found a route to 10.0.0.128/25, as in line 9, expected one route a destination",
      "9: a.routes[3].to: found 10.0.0.128/25, inside the network's own 10.0.0.0/24, expected a destination outside the network's own prefixes",
    ]);
  });

  test("share no public address, nor is one private elsewhere", () => {
    expect(
      errors(`      a: {id: 1, prefixes: [203.0.113.128/25], public: [198.51.100.0/24]}
      b: {id: 2, public: [203.0.113.0/24, 198.51.100.7/32]}
`),
    ).toEqual([
      "9: a.prefixes[0]: found 203.0.113.128/25, which overlaps the public 203.0.113.0/24 of blue/b (line 10), expected private addresses, which are public nowhere",
      "10: b.public[1]: found 198.51.100.7/32, which overlaps 198.51.100.0/24 of blue/a (line 9), expected public addresses that are no other network's",
    ]);
  });
});
