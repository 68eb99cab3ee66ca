/**
 * `npm run perf:veth`: 64-octet frames of established flows through one whole router, veth to veth: a VM's port in, full
 * pipeline, translation, the uplink out. One forwarder. What arrives is counted by the far interface's statistics.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
import { Arena } from "#sys/memory";
import { inNamespace } from "#sys/namespace";
import { Rtnetlink } from "#sys/rtnetlink";
import { openXdpTransmit, XdpTransmit } from "#sys/xdp-transmit";

const AIN = join(import.meta.dir, "../bin/ain");
const KEY = "000102030405060708090a0b0c0d0e0f";
const FLOWS = 256;
const SLOT = 64; // octets of a frame
const SECONDS = 2;
const ROUNDS = 5;
const VM_MAC = "02:00:00:00:00:0a";
const pool = { tags: (1 << 10) | 1, prefixes: [{ address: parseIpv4("10.0.0.0")!, length: 24 }] };

const addressAt = (home: number): Uint8Array =>
  allocateNear({ key: fromHex(KEY)!, homes: [0, 1] }, pool, {
    homes: new Set([home]),
    count: 1,
    isTaken: () => false,
  })[0]!;

/** The generator's process, in the VM's namespace: as fast as it can, for `seconds`. By AF_XDP, the cheapest way out. */
function generate(seconds: number): void {
  const arena = Arena.map(64 << 20);
  const netlink = new Rtnetlink();
  const { index } = netlink.requireLink("eth1");
  netlink.close();
  const port = new XdpTransmit(arena, openXdpTransmit(arena, index, "eth1"));
  const start = arena.allocate(FLOWS * SLOT);
  for (let i = 0; i < FLOWS; i++) writeFrame(arena.bytes.subarray(start + i * SLOT, start + (i + 1) * SLOT), 1024 + i);
  const end = performance.now() + seconds * 1000;
  let sent = 0;
  while (performance.now() < end) {
    for (let i = 0; i < FLOWS; i++) port.add(start + i * SLOT, start + i * SLOT + SLOT, -1, 0);
    port.flush();
    sent += FLOWS;
  }
  process.stdout.write(`${sent - port.refused}\n`);
}

function writeFrame(f: Uint8Array, port: number): void {
  f.set(parseMac("02:41:49:4e:00:01")!, 0);
  f.set(parseMac(VM_MAC)!, 6);
  put16(f, 12, 0x0800);
  put32(f, 14, 0x4500_0032); // 50 octets
  put32(f, 18, 0x4000);
  put32(f, 22, (64 << 24) | (17 << 16));
  f.set(addressAt(0), 26);
  f.set(addressAt(1), 30);
  put16(f, 24, finish(sum(f, 14, 20)));
  put16(f, 34, port);
  put16(f, 36, 9);
  put16(f, 38, 30);
  put16(f, 40, finish(sum(f, 34, 30, sum(f, 26, 8) + 17 + 30)));
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
    await Bun.sleep(3000); // duplicate address detection, then the neighbour
  }

  async down(): Promise<void> {
    await labDown(this.files);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Packets a second: offered, arrived; and the share of the time the forwarder was awake. */
  async round(): Promise<{ offered: number; arrived: number; busy: number }> {
    // What arrives is thrown away first thing, so that the sink's IPv6 costs the router's processor nothing.
    const drop = this.dropAtSink();
    const [received, before] = [this.received(), await this.status()];
    const started = performance.now();
    const child = inNamespace(`${this.name}-vm`, () =>
      spawn(join(import.meta.dir, "../bin/bun"), [import.meta.path, "--generate", `${SECONDS}`], {
        stdio: ["ignore", "pipe", "inherit"],
      }),
    );
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += String(chunk);
    });
    await new Promise((resolve) => child.once("close", resolve));
    await Bun.sleep(100);
    const after = await this.status();
    const elapsed = performance.now() - started;
    closeDescriptor(drop);
    return {
      offered: Number(text) / SECONDS,
      arrived: (this.received() - received) / SECONDS,
      busy: (after.forwarders[0]!.busy - before.forwarders[0]!.busy) / elapsed,
    };
  }

  private dropAtSink(): number {
    const netlink = new Rtnetlink(`${this.name}-sink`);
    const { index } = netlink.requireLink("eth1");
    netlink.close();
    return inNamespace(`${this.name}-sink`, () => dropIncoming(index, "eth1"));
  }

  private received(): number {
    return inNamespace(`${this.name}-sink`, () => {
      const line = readFileSync("/proc/thread-self/net/dev", "utf8")
        .split("\n")
        .find((l) => l.includes("eth1:"));
      return Number(line!.split(":")[1]!.trim().split(/\s+/)[1]);
    });
  }

  private async status(): Promise<Views["status"]> {
    return (await call(this.files.socket("hv"), "GET", "show/status")) as Views["status"];
  }
}

async function main(): Promise<void> {
  const bench = new Bench();
  const rates: number[] = [];
  try {
    await bench.up();
    await bench.round(); // until the compiler has seen it
    for (let round = 1; round <= ROUNDS; round++) {
      const { offered, arrived, busy } = await bench.round();
      rates.push(arrived);
      const show = (rate: number): string => `${(rate / 1e6).toFixed(2)} M/s`;
      process.stdout.write(
        `round ${round}: offered ${show(offered)}, arrived ${show(arrived)}, forwarder awake ${(100 * busy).toFixed(0)} %\n`,
      );
    }
  } finally {
    await bench.down();
  }
  const median = rates.sort((x, y) => x - y)[rates.length >> 1]!;
  process.stdout.write(
    `\n${FLOWS} flows, 64 octets, VM port → uplink, one forwarder: median ${(median / 1e6).toFixed(2)} M packets/s\n`,
  );
}

if (process.argv[2] === "--generate") generate(Number(process.argv[3]));
else await main();
