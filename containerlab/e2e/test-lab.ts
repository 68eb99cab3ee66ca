/** A lab for one end-to-end test: its files in a folder of its own, its namespaces named after it, all gone at the end. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatIpv4, parseIpv4 } from "#base/address";
import { fromHex } from "#base/bytes";
import { call } from "#cli/client";
import { OFFLOAD_SIZE } from "#fastpath/ports/offload";
import { labDown } from "#lab/down";
import { LabFiles, type LabState } from "#lab/state";
import { loadTopology } from "#lab/topology";
import { labUp } from "#lab/up";
import { allocateNear } from "#policy/homes";
import type { CounterView, ViewName, Views } from "#router/views";
import { closeDescriptor } from "#sys/descriptor";
import { libc } from "#sys/libc";
import { pinned, unpin } from "#sys/memory";
import { inNamespace } from "#sys/namespace";
import { openPacketSocket } from "#sys/packet-socket";
import { Rtnetlink } from "#sys/rtnetlink";

const AIN = fileURLToPath(new URL("../../bin/ain", import.meta.url));
export const KEY = "000102030405060708090a0b0c0d0e0f";

export interface Ran {
  readonly status: number | null;
  /** Standard output, then standard error. */
  readonly text: string;
}

export class TestLab {
  readonly name: string;
  readonly folder: string;
  private readonly files: LabFiles;

  /** `purpose`: a few letters that make the lab's name tell whose it is. */
  constructor(purpose: string) {
    this.name = `${purpose}${process.pid}`;
    this.folder = mkdtempSync(join(tmpdir(), `ain-${purpose}-`));
    this.files = new LabFiles(this.name);
  }

  write(file: string, content: string | Uint8Array): void {
    writeFileSync(join(this.folder, file), content, { mode: 0o600 });
  }

  /** Builds what `topology` (the YAML below `topology:`) says; again: what it says now. */
  async up(topology: string): Promise<void> {
    this.write("lab.clab.yml", `name: ${this.name}\ntopology:\n${topology}`);
    const result = loadTopology(join(this.folder, "lab.clab.yml"), {});
    if (!result.ok) throw new Error(JSON.stringify(result.errors, null, 1));
    await labUp(result.topology, { files: this.files, ain: AIN, patience: 20_000, say: () => {} });
  }

  async down(): Promise<void> {
    await labDown(this.files);
    rmSync(this.folder, { recursive: true, force: true });
  }

  namespace(node: string): string {
    return `${this.name}-${node}`;
  }

  /** Runs a program in a node to its end. */
  run(node: string, words: string, seconds = 20): Ran {
    const [program, ...rest] = words.split(" ");
    const done = inNamespace(this.namespace(node), () =>
      spawnSync(program!, rest, { encoding: "utf8", timeout: seconds * 1000 }),
    );
    return { status: done.status, text: `${done.stdout ?? ""}${done.stderr ?? ""}${done.error?.message ?? ""}` };
  }

  /** Sends frames out of a node's `eth1`, as they are. */
  send(node: string, frames: readonly Uint8Array[]): void {
    const netlink = new Rtnetlink(this.namespace(node));
    const { index } = netlink.requireLink("eth1");
    netlink.close();
    const buffer = 1 << 20;
    const settings = { index, about: "eth1", receiveBuffer: buffer, sendBuffer: buffer };
    const fd = inNamespace(this.namespace(node), () => openPacketSocket(settings));
    const memory = pinned(4096);
    for (const frame of frames) {
      memory.bytes.set(frame, OFFLOAD_SIZE); // behind an empty virtio_net_hdr
      libc.write(fd, memory.address, OFFLOAD_SIZE + frame.length);
    }
    closeDescriptor(fd);
    unpin(memory);
  }

  log(node: string): string {
    return readFileSync(this.files.log(node), "utf8");
  }

  /** As `ain lab` has it; the lab is up. */
  get state(): LabState {
    return this.files.read()!;
  }

