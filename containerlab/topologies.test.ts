/** The published topologies, as containerlab's own JSON Schema and as `ain lab` read them. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv } from "ajv";
import { Glob } from "bun";
import { parse } from "yaml";
import { loadTopology } from "#lab/topology";
import { loadNode } from "#router/config/node";
import { awayAddresses } from "#router/config/vm-homes";
import { scaleFiles } from "./scale/generate";

const ROOT = join(import.meta.dir, "..");
const TOPOLOGIES = [...new Glob("containerlab/*/*.clab.yml").scanSync(ROOT)].sort();
/** containerlab/setup.sh puts it there; it is containerlab's file, and not part of this repository. */
const SCHEMA = process.env.AIN_CLAB_SCHEMA ?? join(ROOT, ".cache/clab.schema.json");

const read = (file: string) => parse(readFileSync(join(ROOT, file), "utf8"));

test("there are four", () => {
  const names = TOPOLOGIES.map((file) => file.split("/")[1]);
  expect(names).toEqual(["mobility", "pod-fabric", "quickstart", "scale"]);
});

if (existsSync(SCHEMA)) {
  const validate = new Ajv({ strict: false }).compile(JSON.parse(readFileSync(SCHEMA, "utf8")));
  test.each(TOPOLOGIES)("%s satisfies containerlab's schema", (file) => {
    validate(read(file));
    expect(validate.errors ?? []).toEqual([]);
  });
  test("which refuses a key that no node has", () => {
    const document = read(TOPOLOGIES[0]!);
    document.topology.nodes.more = { kind: "linux", colour: "red" };
    expect(validate(document)).toBe(false);
  });
} else {
  console.warn(
    `\n>>> NOT CHECKED against containerlab's schema: there is no ${SCHEMA} (containerlab/setup.sh fetches it)\n`,
  );
}

describe.each(TOPOLOGIES)("%s", (file) => {
  const result = loadTopology(join(ROOT, file), { AIN_SWITCH: "ain" });

  test("is a lab without errors, whose files are there", () => {
    expect(result).toMatchObject({ ok: true });
    expect(existsSync(join(ROOT, file, "../README.md"))).toBe(true);
  });

  test("says the same to containerlab as its labels say to `ain lab`", () => {
    if (!result.ok) throw new Error("it is none");
    const { nodes, groups } = read(file).topology;
    const routers = result.topology.nodes.flatMap(({ role }) => (role.kind === "router" ? [role.config] : []));
    const vms = routers.flatMap(
      (config): { name: string; address: string }[] => parse(readFileSync(config, "utf8")).vms ?? [],
    );
    expect(vms.length).toBeGreaterThan(3);
    for (const { name, address } of vms) {
      const { labels, exec } = nodes[name] as { labels: Record<string, string>; exec: string[] };
      expect({ name, address: labels["ain-address"] }).toEqual({ name, address: `${address}/32` });
      expect(exec[0]).toMatch(new RegExp(`^(ip addr add|vm-wire) ${address}/32 `));
      const gateway = groups.vm.labels["ain-gateway"];
      expect([...(groups.vm.exec ?? []), ...exec].join("\n")).toContain(`ip route add default via ${gateway} dev eth`);
      if ("ain-mac" in labels) expect(exec[0]).toContain(` ${labels["ain-mac"]} `);
    }
    for (const { name, role } of result.topology.nodes) {
      if (role.kind !== "router") continue;
      const { binds } = groups[nodes[name].group] as { binds: string[] };
      const sources = binds.map((bind) => bind.split(":")[0]!.replace("__clabNodeName__", name));
      for (const source of sources) expect(existsSync(join(ROOT, file, "..", source))).toBe(true);
      expect(sources.map((source) => join(ROOT, file, "..", source))).toContain(role.config);
    }
  });

  test("gives containers no more than they need: not privileged, few capabilities, no management network", () => {
    const { defaults, groups } = read(file).topology;
    expect(defaults).toMatchObject({ privileged: false, "network-mode": "none" });
    for (const [name, group] of Object.entries(groups as Record<string, { "cap-add": string[] }>)) {
      const few = name === "vm" ? ["NET_ADMIN"] : ["NET_ADMIN", "SYS_ADMIN", "SYS_NICE"];
      expect({ name, "cap-add": group["cap-add"] }).toEqual({ name, "cap-add": few });
    }
  });
});

test("scale is what its generator writes, and the generator takes whole racks only", () => {
  const folder = join(ROOT, "containerlab/scale");
  for (const [name, text] of Object.entries(scaleFiles(64))) {
    expect({ name, text: readFileSync(join(folder, name), "utf8") }).toEqual({ name, text });
  }
  for (const count of [0, 7, 12, 264]) expect(() => scaleFiles(count)).toThrow(RangeError);
});

test("the largest fabric's files make a lab, too, whose addresses are at home where their VMs are", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ain-scale-"));
  try {
    for (const [name, text] of Object.entries(scaleFiles(256))) await Bun.write(join(folder, name), text);
    const result = loadTopology(join(folder, "scale.clab.yml"), {});
    if (!result.ok) throw new Error(JSON.stringify(result.errors));
    expect(result.topology.nodes.filter(({ role }) => role.kind === "vm").length).toBe(512);
    for (const name of ["spine4", "leaf32b", "hv1", "hv256"]) {
      const node = loadNode(join(folder, `nodes/${name}.yaml`));
      expect(node).toMatchObject({ ok: true });
      if (node.ok) expect(awayAddresses(node.node, node.fabric)).toEqual([]);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
