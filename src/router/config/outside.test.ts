/** fabric.yaml's `outside:`, and node.yaml's of a gateway. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatPrefix } from "#base/address";
import { covers } from "#policy/rules";
import { checkFiles } from "#router/config/check";
import { checkFabric } from "#router/config/fabric";
import type { Configuration } from "#router/config/model";
import { checkNode } from "#router/config/node";
import { describeChange, planChange } from "#router/config/plan";
import { fabricSides } from "#router/rules";
import { formatConfigError } from "#runtime/document/config-error";
import { parseSource, type Source } from "#runtime/document/source";

const HEAD = `name: demo
key: 000102030405060708090a0b0c0d0e0f
prefixes: [2001:db8:a1::/48]
homes: [2001:db8:a1:1::/64]
`;
const TENANTS = `tenants:
  blue:
    id: 1
    networks: {prod: {id: 1, prefixes: [10.0.0.0/16], public: [198.18.1.0/24], routes: [{to: 0.0.0.0/0, via: gateway}]}}
`;
const OUTSIDE =
  "outside: {prefix: 2001:db8:a1:fe::/64, floating: [{address: 192.0.2.10, network: blue/prod, to: 10.0.0.5}]}\n";
const FABRIC = HEAD + TENANTS + OUTSIDE;
const GATEWAY = `name: gw1
fabric: fabric.yaml
role: gateway
address: 2001:db8:a1:ff::9
uplinks: [{interface: eth1}]
outside: {interface: out, address: 198.51.100.2/24, nextHop: 198.51.100.1, pool: [203.0.113.0/30]}
`;
const HYPERVISOR = "name: hv1\nfabric: fabric.yaml\nrole: hypervisor\nprefix: 2001:db8:a1:1::/64\n";

function source(file: string, text: string): Source {
  const result = parseSource(file, text);
  if ("errors" in result) throw new Error(result.errors.map(formatConfigError).join("\n"));
  return result.source;
}
const check = (node: string, fabric = FABRIC) =>
  checkNode(source("node.yaml", node), checkFabric(source("fabric.yaml", fabric)));
function configuration(node = GATEWAY, fabric = FABRIC): Configuration {
  const result = check(node, fabric);
  if (!result.ok) throw new Error(result.errors.map(formatConfigError).join("\n"));
  return result;
}
/** Errors without their place. */
const words = (errors: readonly Parameters<typeof formatConfigError>[0][]): string[] =>
  errors.map(({ path, found, expected }) => `${path}: found ${found}, expected ${expected}`);
function ofFabric(text: string): string[] {
  const result = checkFabric(source("fabric.yaml", text));
  return result.ok ? [] : words(result.errors);
}
function ofNode(text: string, fabric = FABRIC): string[] {
  const result = check(text, fabric);
  return result.ok ? [] : words(result.errors);
}
const link = (more: string): string => GATEWAY.replace(", pool: [203.0.113.0/30]", more);

