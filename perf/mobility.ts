/**
 * `npm run perf:mobility`: how long is a VM out of reach when it moves, and what is lost? A VM of a lab that does not stand
 * still, a QEMU machine that is migrated live, and the same machine on a plain bridge, which says what is QEMU's share.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { locationOf } from "#lab/move";
import { Probe } from "#lab/probe/probe";
import { type Report, reportOn, type Trace, type Window } from "#lab/probe/report";
import { ECHO_PORT } from "#lab/qemu/echo-program";
import { Machine } from "#lab/qemu/machine";
import { type Migration, migrate } from "#lab/qemu/migration";
import { createNamespace, deleteNamespace, inNamespace } from "#sys/namespace";
import { echoPlan, MovingGuest, writeGuest } from "../containerlab/e2e/mobility/moving-guest";
import { build, move, probeEnd } from "../containerlab/e2e/mobility/world";
import { TestLab } from "../containerlab/e2e/test-lab";

const { values } = parseArgs({
  options: { moves: { type: "string", default: "20" }, rate: { type: "string", default: "1000" } },
});
const [MOVES, RATE] = [Number(values.moves), Number(values.rate)];
/** Milliseconds of quiet before a move and after it. */
const [BEFORE, AFTER] = [300, 900];

/** One move's figures; milliseconds and datagrams. */
interface Figures {
  /** QEMU's own pause, or 0. */
  readonly pause: number;
  /** Without a packet to the VM, as the routers say; undefined where there are none. */
  readonly reach: number | undefined;
  /** Without an arrival at either end. */
  readonly silence: number;
  readonly lost: number;
  readonly late: number;
}

const figuresOf = (reports: readonly Report[], pause: number, reach?: number): Figures => ({
  ...{ pause, reach },
  silence: Math.max(...reports.map(({ longestGap }) => longestGap ?? 0)),
  lost: reports.reduce((sum, { lost }) => sum + lost, 0),
  late: reports.reduce((sum, { reordered }) => sum + reordered, 0),
});

/** A VM in a namespace, 1000 datagrams a second each way between it and another. */
async function namespaceMoves(): Promise<Figures[]> {
  const lab = new TestLab("pm");
  try {
    await build(lab);
    await move(lab, "b", "hv3");
    const ends = ["a", "b"].map((vm) => probeEnd(lab, vm));
    const flows = [0, 1].map((from) => ({ name: `${from}`, from, to: [1 - from] }));
    const probe = await Probe.start({ rate: RATE, size: 100, ends, flows });
    const windows: Window[] = [];
    for (let i = 0; i < MOVES; i++) {
      await Bun.sleep(BEFORE);
      const from = Date.now() - 100;
      const hypervisors = ["hv1", "hv2", "hv3"];
      await move(lab, "a", hypervisors[(hypervisors.indexOf(locationOf(lab.state, "a")!) + 1) % 3]!);
      await Bun.sleep(AFTER);
      windows.push({ from, until: Date.now() - 100 });
    }
    const traces = await probe.stop();
    return windows.map((window) =>
      figuresOf(
        traces.map((trace) => reportOn(trace, window)),
        0,
      ),
    );
  } finally {
    await lab.down();
  }
}

const windowOf = ({ stopped, resumed }: Migration): Window => ({ from: stopped - BEFORE, until: resumed + AFTER });

async function migrations(): Promise<Figures[]> {
  const lab = new TestLab("pq");
  const guest = new MovingGuest(lab);
  try {
    await guest.start();
    const probe = await Probe.start(echoPlan(lab, RATE));
    const moves: Awaited<ReturnType<MovingGuest["move"]>>[] = [];
    for (let i = 0; i < MOVES; i++) {
      await Bun.sleep(BEFORE + AFTER);
      moves.push(await (i % 2 === 0 ? guest.move("hv1", "hv2") : guest.move("hv2", "hv1")));
    }
    await Bun.sleep(AFTER);
    const [trace] = (await probe.stop()) as [Trace];
    return moves.map(({ migration, report }) =>
      figuresOf([reportOn(trace, windowOf(migration))], migration.pause, report.downtime.total ?? undefined),
    );
  } finally {
    await guest.end();
  }
}

