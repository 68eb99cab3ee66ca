/** VMs by themselves: read as node.yaml's are, written down so that the same VM comes back, refused beside what is there. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { checkFabric } from "#router/config/fabric";
import type { Configuration, Vm } from "#router/config/model";
import { checkNode } from "#router/config/node";
import { definitionOf } from "#router/config/vm-build";
import { readVm } from "#router/config/vm-definition";
import { formatConfigError } from "#runtime/document/config-error";
import { parseSource, type Source } from "#runtime/document/source";

const FABRIC = `name: demo
key: 000102030405060708090a0b0c0d0e0f
prefixes: [2001:db8:a1::/48]
homes: [2001:db8:a1:1::/64, {prefix: 2001:db8:a1:2::/64, hypervisor: hv2}]
tenants:
  blue: {id: 1, networks: {prod: {id: 1, prefixes: [10.0.0.0/16], tenantPrefixes: ["fd00:1::/32"]}}}
  red: {id: 2, networks: {prod: {id: 1, prefixes: [10.0.0.0/16]}}}
`;
const NODE = `name: hv1
fabric: fabric.yaml
role: hypervisor
prefix: 2001:db8:a1:1::/64
uplinks: [{interface: eth1, name: up}]
vms:
  - {name: web, network: blue/prod, address: 10.0.0.2, ipv6: [2001:db8:a1:1:0:401::2, "fd00:1::2"], mac: "02:00:00:00:00:02", tap: {name: tap0, netns: ns, rename: eth0}}
`;

function source(file: string, text: string): Source {
  const result = parseSource(file, text);
  if ("errors" in result) throw new Error(result.errors.map(formatConfigError).join("\n"));
  return result.source;
}

function configuration(): Configuration {
  const result = checkNode(source("node.yaml", NODE), checkFabric(source("fabric.yaml", FABRIC)));
  if (!result.ok) throw new Error(result.errors.map(formatConfigError).join("\n"));
  return { node: result.node, fabric: result.fabric };
}

const HERE = configuration();

function read(definition: unknown): Vm {
  const result = readVm(definition, HERE);
  if (!result.ok) throw new Error(result.errors.map(formatConfigError).join("\n"));
  return result.vm;
}

const errors = (definition: unknown): string[] => {
  const result = readVm(definition, HERE);
  return result.ok ? [] : result.errors.map(formatConfigError);
};

const NEW = { name: "new", network: "blue/prod", address: "10.0.0.3", interface: "v" };

test("a VM of the file is written down so that the same VM comes back", () => {
  const [web] = HERE.node.vms;
  const nobody = { ...HERE, node: { ...HERE.node, vms: [] } };
  expect(readVm(JSON.parse(JSON.stringify(definitionOf(web!))), nobody)).toEqual({ ok: true, vm: web! });
});

test("any definition is, whatever it says and leaves out", () => {
  const octets = fc.uint8Array({ minLength: 1, maxLength: 40 });
  const definition = fc.record(
    {
      mac: fc.constant("02:00:00:00:00:03"),
      mtu: fc.integer({ min: 1280, max: 9000 }),
      ipv6: fc.constantFrom("2001:db8:a1:2:0:401::7", ["fd00:1::7", "2001:db8:a1:1:0:401::7"]),
      hostname: fc.constantFrom("new", "other"),
      dhcp: fc.boolean(),
      instanceId: fc.constantFrom("blue-prod-new", "i-1"),
      userData: fc.oneof(
        fc.string({ minLength: 1 }),
        octets.map((data) => ({ base64: data.toBase64() })),
      ),
      offload: fc.boolean(),
      wire: fc.constantFrom(
        { interface: "v", capture: true },
        { interface: "v" },
        { tap: "t" },
        { tap: { name: "t", mac: "02:00:00:00:00:04" } },
      ),
    },
    { requiredKeys: ["wire"] },
  );
  fc.assert(
    fc.property(definition, ({ wire, ...more }) => {
      const vm = read({ name: "new", network: "blue/prod", address: "10.0.0.3", ...more, ...wire });
      expect(read(JSON.parse(JSON.stringify(definitionOf(vm))))).toEqual(vm);
    }),
  );
});

describe("a definition is refused", () => {
  test("as an element of node.yaml's vms is, with paths that begin in it", () => {
    expect(errors({ ...NEW, address: "10.1.0.3", mtu: 1 })).toEqual([
      "VM: mtu: found 1, expected a whole number 576 … 65535",
    ]);
    expect(errors({ ...NEW, address: "10.1.0.3", ipv6: ["fd00:2::1"] })).toEqual([
      "VM: ipv6[0]: found fd00:2::1, in none of the fabric's homes, expected an address of blue/prod: a home prefix, its tags 00000401, a host number, or one in fd00:1::/32\n" +
        "    Free and at home here: 2001:db8:a1:1:0:401:0:1",
      "VM: address: found 10.1.0.3, expected an address of blue/prod (10.0.0.0/16)",
    ]);
    expect(errors({ ...NEW, nam: "x" })[0]).toContain('VM: nam: found the unknown key "nam"');
    expect(errors({ ...NEW, tap: "t" })).toEqual([
      "VM: found both tap and interface, expected a tap to make or an existing interface",
    ]);
    for (const nonsense of [undefined, null, 7, "web", [], [NEW]]) {
      expect(errors(nonsense)[0]).toEndWith(
        "expected a mapping with name, network, address or ipv6, and tap or interface",
      );
    }
  });

  test("where another VM, an uplink or a TAP has what it wants", () => {
    expect(errors({ ...NEW, name: "web" })).toEqual([
      "VM: name: found the VM name web, which the VM web has, expected each name once",
    ]);
    expect(errors({ ...NEW, address: "10.0.0.2", ipv6: ["fd00:1::2"], mac: "02:00:00:00:00:02" })).toEqual([
      "VM: address: found 10.0.0.2 in blue/prod, which the VM web has, expected an address that no other VM of the network has",
      "VM: ipv6[0]: found fd00:1::2 in blue/prod, which the VM web has, expected an address that no other VM of the network has",
      "VM: mac: found 02:00:00:00:00:02 in blue/prod, which the VM web has, expected a MAC address that no other VM of the network has",
    ]);
    expect(errors({ ...NEW, network: "red/prod", address: "10.0.0.2", mac: "02:00:00:00:00:02" })).toEqual([]);
    const busy = "expected an interface that nothing else uses";
    expect(errors({ ...NEW, interface: "eth1" })).toEqual([
      `VM: interface: found eth1, which the uplink up has, ${busy}`,
    ]);
    expect(errors({ ...NEW, interface: "tap0" })).toEqual([`VM: interface: found tap0, which the VM web has, ${busy}`]);
    const { interface: _, ...none } = NEW;
    expect(errors({ ...none, tap: { name: "t", netns: "ns", rename: "eth0" } })).toEqual([
      `VM: tap: found eth0 in the namespace ns, which the VM web has, ${busy}`,
    ]);
  });

  test("for user data in a file that only its sender knows, and does not show secrets", () => {
    expect(errors({ ...NEW, userData: { file: "data" } })).toEqual([
      "VM: userData.file: found data, expected an absolute path",
    ]);
    expect(errors({ ...NEW, userData: { base64: "secret!" } })[0]).toContain("not shown, it is secret");
  });
});
