/** A machine that QEMU is, without any help of the processor's (TCG), its network card on a TAP of some namespace. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { GUEST_FILES } from "#lab/qemu/initramfs";
import { Qmp } from "#lab/qemu/qmp";
import { inNamespace } from "#sys/namespace";

export interface MachineSettings {
  /** Where its TAP is, which must be there already and have a virtio_net_hdr. */
  readonly namespace: string;
  readonly tap: string;
  readonly mac: string;
  /** Path of its initramfs; the kernel is scripts/setup.mjs's. */
  readonly initramfs: string;
  /** MiB. */
  readonly memory?: number;
  /** Path for its monitor's socket. */
  readonly monitor?: string;
  /** It does not boot: it waits for a machine to move in (see migrate). */
  readonly incoming?: boolean;
}

const MEMORY = 192; // MiB
/** Milliseconds for the monitor to answer. */
const PATIENCE = 10_000;

export class Machine {
  /** What it has printed on its console, and QEMU's complaints. */
  output = "";
  readonly #process: ChildProcess;
  readonly #monitor: string | undefined;
  #qmp: Qmp | undefined;

  constructor(settings: MachineSettings) {
    this.#monitor = settings.monitor;
    this.#process = inNamespace(settings.namespace, () =>
      spawn("qemu-system-x86_64", wordsFor(settings), { stdio: ["ignore", "pipe", "pipe"] }),
    );
    for (const stream of [this.#process.stdout!, this.#process.stderr!]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.output += text.replaceAll("\r", "");
      });
    }
    this.#process.once("error", (error) => {
      this.output += error.message;
    });
  }

  get hasEnded(): boolean {
    return this.#process.pid === undefined || this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** Throws LabError when it has none, or none that answers. */
  async qmp(): Promise<Qmp> {
    this.#qmp ??= await Qmp.connect(this.#monitor ?? "", PATIENCE);
    return this.#qmp;
  }

  /** Path of its monitor's socket, free for somebody else: QEMU speaks to one at a time. */
  handOver(): string {
    this.#qmp?.close();
    this.#qmp = undefined;
    return this.#monitor ?? "";
  }

  async end(): Promise<void> {
    this.handOver();
    if (this.hasEnded) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }
}

function wordsFor({ tap, mac, initramfs, memory = MEMORY, monitor, incoming = false }: MachineSettings): string[] {
  return [
    ...["-accel", "tcg", "-cpu", "max", "-m", `${memory}`, "-nographic", "-no-reboot", "-nodefaults"],
    ...["-serial", "stdio", "-kernel", join(GUEST_FILES, "vmlinuz"), "-initrd", initramfs],
    ...["-append", "console=ttyS0 quiet loglevel=0 panic=-1"],
    ...["-netdev", `tap,id=n,ifname=${tap},script=no,downscript=no`],
    ...["-device", `virtio-net-pci,netdev=n,mac=${mac},romfile=`],
    ...(monitor === undefined ? [] : ["-qmp", `unix:${monitor},server=on,wait=off`]),
    ...(incoming ? ["-incoming", "defer"] : []),
  ];
}
