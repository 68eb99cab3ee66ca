/** `ain lab up FILE`: build a lab. */
import { Command } from "commander";
import { seconds } from "#cli/commands/lab/seconds";
import { Failure, MISUSED } from "#cli/failure";
import { requireRoot } from "#cli/lab-target";
import { colorsFor, counted, print, printError } from "#cli/output";
import type { Topology } from "#lab/model";
import { LabFiles } from "#lab/state";
import { loadTopology } from "#lab/topology";
import { labUp } from "#lab/up";
import { formatConfigError } from "#runtime/document/config-error";
import { ainProgram } from "#runtime/program";

export const upCommand = (): Command =>
  new Command("up")
    .description("build a lab, or bring one that is up to what its file says now")
    .argument("<file>", "a containerlab topology (*.clab.yml)")
    .option("--timeout <seconds>", "how long a router, an interface or a command may take", seconds, 20)
    .action(up);

async function up(file: string, { timeout }: { timeout: number }): Promise<void> {
  const topology = topologyOf(file);
  requireRoot();
  const { dim, bold, yellow } = colorsFor(process.stdout);
  for (const note of topology.notes) print(yellow(`note: ${note}`));
  await labUp(topology, {
    files: new LabFiles(topology.name),
    ain: ainProgram(),
    patience: timeout * 1000,
    say: (step) => print(dim(step)),
  });
  const { name, nodes, links } = topology;
  print(`lab ${bold(name)} is up: ${counted(nodes.length, "node")}, ${counted(links.length, "link")}`);
}

function topologyOf(file: string): Topology {
  const result = loadTopology(file, process.env);
  if (result.ok) return result.topology;
  for (const error of result.errors) printError(formatConfigError(error));
  throw new Failure("", MISUSED);
}
