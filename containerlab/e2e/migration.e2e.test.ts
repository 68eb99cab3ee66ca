/**
 * A QEMU machine with a TCP stream and 1000 datagrams a second is migrated live between two hypervisors, ten times. Its
 * figures are printed; perf/mobility.md says what they mean.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { Probe } from "#lab/probe/probe";
import { type Report, reportOn, type Trace } from "#lab/probe/report";
import { Stream, type StreamReport } from "#lab/probe/stream";
import type { Migration } from "#lab/qemu/migration";
import type { MoveReport } from "#router/mobility/views";
import { echoPlan, GUEST_ADDRESS, MovingGuest, STREAM_PORT } from "./mobility/moving-guest";
import { stateOf } from "./mobility/world";
import { TestLab } from "./test-lab";

setDefaultTimeout(150_000);
const lab = new TestLab("qm");
const guest = new MovingGuest(lab);
const MIGRATIONS = 10;
/** Milliseconds before a migration's start and after its end that its figures are taken from. */
const [BEFORE, AFTER] = [200, 800];

interface Outcome {
  readonly migration: Migration;
  /** The routers'. */
  readonly report: MoveReport;
  /** Of the datagrams sent meanwhile, and answered. */
  readonly echoes: Report;
}

let outcomes: Outcome[] = [];
let tcp: StreamReport;

beforeAll(() => guest.start());
afterAll(() => guest.end());

test("ten live migrations: the guest goes on each time, at the other hypervisor", async () => {
  const stream = await Stream.start({
    ...{ namespace: lab.namespace("p"), address: GUEST_ADDRESS, port: STREAM_PORT, rate: 100_000 },
  });
  const probe = await Probe.start(echoPlan(lab, 1000));
  const moves: Omit<Outcome, "echoes">[] = [];
  try {
    for (let i = 0; i < MIGRATIONS; i++) {
      await Bun.sleep(BEFORE + AFTER);
      moves.push(await (i % 2 === 0 ? guest.move("hv1", "hv2") : guest.move("hv2", "hv1")));
    }
    await Bun.sleep(AFTER);
    const [trace] = (await probe.stop()) as [Trace];
    tcp = await stream.stop();
    outcomes = moves.map((move) => {
      const window = { from: move.migration.stopped - BEFORE, until: move.migration.resumed + AFTER };
      return { ...move, echoes: reportOn(trace, window) };
    });
  } finally {
    await probe.kill();
    await stream.kill();
  }
  expect(await stateOf(lab, "hv1", "guest")).toBe("active");
  expect(outcomes).toHaveLength(MIGRATIONS);
  expect(outcomes.map(({ report }) => report.outcome)).toEqual(Array(MIGRATIONS).fill("done"));
});

test("the TCP stream survives each, octet by octet", () => {
  expect(tcp.ended).toBeUndefined();
  expect(tcp.intact).toBe(true);
  expect(tcp.echoed).toBe(tcp.sent);
});

test("datagrams come back after each, and none comes twice", () => {
  for (const [i, { migration, report, echoes }] of outcomes.entries()) {
    console.log(
      `${i + 1}: QEMU stood still ${ms(migration.pause)}, no packet reached it for ${ms(report.downtime.total)}; ` +
        `no answer for ${ms(echoes.longestGap)}; of ${echoes.sent} datagrams ${echoes.lost} lost, ${report.held} held`,
    );
    expect(echoes.lost).toBeLessThan(echoes.sent);
    expect(echoes.duplicated).toBe(0);
  }
  const beyond = outcomes.map(({ migration, report }) => Math.max(0, (report.downtime.total ?? 0) - migration.pause));
  const sorted = beyond.sort((one, other) => one - other);
  console.log(`beyond QEMU's pause: median ${ms(sorted[sorted.length >> 1])}, worst ${ms(sorted.at(-1))}`);
});

test("ain move does the same, with ain lab migrate as its hook that holds the guest as late as it can", async () => {
  const probe = await Probe.start(echoPlan(lab, 200));
  const { status, text } = await guest.moveByCommand("hv1", "hv2");
  await Bun.sleep(500);
  const [trace] = (await probe.stop()) as [Trace];
  expect(status).toBe(0);
  const report = JSON.parse(text) as MoveReport;
  expect(report).toMatchObject({ vm: "guest", source: "hv1", target: "hv2", outcome: "done" });
  expect(report.timeline.map(({ what }) => what)).toContain("held");
  expect([await stateOf(lab, "hv1", "guest"), await stateOf(lab, "hv2", "guest")]).toEqual(["away", "active"]);
  const { sent, lost } = reportOn(trace);
  expect(lost).toBeLessThan(sent / 2);
  expect(trace.numbers.at(-1)).toBeGreaterThan(sent - 20);
});

const ms = (value: number | null | undefined): string => (value == null ? "-" : `${value.toFixed(1)} ms`);
