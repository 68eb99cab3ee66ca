/** The commands that only a shell has: they change the shell itself. */
import { Argument, Command } from "commander";
import { print } from "#cli/output";
import { select } from "#cli/shell/fleet";
import { follow } from "#cli/shell/tree";

/** What they change. */
export interface ShellState {
  readonly routers: ReadonlyMap<string, string>;
  /** Router that is meant where none is named. */
  current: string | undefined;
  hasEnded: boolean;
}

/** `root`: the tree that they become part of. */
export function ownCommands(root: Command, state: ShellState): Command[] {
  return [
    new Command("use")
      .description("choose the router that is meant where none is named; without one: tell which there are")
      .addArgument(new Argument("[router]", "its name"))
      .action((name: string | undefined) => use(state, name)),
    new Command("watch")
      .description("run a command again and again, and show what differs; ends with q or Ctrl-C")
      .argument("[seconds]", "between two looks; default: 2")
      .argument("<command...>", "what to run")
      .action(() => {}), // the shell takes it off the line before (prefix.ts)
    new Command("help")
      .description("tell more about a command; ? does it at any place of a line")
      .argument("[command...]", "its words")
      .action((words: readonly string[]) => follow(root, words).command.outputHelp()),
    new Command("exit")
      .alias("quit")
      .description("end the shell; so does Ctrl-D")
      .action(() => {
        state.hasEnded = true;
      }),
  ];
}

function use(state: ShellState, name: string | undefined): void {
  if (name !== undefined) {
    const [first] = select(state.routers, name);
    state.current = first;
    return;
  }
  for (const router of state.routers.keys()) print(`${router === state.current ? "*" : " "} ${router}`);
}
