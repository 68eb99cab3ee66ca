/** `ain run NODE.YAML`: one router, in the foreground, until SIGINT or SIGTERM. */
import { resolve } from "node:path";
import { Command, Option } from "commander";
import { DENIED, Failure, MISUSED } from "#cli/failure";
import { colorsFor, printError } from "#cli/output";
import { loadNode } from "#router/config/node";
import { type Level, Log, type LogFormat } from "#router/log";
import { withRecord } from "#router/router";
import { serve } from "#router/serve";
import { formatConfigError } from "#runtime/document/config-error";
import { disownChildren } from "#sys/process";

interface Options {
  readonly socket?: string;
  readonly log?: Level;
  readonly logFormat?: LogFormat;
  readonly record?: string;
}

/** Octets that a recording asked for on the command line may take. */
const RECORD_LIMIT = 256 * 2 ** 20;

export const runCommand = (): Command =>
  new Command("run")
    .description("run the router that a node file describes, in the foreground, until Ctrl-C or SIGTERM")
    .argument("<node.yaml>", "the node's file")
    .option("--socket <path>", "API socket, in place of the file's")
    .option("--record <file>", "record all that OSPF is told, for `ain ospf replay`; keys are in it")
    .addOption(
      new Option("--log <level>", "least level to log (default: the file's, or info)").choices([
        ...["debug", "info", "warn", "error"],
      ]),
    )
    .addOption(
      new Option("--log-format <format>", "text for people, json for programs (default: the file's, or text)").choices([
        ...["text", "json"],
      ]),
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
  if (process.geteuid?.() !== 0)
    throw new Failure("a router opens interfaces and packet sockets: run it as root", DENIED);
  if (process.pid === 1) disownChildren(); // a container's first process; a router starts none of its own
  const { socket = result.node.socket, record: recordFile } = options;
  if (recordFile !== undefined && result.node.ospf === undefined)
    throw new Failure(`nothing to record: ${file} has no section ospf`, MISUSED);
  const record = recordFile === undefined ? undefined : { file: resolve(recordFile), limit: RECORD_LIMIT };
  const configuration = { node: withRecord({ ...result.node, socket }, record), fabric: result.fabric };
  const { level, format } = result.node.log ?? {};
  const log = new Log(options.log ?? level, undefined, { format: options.logFormat ?? format ?? "text" });
  await serve({ file, configuration, log, record });
}
