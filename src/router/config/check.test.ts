import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseIpv4 } from "#base/address";
import { homeOf } from "#policy/homes";
import { checkFiles } from "#router/config/check";
import { formatConfigError } from "#runtime/document/config-error";

const FABRIC = `name: demo
key: 000102030405060708090a0b0c0d0e0f
prefixes: [2001:db8:a1::/48]
homes: [2001:db8:a1:1::/64, 2001:db8:a1:2::/64]
`;
const BLUE = `${FABRIC.replace("2001:db8:a1:2::/64]", "{prefix: 2001:db8:a1:2::/64, hypervisor: hv2}]")}tenants:
  blue: {id: 1, networks: {prod: {id: 1, prefixes: [10.0.0.0/16]}}}
`;
const hypervisor = (name: string, home: number, fabric = "fabric.yaml"): string =>
  `name: ${name}\nfabric: ${fabric}\nrole: hypervisor\nprefix: 2001:db8:a1:${home}::/64\n`;
const SWITCH = "name: sw\nfabric: fabric.yaml\nrole: switch\naddress: 2001:db8:a1:ff::1\n";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "ain-check-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Writes the files and checks them, in this order; answers with paths as the operator typed them. */
function check(files: Record<string, string>): { summaries: (string | undefined)[]; errors: string[] } {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text, { mode: 0o600 });
  const results = checkFiles(Object.keys(files).map((name) => join(directory, name)));
  return {
    summaries: results.map(({ summary }) => summary),
    errors: results
      .flatMap(({ errors }) => errors.map(formatConfigError))
      .map((e) => e.replaceAll(`${directory}/`, "")),
  };
}

describe("checkFiles", () => {
  test("tells fabrics and nodes apart by their keys and sums them up", () => {
    expect(check({ "fabric.yaml": FABRIC, "hv1.yaml": hypervisor("hv1", 1), "sw.yaml": SWITCH })).toEqual({
      summaries: [
        "fabric demo, 2 homes, 0 networks",
        "hypervisor hv1 in fabric demo, 0 uplinks, 0 routes, 0 VMs",
        "switch sw in fabric demo, 0 uplinks, 0 routes",
      ],
      errors: [],
    });
  });

  test("says what makes a file one of the two", () => {
    expect(check({ "other.yaml": "name: x\n", "none.yaml": "" }).errors).toEqual([
      "other.yaml:1:1: found neither, expected a fabric (key, homes, tenants …) or a node (fabric, role, uplinks, vms …)",
      "none.yaml:1:1: found neither, expected a fabric (key, homes, tenants …) or a node (fabric, role, uplinks, vms …)",
    ]);
  });

  test("finds what two nodes of one fabric cannot both have", () => {
    const files = { "fabric.yaml": FABRIC, "hv1.yaml": hypervisor("hv1", 1), "sw.yaml": SWITCH };
    expect(check({ ...files, "hv2.yaml": hypervisor("hv1", 1), "sw2.yaml": SWITCH }).errors).toEqual([
      "hv2.yaml:1:7: name: found the name hv1, as in hv1.yaml, expected a name that no other node has",
      "hv2.yaml:4:9: prefix: found the home prefix 2001:db8:a1:1::/64, as in hv1.yaml, expected a home that no other node owns",
      "sw2.yaml:1:7: name: found the name sw, as in sw.yaml, expected a name that no other node has",
      "sw2.yaml:4:10: address: found the address 2001:db8:a1:ff::1, as in sw.yaml, expected an address that no other node has",
    ]);
  });

  test("refuses an address of a network on two nodes, at whichever home", () => {
    const vm = "vms: [{name: web, network: blue/prod, address: 10.0.0.2, tap: t}]\n";
    const files = { "fabric.yaml": BLUE, "hv1.yaml": hypervisor("hv1", 1) + vm, "hv2.yaml": hypervisor("hv2", 2) + vm };
    expect(check(files).errors).toEqual([
      "hv2.yaml:5:48: vms[0].address: found the address 10.0.0.2 in blue/prod, as in hv1.yaml, expected an address that no VM of another node has",
    ]);
  });

  test("tells which VMs' addresses are at home elsewhere, where, and what would be at home here", () => {
    const vms = `vms:
  - {name: web1, network: blue/prod, address: 10.0.0.2, tap: a}
  - {name: web2, network: blue/prod, address: 10.0.1.2, ipv6: 2001:db8:a1:2:0:401::2, tap: b}
`;
    check({ "fabric.yaml": BLUE, "hv1.yaml": hypervisor("hv1", 1) + vms });
    const [{ errors, away = [] } = {}] = checkFiles([join(directory, "hv1.yaml")]);
    expect(errors).toEqual([]);
    const home = { vm: "web2", network: "blue/prod", home: "2001:db8:a1:2::/64", hypervisor: "hv2" };
    expect(away).toMatchObject([
      { ...home, address: "10.0.1.2" },
      { ...home, address: "2001:db8:a1:2:0:401:0:2", near: [] },
    ]);
    const { near } = away[0]!;
    expect(near).toHaveLength(3);
    expect(near).not.toContain("10.0.0.2");
    const plan = { key: Uint8Array.from({ length: 16 }, (_, i) => i), homes: { length: 2 } };
    expect(near.map((address) => homeOf(plan, 0x401, parseIpv4(address)!))).toEqual([0, 0, 0]);
  });

  test("lets nodes of different fabrics, and one file given twice, be", () => {
    check({ "fabric.yaml": FABRIC, "other.yaml": FABRIC });
    const nodes = { "hv1.yaml": hypervisor("hv1", 1), "hv2.yaml": hypervisor("hv1", 1, "other.yaml") };
    expect(check(nodes).errors).toEqual([]);
    const twice = join(directory, "hv1.yaml");
    expect(checkFiles([twice, twice]).flatMap(({ errors }) => errors)).toEqual([]);
  });
});