  socket(node: string): string {
    return this.files.socket(node);
  }

  async show<What extends ViewName>(node: string, what: What): Promise<Views[What]> {
    return (await call(this.socket(node), "GET", `show/${what}`)) as Views[What];
  }

  /** How many frames of a port ended in a way; 0 when none did. */
  async counted(node: string, port: string, ending: string): Promise<number> {
    const counters = (await this.show(node, "counters")) as readonly CounterView[];
    return counters.find((c) => c.port === port && c.ending === ending)?.frames ?? 0;
  }

  /** Waits until `true`; fails with `what` after so many seconds. */
  async until(what: string, holds: () => boolean | Promise<boolean>, seconds = 10): Promise<void> {
    const end = Date.now() + seconds * 1000;
    while (!(await holds())) {
      if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
      await Bun.sleep(50);
    }
  }
}

/** Addresses of 10.0.0.0/24 whose home is home `index` of `homes`, lowest first, as text. */
export function addressesAt(homes: number, index: number, tags: number, count: number): string[] {
  const plan = { key: fromHex(KEY)!, homes: { length: homes } };
  const pool = { tags, prefixes: [{ address: parseIpv4("10.0.0.0")!, length: 24 }] };
  const wanted = { homes: new Set([index]), count, isTaken: (ipv4: number) => (ipv4 & 0xff) < 2 };
  return allocateNear(plan, pool, wanted).map((ipv4) => formatIpv4(ipv4));
}

export const BLUE = (1 << 10) | 1;
export const RED = (2 << 10) | 1;

/** A fabric of `homes` hypervisors with the networks blue/prod and red/prod over the same addresses. */
export const fabricYaml = (homes: number): string => `name: e2e
key: ${KEY}
prefixes: ["2001:db8:a1::/48"]
homes: [${Array.from({ length: homes }, (_, i) => `"2001:db8:a1:${i + 1}::/64"`).join(", ")}]
tenants:
  blue: { id: 1, networks: { prod: { id: 1, prefixes: [10.0.0.0/24], gateway: 10.0.0.1 } } }
  red: { id: 2, networks: { prod: { id: 1, prefixes: [10.0.0.0/24], gateway: 10.0.0.1 } } }
`;

export interface HypervisorYaml {
  readonly index: number;
  readonly vms: readonly string[];
  /** Uplink interfaces, each with the address of the switch behind it. */
  readonly uplinks?: readonly string[];
  readonly nextHops?: readonly { readonly uplink: string; readonly address: string }[];
}

export const hypervisorYaml = ({ index, vms, uplinks = ["eth1"], nextHops }: HypervisorYaml): string => {
  const via = nextHops ?? [{ uplink: uplinks[0]!, address: "2001:db8:a1:ff::1" }];
  return `name: hv${index}
fabric: ./fabric.yaml
role: hypervisor
prefix: "2001:db8:a1:${index}::/64"
uplinks: [${uplinks.map((name) => `{ interface: ${name} }`).join(", ")}]
routes:
  - { to: "::/0", via: [${via.map((hop) => `{ uplink: ${hop.uplink}, nextHop: "${hop.address}" }`).join(", ")}] }
vms:
${vms.map((vm) => `  - ${vm}`).join("\n")}
`;
};

/** A switch whose interface eth<i> leads to hypervisor i. */
export const switchYaml = (hypervisors: number, address = "2001:db8:a1:ff::1", name = "sw"): string => {
  const each = Array.from({ length: hypervisors }, (_, i) => i + 1);
  return `name: ${name}
fabric: ./fabric.yaml
role: switch
address: "${address}"
uplinks: [${each.map((i) => `{ interface: eth${i} }`).join(", ")}]
routes:
${each.map((i) => `  - { to: "2001:db8:a1:${i}::/64", via: [{ uplink: eth${i}, nextHop: "2001:db8:a1:${i}::1" }] }`).join("\n")}
`;
};
