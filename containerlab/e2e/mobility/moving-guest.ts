/**
 * A QEMU machine that is migrated between two hypervisors while a VM at a third one talks to it.
 *
 * ```
 *   hv1   the guest's home, where it boots     hv2   q     hv3   p talks to the guest
 * ```
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { flightsOf } from "#cli/vm-move";
import type { ProbePlan } from "#lab/probe/flows";
import { ECHO_PORT, echoProgram } from "#lab/qemu/echo-program";
import { initramfsOf } from "#lab/qemu/initramfs";
import { Machine } from "#lab/qemu/machine";
import { type Migration, migrate } from "#lab/qemu/migration";
import { mergeFlights } from "#router/mobility/move-report";
import type { MoveReport } from "#router/mobility/views";
import type { VmDetailView } from "#router/vms/views";
import { addressesAt, BLUE, fabricYaml, hypervisorYaml, switchYaml, type TestLab } from "../test-lab";
import { api, stateOf } from "./world";

const AIN = fileURLToPath(new URL("../../../bin/ain", import.meta.url));
/** TCP port of the guest on which all comes back. */
export const STREAM_PORT = 7008;
const MAC = "02:00:00:00:00:47";
const [GUEST] = addressesAt(3, 0, BLUE, 1) as [string];
const [Q] = addressesAt(3, 1, BLUE, 1) as [string];
const [P] = addressesAt(3, 2, BLUE, 1) as [string];
export const GUEST_ADDRESS = GUEST;
/** Milliseconds for both routers' reports. */
const PATIENCE = 2000;

/** Lines of a guest that sends back what it gets, by UDP and by TCP. */
const echoing = (address: string): string => `ip link set eth0 up
ip address add ${address}/32 dev eth0
ip route add default via 10.0.0.1 dev eth0 onlink
udp-echo &
nc -ll -p ${STREAM_PORT} -e cat &
echo GUEST READY
wait`;

/** Writes the initramfs of such a guest. */
export function writeGuest(path: string, address: string): void {
  writeFileSync(path, initramfsOf({ script: echoing(address), programs: { "bin/udp-echo": echoProgram() } }));
}

/** `rate` datagrams a second from p to the guest and back. */
export const echoPlan = (lab: TestLab, rate: number): ProbePlan => ({
  ...{ rate, size: 100, ends: [{ namespace: lab.namespace("p"), address: P, port: ECHO_PORT }] },
  flows: [{ name: "there and back", from: 0, to: [0], echo: GUEST }],
});

export class MovingGuest {
  readonly #lab: TestLab;
  readonly #machines: Machine[] = [];

  /** `lab` is built by {@link start}. */
  constructor(lab: TestLab) {
    this.#lab = lab;
  }

  /** Until the guest has booted at hv1, and p has heard from it and from q. */
  async start(): Promise<void> {
    await this.#build();
    const lab = this.#lab;
    writeGuest(join(lab.folder, "initramfs"), GUEST);
    const machine = this.#machine("hv1", false);
    await lab.until("the guest has booted", () => machine.output.includes("GUEST READY"), 60);
    // So neighbors in the fabric know one another, too.
    for (const address of [GUEST, Q]) {
      await lab.until(`${address} answers`, () => lab.run("p", `ping -c 1 -W 1 ${address}`).status === 0);
    }
  }

  /** As an orchestrator does it: what is sent to the guest is held before it stands still. */
  async move(from: string, to: string): Promise<{ readonly migration: Migration; readonly report: MoveReport }> {
    const lab = this.#lab;
    const source = this.#machines.at(-1)!;
    const target = this.#machine(to, true);
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
    const flights = await flightsOf({ vm: "guest", from: lab.socket(from), to: lab.socket(to) }, PATIENCE);
    return { migration, report: mergeFlights(...flights!) };
  }

  /** By `ain move`, with `ain lab migrate` as its hook. Resolves with what it printed. */
  async moveByCommand(from: string, to: string): Promise<{ status: number | null; text: string }> {
    const lab = this.#lab;
    const source = this.#machines.at(-1)!;
    const hook = `${AIN} lab migrate ${source.handOver()} ${this.#machine(to, true).handOver()}`;
    const words = ["move", "guest", "--from", lab.socket(from), "--to", lab.socket(to), "--no-hold", "--hook", hook];
    const child = spawn(AIN, [...words, "--json"], { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    for await (const chunk of child.stdout) text += chunk;
    if (child.exitCode === null) await once(child, "exit");
    await lab.until("the source's QEMU has ended", () => source.hasEnded);
    return { status: child.exitCode, text };
  }

  async end(): Promise<void> {
    for (const machine of this.#machines) await machine.end();
    await this.#lab.down();
  }

  #machine(hypervisor: string, incoming: boolean): Machine {
    const { folder } = this.#lab;
    const machine = new Machine({
      ...{ namespace: this.#lab.namespace(hypervisor), tap: "guest", mac: MAC, incoming },
      ...{ initramfs: join(folder, "initramfs"), monitor: join(folder, `monitor${this.#machines.length}`) },
    });
    this.#machines.push(machine);
    return machine;
  }

  async #build(): Promise<void> {
    const lab = this.#lab;
    lab.write("fabric.yaml", fabricYaml(3));
    lab.write("sw.yaml", switchYaml(3));
    const vms = [
      `{ name: guest, network: blue/prod, address: ${GUEST}, mac: "${MAC}", interface: guest }`,
      `{ name: q, network: blue/prod, address: ${Q}, interface: q }`,
      `{ name: p, network: blue/prod, address: ${P}, interface: p }`,
    ];
    for (const [i, vm] of vms.entries()) lab.write(`hv${i + 1}.yaml`, hypervisorYaml({ index: i + 1, vms: [vm] }));
    const router = (name: string): string =>
      `    ${name}: { kind: linux, labels: { ain-role: router, ain-config: ${name}.yaml } }`;
    const machine = (name: string, address: string): string =>
      `    ${name}: { kind: linux, labels: { ain-role: vm, ain-address: ${address}/32, ain-gateway: 10.0.0.1 } }`;
    await lab.up(`  nodes:
${["sw", "hv1", "hv2", "hv3"].map(router).join("\n")}
${machine("p", P)}
${machine("q", Q)}
  links:
${[1, 2, 3].map((i) => `    - { endpoints: ["sw:eth${i}", "hv${i}:eth1"], mtu: 1600 }`).join("\n")}
    - { endpoints: ["hv3:p", "p:eth1"], mtu: 1500 }
    - { endpoints: ["hv2:q", "q:eth1"], mtu: 1500 }
`);
    for (const hypervisor of ["hv1", "hv2"]) {
      const { status, text } = lab.run(hypervisor, "ip tuntap add guest mode tap vnet_hdr");
      if (status !== 0) throw new Error(text);
    }
  }
}
