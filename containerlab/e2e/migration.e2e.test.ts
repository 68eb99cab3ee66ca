/**
 * A QEMU machine with a TCP stream and 1000 datagrams a second is migrated live between two hypervisors, ten times. Its
 * figures are printed: QEMU's own pause, and how much longer nothing came back (perf/mobility.md).
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Probe } from "#lab/probe/probe";
import { type Report, reportOn, type Trace } from "#lab/probe/report";
import { Stream, type StreamReport } from "#lab/probe/stream";
import { ECHO_PORT, echoProgram } from "#lab/qemu/echo-program";
import { initramfsOf } from "#lab/qemu/initramfs";
import { Machine } from "#lab/qemu/machine";
import { type Migration, migrate } from "#lab/qemu/migration";
import type { VmDetailView } from "#router/vms/views";
import { api, stateOf } from "./mobility/world";
import { addressesAt, BLUE, fabricYaml, hypervisorYaml, switchYaml, TestLab } from "./test-lab";

setDefaultTimeout(150_000);
const lab = new TestLab("qm");
const [G] = addressesAt(3, 0, BLUE, 1) as [string];
const [P] = addressesAt(3, 2, BLUE, 1) as [string];
const [Q] = addressesAt(3, 1, BLUE, 1) as [string];
const MAC = "02:00:00:00:00:47";
const MIGRATIONS = 10;
/** Milliseconds before a migration's start and after its end that its figures are taken from. */
const [BEFORE, AFTER] = [200, 800];

const machines: Machine[] = [];
let outcomes: { readonly migration: Migration; readonly report: Report }[] = [];
let tcp: StreamReport;

function start(hypervisor: string, incoming: boolean): Machine {
  const machine = new Machine({
    ...{ namespace: lab.namespace(hypervisor), tap: "guest", mac: MAC, incoming },
    ...{ initramfs: join(lab.folder, "initramfs"), monitor: join(lab.folder, `monitor${machines.length}`) },
  });
  machines.push(machine);
  return machine;
}

/** From one hypervisor to the other, as an orchestrator does it: what is sent to the guest is held before it stands still. */
async function moveGuest(from: string, to: string): Promise<Migration> {
  const source = machines.at(-1)!;
  const target = start(to, true);
  const { definition } = await api<VmDetailView>(lab, from, "GET", "vm/guest");
  await api(lab, to, "POST", "vm/prepare", definition);
  const beforeStop = async (): Promise<void> => {
    await api(lab, from, "POST", "vm/guest/hold");
  };
  const channel = join(lab.folder, "channel");
  const migration = await migrate(await source.qmp(), await target.qmp(), { channel, beforeStop });
  await lab.until(`the guest is active at ${to}`, async () => (await stateOf(lab, to, "guest")) === "active");
  await lab.until(`the guest has left ${from}`, async () => (await stateOf(lab, from, "guest")) !== "held");
  await source.end();
  return migration;
}

