/** `ain move VM --from R1 --to R2`: a VM goes from one running router to another; prints what it took. */
import { Command } from "commander";
import { findSocket, Refusal } from "#cli/client";
import { Failure, MISUSED } from "#cli/failure";
import { moveText } from "#cli/flight-text";
import { print, printError, printJson } from "#cli/output";
import { portable, readVmFile, tellRefusal } from "#cli/vm-file";
import { carryOver, flightsOf, knownFor, type Move, released, rewired } from "#cli/vm-move";
import { mergeFlights } from "#router/mobility/move-report";
import type { MoveReport } from "#router/mobility/views";
import { span } from "#runtime/document/scalars";

interface Options {
  readonly from: string;
  readonly to: string;
  readonly definition?: string;
  readonly interface?: string;
  readonly tap?: string;
  readonly budget?: string;
  readonly hook?: string;
  readonly hold: boolean;
  readonly timeout: string;
  readonly json?: true;
}

export const moveCommand = (): Command =>
  new Command("move")
    .description(
      "move a VM from one running router to another: prepare, hold, hook, activate; prints the flight report",
    )
    .argument("<vm>", "name of a VM that is active at --from")
    .requiredOption("--from <router>", "name or API socket of the router that has it")
    .requiredOption("--to <router>", "name or API socket of the router that gets it")
    .option("--definition <file>", "what the target is to know it as; default: as the source does")
    .option("--interface <name>", "its interface at the target, where that is another")
    .option("--tap <name>", "the TAP that the target is to make for it")
    .option("--hook <command>", "moves the VM itself, by sh -c, with AIN_VM, AIN_FROM and AIN_TO")
    .option("--no-hold", "the hook holds the VM itself, by ain vm hold, as late as it can")
    .option("--budget <time>", "fail when packets do not reach the VM for longer than this, as in 50ms")
    .option("--timeout <time>", "how long the source may take to let it go", "5s")
    .option("--json", "print the report as JSON")
    .action(move);

async function move(vm: string, options: Options): Promise<void> {
  const budget = options.budget === undefined ? undefined : millis(options.budget, "--budget");
  const timeout = millis(options.timeout, "--timeout");
  const ends: Move = { vm, from: findSocket(options.from), to: findSocket(options.to) };
  const source = options.definition === undefined ? undefined : readVmFile(options.definition);
  const known = await knownFor(ends);
  const definition = rewired(source === undefined ? known.definition : portable(source), options);
  try {
    await carryOver(ends, { definition, claim: known.claim, hold: options.hold, hook: options.hook });
  } catch (error) {
    if (source !== undefined && error instanceof Refusal) tellRefusal(error, source);
    throw error;
  }
  await released(ends, timeout);
  const flights = await flightsOf(ends, timeout);
  if (flights === undefined) {
    printError(`VM ${vm} has moved; there is no report of it`);
    return;
  }
  const report = mergeFlights(...flights);
  if (options.json) printJson(report);
  else print(moveText(report));
  if (budget !== undefined) checkBudget(report, budget);
}

/** What the VM itself stood still for is not the network's. */
function checkBudget({ downtime: { network, total } }: MoveReport, budget: number): void {
  const took = network ?? total;
  if (took === null) throw new Failure("nobody spoke to the VM, so nobody knows whether the budget was kept");
  if (took > budget)
    throw new Failure(`packets did not reach the VM for ${took.toFixed(1)} ms, the budget is ${budget} ms`);
}

/** Most that a time on the command line may be. */
const AN_HOUR = 3_600_000;

function millis(text: string, option: string): number {
  const result = span(1, AN_HOUR).safeParse(text);
  if (!result.success)
    throw new Failure(`${option}: found "${text}", expected ${result.error.issues[0]!.message}`, MISUSED);
  return result.data;
}
