/** `ain ospf …`: what can be done with OSPF without a running router. */
import { Command } from "commander";
import { replayCommand } from "#cli/commands/ospf/replay";

export const ospfCommand = (): Command =>
  new Command("ospf").description("recordings of OSPF").enablePositionalOptions().addCommand(replayCommand());
