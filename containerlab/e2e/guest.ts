/**
 * A machine of its own to be a VM: QEMU with a Debian kernel and busybox (scripts/setup.mjs fetches both), its network card
 * on a TAP of a lab's node. All it runs is what a test gives it, and what it prints is all that is known of it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { inNamespace } from "#sys/namespace";

const FILES = fileURLToPath(new URL("../../.cache/guest", import.meta.url));
/** Debian's own, as the client outside has it. */
const UDHCPC_SCRIPT = "/etc/udhcpc/default.script";

const DIRECTORY = 0o040755;
const PROGRAM = 0o100755;

/** Sets up what busybox's init would, then runs the test's lines. */
const initOf = (modules: readonly string[], script: string): string => `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t devtmpfs none /dev; mount -t proc none /proc; mount -t sysfs none /sys
${modules.map((name) => `insmod /modules/${name}`).join("\n")}
ip link set lo up
${script}
echo GUEST DONE
poweroff -f
`;

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
  /** What it has printed, kernel messages aside. */
  output = "";
  readonly #process: ChildProcess;

  constructor({ namespace, tap, mac, folder, script }: GuestSettings) {
    if (!existsSync(FILES)) throw new Error(`${FILES} is missing: node scripts/setup.mjs test fetches it`);
    const modules = readdirSync(FILES)
      .filter((name) => name.endsWith(".ko"))
      .sort();
    const initramfs = join(folder, `${tap}.cpio.gz`);
    writeFileSync(initramfs, gzipSync(initramfsOf(modules, initOf(modules, script)), { level: 1 }));
    const words = [
      ...["-accel", "tcg", "-cpu", "max", "-m", "192", "-nographic", "-no-reboot", "-nodefaults"],
      ...["-serial", "stdio", "-kernel", join(FILES, "vmlinuz"), "-initrd", initramfs],
      ...["-append", "console=ttyS0 quiet loglevel=0 panic=-1"],
      ...["-netdev", `tap,id=n,ifname=${tap},script=no,downscript=no`],
      ...["-device", `virtio-net-pci,netdev=n,mac=${mac},romfile=`],
    ];
    this.#process = inNamespace(namespace, () =>
      spawn("qemu-system-x86_64", words, { stdio: ["ignore", "pipe", "pipe"] }),
    );
    for (const stream of [this.#process.stdout!, this.#process.stderr!]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.output += text.replaceAll("\r", "");
      });
    }
  }

  get done(): boolean {
    return this.output.includes("GUEST DONE") || this.#hasEnded();
  }

  async end(): Promise<void> {
    if (this.#hasEnded()) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }

  #hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }
}

function initramfsOf(modules: readonly string[], init: string): Uint8Array {
  const directories = ["bin", "dev", "proc", "sys", "etc", "etc/udhcpc", "modules", "tmp"];
  return Buffer.concat([
    ...directories.map((name) => entry(name, DIRECTORY)),
    entry("bin/busybox", PROGRAM, readFileSync(join(FILES, "busybox"))),
    entry(UDHCPC_SCRIPT.slice(1), PROGRAM, readFileSync(UDHCPC_SCRIPT)),
    ...modules.map((name) => entry(`modules/${name}`, PROGRAM, readFileSync(join(FILES, name)))),
    entry("init", PROGRAM, Buffer.from(init)),
    entry("TRAILER!!!", 0),
  ]);
}

/** One file of a cpio archive, "newc" form: cpio(5). */
function entry(name: string, mode: number, data: Uint8Array = new Uint8Array()): Uint8Array {
  const fields = [0, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length + 1, 0];
  const header = `070701${fields.map((value) => value.toString(16).padStart(8, "0")).join("")}${name}\0`;
  return Buffer.concat([padded(Buffer.from(header)), padded(data)]);
}

const padded = (octets: Uint8Array): Uint8Array => Buffer.concat([octets, new Uint8Array(-octets.length & 3)]);
