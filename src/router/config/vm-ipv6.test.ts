/** VMs' IPv6 addresses in the configuration: what is taken, and what is refused and how (paper §2.1). */
import { describe, expect, test } from "bun:test";
import { parseIpv6 } from "#base/address";
import { tenantHomeOf } from "#policy/homes";
import { checkFabric } from "#router/config/fabric";
import { vmFacts } from "#router/config/facts";
import { checkNode } from "#router/config/node";
import { needsAnotherPort } from "#router/config/plan";
import { formatConfigError } from "#runtime/document/config-error";
import { addressOf } from "#runtime/document/scalars";
import { parseSource, type Source } from "#runtime/document/source";

const FABRIC = `name: demo
key: 000102030405060708090a0b0c0d0e0f
prefixes: [2001:db8:a1::/48]
homes: [2001:db8:a1:1::/64, {prefix: 2001:db8:a1:2::/64, hypervisor: hv2}, 2001:db8:a1:3::/64]
tenants:
  blue: {id: 1, networks: {prod: {id: 1, prefixes: [10.0.0.0/16]}, six: {id: 2, prefixes: []}}}
`;
/** Two networks have brought the same prefix. */
const OWN = FABRIC.replace(
  "six: {",
  `own: {id: 3, tenantPrefixes: ["2001:db8:beef::/48", "fd00:1::/32"]}, too: {id: 4, tenantPrefixes: ["2001:db8:beef::/48"]}, six: {`,
);
const NODE = "name: hv1\nfabric: fabric.yaml\nrole: hypervisor\nprefixes: [2001:db8:a1:1::/64, 2001:db8:a1:3::/64]\n";
const HINT = "\n    Free and at home here: 2001:db8:a1:1:0:401:0:1";

function source(file: string, text: string): Source {
  const result = parseSource(file, text);
  if ("errors" in result) throw new Error(result.errors.map(formatConfigError).join("\n"));
  return result.source;
}

const check = (vms: string, fabric = FABRIC) =>
  checkNode(source("node.yaml", `${NODE}vms: [${vms}]\n`), checkFabric(source("fabric.yaml", fabric)));

function vms(text: string, fabric = FABRIC) {
  const result = check(text, fabric);
  if (!result.ok) throw new Error(result.errors.map(formatConfigError).join("\n"));
  return result.node.vms;
}

const errors = (text: string, fabric = FABRIC): string[] => {
  const result = check(text, fabric);
  return result.ok ? [] : result.errors.map((error) => formatConfigError(error).replace(/^node.yaml:\d+:\d+: /, ""));
};
const web = (more: string, name = "web1", network = "blue/prod") =>
  `{name: ${name}, network: ${network}, tap: ${name}, ${more}}`;

describe("a VM", () => {
  test("may have IPv6 addresses alone, one or a list, in any of its node's homes", () => {
    const [one, list] = vms(
      `${web("ipv6: 2001:db8:a1:1:0:401::2")}, ${web("ipv6: [2001:db8:a1:3:0:401:ff:ffff, 2001:db8:a1:1:0:401::3]", "web2")}`,
    );
    expect(one?.ipv4).toBeUndefined();
    expect(one?.ipv6.map(({ text }) => text)).toEqual(["2001:db8:a1:1:0:401:0:2"]);
    expect(list?.ipv6.map(({ text }) => text)).toEqual(["2001:db8:a1:3:0:401:ff:ffff", "2001:db8:a1:1:0:401:0:3"]);
  });

  test("may have one whose home is another hypervisor, and is told apart by its home", () => {
    const [vm] = vms(web("ipv6: [2001:db8:a1:2:0:401::2, 2001:db8:a1:1:0:401::2]"));
    expect(vm?.ipv6.map(({ owned, home }) => [owned, home])).toEqual([
      ["fabric", 1],
      ["fabric", 0],
    ]);
  });

  test("may have one that its tenant brought, which has a home by its hash (docs/wire.md)", () => {
    const address = "2001:db8:beef::7";
    const [own, too] = vms(
      `${web(`ipv6: "${address}"`, "a", "blue/own")}, ${web(`ipv6: "${address}"`, "b", "blue/too")}`,
      OWN,
    );
    const key = Uint8Array.from({ length: 16 }, (_, i) => i);
    const home = (tags: number) => tenantHomeOf({ key, homes: { length: 3 } }, tags, parseIpv6(address)!);
    expect(own?.ipv6).toEqual([{ ...addressOf(parseIpv6(address)!), owned: "tenant", home: home(0x403) }]);
    expect(too?.ipv6[0]?.home).toBe(home(0x404));
  });

  test("may have both kinds", () => {
    const [vm] = vms(web("address: 10.0.0.2, ipv6: 2001:db8:a1:1:0:401::2"));
    expect(vm?.ipv4?.networkAddress.text).toBe("2001:db8:a1:3:0:401:a00:2");
    expect(vmFacts(vm!)).toMatchObject({ address: "10.0.0.2", ipv6: "2001:db8:a1:1:0:401:0:2" });
  });

  test("of a network without IPv4 prefixes has IPv6 addresses", () => {
    expect(vms(web("ipv6: 2001:db8:a1:1:0:402::2", "w", "blue/six"))).toHaveLength(1);
    expect(errors(web("address: 10.0.0.2", "w", "blue/six"))).toEqual([
      "vms[0].address: found 10.0.0.2, expected an address of blue/six (it has none of IPv4)",
    ]);
  });

  test("gets another port with another address", () => {
    const [before, after] = ["2001:db8:a1:1:0:401::2", "2001:db8:a1:1:0:401::3"].map((a) => vms(web(`ipv6: ${a}`))[0]!);
    expect([needsAnotherPort(before!, after!), needsAnotherPort(before!, before!)]).toEqual([true, false]);
  });
});