describe("a fabric with an outside", () => {
  test("has a prefix for outside hosts and floating addresses, sorted", () => {
    const two = OUTSIDE.replace("floating: [", "floating: [{address: 192.0.2.99, network: blue/prod, to: 10.0.0.6}, ");
    const { outside } = configuration(GATEWAY, HEAD + TENANTS + two).fabric;
    expect(outside?.prefix.text).toBe("2001:db8:a1:fe::/64");
    expect(outside?.floating.map(({ address, network, to }) => [address.text, network.name, to.text])).toEqual([
      ["192.0.2.10", "blue/prod", "10.0.0.5"],
      ["192.0.2.99", "blue/prod", "10.0.0.6"],
    ]);
  });

  test("lets networks with a route there begin connections, on the way out, and rules name it", () => {
    const rules = "rules: [{name: web, action: allow, from: outside, to: blue, protocol: tcp, ports: 80}]\n";
    const { out, in: into } = fabricSides(configuration(GATEWAY, FABRIC + rules).fabric);
    const outward = {
      name: "default outside blue/prod",
      source: [{ tags: 0x401, host: 0, length: 32 }],
      stateful: true,
    };
    expect(out.find(({ name }) => name.startsWith("default outside"))).toMatchObject(outward);
    expect(into.find(({ name }) => name === "web")?.source).toEqual([{ tags: 1, host: 0, length: 32 }]);
  });

  test("refuses a prefix that is no /64, outside of the fabric's, or a home", () => {
    const at = (prefix: string) => ofFabric(`${HEAD}${TENANTS}outside: {prefix: ${prefix}}\n`);
    expect(at("2001:db8:a1:fe::/60")[0]).toContain("a prefix without host bits");
    expect(at("2001:db8:a1:f0::/60")).toEqual([
      "outside.prefix: found 2001:db8:a1:f0::/60, expected a /64: tags and IPv4 address come behind it",
    ]);
    expect(at("2001:db8:b1::/64")).toEqual([
      "outside.prefix: found 2001:db8:b1::/64, expected a /64 inside the fabric's prefixes (2001:db8:a1::/48)",
    ]);
    expect(at("2001:db8:a1:1::/64")).toEqual([
      "outside.prefix: found 2001:db8:a1:1::/64, a home, expected a /64 that is no home",
    ]);
  });

  test("refuses floating addresses of nobody, of two, for two, or that are a network's already", () => {
    const at = (floating: string) =>
      ofFabric(`${HEAD}${TENANTS}outside: {prefix: 2001:db8:a1:fe::/64, floating: [${floating}]}\n`);
    expect(at("{address: 192.0.2.1, network: blue/prd, to: 10.0.0.5}")).toEqual([
      'outside.floating[0].network: found the unknown network "blue/prd", expected one of the fabric\'s networks (blue/prod)',
    ]);
    expect(at("{address: 192.0.2.1, network: blue/prod, to: 10.1.0.5}")).toEqual([
      "outside.floating[0].to: found 10.1.0.5, expected a private address of blue/prod (10.0.0.0/16)",
    ]);
    expect(at("{address: 198.18.1.7, network: blue/prod, to: 10.0.0.5}")).toEqual([
      "outside.floating[0].address: found 198.18.1.7, an address of blue/prod, expected an address that is no network's: VMs have those themselves",
    ]);
    const twice =
      "{address: 192.0.2.1, network: blue/prod, to: 10.0.0.5}, {address: 192.0.2.1, network: blue/prod, to: 10.0.0.5}";
    expect(at(twice)).toEqual([
      "outside.floating[1].address: found 192.0.2.1, as in line 9, expected each address once",
      "outside.floating[1].to: found blue/prod 10.0.0.5, as in line 9, expected each address once",
    ]);
  });

  test("is needed for routes via gateway, for rules that name it and for gateways, and no tenant is called so", () => {
    const rules = "rules: [{name: web, action: allow, from: outside}]\n";
    expect(ofFabric(HEAD + TENANTS + rules)).toEqual([
      "tenants.blue.networks.prod.routes[0].via: found gateway, in a fabric without an outside, expected outside: { prefix: … } in the fabric's file beside a route via gateway",
      "rules[0].from: found outside, in a fabric without one, expected outside: { prefix: … } in the fabric's file beside rules that name it",
    ]);
    expect(ofNode(GATEWAY, HEAD)[0]).toContain("outside: found a link to the outside of a fabric that has none");
    expect(ofFabric(`${HEAD}tenants: {outside: {id: 1, networks: {}}}\n`)[0]).toContain("a tenant called outside");
  });
});

