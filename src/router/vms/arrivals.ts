/** The first frames of VMs that are prepared here: they say that the VM has come, and are taken as received once it is active. */
import { INJECT_RECEIVE } from "#fastpath/shared";
import { HOLD_ENDED, HOLD_OVERFLOW, type Verdict } from "#fastpath/verdicts";
import type { Punt } from "#router/forwarders";
import type { Log } from "#router/log";
import type { PortState } from "#router/ports";
import type { ServicesIo } from "#router/services-io";
import type { VmNeighbors } from "#router/vm-neighbors";
import type { Vms } from "#router/vms/registry";
import { etherType } from "#wire/ethernet";

/** Frames of one VM that wait for it to be active: it takes about a millisecond. */
const MOST_WAITING = 64;

export interface ArrivalsOptions {
  readonly vms: Vms;
  readonly vmNeighbors: Pick<VmNeighbors, "announced">;
  readonly io: Pick<ServicesIo, "inject" | "lost">;
  readonly log: Log;
  /** Frames that forwarders have handed up and nobody has looked at yet are looked at now. */
  readonly drain: () => void;
}

export class Arrivals {
  readonly #options: ArrivalsOptions;
  /** By VM's name. */
  readonly #waiting = new Map<string, Punt[]>();

  constructor(options: ArrivalsOptions) {
    this.#options = options;
  }

  /** A frame of a VM that forwarders did not know to be active. */
  take(port: PortState, punt: Punt): void {
    const { vms } = this.#options;
    const name = port.vm!.name;
    const state = vms.stateOf(name);
    const waiting = this.#waiting.get(name);
    if (waiting !== undefined) {
      waiting.push(punt);
      if (waiting.length > MOST_WAITING) this.#lose(waiting.shift()!, HOLD_OVERFLOW);
    } else if (state === "prepared") {
      this.#waiting.set(name, [punt]);
      void this.#activate(name, port, punt);
    } else if (state === "active") {
      this.#goOn(punt);
    } else {
      this.#lose(punt, HOLD_ENDED); // it is leaving
    }
  }

  async #activate(name: string, port: PortState, first: Punt): Promise<void> {
    const { vms, vmNeighbors, log, drain } = this.#options;
    try {
      // What has waited goes right before what forwarders take themselves.
      await vms.activate(name, "frame", () => {
        vmNeighbors.announced(port, first.octets);
        drain();
        for (const punt of this.#take(name)) this.#goOn(punt);
        drain();
      });
    } catch (error) {
      log.warn(`VM ${name}: ${error instanceof Error ? error.message : String(error)}`, "vm-trouble", { vm: name });
      for (const punt of this.#take(name)) this.#lose(punt, HOLD_ENDED);
    }
  }

  #take(name: string): Punt[] {
    const waiting = this.#waiting.get(name) ?? [];
    this.#waiting.delete(name);
    return waiting;
  }

  #lose({ frame, octets }: Punt, ending: Verdict): void {
    this.#options.io.lost(frame.port, ending, octets);
  }

  /** RARP has said all that there is to say. */
  #goOn({ frame, octets }: Punt): void {
    if (etherType(octets, 0) !== ETHERTYPE_RARP) this.#options.io.inject(frame, octets, INJECT_RECEIVE);
  }
}

/** RFC 903. */
const ETHERTYPE_RARP = 0x8035;
