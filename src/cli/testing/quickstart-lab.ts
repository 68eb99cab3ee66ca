/** containerlab/quickstart under a name of its own, for a test of what is typed at it. Needs root. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { labDown } from "#lab/down";
import { LabFiles } from "#lab/state";
import { loadTopology } from "#lab/topology";
import { labUp } from "#lab/up";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
export const AIN: string = join(ROOT, "bin/ain");

export class QuickstartLab {
  readonly name: string;
  /** The test's own, gone with the lab. */
  readonly folder = mkdtempSync(join(tmpdir(), "ain-shell-"));
  readonly #files: LabFiles;

  constructor(name: string) {
    this.name = name;
    this.#files = new LabFiles(name);
  }

  async up(): Promise<void> {
    cpSync(join(ROOT, "containerlab/quickstart"), this.folder, { recursive: true });
    const file = join(this.folder, "quickstart.clab.yml");
    writeFileSync(file, readFileSync(file, "utf8").replace(/^name: .*/m, `name: ${this.name}`));
    const result = loadTopology(file, {});
    if (!result.ok) throw new Error(JSON.stringify(result.errors));
    await labUp(result.topology, { files: this.#files, ain: AIN, patience: 20_000, say: () => {} });
  }

  async down(): Promise<void> {
    await labDown(this.#files);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