describe("a gateway", () => {
  test("has a link to the outside, with defaults for what is not said", () => {
    const { node } = configuration(link(""));
    expect(node).toMatchObject({ role: "gateway", homes: [], vms: [], address: { text: "2001:db8:a1:ff::9" } });
    expect(node.outside).toMatchObject({
      ...{ interface: "out", address: { text: "198.51.100.2", prefixLength: 24 }, nextHop: { text: "198.51.100.1" } },
      ...{ pool: [], portBlock: 64, portsPerVm: 1024, entries: 262144, offload: true, capture: false },
    });
    expect(node.outside).not.toHaveProperty("mtu");
  });

  test("needs an address and a link; others have no link, and it has no VMs and no prefix", () => {
    expect(ofNode(GATEWAY.replace(/outside: .*\n/, ""))).toEqual([
      "outside: found nothing, expected outside: { interface, address, nextHop }, the gateway's link to the outside",
    ]);
    expect(ofNode(GATEWAY.replace(/address: 2001.*\n/, ""))).toEqual([
      "address: found nothing, expected the gateway's own IPv6 address",
    ]);
    expect(ofNode(`${HYPERVISOR}outside: {interface: out, address: 198.51.100.2/24, nextHop: 198.51.100.1}\n`)).toEqual(
      ["outside: found outside in a hypervisor's file, expected none: only a gateway meets the outside"],
    );
    expect(
      ofNode(`${GATEWAY}prefix: 2001:db8:a1:1::/64\nvms: [{name: a, network: blue/prod, address: 10.0.0.2, tap: t}]\n`),
    ).toEqual([
      "prefix: found prefix in a gateway's file, expected an address instead: only hypervisors own prefixes",
      "vms: found vms in a gateway's file, expected no VMs: a gateway only forwards",
    ]);
    expect(ofNode(GATEWAY.replace("ff::9", "fe::9"))[0]).toContain("inside the outside's prefix 2001:db8:a1:fe::/64");
  });

  test("is refused a link whose addresses do not fit one another, and an interface that is in use", () => {
    const at = (from: string, to: string) => ofNode(GATEWAY.replace(from, to));
    expect(at("198.51.100.2/24", "198.51.100.2/32")[0]).toContain("outside.address: found 198.51.100.2/32");
    expect(at("198.51.100.2/24", "2001:db8::1/64")[0]).toContain("outside.address: found 2001:db8::1/64");
    expect(at("nextHop: 198.51.100.1", "nextHop: 198.51.101.1")).toEqual([
      "outside.nextHop: found 198.51.101.1, expected another address of the subnet of 198.51.100.2/24",
    ]);
    expect(at("nextHop: 198.51.100.1", "nextHop: 198.51.100.2")).toHaveLength(1);
    expect(at("interface: out", "interface: eth1")).toEqual([
      "outside.interface: found eth1, as in line 5, expected an interface that nothing else uses",
    ]);
  });

  test("is refused NAT addresses that are something else's, or too many, and ports that make no blocks", () => {
    const pool = (text: string): string[] => ofNode(link(`, pool: [${text}]`));
    const nothingElse = "expected NAT addresses that are nothing else's";
    expect(pool("203.0.113.0/30, 203.0.113.2/32")).toEqual([
      `outside.pool[1]: found 203.0.113.2/32, which overlaps 203.0.113.0/30, ${nothingElse}`,
    ]);
    expect(pool("198.18.1.0/30")).toEqual([
      `outside.pool[0]: found 198.18.1.0/30, which overlaps an address range of blue/prod, ${nothingElse}`,
    ]);
    expect(pool("192.0.2.8/30")).toEqual([
      `outside.pool[0]: found 192.0.2.8/30, which overlaps the floating 192.0.2.10, ${nothingElse}`,
    ]);
    expect(pool("198.51.100.0/30")[0]).toContain("which overlaps the gateway's own address");
    expect(pool("224.0.0.0/30")[0]).toContain("expected hosts' addresses");
    expect(pool("203.0.112.0/24, 203.0.113.0/32")).toEqual([
      "outside.pool[1]: found 257 addresses, expected at most 256 NAT addresses",
    ]);
    expect(pool("203.0.0.0/8")[0]).toContain("found 16777216 addresses");
    expect(ofNode(link(", portBlock: 48"))).toEqual([
      "outside.portBlock: found 48, expected a power of two, 16 … 4096",
    ]);
    expect(ofNode(link(", portBlock: 128, portsPerVm: 4096"))).toEqual([
      "outside.portsPerVm: found 4096, expected 1 … 16 blocks of 128 ports: a multiple, at most 2048",
    ]);
  });

  test("is started anew for another link, and takes over floating addresses as it runs", () => {
    const before = configuration();
    const plan = (node: string, fabric = FABRIC) => planChange(before, configuration(node, fabric)).map(describeChange);
    expect(plan(GATEWAY.replace("203.0.113.0/30", "203.0.113.4/30"))).toEqual([
      "~ outside: out 198.51.100.2/24 next hop 198.51.100.1, pool 203.0.113.0/30, blocks of 64 ports, 1024 a VM, 262144 sessions → out 198.51.100.2/24 next hop 198.51.100.1, pool 203.0.113.4/30, blocks of 64 ports, 1024 a VM, 262144 sessions (needs a restart: it is laid out when the router starts)",
    ]);
    expect(plan(GATEWAY, FABRIC.replace("to: 10.0.0.5", "to: 10.0.0.6"))).toEqual([
      "~ fabric floating: 192.0.2.10 for blue/prod 10.0.0.5 → 192.0.2.10 for blue/prod 10.0.0.6",
    ]);
  });
});

