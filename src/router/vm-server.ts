/**
 * A server of VMs without I/O of its own (services/dhcp4.ts, services/dhcp6.ts) at work on the ports of local VMs: which ports
 * it serves and with what, as the configuration and the ports change, and what becomes of its effects.
 */
import type { Millis } from "#base/time";
import { CONTROL_IGNORED, PUNT_LIMITED } from "#fastpath/verdicts";
import type { Configuration, Vm } from "#router/config/model";
import type { Punt } from "#router/forwarders";
import type { Log } from "#router/log";
import type { PortState, Ports } from "#router/ports";
import { type ServicesIo, sendFrame } from "#router/services-io";
import { Alarm } from "#runtime/alarm";

/** `port`: index of a VM's port. Frames are whole Ethernet frames. */
type ServerEvent<Settings> =
  | { readonly type: "serve"; readonly port: number; readonly settings: Settings }
  | { readonly type: "end"; readonly port: number }
  | { readonly type: "frame"; readonly port: number; readonly frame: Uint8Array; readonly unfinished: boolean }
  | { readonly type: "timer" };

type ServerEffect =
  | { readonly type: "send"; readonly port: number; readonly frame: Uint8Array }
  | { readonly type: "lost"; readonly port: number; readonly reason: "ignored" | "limited" }
  /** The client says that another has its address: the one given, or the only one. */
  | { readonly type: "declined"; readonly port: number; readonly address?: Uint8Array };

export interface VmServerCore<Settings> {
  handle(event: ServerEvent<Settings>, now: Millis): readonly ServerEffect[];
  deadline(): Millis;
}

export interface VmServerOptions<Settings> {
  readonly io: ServicesIo;
  readonly ports: Ports;
  readonly log: Log;
  readonly core: VmServerCore<Settings>;
  /** What the clients of the VM behind the port are told; undefined: they are not served. */
  readonly settingsOf: (vm: Vm, port: PortState, configuration: Configuration) => Settings | undefined;
  /** For the log: what the VM's client has said, which is that another has its address. */
  readonly declined: (vm: Vm, address: Uint8Array | undefined) => string;
}

/** What a port is served with. */
interface Served<Settings> {
  readonly port: PortState;
  readonly vm: Vm;
  readonly settings: Settings;
}

export class VmServer<Settings> {
  private readonly options: VmServerOptions<Settings>;
  private readonly alarm = new Alarm(() => this.tell({ type: "timer" }));
  /** By port index. */
  private readonly served = new Map<number, Served<Settings>>();

  constructor(options: VmServerOptions<Settings>) {
    this.options = options;
  }

  /** Serves the VMs whose ports are open, with the settings that hold now. */
  refresh(configuration: Configuration): void {
    const { ports, settingsOf } = this.options;
    const gone = new Set(this.served.keys());
    // Of two ports of one name the later is the one that stays.
    const open = new Map([...ports.all.values()].map((port) => [port.vm?.name, port]));
    const events: ServerEvent<Settings>[] = [];
    for (const vm of configuration.node.vms) {
      const port = open.get(vm.name);
      if (port === undefined || port.trouble !== undefined) continue;
      const settings = settingsOf(vm, port, configuration);
      if (settings === undefined) continue;
      const { index } = port;
      gone.delete(index);
      const before = this.served.get(index);
      this.served.set(index, { port, vm, settings });
      if (before?.port === port && Bun.deepEquals(before.settings, settings)) continue;
      if (before !== undefined && before.port !== port) events.push({ type: "end", port: index }); // another's index
      events.push({ type: "serve", port: index, settings });
    }
    for (const index of gone) {
      this.served.delete(index);
      events.push({ type: "end", port: index });
    }
    this.tell(...events);
  }

  take({ frame, octets }: Punt): void {
    this.tell({ type: "frame", port: frame.port, frame: octets, unfinished: frame.partial });
  }

  /** The VM that is served behind the port. */
  vmAt(port: number): Vm | undefined {
    return this.served.get(port)?.vm;
  }

  stop(): void {
    this.alarm.cancel();
  }

  private tell(...events: ServerEvent<Settings>[]): void {
    const { core } = this.options;
    const now = performance.now();
    for (const event of events) {
      const octets = event.type === "frame" ? event.frame : undefined;
      for (const effect of core.handle(event, now)) this.carryOut(effect, octets);
    }
    this.alarm.set(core.deadline());
  }

  private carryOut(effect: ServerEffect, octets: Uint8Array | undefined): void {
    const { io, log, declined } = this.options;
    switch (effect.type) {
      case "send":
        sendFrame(io, effect.port, effect.frame);
        return;
      case "lost":
        io.lost(effect.port, effect.reason === "limited" ? PUNT_LIMITED : CONTROL_IGNORED, octets);
        return;
      case "declined": {
        const { vm } = this.served.get(effect.port)!;
        log.warn(declined(vm, effect.address), "vm-trouble", { vm: vm.name });
      }
    }
  }
}
