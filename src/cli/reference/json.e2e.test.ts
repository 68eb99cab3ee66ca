/** Every command with `--json`, in a lab whose VMs move, against the published schema. Needs root. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { program, runIn } from "#cli/program";
import type { Schema } from "#cli/reference/type-schema";
import { leaves } from "#cli/shell/tree";
import { within } from "#cli/surroundings";
import { capture } from "#cli/testing/fleet";
import { labDown } from "#lab/down";
import { LabFiles } from "#lab/state";
import { loadTopology } from "#lab/topology";
import { labUp } from "#lab/up";
import { LSA_KINDS } from "#router/ospf/lsa-view";
import { OSPF_VIEWS } from "#router/ospf/views";
import { VIEWS } from "#router/views";

setDefaultTimeout(90_000);

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const AIN = join(ROOT, "bin/ain");
const NAME = `js${process.pid}`;
const ROUTERS = ["sw", "hv1", "hv2", "hv3"];
const files = new LabFiles(NAME);
const folder = mkdtempSync(join(tmpdir(), "ain-json-"));
const RECORDING = join(folder, "hv1.jsonl");

interface Published {
  readonly properties: Readonly<Record<string, Schema>>;
  readonly $defs: Readonly<Record<string, Schema>>;
}
const published = strict(JSON.parse(readFileSync(join(ROOT, "schema/json.schema.json"), "utf8"))) as Published;
const checked = new Set<string>();

/** With fields that no schema tells of refused, which the published one allows for the future's sake. */
function strict(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strict);
  if (typeof value !== "object" || value === null) return value;
  const inside = Object.fromEntries(Object.entries(value).map(([key, part]) => [key, strict(part)]));
  const isClosed = inside.type === "object" && "properties" in inside && !("additionalProperties" in inside);
  return isClosed ? { ...inside, additionalProperties: false } : inside;
}

/** Runs a command, whose output is to satisfy the schema of that name. @returns what it printed. */
async function satisfies(name: string, ...words: string[]): Promise<unknown> {
  const { output, out, err } = capture();
  const status = await within(output, () => runIn(program(), [...name.split(" "), ...words, "--json"]));
  expect({ name, words, status, err: err() }).toEqual({ name, words, status: 0, err: "" });
  check(name, JSON.parse(out()));
  return JSON.parse(out());
}

function check(name: string, value: unknown): void {
  const schema = published.properties[name];
  if (schema === undefined) throw new Error(`the schema has nothing of "${name}"`);
  const { $defs } = published;
  const result = z.fromJSONSchema({ ...schema, $defs } as Parameters<typeof z.fromJSONSchema>[0]).safeParse(value);
  expect({ name, issues: result.error?.issues ?? [] }).toEqual({ name, issues: [] });
  checked.add(name);
}

const at = (router: string): string[] => ["--router", files.socket(router)];

beforeAll(async () => {
  cpSync(join(ROOT, "containerlab/mobility"), folder, { recursive: true });
  const edit = (file: string, change: (text: string) => string): void => {
    const path = join(folder, file);
    writeFileSync(path, change(readFileSync(path, "utf8")));
  };
  edit("mobility.clab.yml", (text) => text.replace(/^name: .*/m, `name: ${NAME}`));
  edit("hv1.yaml", (text) => text.replace(/^ospf:.*(?:\n {2}.*)*/m, (ospf) => withRecord(ospf)));
  const result = loadTopology(join(folder, "mobility.clab.yml"), {});
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  await labUp(result.topology, { files, ain: AIN, patience: 20_000, say: () => {} });
});