describe("gateways of one fabric", () => {
  const folder = mkdtempSync(join(tmpdir(), "ain-outside-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test("have NAT addresses and outside addresses of their own", () => {
    const write = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text, { mode: 0o600 });
      return join(folder, name);
    };
    write("fabric.yaml", FABRIC);
    const other = GATEWAY.replace("gw1", "gw2").replace("ff::9", "ff::a");
    const files = [
      write("gw1.yaml", GATEWAY),
      write("gw2.yaml", other.replace("198.51.100.2", "198.51.100.3").replace("203.0.113.0/30", "203.0.113.3/32")),
      write("gw3.yaml", other.replace("gw2", "gw3").replace("ff::a", "ff::b").replace(", pool: [203.0.113.0/30]", "")),
    ];
    expect(checkFiles(files).map(({ errors }) => words(errors))).toEqual([
      [],
      [
        `outside.pool[0]: found the NAT address 203.0.113.3, as in ${files[0]}, expected NAT addresses that no other gateway has`,
      ],
      [
        `outside.address: found the outside address 198.51.100.2, as in ${files[0]}, expected an address that no other gateway has`,
      ],
    ]);
  });
});

describe("the IPv6 outside", () => {
  const SIX = OUTSIDE.replace("floating:", 'ipv6: ["2000::/3"], floating:');
  const network = (more: string, routes = '[{to: "::/0", via: gateway}]'): string =>
    HEAD.concat(
      `tenants: {blue: {id: 1, networks: {prod: {id: 1, prefixes: [10.0.0.0/16], ${more}, routes: ${routes}}}}}\n`,
    );
  const PUBLIC = 'publicIpv6: true, tenantPrefixes: ["fd00:1::/48", {prefix: "2001:db8:70::/48", public: true}]';
  const SIDE = link(", ipv6: {address: 2001:db8:ffff::2/64, nextHop: fe80::1}");

  test("is what fabric.yaml says is, and gateways lead there that have an IPv6 side", () => {
    const { node, fabric } = configuration(SIDE, network(PUBLIC) + SIX);
    expect(fabric.outside?.ipv6.map(({ text }) => text)).toEqual(["2000::/3"]);
    expect(node.outside?.ipv6?.address).toMatchObject({ text: "2001:db8:ffff::2", prefixLength: 64 });
    const [prod] = fabric.networks;
    expect(prod!.tenantPrefixes.map(({ text, isPublic }) => [text, isPublic])).toEqual([
      ["fd00:1::/48", false],
      ["2001:db8:70::/48", true],
    ]);
    const before = configuration(
      SIDE,
      network(PUBLIC) + OUTSIDE.replace("floating:", 'ipv6: ["2001::/16"], floating:'),
    );
    const changes = planChange(before, configuration(SIDE, network(PUBLIC) + SIX)).map(describeChange);
    expect(changes).toEqual(["~ fabric outside ipv6: 2001::/16 → 2000::/3"]);
  });

  test("public addresses are public in the default rules and to rules' `public`, private ones are not", () => {
    const rules = "rules: [{name: pub, action: allow, from: public, to: public}]\n";
    const { fabric } = configuration(SIDE, network(PUBLIC) + SIX + rules);
    const [priv, pub] = ["fd00:1::/48", "2001:db8:70::/48"].map(
      (text) => fabric.networks[0]!.classes.find(({ prefix }) => formatPrefix(prefix) === text)!,
    );
    const ends = fabricSides(fabric).out.filter(({ name }) => name === "pub" || name === "default public");
    expect(ends).toHaveLength(2);
    for (const { source } of ends) {
      const has = (host: number): boolean => source.some((prefix) => covers(prefix, { tags: 0x401, host }));
      expect([5, pub!.host, priv!.host, 0xffffff].map(has)).toEqual([true, true, false, false]);
    }
  });

  test("rules name prefixes of what a tenant brought, and parts of them", () => {
    const rule = (prefix: string) =>
      `rules: [{name: a, action: deny, from: outside, to: {network: blue/prod, prefix: "${prefix}"}}]\n`;
    const { fabric } = configuration(SIDE, network(PUBLIC) + SIX + rule("2001:db8:70:1::/64"));
    const inside = fabric.networks[0]!.classes.find(({ prefix }) => prefix.length === 64)!;
    expect(fabric.rules[0]!.to).toEqual([
      { text: "blue/prod 2001:db8:70:1::/64", prefixes: [{ tags: 0x401, host: inside.host, length: 64 }] },
    ]);
    const whole = configuration(SIDE, network(PUBLIC) + SIX + rule("2001:db8:70::/48")).fabric;
    expect(whole.rules[0]!.to[0]!.prefixes).toHaveLength(1);
    expect(ofFabric(network(PUBLIC) + SIX + rule("2001:db8:71::/64"))).toEqual([
      "rules[0].to.prefix: found 2001:db8:71::/64, expected tenantPrefixes of blue/prod (fd00:1::/48, 2001:db8:70::/48)",
    ]);
  });

  test("is refused where its prefixes overlap or are no hosts'", () => {
    const at = (list: string) => ofFabric(network(PUBLIC) + OUTSIDE.replace("floating:", `ipv6: ${list}, floating:`));
    expect(at('["2000::/3", "2001:db8::/32"]')).toEqual([
      "outside.ipv6[1]: found 2001:db8::/32, which overlaps 2000::/3, expected prefixes that do not overlap",
    ]);
    expect(at('["::/0"]')[0]).toContain("2000::/3 is all of the Internet");
  });

  test("is reached by routes of networks with public addresses, and of no others", () => {
    const at = (more: string, routes?: string, outside = SIX) => ofFabric(network(more, routes) + outside);
    const path = "tenants.blue.networks.prod.routes[0]";
    expect(at(PUBLIC, undefined, OUTSIDE)).toEqual([
      `${path}.via: found gateway, in a fabric without an IPv6 outside, expected outside: { ipv6: ["2000::/3"] } in the fabric's file beside an IPv6 route via gateway`,
    ]);
    expect(at('tenantPrefixes: ["fd00:1::/48"]')).toEqual([
      `${path}: found an IPv6 route via gateway of a network whose IPv6 addresses are all private, expected publicIpv6: true, or tenantPrefixes that are public: no others leave`,
    ]);
    expect(at(PUBLIC, '[{to: "2001:db8:70:1::/64", via: gateway}]')[0]).toContain(
      "inside blue/prod's 2001:db8:70::/48",
    );
    expect(at(PUBLIC, '[{to: "2001:db8:a1:7::/64", via: gateway}]')[0]).toContain(
      "inside the fabric's 2001:db8:a1::/48",
    );
    expect(at(PUBLIC, '[{to: "2001:db8:70:1::/64", via: blackhole}]')).toEqual([]);
    expect(at(PUBLIC, '[{to: "::/0", via: public}]')[0]).toContain("expected gateway or blackhole");
  });

  test("of a gateway has an address that is nobody's inside, and a next hop on its link", () => {
    const at = (ipv6: string) => ofNode(link(`, ipv6: ${ipv6}`), network(PUBLIC) + SIX);
    expect(at("{address: 2001:db8:ffff::2/64, nextHop: 2001:db8:ffff::1}")).toEqual([]);
    expect(at("{address: 2001:db8:a1:ff::2/64, nextHop: fe80::1}")).toEqual([
      "outside.ipv6.address: found 2001:db8:a1:ff::2, in the fabric's 2001:db8:a1::/48, expected an address that is not inside",
    ]);
    expect(at("{address: 2001:db8:70:1::2/64, nextHop: fe80::1}")[0]).toContain("in blue/prod's 2001:db8:70::/48");
    expect(at("{address: 2001:db8:ffff::2/64, nextHop: 2001:db8:fffe::1}")[0]).toContain(
      "a link-local address, or another",
    );
    expect(at("{address: 198.51.100.2/24, nextHop: fe80::1}")[0]).toContain("a global IPv6 address");
    expect(ofNode(SIDE)[0]).toContain("an IPv6 side of a fabric without an IPv6 outside");
  });

  test("a public prefix is nobody else's, not even privately", () => {
    const two = (other: string) =>
      ofFabric(
        `${HEAD}tenants: {blue: {id: 1, networks: {a: {id: 1, tenantPrefixes: [{prefix: "2001:db8:70::/48", public: true}]}, b: {id: 2, tenantPrefixes: [${other}]}}}}\n`,
      );
    expect(two('"2001:db8:70:1::/64"')).toEqual([
      "tenants.blue.networks.b.tenantPrefixes[0]: found 2001:db8:70:1::/64, which overlaps 2001:db8:70::/48 of blue/a (line 5), expected public addresses that no other network has",
    ]);
    expect(two('"2001:db8:71::/64"')).toEqual([]);
  });
});

