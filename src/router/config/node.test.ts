import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkFabric } from "#router/config/fabric";
import { checkNode, loadNode, type NodeResult } from "#router/config/node";
import { formatConfigError } from "#runtime/document/config-error";
import { parseSource, type Source } from "#runtime/document/source";

const FABRIC = `name: demo
key: 000102030405060708090a0b0c0d0e0f
prefixes: [2001:db8:a1::/48]
homes: [2001:db8:a1:1::/64, {prefix: 2001:db8:a1:2::/64, hypervisor: hv2}]
tenants:
  blue: {id: 1, networks: {prod: {id: 1, prefixes: [10.0.0.0/16], gateway: 10.0.0.1}}}
`;
const HYPERVISOR = `name: hv1
fabric: fabric.yaml
role: hypervisor
prefix: 2001:db8:a1:1::/64
`;
const SWITCH = "name: sw\nfabric: fabric.yaml\nrole: switch\naddress: 2001:db8:a1:ff::1\n";
/** Reference vector 000004010a000002: home 0 of 2. */
const WEB1 = "name: web1, network: blue/prod, address: 10.0.0.2";

function source(file: string, text: string): Source {
  const result = parseSource(file, text);
  if ("errors" in result) throw new Error(result.errors.map(formatConfigError).join("\n"));
  return result.source;
}

const check = (text: string, fabric = FABRIC): NodeResult =>
  checkNode(source("node.yaml", text), checkFabric(source("fabric.yaml", fabric)));

const errors = (text: string, fabric = FABRIC): string[] => {
  const result = check(text, fabric);
  return result.ok ? [] : result.errors.map(formatConfigError);
};

function node(text: string) {
  const result = check(text);
  if (!result.ok) throw new Error(result.errors.map(formatConfigError).join("\n"));
  return result.node;
}

describe("a node", () => {
  test("has defaults for everything but name, fabric, role and prefix", () => {
    const { address, ...rest } = node(HYPERVISOR);
    expect(address.text).toBe("2001:db8:a1:1::1");
    expect(rest).toEqual({
      file: "node.yaml",
      name: "hv1",
      role: "hypervisor",
      homes: [0],
      forwarders: 1,
      flowCacheEntries: 262144,
      connections: { entries: 262144, perVm: 65536 },
      uplinks: [],
      routes: [],
      vms: [],
      socket: "/run/ain/hv1.sock",
      flowLog: { limit: 16 * 2 ** 20, keep: 3 },
    });
    expect(node(`${HYPERVISOR}vms:\nroutes:\nflowCache: false\n`).flowCacheEntries).toBe(0);
  });

  test("gives a VM its network, its home and the address that stands for it in the fabric (§2.1)", () => {
    const [vm] = node(`${HYPERVISOR}vms: [{${WEB1}, mac: 02-00-00-00-00-0A, mtu: 1500, tap: web1-tap}]`).vms;
    expect(vm?.network.name).toBe("blue/prod");
    expect(vm?.ipv4?.home).toBe(0);
    expect(vm?.ipv4?.networkAddress.text).toBe("2001:db8:a1:1:0:401:a00:2");
    expect(vm?.mac?.text).toBe("02:00:00:00:00:0a");
    expect(vm?.attachment).toEqual({ kind: "tap", interface: "web1-tap" });
    expect(vm?.offload).toBe(true);
  });

  test("knows the ways to attach a VM", () => {
    const attachment = (text: string) => node(`${HYPERVISOR}vms: [{${WEB1}, ${text}}]`).vms[0]?.attachment;
    expect(attachment("interface: veth-web1")).toEqual({ kind: "interface", interface: "veth-web1" });
    expect(attachment("tap: {name: t, rename: eth0}")).toEqual({ kind: "tap", interface: "t", rename: "eth0" });
    expect(attachment("tap: {name: t, netns: /proc/1/ns/net, rename: eth0, mac: 02:00:00:00:00:01}")).toMatchObject({
      netns: "/proc/1/ns/net",
      mac: { text: "02:00:00:00:00:01" },
    });
  });

  test("names uplinks after their interface, and routes through them", () => {
    const text = `uplinks: [{interface: eth1}, {interface: eth2, name: up2, mtu: 9000, offload: false, capture: true}]
routes:
  - {to: "::/0", via: [{uplink: eth1, nextHop: fe80::1}, {uplink: up2, nextHop: 2001:db8:a1:ff::1, weight: 3}]}
  - {to: 2001:db8:a1:9::/64, discard: true}
`;
    const { uplinks, routes } = node(HYPERVISOR + text);
    expect(uplinks).toEqual([
      { name: "eth1", interface: "eth1", offload: true, capture: false },
      { name: "up2", interface: "eth2", mtu: 9000, offload: false, capture: true },
    ]);
    expect(routes.map((r) => [r.to.text, r.via.map((v) => `${v.uplink} ${v.address.text} ${v.weight}`)])).toEqual([
      ["::/0", ["eth1 fe80::1 1", "up2 2001:db8:a1:ff::1 3"]],
      ["2001:db8:a1:9::/64", []],
    ]);
  });

  test("may own several homes, its own first", () => {
    const text = HYPERVISOR.replace(/prefix: .*/, "prefixes: [2001:db8:a1:2::/64, 2001:db8:a1:1::/64]").replace(
      "hv1",
      "hv2",
    );
    expect(node(text)).toMatchObject({ homes: [1, 0], address: { text: "2001:db8:a1:2::1" } });
  });

  test("that is a switch has an address and no VMs", () => {
    expect(node(SWITCH)).toMatchObject({ role: "switch", address: { text: "2001:db8:a1:ff::1" }, homes: [] });
    expect(errors(`${SWITCH}prefix: 2001:db8:a1:1::/64\nvms: [{${WEB1}, tap: t}]\n`)).toEqual([
      "node.yaml:5:1: prefix: found prefix in a switch's file, expected an address instead: only hypervisors own prefixes",
      "node.yaml:6:1: vms: found vms in a switch's file, expected no VMs: a switch only forwards",
    ]);
  });
});

