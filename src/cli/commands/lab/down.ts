/** `ain lab down LAB…`: take labs down. */
import { Command } from "commander";
import { Failure, MISUSED } from "#cli/failure";
import { labName, requireRoot } from "#cli/lab-target";
import { colorsFor, counted, print } from "#cli/output";
import { labDown } from "#lab/down";
import { LabFiles, listLabs } from "#lab/state";

export const downCommand = (): Command =>
  new Command("down")
    .description("take labs down, with everything that runs in them")
    .argument("[lab...]", "name of a lab, or its topology file")
    .option("--all", "every lab of this machine")
    .action(down);

async function down(labs: string[], { all }: { all?: true }): Promise<void> {
  if ((labs.length === 0) === (all === undefined)) throw new Failure("say which lab, or --all", MISUSED);
  requireRoot();
  const { bold } = colorsFor(process.stdout);
  for (const name of all ? listLabs() : labs.map(labName)) {
    const report = await labDown(new LabFiles(name));
    const removed = report && `${counted(report.nodes, "node")}, ${counted(report.processes, "process", "processes")}`;
    print(report === undefined ? `lab ${bold(name)} is not up` : `lab ${bold(name)} is down: ${removed} removed`);
  }
}