beforeAll(async () => {
  lab.write("fabric.yaml", fabricYaml(3));
  lab.write("sw.yaml", switchYaml(3));
  const guest = `{ name: guest, network: blue/prod, address: ${G}, mac: "${MAC}", interface: guest }`;
  const vms = [
    [guest],
    [`{ name: q, network: blue/prod, address: ${Q}, interface: q }`],
    [`{ name: p, network: blue/prod, address: ${P}, interface: p }`],
  ];
  for (const [i, mine] of vms.entries()) lab.write(`hv${i + 1}.yaml`, hypervisorYaml({ index: i + 1, vms: mine }));
  const routers = ["sw", "hv1", "hv2", "hv3"];
  await lab.up(`  nodes:
${routers.map((name) => `    ${name}: { kind: linux, labels: { ain-role: router, ain-config: ${name}.yaml } }`).join("\n")}
    p: { kind: linux, labels: { ain-role: vm, ain-address: ${P}/32, ain-gateway: 10.0.0.1 } }
    q: { kind: linux, labels: { ain-role: vm, ain-address: ${Q}/32, ain-gateway: 10.0.0.1 } }
  links:
${[1, 2, 3].map((i) => `    - { endpoints: ["sw:eth${i}", "hv${i}:eth1"], mtu: 1600 }`).join("\n")}
    - { endpoints: ["hv3:p", "p:eth1"], mtu: 1500 }
    - { endpoints: ["hv2:q", "q:eth1"], mtu: 1500 }
`);
  for (const hypervisor of ["hv1", "hv2"]) {
    expect(lab.run(hypervisor, "ip tuntap add guest mode tap vnet_hdr").status).toBe(0);
  }
  const script = `ip link set eth0 up
ip address add ${G}/32 dev eth0
ip route add default via 10.0.0.1 dev eth0 onlink
udp-echo &
nc -ll -p 7008 -e cat &
echo GUEST READY
wait`;
  writeFileSync(join(lab.folder, "initramfs"), initramfsOf({ script, programs: { "bin/udp-echo": echoProgram() } }));
  const machine = start("hv1", false);
  await lab.until("the guest has booted", () => machine.output.includes("GUEST READY"), 60);
  // So neighbors in the fabric know one another, too.
  for (const address of [G, Q]) {
    await lab.until(`${address} answers`, () => lab.run("p", `ping -c 1 -W 1 ${address}`).status === 0);
  }
});
afterAll(async () => {
  for (const machine of machines) await machine.end();
  await lab.down();
});

test("ten live migrations: the guest goes on each time, at the other hypervisor", async () => {
  const stream = await Stream.start({ namespace: lab.namespace("p"), address: G, port: 7008, rate: 100_000 });
  const probe = await Probe.start({
    ...{ rate: 1000, size: 100, ends: [{ namespace: lab.namespace("p"), address: P, port: ECHO_PORT }] },
    flows: [{ name: "there and back", from: 0, to: [0], echo: G }],
  });
  const migrations: Migration[] = [];
  try {
    for (let i = 0; i < MIGRATIONS; i++) {
      await Bun.sleep(BEFORE + AFTER);
      migrations.push(await (i % 2 === 0 ? moveGuest("hv1", "hv2") : moveGuest("hv2", "hv1")));
    }
    await Bun.sleep(AFTER);
    const [trace] = (await probe.stop()) as [Trace];
    tcp = await stream.stop();
    outcomes = migrations.map((migration) => {
      const window = { from: migration.stopped - BEFORE, until: migration.resumed + AFTER };
      return { migration, report: reportOn(trace, window) };
    });
  } finally {
    await probe.kill();
    await stream.kill();
  }
  expect(await stateOf(lab, "hv1", "guest")).toBe("active");
  expect(outcomes).toHaveLength(MIGRATIONS);
});

test("the TCP stream survives each, octet by octet", () => {
  expect(tcp.ended).toBeUndefined();
  expect(tcp.intact).toBe(true);
  expect(tcp.echoed).toBe(tcp.sent);
});

test("datagrams come back after each, few are lost, none comes twice", () => {
  const beyond: number[] = [];
  for (const [i, { migration, report }] of outcomes.entries()) {
    const extra = Math.max(0, (report.longestGap ?? 0) - migration.pause);
    beyond.push(extra);
    console.log(
      `${i + 1}: QEMU stood still ${migration.pause.toFixed(1)} ms, nothing came back for ${report.longestGap?.toFixed(1)} ms, ` +
        `${extra.toFixed(1)} ms beyond; of ${report.sent} datagrams ${report.lost} lost, ${report.duplicated} twice`,
    );
    expect(report.lost).toBeLessThan(report.sent / 2);
    expect(report.duplicated).toBe(0);
  }
  const sorted = beyond.toSorted((one, other) => one - other);
  console.log(
    `beyond QEMU's pause: median ${sorted[sorted.length >> 1]!.toFixed(1)} ms, worst ${sorted.at(-1)!.toFixed(1)} ms`,
  );
});
