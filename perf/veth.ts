/**
 * `npm run perf:veth`: 64-octet frames of established flows through one whole router, veth to veth: a VM's port in, full
 * pipeline, translation, the uplink out. One forwarder. The generator offers more than the router takes (frame-pump.ts);
 * what arrives is counted by the far interface's statistics, in the middle of the generator's run.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatIpv4, parseIpv4, parseMac } from "#base/address";
import { fromHex, put16, put32 } from "#base/bytes";
import { finish, sum } from "#base/checksum";
import { call } from "#cli/client";
import { labDown } from "#lab/down";
import { LabFiles } from "#lab/state";
import { loadTopology } from "#lab/topology";
import { labUp } from "#lab/up";
import { allocateNear } from "#policy/homes";
import type { Views } from "#router/views";
import { dropIncoming } from "#sys/bpf";
import { closeDescriptor } from "#sys/descriptor";
import { inNamespace } from "#sys/namespace";
import { Rtnetlink } from "#sys/rtnetlink";
import { FramePump, PUMP_FLOWS, takeInBatches } from "./frame-pump";

const AIN = join(import.meta.dir, "../bin/ain");
const KEY = "000102030405060708090a0b0c0d0e0f";
const LENGTH = 64; // octets of a frame
const SECONDS = 2;
/** Until the generator runs at full speed, seconds. */
const START = 1;
const ROUNDS = 5;
const VM_MAC = "02:00:00:00:00:0a";
const pool = { tags: (1 << 10) | 1, prefixes: [{ address: parseIpv4("10.0.0.0")!, length: 24 }] };

const addressAt = (home: number): Uint8Array =>
  allocateNear({ key: fromHex(KEY)!, homes: [0, 1] }, pool, {
    homes: new Set([home]),
    count: 1,
    isTaken: () => false,
  })[0]!;

/** The generator's process, in the VM's namespace: as fast as it can, until it is killed. */
function generate(): void {
  const netlink = new Rtnetlink();
  const { index } = netlink.requireLink("eth1");
  netlink.close();
  const pump = new FramePump(index, frame());
  for (;;) pump.send(2 ** 20);
}

/** Source port 0 and a payload led by 0xffff, as the pump wants it. */
function frame(): Uint8Array {
  const f = new Uint8Array(LENGTH);
  f.set(parseMac("02:41:49:4e:00:01")!, 0);
  f.set(parseMac(VM_MAC)!, 6);
  put16(f, 12, 0x0800);
  put32(f, 14, 0x4500_0032); // 50 octets
  put32(f, 18, 0x4000);
  put32(f, 22, (64 << 24) | (17 << 16));
  f.set(addressAt(0), 26);
  f.set(addressAt(1), 30);
  put16(f, 24, finish(sum(f, 14, 20)));
  put16(f, 36, 9);
  put16(f, 38, 30);
  put16(f, 42, 0xffff);
  put16(f, 40, finish(sum(f, 34, 30, sum(f, 26, 8) + 17 + 30)));
  return f;
}

interface Sample {
  /** ms. */
  readonly at: number;
  readonly offered: number;
  readonly arrived: number;
  /** Processor time of the forwarder. */
  readonly nanos: number;
}

interface Figures {
  /** Frames a second that the kernel handed to the router's interface. */
  readonly offered: number;
  /** Frames a second out of the uplink's far end. */
  readonly arrived: number;
  /** The part of the time that the forwarder had a processor. */
  readonly running: number;
  /** Processor time of the forwarder's thread a frame, ns, the far end's reception included. */
  readonly cost: number;
}

class Bench {
  private readonly name = `perfveth${process.pid}`;
  private readonly folder = mkdtempSync(join(tmpdir(), "ain-perf-"));
  private readonly files = new LabFiles(this.name);

