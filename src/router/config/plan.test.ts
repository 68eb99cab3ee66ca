import { describe, expect, test } from "bun:test";
import { checkFabric } from "#router/config/fabric";
import type { Configuration } from "#router/config/model";
import { checkNode } from "#router/config/node";
import { describeChange, needsAnotherPort, planChange } from "#router/config/plan";
import { formatConfigError } from "#runtime/document/config-error";
import { parseSource, type Source } from "#runtime/document/source";

const FABRIC = `name: demo
key: 000102030405060708090a0b0c0d0e0f
prefixes: [2001:db8:a1::/48]
homes: [2001:db8:a1:1::/64]
tenants:
  blue: {id: 1, networks: {prod: {id: 1, prefixes: [10.0.0.0/16]}}}
`;
const NODE = `name: hv1
fabric: fabric.yaml
role: hypervisor
prefix: 2001:db8:a1:1::/64
uplinks: [{interface: eth1, name: up1}]
routes: [{to: "::/0", via: [{uplink: up1, nextHop: fe80::1}]}]
vms: [{name: web1, network: blue/prod, address: 10.0.0.2, tap: t1}]
`;

function source(file: string, text: string): Source {
  const result = parseSource(file, text);
  if ("errors" in result) throw new Error("bad YAML in a test");
  return result.source;
}

function configuration(node = NODE, fabric = FABRIC): Configuration {
  const result = checkNode(source("node.yaml", node), checkFabric(source("fabric.yaml", fabric)));
  if (!result.ok) throw new Error(result.errors.map(formatConfigError).join("\n"));
  return result;
}

const plan = (node: string, fabric = FABRIC): string[] =>
  planChange(configuration(), configuration(node, fabric)).map(describeChange);

describe("a plan", () => {
  test("is empty when nothing differs, whatever the files look like", () => {
    expect(plan(`# comment\n${NODE}forwarders: 1\n`)).toEqual([]);
    expect(plan(NODE.replace("fe80::1", '"FE80:0::1"'))).toEqual([]);
  });

  test("shows VMs that come, go and change, in one line each", () => {
    const vms = `vms:
  - {name: web1, network: blue/prod, address: 10.0.0.2, tap: t1, mtu: 1400}
  - {name: web2, network: blue/prod, address: 10.0.0.3, interface: v2, mac: 02:00:00:00:00:02, offload: false}
`;
    expect(plan(NODE.replace(/vms: .*\n/, vms))).toEqual([
      "~ vm web1: mtu default → 1400",
      "+ vm web2: network blue/prod (tags 00000401), address 10.0.0.3, in the fabric 2001:db8:a1:1:0:401:a00:3, mac 02:00:00:00:00:02, interface v2, offload off",
    ]);
    expect(plan(NODE.replace(/vms: .*\n/, ""))).toEqual([
      "- vm web1: network blue/prod (tags 00000401), address 10.0.0.2, in the fabric 2001:db8:a1:1:0:401:a00:2, tap t1",
    ]);
    expect(plan(NODE.replace("tap: t1", "tap: {name: t1, netns: n, rename: eth0, mac: 02:00:00:00:00:03}"))).toEqual([
      "~ vm web1: netns default → n, rename default → eth0, tap mac default → 02:00:00:00:00:03",
    ]);
  });

  test("shows uplinks and routes", () => {
    const node = NODE.replace(
      "name: up1}",
      "name: up1, mtu: 9000}, {interface: eth2, offload: false, capture: true}",
    ).replace(
      /routes: .*/,
      'routes: [{to: "::/0", via: [{uplink: up1, nextHop: fe80::1, weight: 2}, {uplink: eth2, nextHop: fe80::2}]}, {to: 2001:db8::/32, discard: true}]',
    );
    expect(plan(node)).toEqual([
      "~ uplink up1: mtu default → 9000",
      "+ uplink eth2: interface eth2, offload off, capture on",
      "~ route ::/0: via up1 fe80::1 → up1 fe80::1 weight 2 and eth2 fe80::2",
      "+ route 2001:db8::/32: via discard",
    ]);
  });

  test("shows homes by their place in the list, and networks", () => {
    const fabric = FABRIC.replace("1::/64]", "1::/64, {prefix: 2001:db8:a1:2::/64, hypervisor: hv2}]").replace(
      "prod: {id: 1, prefixes: [10.0.0.0/16]}",
      "prod: {id: 1, prefixes: [10.0.0.0/15]}, test: {id: 2, prefixes: [10.0.0.0/8], gateway: 10.0.0.1}",
    );
    expect(plan(NODE, fabric)).toEqual([
      "~ network blue/prod: prefixes 10.0.0.0/16 → 10.0.0.0/15",
      "+ network blue/test: tags 00000402, prefixes 10.0.0.0/8, gateway 10.0.0.1",
      "+ home 1: prefix 2001:db8:a1:2::/64, hypervisor hv2",
    ]);
  });

  test("shows what VMs are told, and knows that it leaves their ports alone", () => {
    const fabric = FABRIC.replace(
      "[10.0.0.0/16]}",
      "[10.0.0.0/16], dhcp: {dns: [10.0.0.53, 10.0.0.54], domain: a.example, ntp: [10.0.0.1], mtu: 1400, leaseTime: 2h}}",
    );
    expect(plan(NODE, fabric)).toEqual([
      "~ network blue/prod: dns default → 10.0.0.53 10.0.0.54, domain default → a.example, ntp default → 10.0.0.1, dhcp mtu default → 1400, lease default → 2h",
    ]);
    expect(plan(NODE, FABRIC.replace("[10.0.0.0/16]}", "[10.0.0.0/16], dhcp: false}"))).toEqual([
      "~ network blue/prod: dhcp default → off",
    ]);
    const named = NODE.replace("tap: t1", "tap: t1, hostname: www, dhcp: false");
    expect(plan(named)).toEqual(["~ vm web1: hostname default → www, dhcp default → off"]);
    expect(plan(NODE.replace("tap: t1", "tap: t1, instanceId: i-1, userData: secret"))).toEqual([
      `~ vm web1: instance id default → i-1, user data default → 6 octets (${Bun.hash("secret").toString(16).padStart(16, "0")})`,
    ]);
    expect(plan(NODE, FABRIC.replace("[10.0.0.0/16]}", "[10.0.0.0/16], metadata: false}"))).toEqual([
      "~ network blue/prod: metadata default → off",
    ]);
    const vm = (node: string) => configuration(node).node.vms[0]!;
    expect(needsAnotherPort(vm(NODE), vm(named))).toBe(false);
    for (const [before, after] of [
      ["tap: t1", "tap: t2"],
      ["10.0.0.2", "10.0.0.3"],
      ["tap: t1", "tap: t1, offload: false"],
    ]) {
      expect(needsAnotherPort(vm(NODE), vm(named.replace(before!, after!)))).toBe(true);
    }
  });

  test("says which settings need a restart and why, and shows no key", () => {
    const fabric = FABRIC.replace("0e0f", "0e10").concat("mtu: 9000\n");
    expect(plan(`${NODE}forwarders: 2\nflowCache: false\n`, fabric)).toEqual([
      "~ forwarders: 1 → 2 (needs a restart: it is laid out when the router starts)",
      "~ flowCache: 262144 → off (needs a restart: it is laid out when the router starts)",
      "~ fabric key: (secret) → (another) (needs a restart: every address gets another home, on every node of the fabric)",
      "~ fabric mtu: not set → 9000 (needs a restart: it is laid out when the router starts)",
    ]);
  });
});
