/**
 * VMs move between hypervisors while they talk: nothing is lost, connections go on, packets take the direct way, and
 * another tenant's VMs of the same addresses notice nothing.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { locationOf } from "#lab/move";
import { Probe } from "#lab/probe/probe";
import { reportOn, type Trace } from "#lab/probe/report";
import { Stream, startEcho } from "#lab/probe/stream";
import type { MoveReport } from "#router/mobility/views";
import { inNamespace } from "#sys/namespace";
import { LinkCapture, type Sighting } from "./mobility/capture";
import { A, B, build, move, probeEnd, stateOf } from "./mobility/world";
import { TestLab } from "./test-lab";

setDefaultTimeout(60_000);
const lab = new TestLab("mv");
const AIN = fileURLToPath(new URL("../../bin/ain", import.meta.url));
/** The rest that a move is given before the next, milliseconds. */
const REST = 700;

beforeAll(async () => {
  await build(lab);
  // Neighbors in the fabric know one another from now on.
  await lab.until("red's two answer", () => lab.run("ra", `ping -c 1 -W 1 ${B}`).status === 0);
});
afterAll(() => lab.down());

/** Each once, in order. */
const numbersOf = (sightings: readonly Sighting[]): number[] =>
  [...new Set(sightings.map(({ number }) => number))].sort((one, other) => one - other);

/** `2001:db8:a1:<index>::1`, as hex. */
const hypervisorAddress = (index: number): string => `20010db800a1${`${index}`.padStart(4, "0")}0000000000000001`;

test("two VMs away from home talk by way of it until the direct way is known, and never after (paper §2.3)", async () => {
  await move(lab, "a", "hv2");
  await move(lab, "b", "hv3");
  expect(await stateOf(lab, "hv1", "a")).toBe("away");
  // The kernel shows a capture what comes in on the switch's links: what each hypervisor sends.
  const captures = await Promise.all(
    [1, 2, 3].map((i) => LinkCapture.start(lab.namespace("sw"), `eth${i}`, join(lab.folder, `${i}.pcap`))),
  );
  const probe = await Probe.start({
    ...{ rate: 500, size: 100, ends: ["a", "b"].map((vm) => probeEnd(lab, vm)) },
    flows: [
      { name: "a to b", from: 0, to: [1] },
      { name: "b to a", from: 1, to: [0] },
    ],
  });
  await Bun.sleep(2000);
  const traces = await probe.stop();
  const [home, hv2, hv3] = await Promise.all(captures.map((capture) => capture.stop()));
  for (const [flow, trace] of traces.entries()) {
    const { sent, lost, duplicated } = reportOn(trace);
    expect(sent).toBeGreaterThan(500);
    expect({ lost, duplicated }).toEqual({ lost: 0, duplicated: 0 });
    const own = (flow === 0 ? hv2! : hv3!).filter((seen) => seen.flow === flow);
    const [native, tunnelled] = [false, true].map((is) => own.filter((seen) => seen.tunnelled === is));
    console.log(`${trace.name}: ${native!.length} of ${sent} by way of home`);
    // The first ones, without a gap: once the direct way was known, none went home any more.
    const first = Array.from({ length: native!.length }, (_, i) => i);
    expect(numbersOf(native!)).toEqual(first);
    expect(native!.length).toBeLessThan(sent / 4);
    expect(tunnelled!.length).toBe(sent - native!.length);
    expect(new Set(tunnelled!.map(({ destination }) => destination))).toEqual(
      new Set([hypervisorAddress(flow === 0 ? 3 : 2)]),
    );
    // Home passed on these in a tunnel, and nothing else.
    const relayed = home!.filter((seen) => seen.flow === flow);
    expect(numbersOf(relayed)).toEqual(first);
    expect(relayed.every((seen) => seen.tunnelled)).toBe(true);
  }
});

