/** A VM that moves between two gateways with one address and MAC, as hypervisors have them. Needs root. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { labDown } from "#lab/down";
import { labMove, locationOf } from "#lab/move";
import { Probe } from "#lab/probe/probe";
import { reportOn } from "#lab/probe/report";
import { LabFiles } from "#lab/state";
import { labStatus } from "#lab/status";
import { loadTopology } from "#lab/topology";
import { labUp } from "#lab/up";
import { inNamespace, listNamespaces } from "#sys/namespace";
import { Rtnetlink } from "#sys/rtnetlink";

const NAME = `wire${process.pid}`;
const folder = mkdtempSync(join(tmpdir(), "ain-wire-"));
const files = new LabFiles(NAME);
const GATEWAY = "02:00:00:00:00:01";
const VM = "02:00:00:00:00:02";

const TOPOLOGY = `name: ${NAME}
topology:
  defaults: {kind: linux}
  groups:
    gateways: {exec: [ip address add 192.0.2.1/24 dev eth1, ip neigh add 192.0.2.2 lladdr ${VM} dev eth1]}
  nodes:
    a: {group: gateways}
    b: {group: gateways}
    vm: {labels: {ain-role: vm, ain-address: 192.0.2.2/24, ain-moves: "true", ain-mac: "${VM}"}}
  links:
    - {type: veth, endpoints: [{node: a, interface: eth1, mac: "${GATEWAY}"}, {node: vm, interface: eth1}], mtu: 1500}
    - {type: veth, endpoints: [{node: vm, interface: eth2}, {node: b, interface: eth1, mac: "${GATEWAY}"}], mtu: 1500}
`;

const up = async (file = "t.clab.yml", into = files): Promise<void> => {
  const result = loadTopology(join(folder, file), {});
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  await labUp(result.topology, { files: into, ain: "/bin/false", patience: 5000, say: () => {} });
};
const namespace = (node: string): string => `${NAME}-${node}`;
const state = () => files.read()!;
const move = (to: string): void => labMove(state(), "vm", to);

function linkOf(node: string, name: string) {
  const netlink = new Rtnetlink(namespace(node));
  try {
    return netlink.requireLink(name);
  } finally {
    netlink.close();
  }
}

beforeAll(async () => {
  writeFileSync(join(folder, "t.clab.yml"), TOPOLOGY);
  await up();
});
afterAll(async () => {
  await labDown(files);
  rmSync(folder, { recursive: true, force: true });
});

test("a VM that moves begins at its first link, with one interface whose MTU is its links'", async () => {
  const vm = (await labStatus(files, state())).nodes.find(({ name }) => name === "vm")!;
  expect(vm).toMatchObject({ state: "up", location: "a", address: "192.0.2.2/24" });
  expect(linkOf("vm", "eth0")).toMatchObject({ mtu: 1500, running: true });
  expect(Buffer.from(linkOf("vm", "eth0").mac).toString("hex")).toBe(VM.replaceAll(":", ""));
});

test("what a VM sends while it moves to and fro comes at one of the ends, none is lost and none comes twice", async () => {
  const ends = [
    { namespace: namespace("vm"), address: "192.0.2.2", port: 7007 },
    ...["a", "b"].map((node) => ({ namespace: namespace(node), address: "192.0.2.1", port: 7007 })),
  ];
  const probe = await Probe.start({ rate: 5000, size: 64, ends, flows: [{ name: "out", from: 0, to: [1, 2] }] });
  for (let i = 0; i < 100; i++) {
    await Bun.sleep(10);
    move(i % 2 === 0 ? "b" : "a");
  }
  const report = reportOn((await probe.stop())[0]!);
  expect(report.sent).toBeGreaterThan(1000);
  expect(report).toMatchObject({ lost: 0, duplicated: 0 });
  expect(locationOf(state(), "vm")).toBe("a");
});

test("only the end that it is at reaches the VM; all carriers stay", async () => {
  const ends = ["vm", "a", "b"].map((node) => {
    return { namespace: namespace(node), address: node === "vm" ? "192.0.2.2" : "192.0.2.1", port: 7008 };
  });
  const flows = [1, 2].map((from) => ({ name: `${from}`, from, to: [0] }));
  move("b");
  const probe = await Probe.start({ rate: 500, size: 64, ends, flows });
  await Bun.sleep(200);
  const [fromA, fromB] = (await probe.stop()).map((trace) => reportOn(trace));
  expect(fromA!.sent).toBeGreaterThan(20);
  expect(fromA!.lost).toBe(fromA!.sent);
  expect(fromB!.lost).toBe(0);
  const running = [linkOf("a", "eth1"), linkOf("b", "eth1"), linkOf("vm", "eth0")].map((link) => link.running);
  expect(running).toEqual([true, true, true]);
});

test("it announces itself where it has come to, as QEMU does (RFC 903)", async () => {
  move("b");
  const capture = inNamespace(namespace("a"), () =>
    spawn("tcpdump", ["-n", "-l", "-e", "-c", "1", "-i", "eth1", "rarp"], { stdio: ["ignore", "pipe", "pipe"] }),
  );
  await new Promise((resolve) => capture.stderr.once("data", resolve));
  const line = new Promise((resolve) => capture.stdout.once("data", (text) => resolve(String(text))));
  move("a");
  expect(await line).toMatch(new RegExp(`${VM} > ff:ff:ff:ff:ff:ff.*Reverse Request who-is ${VM} tell ${VM}`));
});

test("a lab that is brought up again leaves it where it is, and repairs its wire", async () => {
  move("b");
  await up();
  expect(locationOf(state(), "vm")).toBe("b");
  inNamespace(namespace("vm"), () => Bun.spawnSync(["ip", "link", "delete", "wire"]));
  expect(locationOf(state(), "vm")).toBeUndefined();
  await up();
  expect(locationOf(state(), "vm")).toBe("a");
  expect(() => move("c")).toThrow("vm has no link to c (it has links to a, b)");
  expect(() => labMove(state(), "a", "b")).toThrow("a does not move: it has no label ain-moves");
});

test("in a lab of the same make beside it, it is another VM", async () => {
  const beside = new LabFiles(`${NAME}o`);
  writeFileSync(join(folder, "o.clab.yml"), TOPOLOGY.replace(`name: ${NAME}`, `name: ${NAME}o`));
  try {
    await up("o.clab.yml", beside);
    move("b");
    labMove(beside.read()!, "vm", "b");
    move("a");
    expect([locationOf(state(), "vm"), locationOf(beside.read()!, "vm")]).toEqual(["a", "b"]);
    const heard = inNamespace(namespace("vm"), () => Bun.spawnSync(["ping", "-c", "2", "-i", "0.1", "192.0.2.1"]));
    expect(heard.exitCode).toBe(0);
  } finally {
    await labDown(beside);
  }
  expect(locationOf(state(), "vm")).toBe("a");
});

test("nothing of it is left when the lab is down", async () => {
  await labDown(files);
  expect(listNamespaces().filter((name) => name.startsWith(NAME))).toEqual([]);
  const here = new Rtnetlink();
  const left = here.links().filter(({ name }) => ["wire", "wire0"].includes(name));
  here.close();
  expect(left).toEqual([]);
});