describe("a VM's metadata", () => {
  const folder = mkdtempSync(join(tmpdir(), "ain-user-data-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (vm: string): string => {
    writeFileSync(join(folder, "fabric.yaml"), FABRIC, { mode: 0o600 });
    writeFileSync(join(folder, "node.yaml"), `${HYPERVISOR}vms: [{${WEB1}, tap: t1${vm}}]\n`);
    return join(folder, "node.yaml");
  };
  const load = (vm: string) => {
    const result = loadNode(write(vm));
    if (!result.ok) throw new Error(result.errors.map(formatConfigError).join("\n"));
    return result.node.vms[0]!;
  };
  const complaints = (vm: string): string[] => {
    const result = loadNode(write(vm));
    return result.ok ? [] : result.errors.map((error) => `${error.path}: ${error.found}, ${error.expected}`);
  };

  test("has an instance id made from its network and name, and no user data", () => {
    expect(load("")).toMatchObject({ instanceId: "blue-prod-web1" });
    expect(load("").userData).toBeUndefined();
    expect(load(", userData: ''").userData).toBeUndefined();
    expect(load(", instanceId: i-1").instanceId).toBe("i-1");
  });

  test("takes user data as text, or from a file beside the node's", () => {
    expect(load(", userData: 'grüße'").userData).toEqual(new TextEncoder().encode("grüße"));
    writeFileSync(join(folder, "data"), Uint8Array.of(0, 255, 10));
    expect([...load(", userData: {file: data}").userData!]).toEqual([0, 255, 10]);
  });

  test("is refused when it cannot be read or is too large, and never shown", () => {
    expect(complaints(", userData: {file: nowhere}")).toEqual([
      "vms[0].userData.file: nowhere, which cannot be read (ENOENT), a file that this machine has",
    ]);
    writeFileSync(join(folder, "large"), new Uint8Array(65_537));
    expect(complaints(", userData: {file: large}")).toEqual(["vms[0].userData: 65537 octets, at most 65536 octets"]);
    expect(complaints(", userData: 1234567890, instanceId: a b")).toEqual([
      "vms[0].userData: something else (not shown, it is secret), text, or a mapping with file or base64",
      'vms[0].instanceId: "a b", an instance id: 1 … 128 letters, digits, dots, dashes and underscores',
    ]);
  });
});

describe("a VM's host name", () => {
  const nameOf = (vm: string) => node(`${HYPERVISOR}vms: [{${WEB1.replace("web1", vm)}, tap: t1}]\n`).vms[0]?.hostname;

  test("is made from its name, as far as a host may be called so (RFC 1123 §2.1)", () => {
    expect([nameOf("web1"), nameOf("Web_1.blue."), nameOf("web1, hostname: www")]).toEqual([
      "web1",
      "Web-1-blue",
      "www",
    ]);
  });

  test("is one label of letters, digits and dashes", () => {
    for (const hostname of ["a.b", "-a", "a_b", '""']) {
      expect(errors(`${HYPERVISOR}vms: [{${WEB1}, tap: t1, hostname: ${hostname}}]\n`)).toEqual([
        `node.yaml:5:78: vms[0].hostname: found "${hostname.replaceAll('"', "")}", expected a host name: 1 … 63 letters, digits and dashes, beginning and ending with a letter or digit`,
      ]);
    }
  });
});

describe("errors of a node", () => {
  test("about the role", () => {
    expect(errors(HYPERVISOR.replace("role: hypervisor", "role: router"))[0]).toBe(
      'node.yaml:3:7: role: found "router", expected hypervisor, switch or gateway',
    );
    expect(errors(HYPERVISOR.replace(/prefix: .*/, "address: 2001:db8:a1:1::1"))).toEqual([
      "node.yaml:1:1: found neither prefix nor prefixes, expected the hypervisor's home prefix, in one of the two",
      "node.yaml:4:1: address: found address in a hypervisor's file, expected none: a hypervisor's address is interface identifier 1 in its first prefix",
    ]);
    expect(errors(SWITCH.replace(/address: .*\n/, ""))).toEqual([
      "node.yaml:1:1: address: found nothing, expected the switch's own IPv6 address",
    ]);
  });

  test("about a place that is not in the address plan", () => {
    expect(errors(HYPERVISOR.replace("a1:1::", "a1:3::"))).toEqual([
      "node.yaml:4:9: prefix: found 2001:db8:a1:3::/64, expected one of the homes of fabric.yaml\n    Did you mean 2001:db8:a1:1::/64?",
    ]);
    expect(errors(SWITCH.replace("a1:ff::1", "a2:ff::1"))[0]).toContain(
      "inside the fabric's prefixes (2001:db8:a1::/48)",
    );
    expect(errors(SWITCH.replace("2001:db8:a1:ff::1", "fe80::1"))[0]).toContain("found fe80::1");
    expect(errors(SWITCH.replace("a1:ff::1", "a1:2::1"))[0]).toContain("inside the home prefix 2001:db8:a1:2::/64");
  });

  test("about a VM's network and address", () => {
    const vms = `vms:
  - {name: a, network: blue/prd, address: 10.0.0.2, tap: a}
  - {name: b, network: blue, address: 10.0.0.2, tap: b}
  - {name: c, network: blue/prod, address: 10.1.0.1, tap: c}
  - {name: d, network: blue/prod, address: 10.0.0.1, tap: d}
`;
    expect(errors(HYPERVISOR + vms)).toEqual([
      'node.yaml:6:24: vms[0].network: found the unknown network "blue/prd", expected one of fabric.yaml\'s networks (blue/prod)\n    Did you mean "blue/prod"?',
      'node.yaml:7:24: vms[1].network: found "blue", expected tenant/network, as in blue/prod',
      "node.yaml:8:44: vms[2].address: found 10.1.0.1, expected an address of blue/prod (10.0.0.0/16)",
      "node.yaml:9:44: vms[3].address: found 10.0.0.1, the gateway of blue/prod, expected an address of the VM's own",
    ]);
  });

  test("about things that come twice", () => {
    const text = `uplinks:
  - {interface: eth1}
  - {interface: eth1, name: up2}
  - {interface: eth3, name: up2}
vms:
  - {${WEB1}, tap: {name: t1, netns: n, rename: eth0}}
  - {${WEB1}, tap: {name: t2, netns: n, rename: eth0}}
  - {name: web3, network: blue/prod, address: 10.0.0.3, interface: eth1, tap: t1}
  - {name: web4, network: blue/prod, address: 10.0.0.4}
`;
    const found = errors(HYPERVISOR + text).filter((e) => !e.includes("whose home"));
    expect(found.map((e) => e.replace(/, expected.*/, ""))).toEqual([
      "node.yaml:7:17: uplinks[1].interface: found eth1, as in line 6",
      "node.yaml:8:29: uplinks[2].name: found the uplink up2, as in line 7",
      "node.yaml:11:12: vms[1].name: found the VM name web1, as in line 10",
      "node.yaml:11:47: vms[1].address: found 10.0.0.2 in blue/prod, as in line 10",
      "node.yaml:11:62: vms[1].tap: found eth0 in the namespace n, as in line 10",
      "node.yaml:12:5: vms[2]: found both tap and interface",
      "node.yaml:12:68: vms[2].interface: found eth1, as in line 6",
      "node.yaml:12:79: vms[2].tap: found the TAP t1, as in line 10",
      "node.yaml:13:5: vms[3]: found neither tap nor interface",
    ]);
  });

  test("about a capture on a TAP, which needs no setting", () => {
    const text = `vms: [{${WEB1}, tap: web1, capture: true}]\n`;
    expect(errors(HYPERVISOR + text)).toEqual([expect.stringContaining("vms[0].capture: found true, beside tap")]);
  });

  test("about routes", () => {
    const text = `uplinks: [{interface: eth1, name: up1}]
routes:
  - {to: "::/0", via: [{uplink: upl1, nextHop: fe80::1}, {uplink: up1, nextHop: ff02::1}]}
  - {to: "::/0", discard: true}
  - {to: 2001:db8::/32}
  - {to: 2001:db8:1::/48, via: [{uplink: up1, nextHop: fe80::2, weight: 17}, {uplink: up1, nextHop: fe80::2}]}
  - {to: 2001:db8:2::/48, via: [{uplink: up1, nextHop: fe80::2}, {uplink: up1, nextHop: fe80::2}]}
`;
    expect(errors(HYPERVISOR + text)).toEqual([
      'node.yaml:7:33: routes[0].via[0].uplink: found the unknown uplink "upl1", expected one of the uplinks up1\n    Did you mean "up1"?',
      "node.yaml:7:81: routes[0].via[1].nextHop: found ff02::1, expected a neighbour's link-local or global address",
      "node.yaml:8:10: routes[1].to: found a route to ::/0, as in line 7, expected one route a destination",
      "node.yaml:9:5: routes[2]: found neither via nor discard, expected next hops in via, or discard: true",
      "node.yaml:10:73: routes[3].via[0].weight: found 17, expected a whole number 1 … 16",
      "node.yaml:11:89: routes[4].via[1].nextHop: found fe80::2 on up1, as in line 11, expected each next hop once",
    ]);
  });

  test("about numbers out of their range", () => {
    const text = "forwarders: 17\nflowCache: {entries: 1000}\nuplinks: [{interface: a/b, mtu: 1279}]\nsocket: run/x\n";
    expect(errors(HYPERVISOR + text)).toEqual([
      "node.yaml:5:13: forwarders: found 17, expected a whole number 1 … 16",
      "node.yaml:6:22: flowCache.entries: found 1000, expected a power of two, 1024 … 4194304",
      'node.yaml:7:23: uplinks[0].interface: found "a/b", expected an interface name: 1 … 15 characters, no space, slash or colon',
      "node.yaml:7:33: uplinks[0].mtu: found 1279, expected a whole number 1280 … 65535",
      'node.yaml:8:9: socket: found "run/x", expected an absolute path of at most 107 octets',
    ]);
  });

  test("of the fabric are told too, before the node's own", () => {
    expect(errors(`${HYPERVISOR}forwarders: 0\n`, FABRIC.replace("id: 1,", "id: 0,"))).toEqual([
      "fabric.yaml:6:14: tenants.blue.id: found 0, expected a whole number 1 … 2147483647",
      "node.yaml:5:13: forwarders: found 0, expected a whole number 1 … 16",
    ]);
  });
});

test("a home that the fabric gives to another hypervisor is warned of: it may have been taken over", () => {
  const result = check(HYPERVISOR.replace("a1:1::", "a1:2::"));
  expect(result.ok).toBe(true);
  expect(result.warnings.map(formatConfigError)).toEqual([
    "node.yaml:4:9: prefix: found 2001:db8:a1:2::/64, which fabric.yaml gives to hv2, expected a home of hv1",
  ]);
});

describe("loadNode", () => {
  test("finds the fabric from the node's folder, and says which file is not there", () => {
    const directory = mkdtempSync(join(tmpdir(), "ain-node-"));
    try {
      mkdirSync(join(directory, "nodes"));
      const file = join(directory, "nodes", "hv1.yaml");
      writeFileSync(file, HYPERVISOR.replace("fabric.yaml", "../fabric.yaml"));
      const missing = loadNode(file);
      expect(!missing.ok && missing.errors.map(formatConfigError)).toEqual([
        `${directory}/fabric.yaml: found no such file, expected a readable YAML file`,
      ]);
      writeFileSync(join(directory, "fabric.yaml"), FABRIC, { mode: 0o600 });
      const result = loadNode(file);
      expect(result.ok && result.fabric.file).toBe(join(directory, "fabric.yaml"));
      const nowhere = loadNode(join(directory, "x.yaml"));
      expect(!nowhere.ok && nowhere.errors[0]?.found).toBe("no such file");
      writeFileSync(file, "just text\n");
      const text = loadNode(file);
      expect(!text.ok && text.errors.map(formatConfigError)).toEqual([
        `${file}:1:1: found "just text", expected a node: a mapping with name, fabric and role`,
      ]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
