/** A machine moves between two QEMUs on one bridge, without any router. Needs root. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Probe } from "#lab/probe/probe";
import { reportOn } from "#lab/probe/report";
import { Stream } from "#lab/probe/stream";
import { ECHO_PORT, echoProgram } from "#lab/qemu/echo-program";
import { initramfsOf } from "#lab/qemu/initramfs";
import { Machine, type MachineSettings } from "#lab/qemu/machine";
import { migrate } from "#lab/qemu/migration";
import { createNamespace, deleteNamespace, inNamespace } from "#sys/namespace";

setDefaultTimeout(90_000);
const NAME = `qemu${process.pid}`;
const folder = mkdtempSync(join(tmpdir(), "ain-qemu-"));
const machines: Machine[] = [];

function start(index: number, more: Partial<MachineSettings> = {}): Machine {
  const machine = new Machine({
    ...{ namespace: NAME, tap: `t${index}`, mac: "02:00:00:00:00:02", initramfs: join(folder, "initramfs") },
    ...{ monitor: join(folder, `monitor${machines.length}`), ...more },
  });
  machines.push(machine);
  return machine;
}

beforeAll(() => {
  createNamespace(NAME);
  const ip = (words: string) => inNamespace(NAME, () => Bun.spawnSync(["ip", ...words.split(" ")]));
  ip("link add bridge0 type bridge");
  ip("address add 192.0.2.1/24 dev bridge0");
  for (const name of ["t0", "t1"]) ip(`tuntap add ${name} mode tap vnet_hdr`);
  for (const name of ["t0", "t1"]) ip(`link set ${name} master bridge0 up`);
  ip("link set bridge0 up");
  const script = `ip link set eth0 up
ip address add 192.0.2.2/24 dev eth0
udp-echo &
nc -ll -p 7008 -e cat &
echo GUEST READY
wait`;
  writeFileSync(join(folder, "initramfs"), initramfsOf({ script, programs: { "bin/udp-echo": echoProgram() } }));
});
afterAll(async () => {
  for (const machine of machines) await machine.end();
  deleteNamespace(NAME);
  rmSync(folder, { recursive: true, force: true });
});

/** Waits until the machine has printed a line. */
async function said(machine: Machine, text: string): Promise<void> {
  for (let i = 0; i < 600 && !machine.output.includes(text); i++) await Bun.sleep(100);
  expect(machine.output).toContain(text);
}

test("a machine goes on at another QEMU with all its connections, and QEMU says when it stopped and went on", async () => {
  let source = start(0);
  await said(source, "GUEST READY");
  const ends = [{ namespace: NAME, address: "192.0.2.1", port: ECHO_PORT }];
  const probe = await Probe.start({
    ...{ rate: 1000, size: 64, ends, flows: [{ name: "echo", from: 0, to: [0], echo: "192.0.2.2" }] },
  });
  const stream = await Stream.start({ namespace: NAME, address: "192.0.2.2", port: 7008, rate: 100_000 });
  for (let i = 1; i <= 3; i++) {
    const target = start(i % 2, { incoming: true });
    let calls = 0;
    const beforeStop = async (): Promise<void> => {
      calls++;
    };
    const { began, stopped, resumed, pause } = await migrate(await source.qmp(), await target.qmp(), {
      ...{ channel: join(folder, "channel"), beforeStop },
    });
    expect(calls).toBe(1);
    expect([began < stopped, stopped < resumed, pause > 0]).toEqual([true, true, true]);
    await source.end();
    await Bun.sleep(500);
    source = target;
  }
  const { sent, lost, duplicated } = reportOn((await probe.stop())[0]!);
  expect(sent).toBeGreaterThan(1000);
  expect(lost).toBeLessThan(sent / 4);
  expect(duplicated).toBe(0);
  const { ended, intact, echoed, sent: octets } = await stream.stop();
  expect({ ended, intact, echoed }).toEqual({ ended: undefined, intact: true, echoed: octets });
});

test("a target that cannot take the machine is an error, and the machine goes on where it is", async () => {
  const source = machines.at(-1)!;
  const target = start(0, { incoming: true, memory: 128 });
  const attempt = migrate(await source.qmp(), await target.qmp(), { channel: join(folder, "channel") });
  await expect(attempt).rejects.toThrow(/the migration failed: /);
  const { running } = await (await source.qmp()).execute<{ running: boolean }>("query-status");
  expect(running).toBe(true);
  const { status } = inNamespace(NAME, () => spawnSync("ping", ["-c", "1", "-W", "2", "192.0.2.2"]));
  expect(status).toBe(0);
});

test("when what is to be done before the machine stops fails, it stays, or has gone already: one of the two runs it", async () => {
  const source = machines.at(-2)!;
  const target = start(0, { incoming: true });
  const beforeStop = () => Promise.reject(new Error("nobody holds its packets"));
  const attempt = migrate(await source.qmp(), await target.qmp(), { channel: join(folder, "channel"), beforeStop });
  const outcome = await attempt.then(
    () => "gone",
    (error: Error) => error.message,
  );
  expect(["gone", "nobody holds its packets"]).toContain(outcome);
  const qmp = await (outcome === "gone" ? target : source).qmp();
  expect(await qmp.execute<{ running: boolean }>("query-status")).toMatchObject({ running: true });
});

test("what QEMU refuses, and a QEMU that is gone, are errors that say so", async () => {
  const source = machines.at(-3)!;
  const qmp = await source.qmp();
  await expect(qmp.execute("no-such-command")).rejects.toThrow(/QEMU refuses no-such-command: .*no-such-command/);
  await source.end();
  await expect(qmp.execute("query-status")).rejects.toThrow("QEMU ended before query-status");
});
