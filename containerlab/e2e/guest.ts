/**
 * A machine of its own to be a VM: QEMU with a Debian kernel and busybox (scripts/setup.mjs fetches both), its network card
 * on a TAP of a lab's node. All it runs is what a test gives it, and what it prints is all that is known of it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { initramfsOf } from "#lab/qemu/initramfs";
import { Machine } from "#lab/qemu/machine";

/** Debian's own, as the client outside has it. */
const UDHCPC_SCRIPT = "/etc/udhcpc/default.script";

export interface GuestSettings {
  /** Namespace of the TAP, and its name. */
  readonly namespace: string;
  readonly tap: string;
  readonly mac: string;
  /** Folder for the guest's files. */
  readonly folder: string;
  /** Lines of shell, run as root; its first network card is eth0. */
  readonly script: string;
}

export class Guest {
  readonly #machine: Machine;

  constructor({ namespace, tap, mac, folder, script }: GuestSettings) {
    const initramfs = join(folder, `${tap}.cpio.gz`);
    writeFileSync(
      initramfs,
      initramfsOf({ script, programs: { [UDHCPC_SCRIPT.slice(1)]: readFileSync(UDHCPC_SCRIPT) } }),
    );
    this.#machine = new Machine({ namespace, tap, mac, initramfs });
  }

  /** What it has printed, kernel messages aside. */
  get output(): string {
    return this.#machine.output;
  }

  get done(): boolean {
    return this.output.includes("GUEST DONE") || this.#machine.hasEnded;
  }

  end(): Promise<void> {
    return this.#machine.end();
  }
}
