/** `ain lab list`: which labs are up. */
import { Command } from "commander";
import { columns } from "#cli/columns";
import { print, printJson } from "#cli/output";
import { LabFiles, listLabs } from "#lab/state";

export const listCommand = (): Command =>
  new Command("list")
    .description("list the labs of this machine")
    .option("--json", "print the result as JSON")
    .action(list);

function list({ json }: { json?: true }): void {
  const labs = listLabs().flatMap((lab) => new LabFiles(lab).read() ?? []);
  const rows = labs.map(({ name, file, nodes }) => ({ name, nodes: Object.keys(nodes).length, file }));
  if (json) printJson(rows);
  else if (rows.length === 0) print("no lab is up");
  else
    print(
      columns(
        ["LAB", "NODES", "FILE"],
        rows.map((r) => [r.name, `${r.nodes}`, r.file]),
        ["left", "right"],
      ),
    );
}
