/** `ain lab move LAB VM NODE`: another hypervisor gets a VM's wire. */
import { Command } from "commander";
import { requireRoot, requireStandingLab } from "#cli/lab-target";
import { labMove } from "#lab/move";

export const moveCommand = (): Command =>
  new Command("move")
    .description("lead the wire of a VM that moves to another node; the VM announces itself there, as a machine does")
    .argument("<lab>", "name of a lab, or its topology file")
    .argument("<vm>", "a VM with the label ain-moves")
    .argument("<node>", "where to, the other end of one of its links")
    .action((lab: string, vm: string, node: string) => {
      requireRoot();
      const { state } = requireStandingLab(lab);
      labMove(state, vm, node);
    });
