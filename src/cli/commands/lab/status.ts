/** `ain lab status [LAB]`: how labs are. */
import { Command } from "commander";
import { columns } from "#cli/columns";
import { requireLab } from "#cli/lab-target";
import { colorsFor, print, printJson } from "#cli/output";
import { LabFiles, listLabs } from "#lab/state";
import { type LabStatus, labStatus, type NodeStatus } from "#lab/status";

export const statusCommand = (): Command =>
  new Command("status")
    .description("show the nodes of a lab, or of all labs")
    .argument("[lab]", "name of a lab, or its topology file")
    .option("--json", "print the result as JSON")
    .action(status);

async function status(lab: string | undefined, { json }: { json?: true }): Promise<void> {
  const targets = lab === undefined ? listLabs() : [lab];
  const known = targets.map((target) => (lab === undefined ? stateOf(target) : requireLab(target)));
  const labs = await Promise.all(known.flatMap((one) => (one ? [labStatus(one.files, one.state)] : [])));
  if (json) printJson(labs);
  else if (labs.length === 0) print("no lab is up");
  else print(labs.map(table).join("\n\n"));
}

/** undefined: it was taken down since it was listed. */
function stateOf(name: string): ReturnType<typeof requireLab> | undefined {
  const files = new LabFiles(name);
  const state = files.read();
  return state && { files, state };
}

function table({ name, file, nodes }: LabStatus): string {
  const { bold, dim } = colorsFor(process.stdout);
  return `${bold(name)} ${dim(file)}\n${columns(["NODE", "ROLE", "STATE", "PID", "ADDRESS", "INTERFACES"], nodes.map(row))}`;
}

function row(node: NodeStatus): string[] {
  const { green, red } = colorsFor(process.stdout);
  const state = node.state === "up" ? green(node.state) : red(node.state);
  const interfaces = node.interfaces.map(({ name, up }) => (up ? name : `${name} (down)`)).join(" ");
  const address = `${node.address ?? "-"}${node.location === undefined ? "" : ` at ${node.location}`}`;
  return [node.name, node.role, state, `${node.pid ?? "-"}`, address, interfaces];
}
