/** `ain run NODE.YAML`: one router, in the foreground, until SIGINT or SIGTERM. */
import { Command, Option } from "commander";
import { Failure, MISUSED } from "#cli/failure";
import { colorsFor, printError } from "#cli/output";
import { loadNode } from "#router/config/node";
import { type Level, Log } from "#router/log";
import { serve } from "#router/serve";
import { formatConfigError } from "#runtime/document/config-error";

interface Options {
  readonly socket?: string;
  readonly log: Level;
}

export const runCommand = (): Command =>
  new Command("run")
    .description("run the router that a node file describes, in the foreground, until Ctrl-C or SIGTERM")
    .argument("<node.yaml>")
    .option("--socket <path>", "API socket, in place of the file's")
    .addOption(
      new Option("--log <level>", "least level to log").choices(["debug", "info", "warn", "error"]).default("info"),
    )
    .action(run);

async function run(file: string, options: Options): Promise<void> {
  const result = loadNode(file);
  const { red, yellow } = colorsFor(process.stderr);
  for (const warning of result.warnings) printError(`${yellow("warning")} ${formatConfigError(warning)}`);
  if (!result.ok) {
    for (const error of result.errors) printError(`${red("error")} ${formatConfigError(error)}`);
    throw new Failure("", MISUSED);
  }
  if (process.geteuid?.() !== 0) throw new Failure("a router opens interfaces and packet sockets: run it as root");
  const { socket = result.node.socket } = options;
  const configuration = { node: { ...result.node, socket }, fabric: result.fabric };
  await serve({ file, configuration, log: new Log(options.log) });
}
