/** The topology pod-fabric as it is published, its switches played by FRR and by AIN. Runs beside others. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { untilSettled } from "#cli/demo/settled";
import { Speakers } from "#cli/demo/speakers";
import { labDown } from "#lab/down";
import type { Topology } from "#lab/model";
import { LabFiles } from "#lab/state";
import { loadTopology } from "#lab/topology";
import { labUp } from "#lab/up";
import { inNamespace, listNamespaces } from "#sys/namespace";

setDefaultTimeout(90_000);
const FILE = fileURLToPath(new URL("../pod-fabric/pod-fabric.clab.yml", import.meta.url));
const AIN = fileURLToPath(new URL("../../bin/ain", import.meta.url));

/** Under a name of its own: a lab of this topology that somebody has up stays as it is. */
function topologyFor(player: string): Topology {
  const result = loadTopology(FILE, { AIN_SWITCH: player });
  if (!result.ok) throw new Error(JSON.stringify(result.errors, null, 1));
  const name = `pod${player}${process.pid}`;
  const nodes = result.topology.nodes.map((node) => ({ ...node, namespace: `${name}-${node.name}` }));
  return { ...result.topology, name, nodes };
}

for (const player of ["frr", "ain"]) {
  const topology = topologyFor(player);
  const files = new LabFiles(topology.name);
  const speakers = new Speakers(topology, files);

  const routesOf = (name: string) => speakers.routes(speakers.all().find((one) => one.name === name)!);
  const waysTo = async (name: string, prefix: string): Promise<readonly string[]> =>
    (await routesOf(name)).find((route) => route.prefix === prefix)?.ways ?? [];
  const ping = (from: string, to: string): boolean =>
    inNamespace(`${topology.name}-${from}`, () => spawnSync("ping", ["-c", "1", "-W", "1", to])).status === 0;

  async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + 40_000;
    while (!(await holds())) {
      if (Date.now() > end) throw new Error(`not within 40 s: ${what}`);
      await Bun.sleep(100);
    }
  }

  describe(`pod-fabric with ${player} as its switches`, () => {
    beforeAll(() => labUp(topology, { files, ain: AIN, patience: 30_000, say: () => {} }));
    afterAll(async () => {
      await labDown(files);
      expect(listNamespaces().filter((one) => one.startsWith(`${topology.name}-`))).toEqual([]);
    });

    test("all 48 neighbors become Full, and all routers come to rest", async () => {
      await until("all Full", async () => {
        const neighbors = await Promise.all(speakers.all().map((one) => speakers.neighbors(one)));
        return neighbors.flat().filter(({ state }) => state === "Full").length === 48;
      });
      await untilSettled(speakers);
    });

    test("a hypervisor uses both uplinks, and knows of the other PoD by the default route alone (paper §2.2)", async () => {
      for (const prefix of ["::/0", "2001:db8:a1:2::/64"]) {
        await until(`two ways to ${prefix}`, async () => (await waysTo("hv11", prefix)).length === 2);
      }
      expect((await routesOf("hv11")).filter(({ prefix }) => prefix.startsWith("2001:db8:a2"))).toEqual([]);
    });

    test("the backbone knows a PoD by one prefix (RFC 2328 §12.4.3)", async () => {
      // FRR takes one border router at a time.
      const ways = player === "frr" ? 1 : 2;
      for (const prefix of ["2001:db8:a1::/48", "2001:db8:a2::/48"]) {
        await until(`the way to ${prefix}`, async () => (await waysTo("core1", prefix)).length === ways);
      }
      // Before its areas are what they shall be, a border router of FRR's tells the backbone of stub areas' default too.
      await until("and by no other", async () => {
        const prefixes = (await routesOf("core1")).map(({ prefix }) => prefix).filter((one) => !one.includes(":a0:"));
        return Bun.deepEquals(prefixes.sort(), ["2001:db8:a1::/48", "2001:db8:a2::/48"]);
      });
    });

    test("VMs reach those of their tenant in both PoDs", async () => {
      for (const from of ["blue11", "red11", "blue22", "red22"]) {
        for (const to of ["10.0.0.3", "10.0.0.5", "10.0.0.7", "10.0.0.10"]) {
          await until(`${from} reaches ${to}`, async () => ping(from, to));
        }
      }
    });
  });
}
