import { describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toHex } from "#base/bytes";
import { checkFabric, loadFabric } from "#router/config/fabric";
import type { Fabric } from "#router/config/model";
import { formatConfigError } from "#runtime/document/config-error";
import { parseSource } from "#runtime/document/source";

const HEAD = `name: demo
key: 000102030405060708090a0b0c0d0e0f
prefixes: [2001:db8:a1::/48]
homes: [2001:db8:a1:1::/64, {prefix: 2001:db8:a1:2::/64, hypervisor: hv2}]
`;

function check(text: string) {
  const result = parseSource("fabric.yaml", text);
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
  return result.ok ? [] : result.errors.map(formatConfigError);
};

describe("a fabric", () => {
  test("has defaults for everything but name, key, prefixes and homes", () => {
    const { key, tenantBits, gatewayMac, networks, homes, ...rest } = fabric(HEAD);
    expect(toHex(key)).toBe("000102030405060708090a0b0c0d0e0f");
    expect({ tenantBits, gatewayMac: gatewayMac.text, networks }).toEqual({
      tenantBits: 22,
      gatewayMac: "02:41:49:4e:00:01",
      networks: [],
    });
    expect(homes.map((h) => [h.prefix.text, h.hypervisor])).toEqual([
      ["2001:db8:a1:1::/64", undefined],
      ["2001:db8:a1:2::/64", "hv2"],
    ]);
    expect(rest).toMatchObject({ file: "fabric.yaml", name: "demo" });
  });

  test("derives a network's 32-bit tags: tenant id, then network id (§2.1)", () => {
    const tenants =
      "tenants: {red: {id: 4194303, networks: {z: {id: 1023, prefixes: [10.0.0.0/8]}}}, blue: {id: 1, networks: {prod: {id: 1, prefixes: [10.0.0.0/24, 10.1.0.0/16], gateway: 10.0.0.1}}}}";
    const networks = fabric(`${HEAD}${tenants}\n`).networks;
    expect(networks.map((n) => [n.name, n.tags.toString(16), n.gateway.text])).toEqual([
      ["blue/prod", "401", "10.0.0.1"],
      ["red/z", "ffffffff", "169.254.1.1"],
    ]);
    const narrow = fabric(
      `${HEAD}tenantBits: 1\ntenants: {a: {id: 1, networks: {n: {id: 2147483647, prefixes: [10.0.0.0/8]}}}}`,
    );
    expect(narrow.networks[0]?.tags).toBe(0xffff_ffff);
  });

  test("tells VMs by DHCP for an hour what there is to tell, or nothing at all", () => {
    const dhcpOf = (dhcp: string) =>
      fabric(`${HEAD}tenants: {blue: {id: 1, networks: {a: {id: 1, prefixes: [10.0.0.0/8]${dhcp}}}}}\n`).networks[0]
        ?.dhcp;
    expect(dhcpOf("")).toEqual({ dns: [], dns6: [], ntp: [], ntp6: [], leaseTime: 3_600_000 });
    expect(dhcpOf(", dhcp: {dns: [10.0.0.53], domain: a.example, ntp: [], mtu: 1400, leaseTime: 90s}")).toMatchObject({
      dns: [{ text: "10.0.0.53" }],
      domain: "a.example",
      mtu: 1400,
      leaseTime: 90_000,
    });
    expect(dhcpOf(", dhcp: false")).toBeUndefined();
  });

  test("takes a key whose digits are all decimal, and shows no key in an error", () => {
    const digits = "12345678901234567890123456789012";
    expect(toHex(fabric(HEAD.replace(/key: .*/, `key: ${digits}`)).key)).toBe(digits);
    expect(errors(HEAD.replace(/key: .*/, "key: 00010203"))).toEqual([
      "fabric.yaml:2:6: key: found something else (not shown, it is secret), expected 32 hexadecimal digits: the deployment's 128-bit key",
    ]);
  });
});

