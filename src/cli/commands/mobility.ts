/** `ain mobility …`: what can be done with mobility without a running router. */
import { Command } from "commander";
import { replayCommand } from "#cli/commands/mobility/replay";

export const mobilityCommand = (): Command =>
  new Command("mobility").description("recordings of mobility").enablePositionalOptions().addCommand(replayCommand());
