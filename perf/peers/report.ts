/** All rounds of all contestants, as they go to peers.json and as the table and the plot read them. */
import type { Contestant } from "./contestants/contestant";
import type { Machine } from "./machine";
import type { Options } from "./options";
import type { Turn } from "./run";

export interface Entry {
  readonly name: string;
  readonly title: string;
  /** By round; null where the turn failed. */
  readonly rounds: (Turn | null)[];
  /** Why turns failed, each reason once. */
  readonly failures: string[];
}

export interface Report {
  readonly machine: Machine;
  readonly options: Options;
  readonly entries: readonly Entry[];
}

export const emptyReport = (machine: Machine, options: Options, contestants: readonly Contestant[]): Report => ({
  machine,
  options,
  entries: contestants.map(({ name, title }) => ({ name, title, rounds: [], failures: [] })),
});

export const succeeded = (entry: Entry): Turn[] => entry.rounds.filter((turn) => turn !== null);

export function conditions({ machine, options }: Report): string {
  const { processor, cores, kernel, bun, commit, date } = machine;
  const rounds = options.rounds === 1 ? "1 round" : `medians of ${options.rounds} interleaved rounds`;
  return `${processor}, ${cores} CPUs, Linux ${kernel}, Bun ${bun}, commit ${commit}, ${date}; ${rounds}, ${options.seconds} s a run, MTU ${options.mtu}`;
}
