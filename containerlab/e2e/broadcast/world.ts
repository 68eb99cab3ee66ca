/**
 * An Ethernet segment over three hypervisors, and another of another tenant's with the same prefix and addresses.
 *
 * ```
 *   hv1: s, a (moves)     hv2: b, d (asks by DHCP)     hv3: c (by TAP)   blue/lan
 *                         hv2: rb                      hv3: rc           red/lan
 *   hv2 has two forwarders.
 *   hv4: o alone, of blue, and on no segment: a rendezvous of blue's and red's with hv2, and member of none
 * ```
 */

import { expect } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { inNamespace } from "#sys/namespace";
import { addressesAt, fabricYaml, hypervisorYaml, switchYaml, type TestLab } from "../test-lab";

export const LAN = (1 << 10) | 4;
export const RED_LAN = (2 << 10) | 4;
export const GATEWAY = "10.0.0.1";
export const [S, A] = addressesAt(4, 0, LAN, 2) as [string, string];
export const [B, D] = addressesAt(4, 1, LAN, 2) as [string, string];
export const [C] = addressesAt(4, 2, LAN, 1) as [string];
export const MACS: Readonly<Record<string, string>> = {
  s: "02:00:00:00:0b:01",
  a: "02:00:00:00:0b:02",
  b: "02:00:00:00:0b:03",
  c: "02:00:00:00:0b:04",
  d: "02:00:00:00:0b:05",
  rb: "02:00:00:00:0b:06",
  rc: "02:00:00:00:0b:07",
  o: "02:00:00:00:0b:08",
};
const ADDRESSES: Readonly<Record<string, string>> = { s: S, a: A, b: B, c: C, d: D, rb: B, rc: C };
/** VMs of blue's segment, and of red's. */
export const BLUES = ["s", "a", "b", "c", "d"] as const;
export const REDS = ["rb", "rc"] as const;
const PLACES: Readonly<Record<string, number>> = { s: 1, a: 1, b: 2, d: 2, c: 3, rb: 2, rc: 3 };
/** Largest packet of the fabric's links, octets: what a tunnel with a VM's frame takes is 62 less. */
export const FABRIC_MTU = 1500;

const fabric = (rate: number): string => {
  const lan = `{ lan: { id: 4, prefixes: [10.0.0.0/24], gateway: ${GATEWAY}, dhcp: false, broadcast: { prefix: 10.0.0.0/24, rate: ${rate} } }, six: { id: 2, prefixes: [] } }`;
  return fabricYaml(4).replace(
    /tenants:[\s\S]*/,
    `tenants:\n  blue: { id: 1, networks: ${lan} }\n  red: { id: 2, networks: ${lan} }\nmtu: ${FABRIC_MTU}\n`,
  );
};

function vm(lab: TestLab, name: string): string {
  const network = name.startsWith("r") ? "red/lan" : "blue/lan";
  const tap = `{ name: tap-c, netns: ${lab.namespace("c")}, rename: eth1, mac: "${MACS.c}" }`;
  const place = name === "c" ? `tap: ${tap}` : `interface: ${name}`;
  return `{ name: ${name}, network: ${network}, address: ${ADDRESSES[name]}, mac: "${MACS[name]}", ${place} }`;
}

