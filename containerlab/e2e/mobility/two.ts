/**
 * The smallest place to move in: a VM `m` that can live at either of two hypervisors behind a switch, and VMs that stay.
 *
 * ```
 *   m ──┬── hv1 ── sw ── hv2 ──┬── m
 *       …                      └── p talks to it
 * ```
 */
import { Probe } from "#lab/probe/probe";
import { type Report, reportOn } from "#lab/probe/report";
import type { TestLab } from "../test-lab";
import { move, stateOf } from "./world";

export interface Stays {
  readonly name: string;
  readonly at: "hv1" | "hv2";
  /** As an `ain-address` label has it. */
  readonly address: string;
}

export interface TwoHypervisors {
  /** Of `m`, likewise. */
  readonly address: string;
  readonly stay: readonly Stays[];
  /** IPv4: the VMs' gateway. */
  readonly gateway?: string;
  /** Octets, of the fabric's links. Default 1600, which has room for tunnels. */
  readonly mtu?: number;
}

/** Of a topology file what comes behind its name. */
export function twoHypervisors({ address, stay, gateway, mtu = 1600 }: TwoHypervisors): string {
  const router = (name: string): string =>
    `    ${name}: { kind: linux, labels: { ain-role: router, ain-config: ${name}.yaml } }`;
  const vm = (name: string, of: string, more = ""): string =>
    `    ${name}: { kind: linux, labels: { ain-role: vm, ain-address: "${of}"${gateway === undefined ? "" : `, ain-gateway: ${gateway}`}${more} } }`;
  const link = (from: string, to: string, octets: number): string =>
    `    - { endpoints: ["${from}", "${to}"], mtu: ${octets} }`;
  return `  nodes:
${["sw", "hv1", "hv2"].map(router).join("\n")}
${vm("m", address, ', ain-moves: "true", ain-mac: "02:00:00:00:00:0a", ain-interface: eth1')}
${stay.map((each) => vm(each.name, each.address)).join("\n")}
  links:
${[1, 2].map((i) => link(`sw:eth${i}`, `hv${i}:eth1`, mtu)).join("\n")}
${["hv1", "hv2"].map((hv) => link(`${hv}:m`, `m:${hv}`, 1500)).join("\n")}
${stay.map(({ name, at }) => link(`${at}:${name}`, `${name}:eth1`, 1500)).join("\n")}
`;
}

export interface Moves {
  /** Of `m` and `p`. */
  readonly addresses: { readonly m: string; readonly p: string };
  /** Datagrams a second, each way. */
  readonly rate: number;
  readonly to: readonly ("hv1" | "hv2")[];
  /** Looked at after each. */
  readonly moved?: () => void;
}

/** Moves `m` about while it and `p` send to one another. What became of the datagrams, by way. */
export async function moveUnderTraffic(lab: TestLab, { addresses, rate, to, moved }: Moves): Promise<Report[]> {
  const ends = [
    { namespace: lab.namespace("p"), address: addresses.p, port: 7007 },
    { namespace: lab.namespace("m"), address: addresses.m, port: 7007 },
  ];
  const flows = [
    { name: "to it", from: 0, to: [1] },
    { name: "from it", from: 1, to: [0] },
  ];
  const probe = await Probe.start({ rate, size: 100, ends, flows });
  try {
    for (const hypervisor of to) {
      await Bun.sleep(600);
      await move(lab, "m", hypervisor);
      const state = await stateOf(lab, hypervisor, "m");
      if (state !== "active") throw new Error(`m at ${hypervisor}: found ${state}, expected active`);
      moved?.();
    }
    await Bun.sleep(600);
    return (await probe.stop()).map((trace) => reportOn(trace));
  } finally {
    await probe.kill();
  }
}