/** The section, in either of YAML's styles, with a recording. */
const withRecord = (ospf: string): string =>
  /^ospf: *\{/.test(ospf)
    ? ospf.replace("{", `{record: ${RECORDING}, `)
    : `ospf:\n  record: ${RECORDING}${ospf.slice("ospf:".length)}`;

afterAll(async () => {
  await labDown(files);
  rmSync(folder, { recursive: true, force: true });
});

test("VMs move, are held, go and come: ain move, ain vm", async () => {
  const { output } = capture();
  const ping = ["lab", "exec", NAME, "blue2", "--", "ping", "-c1", "-W1", "10.0.0.2"];
  const late = AbortSignal.timeout(30_000); // until the routers have found one another
  while (!late.aborted && (await within(output, () => runIn(program(), ping))) !== 0);
  const hook = `${AIN} lab move ${NAME} blue1 hv2`;
  await satisfies("move", "blue1", "--from", files.socket("hv1"), "--to", files.socket("hv2"), "--hook", hook);
  await satisfies("why", "blue2", "blue1", "--lab", NAME);
  await satisfies("why", "blue2", "blue1", "udp", "--lab", NAME, "--live");
  const traced = satisfies("trace", "--lab", NAME, "--count", "1");
  await within(output, () => runIn(program(), ["why", "blue1", "blue2", "--lab", NAME, "--live"]));
  await traced;
  await satisfies("vm hold", "blue1", ...at("hv2"));
  await satisfies("vm resume", "blue1", ...at("hv2"));
  await satisfies("vm show", "blue1", ...at("hv2"));
  const definition = join(folder, "new.json");
  const vm = { name: "new", network: "blue/prod", address: "10.0.0.9", tap: "new", userData: "#cloud-config" };
  writeFileSync(definition, JSON.stringify(vm));
  await satisfies("vm prepare", definition, ...at("hv3"));
  await satisfies("vm activate", "new", ...at("hv3"));
  await within(output, () => runIn(program(), ["vm", "detach", "new", ...at("hv3")]));
  await satisfies("vm attach", definition, ...at("hv3"));
  for (const router of ROUTERS) await satisfies("vm list", ...at(router));
});

test("every view of every router", async () => {
  for (const router of ROUTERS) {
    for (const view of VIEWS) await satisfies(`show ${view}`, ...at(router));
    for (const view of OSPF_VIEWS) await satisfies(`show ospf ${view}`, ...at(router));
    await satisfies("show bfd", ...at(router));
    const lsas = await within(capture().output, () => lsasOf(router));
    check("show ospf database KIND", lsas);
  }
  check("show flights VM", await satisfiesAny("show flights", "blue1", ...at("hv1")));
});

async function lsasOf(router: string): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const kind of LSA_KINDS) {
    found.push(...((await satisfiesAny("show ospf database", kind, ...at(router))) as unknown[]));
  }
  expect(found.length).toBeGreaterThan(3);
  return found;
}

/** The output of a command whose schema has another name. */
async function satisfiesAny(command: string, ...words: string[]): Promise<unknown> {
  const { output, out } = capture();
  expect(await within(output, () => runIn(program(), [...command.split(" "), ...words, "--json"]))).toBe(0);
  return JSON.parse(out());
}

test("what is computed of files: check, home, alloc, verify; labs; recordings", async () => {
  const fabric = ["--fabric", join(folder, "fabric.yaml")];
  await satisfies("check", ...["fabric.yaml", "hv1.yaml", "hv2.yaml"].map((file) => join(folder, file)));
  await satisfies("home", "10.0.0.2", "10.0.0.3", "--network", "blue/prod", ...fabric);
  await satisfies("alloc", "--network", "blue/prod", "--near", "hv2", "--count", "3", ...fabric);
  await satisfies("verify", ...fabric);
  await satisfies("verify", ...fabric, "--from", "blue/prod", "--to", "blue/prod");
  await satisfies("lab list");
  await satisfies("lab status", NAME);
  await satisfies("lab check", NAME);
  await satisfies("lab iperf", NAME, "--seconds", "1");
  await satisfies("ospf replay", RECORDING);
});

test("nothing that the schema promises was left out, and nothing prints JSON that it does not tell of", () => {
  expect(Object.keys(published.properties).filter((name) => !checked.has(name))).toEqual([]);
  const withJson = leaves(program()).filter(({ command }) => command.options.some(({ long }) => long === "--json"));
  const told = [...checked].map((name) => name.split(" "));
  const untold = withJson.filter(({ path }) => !told.some((words) => path.every((word, i) => word === words[i])));
  expect(untold.map(({ path }) => path.join(" "))).toEqual(["vm detach"]); // it has nothing to say
});