/** Two TAPs on a bridge, which is 10.0.0.1. */
function makeBridge(namespace: string): void {
  const ip = (words: string) => inNamespace(namespace, () => Bun.spawnSync(["ip", ...words.split(" ")]));
  ip("link add bridge0 type bridge");
  ip("address add 10.0.0.1/24 dev bridge0");
  for (const name of ["t0", "t1"]) {
    ip(`tuntap add ${name} mode tap vnet_hdr`);
    ip(`link set ${name} master bridge0 up`);
  }
  ip("link set bridge0 up");
}

/** The same machine between two TAPs of one bridge, which learns from QEMU's announcement where it is. */
async function bridged(): Promise<Figures[]> {
  const namespace = `pb${process.pid}`;
  const folder = mkdtempSync(join(tmpdir(), "ain-pb-"));
  const machines: Machine[] = [];
  const start = (index: number, incoming: boolean): Machine => {
    const machine = new Machine({
      ...{ namespace, tap: `t${index % 2}`, mac: "02:00:00:00:00:47", initramfs: join(folder, "initramfs"), incoming },
      monitor: join(folder, `monitor${index}`),
    });
    machines.push(machine);
    return machine;
  };
  createNamespace(namespace);
  try {
    makeBridge(namespace);
    writeGuest(join(folder, "initramfs"), "10.0.0.2");
    let source = start(0, false);
    while (!source.output.includes("GUEST READY")) await Bun.sleep(100);
    const ends = [{ namespace, address: "10.0.0.1", port: ECHO_PORT }];
    const flows = [{ name: "echo", from: 0, to: [0], echo: "10.0.0.2" }];
    const probe = await Probe.start({ rate: RATE, size: 100, ends, flows });
    const moves: Migration[] = [];
    for (let i = 1; i <= MOVES; i++) {
      await Bun.sleep(BEFORE + AFTER);
      const target = start(i, true);
      moves.push(await migrate(await source.qmp(), await target.qmp(), { channel: join(folder, "channel") }));
      await source.end();
      source = target;
    }
    await Bun.sleep(AFTER);
    const [trace] = (await probe.stop()) as [Trace];
    return moves.map((migration) => figuresOf([reportOn(trace, windowOf(migration))], migration.pause));
  } finally {
    for (const machine of machines) await machine.end();
    deleteNamespace(namespace);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Median and worst of what is there. */
function spread(values: readonly (number | undefined)[]): string {
  const there = values.filter((value) => value !== undefined).sort((a, b) => a - b);
  if (there.length === 0) return "–";
  return `${there[there.length >> 1]!.toFixed(1)} / ${there.at(-1)!.toFixed(1)}`;
}

function row(name: string, figures: readonly Figures[]): string {
  const beyond = figures.map(({ reach, pause }) => (reach === undefined ? undefined : Math.max(0, reach - pause)));
  const whole = figures.filter(({ lost }) => lost === 0).length;
  const cells = [
    ...[name, `${figures.length}`, spread(figures.map(({ pause }) => pause))],
    ...[spread(figures.map(({ reach }) => reach)), spread(beyond), spread(figures.map(({ silence }) => silence))],
    ...[`${whole}`, spread(figures.map(({ lost }) => lost)), spread(figures.map(({ late }) => late))],
  ];
  return `| ${cells.join(" | ")} |`;
}

console.log(`${MOVES} moves each, ${RATE} datagrams a second; milliseconds and datagrams, median / worst`);
console.log("| | moves | QEMU's pause | not reached | beyond the pause | silence | whole | lost | overtaken |");
console.log("|---|---|---|---|---|---|---|---|---|");
console.log(row("namespace VM, AIN", await namespaceMoves()));
console.log(row("QEMU, AIN", await migrations()));
console.log(row("QEMU, one bridge", await bridged()));
