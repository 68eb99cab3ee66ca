/** A machine small enough to be made of nothing: Debian's kernel modules for its network card, busybox, and an init of shell. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** scripts/setup.mjs fetches it: vmlinuz, busybox, and the modules, each named after its place in the order. */
export const GUEST_FILES = fileURLToPath(new URL("../../../.cache/guest", import.meta.url));

const DIRECTORIES = ["bin", "dev", "proc", "sys", "etc", "modules", "tmp"];
const DIRECTORY = 0o040755;
const PROGRAM = 0o100755;

export interface InitramfsSettings {
  /** Lines of shell, run as root; the first network card is eth0. The machine switches itself off after them. */
  readonly script: string;
  /** Programs and scripts besides busybox, by their path without the first slash. */
  readonly programs?: Readonly<Record<string, Uint8Array>>;
}

/** Sets up what busybox's init would, then runs the lines. */
const initOf = (modules: readonly string[], script: string): string => `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t devtmpfs none /dev; mount -t proc none /proc; mount -t sysfs none /sys
${modules.map((name) => `insmod /modules/${name}`).join("\n")}
ip link set lo up
${script}
echo GUEST DONE
poweroff -f
`;

/** Throws when the guest's files were not fetched. */
export function initramfsOf({ script, programs = {} }: InitramfsSettings): Uint8Array {
  const modules = guestFiles().filter((name) => name.endsWith(".ko"));
  const read = (name: string): Buffer => readFileSync(join(GUEST_FILES, name));
  const folders = new Set(DIRECTORIES);
  for (const path of Object.keys(programs)) {
    const parts = path.split("/");
    for (let i = 1; i < parts.length; i++) folders.add(parts.slice(0, i).join("/"));
  }
  const archive = Buffer.concat([
    ...[...folders].map((name) => entry(name, DIRECTORY)),
    entry("bin/busybox", PROGRAM, read("busybox")),
    ...modules.map((name) => entry(`modules/${name}`, PROGRAM, read(name))),
    ...Object.entries(programs).map(([path, octets]) => entry(path, PROGRAM, octets)),
    entry("init", PROGRAM, Buffer.from(initOf(modules, script))),
    entry("TRAILER!!!", 0),
  ]);
  return gzipSync(archive, { level: 1 });
}

function guestFiles(): string[] {
  try {
    return readdirSync(GUEST_FILES).sort();
  } catch {
    throw new Error(`${GUEST_FILES} is missing: node scripts/setup.mjs test fetches it`);
  }
}

/** One file of a cpio archive, "newc" form: cpio(5). */
function entry(name: string, mode: number, data: Uint8Array = new Uint8Array()): Uint8Array {
  const fields = [0, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length + 1, 0];
  const header = `070701${fields.map((value) => value.toString(16).padStart(8, "0")).join("")}${name}\0`;
  return Buffer.concat([padded(Buffer.from(header)), padded(data)]);
}

const padded = (octets: Uint8Array): Uint8Array => Buffer.concat([octets, new Uint8Array(-octets.length & 3)]);
