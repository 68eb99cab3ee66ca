/**
 * What a router must not forget about its VMs when it is killed: those that were attached at run time, and which of its
 * file's are not (or not quite) here. Written whole and renamed into place, so it is always one or the other.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";

const VERSION = 1;

const keptVm = z.strictObject({
  /** Of a VM of the node's file, where it is not simply active. */
  state: z.enum(["active", "prepared", "held", "away"]),
  /** Of a VM that was attached at run time: as in node.yaml. Checked anew by who uses it. */
  definition: z.unknown().optional(),
  /** True: the file has a VM of that name too, which is away. */
  replaces: z.boolean().optional(),
});
export type KeptVm = z.output<typeof keptVm>;

const document = z.strictObject({
  version: z.literal(VERSION),
  vms: z.record(z.string(), keptVm),
});

export class VmStateFile {
  readonly path: string;
  #written = "";

  constructor(path: string) {
    this.path = path;
  }

  /** By VM's name. `trouble`: the file is not one of ours, and has been put aside under the name in there. */
  read(): { readonly vms: ReadonlyMap<string, KeptVm>; readonly trouble?: string } {
    if (!existsSync(this.path)) return { vms: new Map() };
    try {
      const { vms } = document.parse(JSON.parse(readFileSync(this.path, "utf8")));
      return { vms: new Map(Object.entries(vms)) };
    } catch (error) {
      const aside = `${this.path}.broken`;
      renameSync(this.path, aside);
      const why = error instanceof SyntaxError ? "no JSON" : `not what version ${VERSION} of this file says`;
      return { vms: new Map(), trouble: `${this.path} is ${why}; it is ${aside} now, and VMs in it are not here` };
    }
  }

  /** Costs nothing when nothing has changed. */
  write(vms: ReadonlyMap<string, KeptVm>): void {
    const text = `${JSON.stringify({ version: VERSION, vms: Object.fromEntries(vms) }, null, 2)}\n`;
    if (text === this.#written) return;
    if (vms.size === 0 && this.#written === "" && !existsSync(this.path)) return; // most routers never have one
    mkdirSync(dirname(this.path), { recursive: true });
    writeFileSync(`${this.path}.new`, text, { mode: 0o600 }); // user data may have secrets in it
    renameSync(`${this.path}.new`, this.path);
    this.#written = text;
  }
}