describe("an IPv6 address is refused", () => {
  test("in no home, with one that would do", () => {
    expect(errors(web("ipv6: [2001:db8:a1:2:0:401::2, 2001:db8:ffff::1]"))).toEqual([
      `vms[0].ipv6[1]: found 2001:db8:ffff::1, in none of the fabric's homes, expected an address of blue/prod: a home prefix, its tags 00000401, a host number${HINT}`,
    ]);
    const more = ", or one in 2001:db8:beef::/48 or fd00:1::/32";
    expect(errors(web("ipv6: 2001:db8:ffff::1", "w", "blue/own"), OWN)[0]).toContain(`a host number${more}`);
  });

  test("with other tags than its network's", () => {
    expect(errors(web("ipv6: 2001:db8:a1:1:0:402::2"))).toEqual([
      `vms[0].ipv6: found 2001:db8:a1:1:0:402:0:2, whose tags are 00000402, expected the tags of blue/prod, 00000401, in the third quarter${HINT}`,
    ]);
  });

  test("without a host number, or with one that is an IPv4 address: the same address would be two VMs'", () => {
    const expected = `expected a host number (the last 32 bits) of 1 … 7fffff${HINT}`;
    expect(errors(web('ipv6: ["2001:db8:a1:1:0:401::", 2001:db8:a1:1:0:401:a00:2]'))).toEqual([
      `vms[0].ipv6[0]: found 2001:db8:a1:1:0:401::, whose host number is 0, ${expected}`,
      `vms[0].ipv6[1]: found 2001:db8:a1:1:0:401:a00:2, whose host number is a000002, ${expected}`,
    ]);
  });

  test("that another has, or the same VM already; the hint is one that nobody has", () => {
    const text = `${web("ipv6: [2001:db8:a1:1:0:401::1, 2001:db8:a1:1:0:401::1]")}, ${web("ipv6: 2001:db8:a1:1:0:401::1", "web2")}`;
    expect(errors(text)).toEqual([
      "vms[0].ipv6[1]: found 2001:db8:a1:1:0:401:0:1, as in line 5, expected each IPv6 address once",
      "vms[1].ipv6: found 2001:db8:a1:1:0:401:0:1, as in line 5, expected each IPv6 address once",
    ]);
    expect(errors(web('ipv6: [2001:db8:a1:1:0:401::1, "2001:db8:a1:1:0:401::"]'))[0]).toEndWith(
      "here: 2001:db8:a1:1:0:401:0:2",
    );
  });

  test("in a list that is too long or empty, beside an MTU below IPv6's least, and where there is no address at all", () => {
    const many = Array.from({ length: 17 }, (_, i) => `2001:db8:a1:1:0:401::${i + 1}`).join(", ");
    const list = "expected an IPv6 address, or a list of 1 … 16";
    expect(errors(web(`ipv6: [${many}]`))[0]).toEndWith(list);
    expect(errors(web("ipv6: []"))[0]).toEndWith(list);
    expect(errors(web("ipv6: 10.0.0.2"))[0]).toEndWith("expected an IPv6 address");
    expect(errors(web("ipv6: 2001:db8:a1:1:0:401::2, mtu: 1279"))).toEqual([
      "vms[0].mtu: found 1279, expected at least 1280 beside ipv6 (RFC 8200 §5)",
    ]);
    expect(errors(web("mac: 02:00:00:00:00:01"))).toEqual([
      "vms[0]: found a VM without addresses, expected address, ipv6 or both",
    ]);
  });
});

describe("a network", () => {
  const network = (more: string) => vms(web("address: 10.0.0.2"), FABRIC.replace("16]}", `16]${more}}`))[0]!.network;

  test("tells DNS and time servers of both families", () => {
    const { dhcp } = network(', dhcp: {dns: [10.0.0.53, "2001:db8::53"], ntp: ["2001:db8::123"]}');
    const texts = (list: readonly { text: string }[] | undefined) => list?.map(({ text }) => text);
    expect([texts(dhcp?.dns), texts(dhcp?.dns6), texts(dhcp?.ntp), texts(dhcp?.ntp6)]).toEqual([
      ["10.0.0.53"],
      ["2001:db8::53"],
      [],
      ["2001:db8::123"],
    ]);
  });

  test("advertises a router unless it says not to", () => {
    expect([network("").ra, network(", ra: false").ra]).toEqual([true, false]);
  });

  test("has no servers that are on another link, or no host's", () => {
    const fabric = checkFabric(
      source("fabric.yaml", FABRIC.replace("16]}", '16], dhcp: {dns: ["fe80::53", "ff02::1"]}}')),
    );
    expect(fabric.ok ? [] : fabric.errors.map(({ found }) => found)).toEqual(["fe80::53", "ff02::1"]);
  });
});