describe("errors of a fabric", () => {
  test("about homes name the twin, the length and the range that is left", () => {
    const homes =
      "homes:\n  - 2001:db8:a1:1::/64\n  - {prefix: 2001:db8:a1:1::/64}\n  - 2001:db8:a1::/56\n  - 2001:db8:b:1::/64\n";
    expect(errors(HEAD.replace(/homes: .*\n/, homes))).toEqual([
      "fabric.yaml:6:14: homes[1].prefix: found 2001:db8:a1:1::/64, which homes[0] (line 5) has already, expected each home once",
      "fabric.yaml:7:5: homes[2]: found 2001:db8:a1::/56, expected a /64: a home prefix has 64 bits",
      "fabric.yaml:8:5: homes[3]: found 2001:db8:b:1::/64, expected a home inside the fabric's prefixes (2001:db8:a1::/48)",
    ]);
  });

  test("about prefixes: no multicast, no room for a /64, host bits, overlaps", () => {
    const found = errors(
      HEAD.replace(/prefixes: .*/, 'prefixes: [2001:db8:a1::/48, 2001:db8:a1:1::/64, ff00::/16, "fd00::/65"]'),
    );
    expect(found.map((e) => e.slice(0, 60))).toEqual([
      "fabric.yaml:3:30: prefixes[1]: found 2001:db8:a1:1::/64, whi",
      "fabric.yaml:3:50: prefixes[2]: found ff00::/16, expected a p",
      "fabric.yaml:3:61: prefixes[3]: found fd00::/65, expected a p",
    ]);
    expect(errors(HEAD.replace(/prefixes: .*/, "prefixes: [2001:db8:a1::1/48]"))).toEqual([
      'fabric.yaml:3:12: prefixes[0]: found "2001:db8:a1::1/48", expected a prefix without host bits: 2001:db8:a1::/48',
    ]);
  });

  test("about ids: unique, in their range, none for tenants that is the infrastructure's", () => {
    const tenants = `tenants:
  blue: {id: 1, networks: {a: {id: 0, prefixes: [10.0.0.0/8]}, b: {id: 0, prefixes: [10.0.0.0/8]}}}
  red: {id: 1, networks: {a: {id: 1024, prefixes: [10.0.0.0/8]}}}
  big: {id: 4194304, networks: {}}
  zero: {id: 0, networks: {}}
`;
    expect(errors(HEAD + tenants)).toEqual([
      "fabric.yaml:6:72: tenants.blue.networks.b.id: found 0, the id of another network (line 6), expected an id that no other network has",
      "fabric.yaml:7:13: tenants.red.id: found 1, the id of another tenant (line 6), expected an id that no other tenant has",
      "fabric.yaml:7:35: tenants.red.networks.a.id: found 1024, expected a network id of at most 1023, as tenantBits gives them room",
      "fabric.yaml:8:13: tenants.big.id: found 4194304, expected a tenant id of at most 4194303, as tenantBits gives them room",
      "fabric.yaml:9:14: tenants.zero.id: found 0, expected a whole number 1 … 2147483647",
    ]);
  });

  test("about a network's prefixes and gateway", () => {
    const tenants = `tenants:
  blue:
    id: 1
    networks:
      a: {id: 1, prefixes: [10.0.0.0/8, 10.1.0.0/16, 224.0.0.0/24], gateway: 127.0.0.1}
      b: {id: 2, prefix: [10.0.0.0/8]}
`;
    expect(errors(HEAD + tenants)).toEqual([
      "fabric.yaml:9:41: tenants.blue.networks.a.prefixes[1]: found 10.1.0.0/16, which overlaps 10.0.0.0/8, expected prefixes that do not overlap",
      "fabric.yaml:9:54: tenants.blue.networks.a.prefixes[2]: found 224.0.0.0/24, expected a prefix outside 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16 and 224.0.0.0/3",
      "fabric.yaml:9:78: tenants.blue.networks.a.gateway: found 127.0.0.1, expected a host's address",
      "fabric.yaml:10:10: tenants.blue.networks.b: found a network without addresses, expected prefixes, public or both; prefixes: [] where VMs have IPv6 addresses only",
      'fabric.yaml:10:18: tenants.blue.networks.b.prefix: found the unknown key "prefix", expected one of id, prefixes, public, tenantPrefixes, publicIpv6, routes, gateway, dhcp, metadata, ra, broadcast, flowLog\n    Did you mean "prefixes"?',
    ]);
  });

  test("about a gateway where the VMs find their metadata, if they do", () => {
    const network = (more: string) =>
      `${HEAD}tenants: {blue: {id: 1, networks: {a: {id: 1, prefixes: [10.0.0.0/8], gateway: 169.254.169.254${more}}}}}\n`;
    expect(errors(network(""))).toEqual([
      "fabric.yaml:5:80: tenants.blue.networks.a.gateway: found 169.254.169.254, expected another address than 169.254.169.254, where VMs find their metadata (or metadata: false)",
    ]);
    expect(fabric(network(", metadata: false")).networks[0]?.metadata).toBe(false);
  });

  test("about what a network tells by DHCP", () => {
    const network = "tenants: {blue: {id: 1, networks: {a: {id: 1, prefixes: [10.0.0.0/8], dhcp: DHCP}}}}";
    const of = (text: string) =>
      errors(`${HEAD}${network.replace("DHCP", text)}\n`).map((e) => e.replace(/^.*a\.dhcp/, ""));
    expect(of("true")).toEqual([": found true, expected false, or a mapping with dns, domain, ntp, mtu, leaseTime"]);
    expect(of("{dns: 10.0.0.53, domain: -blue, mtu: 500, leaseTime: 60}")).toEqual([
      '.dns: found "10.0.0.53", expected a list of at most 8 addresses of each kind, IPv4 and IPv6',
      '.domain: found "-blue", expected a domain name: host names joined by dots, at most 253 characters',
      ".mtu: found 500, expected a whole number 576 … 65535",
      ".leaseTime: found 60, expected a time 10s … 8760h, in whole seconds",
    ]);
    expect(of("{dns: [10.0.0.53, 224.0.0.1, 10.0.0.53], ntp: [127.0.0.1]}")).toEqual([
      ".dns[1]: found 224.0.0.1, expected a host's address",
      ".dns[2]: found 10.0.0.53 a second time, expected each server once",
      ".ntp[0]: found 127.0.0.1, expected a host's address",
    ]);
    expect(of("{router: 10.0.0.1}")).toEqual([
      '.router: found the unknown key "router", expected one of dns, domain, ntp, mtu, leaseTime',
    ]);
  });

  test("all show in one run, also beside a misspelt key and an empty file", () => {
    const text = `${HEAD}gatewayMAC: 02:00:00:00:00:01\ntenants: {blue: {id: x, networks: {}}}\n`;
    expect(errors(text)).toEqual([
      'fabric.yaml:5:1: gatewayMAC: found the unknown key "gatewayMAC", expected one of name, key, tenantBits, prefixes, homes, mtu, gatewayMac, tenants, outside, mobility, rules\n    Did you mean "gatewayMac"?',
      'fabric.yaml:6:22: tenants.blue.id: found "x", expected a whole number 1 … 2147483647',
    ]);
    expect(errors("")).toEqual([
      "fabric.yaml:1:1: found nothing, expected a fabric: a mapping with name, key, prefixes and homes",
    ]);
  });
});

