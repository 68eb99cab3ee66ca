/** What a VMs' registry needs of a router, without one: ports that are always open, and a list of all that happened. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Frame } from "#fastpath/frame";
import type { Configuration, Vm } from "#router/config/model";
import { loadNode } from "#router/config/node";
import { Log } from "#router/log";
import type { PortState, Ports } from "#router/ports";
import type { VmEntry, VmObserver } from "#router/vms/events";
import { Vms } from "#router/vms/registry";
import { formatConfigError } from "#runtime/document/config-error";

const FABRIC = `name: demo
key: 000102030405060708090a0b0c0d0e0f
prefixes: [2001:db8:a1::/48]
homes: [2001:db8:a1:1::/64, {prefix: 2001:db8:a1:2::/64, hypervisor: hv2}]
tenants:
  blue: {id: 1, networks: {prod: {id: 1, prefixes: [10.0.0.0/16]}}}
`;
export const vmText = (name: string, host: number, more = ""): string =>
  `{name: ${name}, network: blue/prod, address: 10.0.0.${host}, interface: ${name}${more}}`;
export const definition = (name: string, host: number): Record<string, unknown> => ({
  ...{ name, network: "blue/prod", address: `10.0.0.${host}`, interface: name },
});

export class FakeRouter {
  readonly folder = mkdtempSync(join(tmpdir(), "ain-vms-"));
  readonly #ports = new Map<number, PortState>();
  #next = 0;
  /** What observers, forwarders and ports were told, in order. */
  readonly said: string[] = [];
  readonly logged: string[] = [];
  /** First octets of the frames that were injected. */
  readonly injected: number[] = [];
  vms!: Vms;

  constructor(...vms: string[]) {
    this.write(...vms);
    this.start();
  }

  /** The node's file names these, beside a fabric with `fabric` for text. */
  write(...vms: string[]): void {
    writeFileSync(join(this.folder, "fabric.yaml"), FABRIC, { mode: 0o600 });
    const head =
      "name: hv1\nfabric: fabric.yaml\nrole: hypervisor\nprefix: 2001:db8:a1:1::/64\nuplinks: [{interface: eth1}]\n";
    writeFileSync(join(this.folder, "node.yaml"), `${head}vms:\n${vms.map((vm) => `  - ${vm}\n`).join("")}`);
  }

  get file(): string {
    return join(this.folder, "hv1.vms");
  }

  load(): Configuration {
    const result = loadNode(join(this.folder, "node.yaml"));
    if (!result.ok) throw new Error(result.errors.map(formatConfigError).join("\n"));
    return { node: result.node, fabric: result.fabric };
  }

  /** As after a kill: nothing is left but the files. */
  start(): void {
    this.#ports.clear();
    this.said.length = 0;
    let busy: Promise<unknown> = Promise.resolve();
    this.vms = new Vms(
      {
        file: this.file,
        log: new Log("info", (line) => this.logged.push(line.replace(/^\S+ /, ""))),
        ports: { all: this.#ports, find: (_: string, name: string) => this.port(name) } as Ports,
        frames: { inject: (_, octets) => this.injected.push(octets[0]!) > 0, lost: () => {} },
        inTurn: (act) => {
          const next = busy.then(act);
          busy = next.catch(() => {});
          return next;
        },
        become: async (configuration) => this.#open(configuration.node.vms),
        adopt: async (before) => {
          before?.();
          this.said.push(`adopt ${this.states()}`);
        },
        arrived: ({ name }) => void this.said.push(`arrived ${name}`),
        check: () => undefined,
        drain: () => {},
      },
      this.load(),
    );
    this.vms.observe(this.#observer());
    this.#open(this.vms.configuration.node.vms);
    this.said.length = 0;
    this.vms.started();
  }

  /** As `ain reload`; what is wrong with it, if something is. */
  reload(): readonly string[] {
    const plan = this.vms.plan(this.load());
    if (plan.errors.length > 0) return plan.errors.map((error) => error.replaceAll(`${this.folder}/`, ""));
    this.#open(plan.configuration.node.vms);
    this.vms.took(plan);
    return [];
  }

  end(): void {
    this.vms.stop();
    rmSync(this.folder, { recursive: true });
  }

  port(name: string): PortState | undefined {
    return [...this.#ports.values()].find((port) => port.name === name);
  }

  states(): string {
    return this.vms
      .entries()
      .map(({ vm, state, source }: VmEntry) => `${vm.name}:${state}${source === "file" ? "" : "*"}`)
      .join(" ");
  }

  /** What has been said since the last time. */
  take(): string[] {
    return this.said.splice(0);
  }

  /** A frame for the VM comes up as held. False: nobody wants it. */
  punt(name: string, number: number): boolean {
    return this.vms.keep(this.port(name)!.index, { frame: new Frame(), octets: Uint8Array.of(number) });
  }

  #open(vms: readonly Vm[]): void {
    for (const port of [...this.#ports.values()]) {
      if (vms.some((vm) => vm.name === port.name)) continue;
      this.#ports.delete(port.index);
      this.said.push(`close ${port.name}${this.vms.isMoving(port.name) ? " (moving)" : ""}`);
    }
    for (const vm of vms) {
      if (this.port(vm.name) !== undefined) continue;
      const index = this.#next++;
      this.#ports.set(index, { index, name: vm.name, kind: "vm", vm, trouble: undefined } as PortState);
      this.said.push(`open ${vm.name}`);
    }
  }

  #observer(): VmObserver {
    const say = (text: string) => void this.said.push(text);
    return {
      onState: ({ vm, from, to, cause }) => say(`${vm.name} ${from ?? "-"} → ${to ?? "-"} (${cause})`),
      onActive: (vm, how, after) => say(`onActive ${vm.name} ${how}${after === undefined ? "" : ` after ${after}`}`),
      onHeld: (vm) => say(`onHeld ${vm.name}`),
      onGone: (vm) => say(`onGone ${vm.name}`),
    };
  }
}
