import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestFleet } from "#cli/testing/fleet";

const VMS = [
  { name: "web", addresses: [{ address: "10.0.0.2" }] },
  { name: "db", addresses: [] },
];
const PORTS = [
  { name: "eth1", interface: "eth1" },
  { name: "web", interface: "tap0" },
];
const VIEWS = {
  vm: VMS,
  "show/ports": PORTS,
  "show/networks": [{ name: "blue/prod" }, { name: "red/prod" }],
  "show/ospf/database": { lsas: [{ advertisingRouter: "0.0.0.7" }] },
};

const fleet = new TestFleet("hv1");
const hv1 = fleet.add("hv1", VIEWS);
fleet.add("hv2", { ...VIEWS, vm: [{ name: "cache", addresses: [] }] });
fleet.addDead("sw");
afterAll(() => fleet.stop());
const shell = fleet.shell();

const texts = async (line: string): Promise<string[]> =>
  (await shell.complete(line)).candidates.map(({ text }) => text);
const expected = async (line: string): Promise<string[]> =>
  (await shell.complete(line)).expected.map(({ name }) => name);

test("commands, subcommands and choices are completed from the same tree that carries them out", async () => {
  expect(await texts("sho")).toEqual(["show"]);
  expect(await texts("show osp")).toEqual(["ospf"]);
  expect(await texts("show ospf n")).toEqual(["neighbors"]);
  expect(await texts("sho osp database ext")).toEqual(["external"]);
  expect(await texts("vm d")).toEqual(["detach"]);
  const all = await texts("");
  expect(all).toEqual(expect.arrayContaining(["@hv1", "@all", "show", "check", "lab", "use", "watch", "exit"]));
  expect(all).not.toContain("run");
});

test("live values come from the router that is meant", async () => {
  expect(await texts("show connections ")).toEqual(["db", "web"]);
  expect(await texts("@hv2 show connections ")).toEqual(["cache"]);
  expect(await texts("@hv1,hv2 show connections ")).toEqual(["cache", "db", "web"]);
  expect(await texts("show ports e")).toEqual(["eth1"]);
  expect(await texts("home --network b")).toEqual(["blue/prod"]);
  expect(await texts("show ospf database all ")).toEqual(["0.0.0.7"]);
});

test("answers are kept for some seconds, and a router that does not answer has no values", async () => {
  await texts("show connections ");
  const asked = hv1.asked.length;
  await texts("show connections w");
  expect(hv1.asked.length).toBe(asked);
  expect(await texts("@sw show connections ")).toEqual([]);
});

test("routers are completed behind @, after commas too, and where a router is an option's value", async () => {
  expect(await texts("@h")).toEqual(["@hv1", "@hv2"]);
  expect(await texts("@hv1,s")).toEqual(["@hv1,sw"]);
  expect(await texts("@a")).toEqual(["@all"]);
  expect(await texts("move web --from ")).toEqual(["hv1", "hv2", "sw"]);
  expect(await texts("use s")).toEqual(["sw"]);
});

test("behind watch and @ come commands as at the beginning", async () => {
  expect(await texts("watch 2 @hv1 sho")).toEqual(["show"]);
  expect(await texts("wat sho")).toEqual(["show"]);
  expect(await expected("watch ")).toContain("<seconds>");
});

test("options that are not given yet are completed behind a dash", async () => {
  expect(await texts("show ports --")).toEqual(["--router", "--json", "--help"]);
  expect(await texts("show ports --json --")).toEqual(["--router", "--help"]);
});

test("filters are completed behind a |", async () => {
  expect(await texts("show vms | ")).toEqual(["grep", "json", "count", "head", "tail", "no-more"]);
  expect(await texts("show vms | gr")).toEqual(["grep"]);
  expect(await texts("show vms | grep --inv")).toEqual(["--invert-match"]);
  expect(await expected("show vms | grep ")).toEqual(["<expression...>"]);
});

test("what nobody can list is named, and that nothing is missing", async () => {
  expect(await expected("show connections ")).toEqual(["[vm]", "<enter>"]);
  expect(await expected("vm show ")).toEqual(["<vm>"]);
  expect(await expected("verify --port ")).toEqual(["<port>"]);
  expect(await expected("show ")).toEqual([]);
});

test("a word that may mean several things is told", async () => {
  expect(shell.complete("s vms ")).rejects.toThrow('"s" may mean show, stop');
});

test("files are completed along their folders", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ain-files-"));
  try {
    mkdirSync(join(folder, "nodes"));
    writeFileSync(join(folder, "nodes", "my hv.yaml"), "");
    expect((await shell.complete(`check ${folder}/n`)).candidates).toEqual([
      { text: `${folder}/nodes/`, description: "", isWhole: false },
    ]);
    expect(await texts(`check ${folder}/nodes/`)).toEqual([`'${folder}/nodes/my hv.yaml'`]);
    expect(await texts(`check '${folder}/nodes/my`)).toEqual([`'${folder}/nodes/my hv.yaml'`]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