/** Writes the files and brings it up. `rate`: frames to groups a second that a VM may send. */
export async function build(lab: TestLab, rate: number): Promise<void> {
  lab.write("fabric.yaml", fabric(rate));
  lab.write("sw.yaml", switchYaml(4));
  for (const index of [1, 2, 3, 4]) {
    const here = Object.keys(PLACES).filter((name) => PLACES[name] === index);
    const vms =
      index === 4
        ? [`{ name: o, network: blue/six, ipv6: "2001:db8:a1:4:0:402:0:2", interface: o }`]
        : here.map((name) => vm(lab, name));
    const forwarders = index === 2 ? "forwarders: 2\n" : "";
    lab.write(`hv${index}.yaml`, `${hypervisorYaml({ index, vms })}${forwarders}`);
  }
  const router = (name: string): string =>
    `    ${name}: { kind: linux, labels: { ain-role: router, ain-config: ${name}.yaml } }`;
  const node = (name: string): string => {
    if (name === "c" || name === "d") return `    ${name}: { kind: linux }`;
    const moves = name === "a" ? `, ain-moves: "true"` : "";
    return `    ${name}: { kind: linux, labels: { ain-role: vm${moves}, ain-address: ${ADDRESSES[name]}/24, ain-gateway: ${GATEWAY}, ain-mac: "${MACS[name]}" } }`;
  };
  const names = Object.keys(PLACES);
  const link = (name: string): string =>
    name === "a"
      ? [1, 2, 3].map((i) => `    - { endpoints: ["hv${i}:a", "a:hv${i}"], mtu: 1500 }`).join("\n")
      : `    - { mtu: 1500, type: veth, endpoints: [{ node: hv${PLACES[name]}, interface: ${name} }, { node: ${name}, interface: eth1, mac: "${MACS[name]}" }] }`;
  await lab.up(`  nodes:
${["sw", "hv1", "hv2", "hv3", "hv4"].map(router).join("\n")}
${names.map(node).join("\n")}
    o: { kind: linux }
  links:
${[1, 2, 3, 4].map((i) => `    - { endpoints: ["sw:eth${i}", "hv${i}:eth1"], mtu: ${FABRIC_MTU} }`).join("\n")}
${names
  .filter((name) => name !== "c")
  .map(link)
  .join("\n")}
    - { endpoints: ["hv4:o", "o:eth1"], mtu: 1500 }
`);
  await lab.until("hv3 has made c's interface", () => lab.run("c", "ip link show eth1").status === 0);
  for (const words of [`addr add ${C}/24 dev eth1`, `route add default via ${GATEWAY}`])
    expect(lab.run("c", `ip ${words}`).text).toBe("");
}

const SOCKETS = fileURLToPath(new URL("sockets.py", import.meta.url));

/** A VM's own interface. */
export function interfaceOf(lab: TestLab, name: string): string {
  const mac = MACS[name]!;
  const line = lab
    .run(name, "ip -o link")
    .text.split("\n")
    .find((each) => each.includes(mac));
  return /^\d+: ([^@:]+)/.exec(line ?? "")?.[1] ?? "eth1";
}

export type Datagram = readonly [text: string, sender: string];

/** A VM's socket that hears what comes to a port. */
export class Listener {
  readonly #process: ChildProcess;
  #output = "";

  private constructor(process: ChildProcess) {
    this.#process = process;
    process.stdout!.on("data", (data) => {
      this.#output += data;
    });
  }

  static async start(lab: TestLab, name: string, port: number, ...groups: string[]): Promise<Listener> {
    const words = [SOCKETS, "listen", `${port}`, interfaceOf(lab, name), ...groups];
    const child = inNamespace(lab.namespace(name), () =>
      spawn("python3", words, { stdio: ["ignore", "pipe", "inherit"] }),
    );
    const listener = new Listener(child);
    await lab.until(`${name} listens`, () => listener.#output.startsWith("ready"));
    return listener;
  }

  /** What came, once all that was sent has had its time. */
  async stop(): Promise<Datagram[]> {
    await Bun.sleep(200);
    const ended = once(this.#process, "close");
    this.#process.kill("SIGTERM");
    await ended;
    return JSON.parse(this.#output.slice("ready".length)) as Datagram[];
  }
}

export interface Sending {
  readonly to: string;
  readonly port: number;
  readonly count: number;
  readonly rate: number;
  readonly text: string;
}

/** Sends from a VM; resolves when all is sent. */
export async function sendFrom(lab: TestLab, name: string, { to, port, count, rate, text }: Sending): Promise<void> {
  const words = [SOCKETS, "send", `${port}`, interfaceOf(lab, name), to, `${count}`, `${rate}`, text];
  const child = inNamespace(lab.namespace(name), () => spawn("python3", words, { stdio: "inherit" }));
  const [status] = (await once(child, "exit")) as [number];
  if (status !== 0) throw new Error(`sending from ${name} ended with status ${status}`);
}