test("a gateway's, or a switch's, own address has tags 0: from other tags it would be a tenant's to whoever hears it", () => {
  const expected =
    "address: found 2001:db8:a1:ff:0:401:0:9, whose tags (the third quarter) are 00000401, expected an address with tags 0, the infrastructure's";
  expect(ofNode(GATEWAY.replace("2001:db8:a1:ff::9", "2001:db8:a1:ff:0:401:0:9"))).toEqual([expected]);
  const node = "name: sw\nfabric: fabric.yaml\nrole: switch\naddress: 2001:db8:a1:ff:0:401:0:9\n";
  expect(ofNode(node)).toEqual([expected]);
});

describe("shares of a gateway's pool", () => {
  const at = (shares: string, more = "") => ofNode(link(`, pool: [203.0.113.0/30], shares: ${shares}${more}`));

  test("say which tenants have which addresses and ports, and how many a VM of theirs may have", () => {
    const text = "[{tenants: [blue], pool: [203.0.113.0/31], ports: 1024-32767, portsPerVm: 2048}]";
    const { node } = configuration(link(`, pool: [203.0.113.0/30], portBlock: 256, shares: ${text}`));
    expect(node.outside?.shares).toMatchObject([
      { tenants: ["blue"], ports: { first: 1024, last: 32767 }, portsPerVm: 2048, pool: [{ text: "203.0.113.0/31" }] },
    ]);
    const changes = planChange(configuration(), { ...configuration(), node }).map(describeChange);
    expect(changes[0]).toContain("203.0.113.0/31 ports 1024-32767 for blue, 2048 a VM");
  });

  test("are refused where they name strangers, what is not the pool's, half blocks, or what another has", () => {
    expect(at("[{tenants: [blu], pool: [203.0.113.0/32]}]")).toEqual([
      'outside.shares[0].tenants[0]: found the unknown tenant "blu", expected a tenant with networks (blue)',
    ]);
    expect(at("[{tenants: [blue], pool: [203.0.113.4/32]}]")).toEqual([
      "outside.shares[0].pool[0]: found 203.0.113.4/32, expected addresses of the gateway's pool (203.0.113.0/30)",
    ]);
    const ports = 'whole blocks of 64 ports from 1024 on, as in "1024-32767"';
    for (const range of ["1000-2047", "1024-2000", "4096-1087", "1024-70000"])
      expect(at(`[{tenants: [blue], pool: [203.0.113.0/32], ports: ${range}}]`)).toEqual([
        `outside.shares[0].ports: found ${range}, expected ${ports}`,
      ]);
    expect(at("[{tenants: [blue], pool: [203.0.113.0/32]}, {tenants: [blue], pool: [203.0.113.0/31]}]")).toEqual([
      "outside.shares[1]: found ports that the share in line 6 has too, expected addresses and ports that are in no other share",
      "outside.shares[1].tenants[0]: found blue, as in line 6, expected a tenant that has no other share",
    ]);
    expect(at("[{tenants: [blue], pool: [203.0.113.0/32], portsPerVm: 100}]")[0]).toContain(
      "1 … 16 blocks of 64 ports",
    );
  });
});