  async up(): Promise<void> {
    const write = (file: string, text: string): void => writeFileSync(join(this.folder, file), text, { mode: 0o600 });
    write(
      "fabric.yaml",
      `name: perf\nkey: ${KEY}\nprefixes: ["2001:db8:a1::/48"]\nhomes: ["2001:db8:a1:1::/64", "2001:db8:a1:2::/64"]\n` +
        "tenants: { blue: { id: 1, networks: { prod: { id: 1, prefixes: [10.0.0.0/24], gateway: 10.0.0.254 } } } }\n",
    );
    write(
      "hv.yaml",
      `name: hv\nfabric: fabric.yaml\nrole: hypervisor\nprefix: "2001:db8:a1:1::/64"\nuplinks: [{ interface: eth1 }]\n` +
        `routes: [{ to: "::/0", via: [{ uplink: eth1, nextHop: "2001:db8:a1:ff::1" }] }]\n` +
        `vms: [{ name: vm, network: blue/prod, address: ${formatIpv4(addressAt(0))}, mac: "${VM_MAC}", interface: vm }]\n`,
    );
    write(
      "lab.clab.yml",
      `name: ${this.name}
topology:
  nodes:
    vm: { kind: linux }
    hv: { kind: linux, labels: { ain-role: router, ain-config: hv.yaml } }
    sink: { kind: linux, exec: ["ip -6 addr add 2001:db8:a1:ff::1/64 dev eth1 nodad", "ip link set eth1 up", "ip -6 route add blackhole 2001:db8:a1:2::/64"] }
  links:
    - { endpoints: ["vm:eth1", "hv:vm"], mtu: 1500 }
    - { endpoints: ["hv:eth1", "sink:eth1"], mtu: 1500 }
`,
    );
    const result = loadTopology(join(this.folder, "lab.clab.yml"), {});
    if (!result.ok) throw new Error(JSON.stringify(result.errors));
    await labUp(result.topology, { files: this.files, ain: AIN, patience: 20_000, say: () => {} });
    takeInBatches(`${this.name}-hv`, "vm");
    await Bun.sleep(3000); // duplicate address detection, then the neighbour
  }

  async down(): Promise<void> {
    await labDown(this.files);
    rmSync(this.folder, { recursive: true, force: true });
  }

  async round(): Promise<Figures> {
    // What arrives is thrown away first thing, so that the sink's IPv6 costs the router's processor nothing.
    const drop = this.dropAtSink();
    const child = inNamespace(`${this.name}-vm`, () =>
      spawn(join(import.meta.dir, "../bin/bun"), [import.meta.path, "--generate"], { stdio: "inherit" }),
    );
    await Bun.sleep(START * 1000);
    const before = await this.sample();
    await Bun.sleep(SECONDS * 1000);
    const after = await this.sample();
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("close", resolve));
    closeDescriptor(drop);
    const seconds = (after.at - before.at) / 1000;
    return {
      offered: (after.offered - before.offered) / seconds,
      arrived: (after.arrived - before.arrived) / seconds,
      running: (after.nanos - before.nanos) / 1e9 / seconds,
      cost: (after.nanos - before.nanos) / (after.arrived - before.arrived),
    };
  }

  private async sample(): Promise<Sample> {
    const { pid } = (await call(this.files.socket("hv"), "GET", "show/status")) as Views["status"];
    const [offered, arrived] = [this.received("hv", "vm"), this.received("sink", "eth1")];
    return { at: performance.now(), offered, arrived, nanos: forwarderTime(pid) };
  }

  private dropAtSink(): number {
    const netlink = new Rtnetlink(`${this.name}-sink`);
    const { index } = netlink.requireLink("eth1");
    netlink.close();
    return inNamespace(`${this.name}-sink`, () => dropIncoming(index, "eth1"));
  }

  private received(node: string, name: string): number {
    return inNamespace(`${this.name}-${node}`, () => {
      const line = readFileSync("/proc/thread-self/net/dev", "utf8")
        .split("\n")
        .find((l) => l.includes(`${name}:`));
      return Number(line!.split(":")[1]!.trim().split(/\s+/)[1]);
    });
  }
}

/** Processor time of the router's forwarder so far, ns. */
function forwarderTime(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`).map((task) => `/proc/${pid}/task/${task}`);
  const worker = tasks.find((task) => readFileSync(`${task}/comm`, "utf8") === "Worker\n");
  return Number(readFileSync(`${worker}/schedstat`, "utf8").split(" ")[0]);
}

async function main(): Promise<void> {
  const bench = new Bench();
  const rounds: Figures[] = [];
  try {
    await bench.up();
    await bench.round(); // until the compiler has seen it
    for (let round = 1; round <= ROUNDS; round++) {
      const figures = await bench.round();
      rounds.push(figures);
      process.stdout.write(`round ${round}: offered ${rate(figures.offered)}, ${describe(figures)}\n`);
    }
  } finally {
    await bench.down();
  }
  const of = (key: keyof Figures): number => median(rounds.map((round) => round[key]));
  const medians = { offered: of("offered"), arrived: of("arrived"), running: of("running"), cost: of("cost") };
  process.stdout.write(
    `\n${PUMP_FLOWS} flows, ${LENGTH} octets, VM port → uplink, one forwarder; medians: ${describe(medians)}\n`,
  );
}

const median = (values: readonly number[]): number => values.toSorted((x, y) => x - y)[values.length >> 1]!;
const rate = (perSecond: number): string => `${(perSecond / 1e6).toFixed(2)} M/s`;
const describe = ({ arrived, running, cost }: Figures): string =>
  `arrived ${rate(arrived)}, forwarder running ${(100 * running).toFixed(0)} %, ${cost.toFixed(0)} ns a packet`;

if (process.argv[2] === "--generate") generate();
else await main();
