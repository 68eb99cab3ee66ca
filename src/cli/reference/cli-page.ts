/** docs/cli.md: every command, with its arguments and options, from the tree that carries them out. */
import type { Argument, Command, Option } from "commander";
import { EXIT_STATUSES } from "#cli/failure";
import { program } from "#cli/program";
import { code, madeFrom, table } from "#cli/reference/markdown";
import { filterCommands, noFiltering } from "#cli/shell/filters";
import { ownCommands } from "#cli/shell/own-commands";
import { leaves } from "#cli/shell/tree";

const INTRODUCTION = `# Commands

\`ain COMMAND --help\` says the same. All of them are there in [\`ain shell\`](shell.md), too, where they may be abbreviated.
\`--json\` prints documents that [json.md](json.md) describes.`;

/** Markdown. */
export function cliPage(): string {
  const root = program();
  const own = ownCommands(root, { routers: new Map(), current: undefined, hasEnded: false });
  return `${[
    madeFrom("the commands' own definitions"),
    INTRODUCTION,
    ...leaves(root).flatMap(({ path, command }) => section("ain ", path, command)),
    "## In the shell only",
    ...own.flatMap((command) => section("", [command.name()], command)),
    "## Filters of the shell",
    ...filterCommands(noFiltering()).commands.flatMap((command) => section("| ", [command.name()], command)),
    "## Exit status",
    table(
      ["status", "meaning"],
      EXIT_STATUSES.map(({ status, meaning }) => [`${status}`, meaning]),
    ),
    "`ain lab exec` ends with the status of what it ran (127: not found, 128 + n: ended by signal n); `ain shell` with a " +
      "script's first that is not 0.",
  ].join("\n\n")}\n`;
}

function section(before: string, path: readonly string[], command: Command): string[] {
  const options = command.options.length === 0 ? [] : ["[options]"];
  const usage = [...path, ...options, ...command.registeredArguments.map(usageOf)].join(" ");
  const rows = [
    ...command.registeredArguments.map((argument) => [code(usageOf(argument)), meaningOf(argument)]),
    ...command.options.map((option) => [code(option.flags), meaningOf(option)]),
  ];
  return [
    `### ${before}${path.join(" ")}`.trimEnd(),
    code(`${before}${usage}`),
    `${command.description().replace(/^./, (first) => first.toUpperCase())}.`,
    ...(rows.length === 0 ? [] : [table(["", ""], rows)]),
  ];
}

function usageOf(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

/** With what it may be, and is by default. */
function meaningOf({ description, argChoices, defaultValue }: Argument | Option): string {
  const isTold = (argChoices ?? []).every((choice) => description.includes(choice));
  return [
    description,
    ...(argChoices === undefined || isTold ? [] : [`one of ${argChoices.join(", ")}`]),
    ...(isShown(defaultValue) ? [`default: ${[defaultValue].flat().join(" ")}`] : []),
  ].join("; ");
}

const isShown = (value: unknown): boolean =>
  value !== undefined && value !== false && value !== true && !(Array.isArray(value) && value.length === 0);
