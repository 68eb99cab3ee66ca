/** The command line of `npm run perf:peers`. */
import { Command, InvalidArgumentError, Option } from "commander";
import { CONTESTANTS } from "./contestants/list";

export interface Options {
  readonly rounds: number;
  /** Length of each TCP run. */
  readonly seconds: number;
  /** Names of contestants; empty: all. */
  readonly only: readonly string[];
  /** Of the hypervisor–hypervisor link, octets. */
  readonly mtu: number;
  /** Where peers.json and peers.svg go; the tables of a finished run are printed in any case. */
  readonly output: boolean;
}

/** Of one UDP trial; a search takes some ten. */
export const udpTrialSeconds = (options: Options): number => Math.min(1, options.seconds / 3);
export const roundTrips = (options: Options): number => Math.round(170 * options.seconds);

const count = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("expected a whole number from 1.");
  return value;
};

const names = (text: string): string[] => {
  const wanted = text.split(",");
  const known = CONTESTANTS.map((contestant) => contestant.name);
  for (const name of wanted) {
    if (!known.includes(name)) throw new InvalidArgumentError(`'${name}' is none of ${known.join(", ")}.`);
  }
  return wanted;
};

export function parseOptions(argv: readonly string[]): Options {
  const command = new Command("perf:peers")
    .description("Measures AIN beside other ways to join two VMs on two hypervisors, in turns, on this machine.")
    .option("--rounds <n>", "how often everyone has a turn", count, 3)
    .option("--seconds <s>", "length of each TCP run", count, 3)
    .option("--only <a,b,…>", "some of the contestants", names)
    .addOption(new Option("--mtu <octets>", "MTU between the hypervisors").choices(["1500", "9000"]).default("1500"))
    .option("--quick", "one short round, to see that everything works; writes no files")
    .parse([...argv]);
  const given = command.opts();
  const quick = given.quick === true;
  return {
    rounds: quick ? 1 : given.rounds,
    seconds: quick ? 1 : given.seconds,
    only: given.only ?? [],
    mtu: Number(given.mtu),
    output: !quick,
  };
}