test("a key that every user of the machine can read is warned of", () => {
  const directory = mkdtempSync(join(tmpdir(), "ain-fabric-"));
  try {
    const file = join(directory, "fabric.yaml");
    writeFileSync(file, HEAD);
    chmodSync(file, 0o644);
    expect(loadFabric(file).warnings.map((w) => [w.line, w.hint])).toEqual([[2, `chmod 600 ${file}`]]);
    chmodSync(file, 0o600);
    expect(loadFabric(file).warnings).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

describe("prefixes that tenants bring", () => {
  const blue = (networks: string) => `${HEAD}tenants:\n  blue: {id: 1, networks: {${networks}}}\n`;

  test("may be those of other networks, and a network's only ones", () => {
    const text = blue(
      'a: {id: 1, tenantPrefixes: ["2001:db8:beef::/48"]}, b: {id: 2, tenantPrefixes: ["2001:db8:beef::/48"]}',
    );
    expect(fabric(text).networks.map(({ tenantPrefixes }) => tenantPrefixes.map((p) => p.text))).toEqual([
      ["2001:db8:beef::/48"],
      ["2001:db8:beef::/48"],
    ]);
  });

  test("may not be the fabric's, nor anything but hosts', nor overlap in one network", () => {
    const text = blue('a: {id: 1, tenantPrefixes: ["2001:db8::/32", "ff00::/8", "fd00:1::/32", "fd00:1:2::/48"]}');
    expect(errors(text).map((error) => error.replace(/^fabric.yaml:\d+:\d+: tenants.blue.networks.a./, ""))).toEqual([
      "tenantPrefixes[0]: found 2001:db8::/32, which overlaps the fabric's 2001:db8:a1::/48, expected a prefix outside the fabric's, where addresses are the fabric's to give",
      "tenantPrefixes[1]: found ff00::/8, expected a prefix inside 2000::/3 or fc00::/7",
      "tenantPrefixes[3]: found fd00:1:2::/48, which overlaps fd00:1::/32, expected prefixes that do not overlap",
    ]);
  });

  test("may not overlap those of a network that there is a route to", () => {
    const peered = (own: string, to: string, other: string) =>
      `prefixes: [${own}], routes: [{to: ${to}, via: blue/${other}}]`;
    const text = blue(
      `a: {id: 1, ${peered("10.1.0.0/16", "10.2.0.0/16", "b")}, tenantPrefixes: ["fd00:1::/32"]}, ` +
        `b: {id: 2, ${peered("10.2.0.0/16", "10.1.0.0/16", "a")}, tenantPrefixes: ["fd00:1:2::/48"]}`,
    );
    expect(errors(text)[0]).toEndWith(
      "tenants.blue.networks.b.tenantPrefixes[0]: found fd00:1:2::/48, which overlaps fd00:1::/32 of blue/a (line 6), which it has a route to, expected prefixes that no network has which it speaks to",
    );
  });
});
