import { describe, expect, test } from "bun:test";
import { checkFabric } from "#router/config/fabric";
import type { Fabric } from "#router/config/model";
import { formatConfigError } from "#runtime/document/config-error";
import { parseSource } from "#runtime/document/source";

const HEAD = `name: demo
key: 000102030405060708090a0b0c0d0e0f
prefixes: [2001:db8:a1::/48]
homes: [2001:db8:a1:1::/64]
`;

function check(text: string) {
  const result = parseSource("fabric.yaml", HEAD + text);
  if ("errors" in result) throw new Error("bad YAML in a test");
  return checkFabric(result.source);
}

function fabric(text: string): Fabric {
  const result = check(text);
  if (!result.ok) throw new Error(result.errors.map(formatConfigError).join("\n"));
  return result.fabric;
}

const errors = (text: string): string[] => {
  const result = check(text);
  return result.ok ? [] : result.errors.map((e) => formatConfigError(e).replace(/^fabric\.yaml:/, ""));
};

const TENANTS = (blueRules: string, rules = "") => `tenants:
  blue: {id: 1, networks: {prod: {id: 1, prefixes: [10.0.0.0/24], public: [203.0.113.0/28]}, dev: {id: 2, prefixes: [10.0.0.0/8]}}, rules: [${blueRules}]}
  red: {id: 2, networks: {prod: {id: 1, prefixes: [10.0.0.0/24]}}}
rules: [${rules}]
`;

const ruleErrors = (blue: string, operator = "") =>
  errors(TENANTS(blue, operator)).map((e) => e.replace(/^\d+:\d+: (tenants\.blue\.)?/, ""));

describe("rules", () => {
  test("name tenants, networks, parts of them, or everything: each is prefixes of the interface identifier (§2.4)", () => {
    const text =
      "{name: a, action: deny, from: [blue/prod, {network: blue/prod, prefix: 10.0.0.128/25}], to: public, priority: 7}, {name: b, action: allow, to: red}";
    const [a, b] = fabric(TENANTS(text.replace("to: red", "from: blue, to: red"))).rules;
    expect(a).toMatchObject({ name: "blue/a", tenantId: 1, action: "deny", priority: 7, stateful: true, log: false });
    expect(a?.from.flatMap(({ prefixes }) => prefixes)).toEqual([
      { tags: 0x401, host: 0, length: 32 },
      { tags: 0x401, host: 0x0a00_0080, length: 57 },
    ]);
    expect(a?.to).toEqual([{ text: "public", prefixes: [{ tags: 0x401, host: 0xcb00_7100, length: 60 }] }]);
    expect(b?.from[0]?.prefixes).toEqual([{ tags: 0x400, host: 0, length: 22 }]);
    expect(b?.to[0]?.prefixes).toEqual([{ tags: 0x800, host: 0, length: 22 }]);
  });

  test("have protocols, ports and ICMP types by name or number, and ranges", () => {
    const text =
      '{name: a, action: allow, protocol: tcp, ports: [80, "8000-8080"], sourcePorts: "1024-65535", stateful: false, log: true}, {name: b, action: allow, protocol: icmp, icmpType: echo, icmpCode: 0}, {name: c, action: allow, protocol: 47}';
    const [a, b, c] = fabric(TENANTS(text)).rules;
    expect(a).toMatchObject({
      ...{ protocol: 6, stateful: false, log: true, sourcePorts: [{ first: 1024, last: 65535 }] },
      ports: [
        { first: 80, last: 80 },
        { first: 8000, last: 8080 },
      ],
    });
    expect(b).toMatchObject({ protocol: 1, icmp: { type: 8, code: 0 } });
    expect(c).toMatchObject({ protocol: 47, from: [{ text: "any" }], to: [{ text: "any" }] });
  });

  test("come by owner, priority and name, wherever they are in the file", () => {
    const blue =
      "{name: z, action: allow, from: blue}, {name: a, action: allow, to: blue}, {name: m, action: allow, from: blue/dev, priority: 1}";
    expect(fabric(TENANTS(blue, "{name: x, action: deny}")).rules.map(({ name }) => name)).toEqual([
      ...["x", "blue/m", "blue/a", "blue/z"],
    ]);
  });
});

describe("errors of rules", () => {
  test("about names that there are not, with the one that is meant", () => {
    expect(
      ruleErrors("{name: a, action: allow, from: blu}, {name: b, action: allow, to: [blue, blue/prd]}", ""),
    ).toEqual([
      'rules[0].from: found the unknown tenant "blu", expected any, public, outside, a tenant or a network of the fabric\n    Did you mean "blue"?',
      'rules[1].to[1]: found the unknown network "blue/prd", expected one of the fabric\'s networks\n    Did you mean "blue/prod"?',
    ]);
    expect(ruleErrors("{name: a, action: allow, from: {network: blue/prod, prefix: 10.1.0.0/24}}")).toEqual([
      "rules[0].from.prefix: found 10.1.0.0/24, expected addresses of blue/prod (10.0.0.0/24, 203.0.113.0/28)",
    ]);
  });

  test("about ports and ICMP types beside what has none", () => {
    expect(
      ruleErrors(
        "{name: a, action: allow, ports: 80}, {name: b, action: allow, protocol: icmp, sourcePorts: 80}, {name: c, action: allow, protocol: tcp, icmpType: 8}, {name: d, action: allow, protocol: icmp, icmpCode: 1}",
      ),
    ).toEqual([
      "rules[0].ports: found ports without a protocol, expected protocol: tcp, udp or sctp beside ports",
      "rules[1].sourcePorts: found sourcePorts beside protocol 1, expected protocol: tcp, udp or sctp beside ports",
      "rules[2].icmpType: found icmpType beside protocol 6, expected protocol: icmp beside icmpType",
      "rules[3].icmpCode: found icmpCode without icmpType, expected both",
    ]);
    expect(ruleErrors('{name: a, action: allow, protocol: tcp, ports: "90-80"}')[0]).toContain(
      'a range as in "8000-8080"',
    );
  });

  test("about a tenant's rule for others only, two of one name, and two that contradict", () => {
    expect(
      ruleErrors(
        "{name: a, action: allow, from: red, to: red}, {name: b, action: allow, from: blue}, {name: b, action: allow, to: blue}, {name: c, action: deny, from: [blue]}",
      ),
    ).toEqual([
      "rules[0]: found a rule from red to red, expected a rule with blue's own networks at one end",
      "rules[2].name: found the rule b, as in line 6, expected each name once",
      "rules[3].action: found deny, where the rule in line 6 says allow of the same, expected rules that do not contradict (or another priority)",
    ]);
  });

  test("about tenants that are called like something else in rules", () => {
    expect(errors("tenants: {any: {id: 1, networks: {}}}\n")).toEqual([
      "5:11: tenants.any: found a tenant called any, expected another name: in rules this one means all addresses of a kind",
    ]);
  });
});