test("ten moves at 1000 datagrams a second each way: none is lost in at least nine, and TCP goes on", async () => {
  const echo = await startEcho(lab.namespace("a"), 7009);
  const stream = await Stream.start({ namespace: lab.namespace("b"), address: A, port: 7009, rate: 200_000 });
  const probe = await Probe.start({
    ...{ rate: 1000, size: 100, ends: ["a", "b", "ra", "rb"].map((vm) => probeEnd(lab, vm)) },
    flows: [
      { name: "to the VM that moves", from: 1, to: [0] },
      { name: "from it", from: 0, to: [1] },
      { name: "red", from: 3, to: [2] },
    ],
  });
  try {
    await Bun.sleep(REST);
    const windows: { from: number; until: number; way: string }[] = [];
    for (let i = 0; i < 10; i++) {
      const [here, to] = [locationOf(lab.state, "a")!, `hv${((i + 2) % 3) + 1}`];
      const from = Date.now() - 100;
      await move(lab, "a", to);
      await Bun.sleep(REST);
      windows.push({ from, until: Date.now() - 100, way: `${here} → ${to}` });
    }
    const [inward, outward, red] = (await probe.stop()) as [Trace, Trace, Trace];
    const moves = windows.map(({ way, ...window }) => ({
      way,
      reports: [inward, outward].map((trace) => reportOn(trace, window)),
    }));
    for (const { way, reports } of moves) {
      const told = reports.map(({ sent, lost, duplicated, reordered, longestGap }) => {
        return `${sent} sent, ${lost} lost, ${duplicated} twice, ${reordered} late, gap ${longestGap?.toFixed(1)} ms`;
      });
      console.log(`${way}: to it ${told[0]}; from it ${told[1]}`);
    }
    const whole = moves.filter(({ reports }) => reports.every(({ lost }) => lost === 0));
    expect(whole.length).toBeGreaterThanOrEqual(9);
    expect(reportOn(red)).toMatchObject({ lost: 0, duplicated: 0, reordered: 0 });
    expect([inward, outward, red].map(({ strays }) => strays)).toEqual([0, 0, 0]);
    const { ended, intact, sent, echoed } = await stream.stop();
    expect({ ended, intact, echoed }).toEqual({ ended: undefined, intact: true, echoed: sent });
  } finally {
    for (const each of [probe, stream, echo]) await each.kill();
  }
});

test("ain move does it by command, the lab's part of it as its hook, and reports the flight", async () => {
  const from = locationOf(lab.state, "b")!;
  const to = from === "hv1" ? "hv2" : "hv1";
  const pings = inNamespace(lab.namespace("a"), () =>
    spawn("ping", ["-q", "-i", "0.02", "-w", "10", B], { stdio: "ignore" }),
  );
  const hook = `${AIN} lab move ${lab.name} b ${to}`;
  const words = ["move", "b", "--from", lab.socket(from), "--to", lab.socket(to), "--hook", hook, "--json"];
  const { status, stdout, stderr } = spawnSync(AIN, words, { encoding: "utf8", timeout: 20_000 });
  pings.kill();
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const report = JSON.parse(stdout) as MoveReport;
  expect(report).toMatchObject({ vm: "b", source: from, target: to, outcome: "done", lost: 0 });
  expect(report.held).toBeGreaterThan(0);
  const told = report.timeline.map(({ what }) => what);
  expect(told.indexOf("held")).toBeLessThan(told.indexOf("activated"));
  expect(told.indexOf("activated")).toBeLessThan(told.indexOf("released"));
  expect(locationOf(lab.state, "b")).toBe(to);
});

test("a hook that fails leaves the VM where it is, and it is reached there", async () => {
  const from = locationOf(lab.state, "b")!;
  const to = from === "hv1" ? "hv2" : "hv1";
  const words = ["move", "b", "--from", lab.socket(from), "--to", lab.socket(to), "--hook", "exit 3"];
  const { status, stderr } = spawnSync(AIN, words, { encoding: "utf8", timeout: 20_000 });
  expect(status).toBe(1);
  expect(stderr).toContain("the hook ended with status 3");
  expect([await stateOf(lab, from, "b"), await stateOf(lab, to, "b")]).not.toContain("held");
  expect(await stateOf(lab, from, "b")).toBe("active");
  expect(lab.run("a", `ping -c 2 -i 0.2 -W 1 ${B}`).status).toBe(0);
});
