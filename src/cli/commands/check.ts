/** `ain check FILE…`: are these configuration files right? */
import { Command } from "commander";
import { fabricOf } from "#cli/fabric-choice";
import { Failure, MISUSED } from "#cli/failure";
import { colorsFor, counted, print, printError, printJson } from "#cli/output";
import { wiresharkConfig } from "#cli/wireshark";
import { type Checked, checkFiles } from "#router/config/check";
import type { AwayAddress } from "#router/config/vm-homes";
import { type ConfigError, formatConfigError } from "#runtime/document/config-error";

export const checkCommand = (): Command =>
  new Command("check")
    .description("check configuration files (fabric.yaml, node.yaml; a node's fabric is checked with it)")
    .argument("<file...>", "fabric.yaml or node.yaml files")
    .option("--json", "print the result as JSON")
    .option("--wireshark", "print what docs/wireshark/ain.lua has to know of the fabric in the one file given")
    .action(check);

function check(files: string[], { json, wireshark }: { json?: true; wireshark?: true }): void {
  if (wireshark && files.length !== 1) throw new Failure("--wireshark: expected one file, a fabric's", MISUSED);
  if (wireshark) {
    print(wiresharkConfig(fabricOf(files[0]!)));
    return;
  }
  const results = checkFiles(files);
  const ok = results.every(({ errors }) => errors.length === 0);
  if (json) printJson({ ok, files: results.map(({ configuration, ...told }) => told) });
  else show(results);
  if (!ok) throw new Failure("", MISUSED);
}

function show(results: readonly Checked[]): void {
  const { green, red, yellow, bold, dim } = colorsFor(process.stdout);
  // Nodes of one fabric find the same faults in it.
  const told = new Set<string>();
  const tell = (error: ConfigError, mark: string): void => {
    const text = formatConfigError(error);
    if (!told.has(text)) printError(`${mark} ${text}`);
    told.add(text);
  };
  const marks = colorsFor(process.stderr);
  for (const { errors, warnings } of results) {
    for (const error of errors) tell(error, marks.red("error"));
    for (const warning of warnings) tell(warning, marks.yellow("warning"));
  }
  for (const { file, summary, errors, warnings, away = [] } of results) {
    const verdict =
      errors.length > 0
        ? red(counted(errors.length, "error"))
        : warnings.length > 0
          ? yellow("ok, with warnings")
          : green("ok");
    print(`${bold(file)}: ${verdict}${summary === undefined ? "" : `: ${summary}`}`);
    for (const line of awayLines(away)) print(dim(`    ${line}`));
  }
}

/** No fault, but worth knowing: what is sent to these takes a tunnel, and their first packets the way over home. */
function awayLines(away: readonly AwayAddress[]): string[] {
  if (away.length === 0) return [];
  return [
    `${counted(away.length, "address is", "addresses are")} at home elsewhere:`,
    ...away.map(({ vm, network, address, home, hypervisor, near }) => {
      const owner = hypervisor === undefined ? "" : ` (${hypervisor})`;
      const hint = near.length === 0 ? "" : `; free and at home here: ${near.join(", ")}`;
      return `${vm}: ${address} of ${network} at ${home}${owner}${hint}`;
    }),
  ];
}
