/** The shell without its terminal: carries out lines, at one router or many, and knows what can come next on one. */
import type { Command } from "commander";
import { Failure, INTERRUPTED, MISUSED, OK } from "#cli/failure";
import { colorsFor } from "#cli/output";
import { program, runIn, tell } from "#cli/program";
import { type ChildChoice, runChild } from "#cli/shell/child";
import { type Completion, complete } from "#cli/shell/completion";
import { type Fleet, select } from "#cli/shell/fleet";
import { Gathering } from "#cli/shell/gathering";
import { type Job, readJob } from "#cli/shell/job";
import { LineWriter } from "#cli/shell/line-writer";
import { LiveValues } from "#cli/shell/live-values";
import { ownCommands, type ShellState } from "#cli/shell/own-commands";
import { type Surroundings, within } from "#cli/surroundings";

/** Where a line's output goes, and who can end it. */
export type Output = Pick<Surroundings, "write" | "writeError" | "isColored" | "isErrorColored" | "width" | "signal">;

/** The routers that a command can ask, and the one that is meant where none is named. */
type Choice = Pick<Surroundings, "socket" | "routers">;

/** Commands that make no sense inside a shell: they are one, or take the process for themselves. */
const ELSEWHERE = ["run", "shell"];
/** Commands whose own programs want the terminal. */
const WANT_TERMINAL = ["lab", "demo"];
/** Milliseconds that a command has to end by itself when the operator does not want it any more. */
const GRACE = 1000;

export class Shell implements ShellState {
  readonly fleet: Fleet;
  current: string | undefined;
  hasEnded = false;
  readonly #live = new LiveValues();
  readonly #hasInput: boolean;

  /** `hasInput`: standard input is the operator's, and a command's while it runs. */
  constructor(fleet: Fleet, { hasInput }: { readonly hasInput: boolean }) {
    this.fleet = fleet;
    this.current = fleet.first;
    this.#hasInput = hasInput;
  }

  get routers(): ReadonlyMap<string, string> {
    return this.fleet.routers();
  }

  /** Throws Failure, or CommanderError having said why. */
  read(line: string): Job | undefined {
    return readJob(line, this.#tree());
  }

  /** What can come next behind `line`. Throws Failure. */
  complete(line: string): Promise<Completion> {
    return complete(line, {
      root: this.#tree(),
      live: this.#live,
      routers: this.routers,
      socketsOf: (target) => this.#socketsOf(target),
    });
  }

  /** Never throws. @returns the exit status, of several routers the first that is not 0. */
  async run(job: Job, output: Output): Promise<number> {
    try {
      const { routers } = this;
      const names = job.target === undefined ? [] : select(routers, job.target);
      if (job.asksSeveral) {
        const meant = names.length === 0 ? routers : new Map(names.map((name) => [name, routers.get(name)!]));
        return await this.#runWith({ routers: meant }, job, output);
      }
      if (names.length > 1) return await this.#runAtAll(job, names, output);
      return await this.#runAt(job, names[0] ?? this.current, output);
    } catch (error) {
      return within(output, () => tell(error));
    }
  }

  #runAt(job: Job, router: string | undefined, output: Output): Promise<number> {
    return this.#runWith(this.#choice(router), job, output);
  }

  async #runWith(choice: Choice, job: Job, output: Output): Promise<number> {
    let isOver = false;
    const { filters } = job.filtering();
    const isFiltered = filters.length > 0;
    const lines = new LineWriter(filters, (text) => output.write(text));
    const here: Surroundings = {
      ...output,
      write: (text) => isOver || lines.write(text),
      writeError: (text) => isOver || output.writeError(text),
      width: isFiltered ? undefined : output.width,
      isColored: output.isColored && !isFiltered,
      ...choice,
    };
    const running = within(here, () => this.#start(job, here, isFiltered));
    const status = await Promise.race([running, given(here.signal)]);
    isOver = true;
    lines.end();
    return status;
  }

  #start(job: Job, here: Surroundings, isFiltered: boolean): Promise<number> {
    if (job.asksRouters) return runIn(this.#tree(), job.words);
    const hasTerminal =
      this.#hasInput && WANT_TERMINAL.includes(job.words[0]!) && !isFiltered && job.watch === undefined;
    const choice: ChildChoice = { hasTerminal, hasInput: this.#hasInput && job.watch === undefined };
    return runChild(job.words, here, choice);
  }

  /** The router that is meant; with several that none is chosen of, findSocket says so. */
  #choice(router: string | undefined): Choice {
    const { routers } = this;
    if (router === undefined) return { routers };
    const socket = routers.get(router);
    if (socket === undefined) throw new Failure(`there is no router ${router} any more`, MISUSED);
    return { socket, routers };
  }

  async #runAtAll(job: Job, names: readonly string[], output: Output): Promise<number> {
    const gathering = new Gathering(names, output, { isJson: job.isJson, title: (name) => heading(name, output) });
    const statuses = names.map(async (name) => {
      const status = await this.#runAt(job, name, gathering.output(name));
      gathering.ended(name);
      return status;
    });
    const all = await Promise.all(statuses);
    gathering.end();
    return all.find((status) => status !== OK) ?? OK;
  }

  #tree(): Command {
    const root = program({ without: ELSEWHERE });
    root.usage("[watch [SECONDS]] [@ROUTER] COMMAND… [| FILTER…]").helpCommand(false);
    for (const command of ownCommands(root, this)) root.addCommand(command);
    return root;
  }

  #socketsOf(target: string | undefined): string[] {
    const { routers } = this;
    const names = target !== undefined ? select(routers, target) : this.current !== undefined ? [this.current] : [];
    return names.flatMap((name) => routers.get(name) ?? []);
  }
}

/** When the operator does not want it any more, and it had its time to end by itself. */
function given(signal: AbortSignal | undefined): Promise<number> {
  return new Promise((resolve) => {
    const later = (): void => void setTimeout(resolve, GRACE, INTERRUPTED);
    if (signal?.aborted) later();
    else signal?.addEventListener("abort", later, { once: true });
  });
}

function heading(name: string, output: Output): string {
  const { bold } = within(output, () => colorsFor(process.stdout));
  const width = Math.min(output.width ?? 80, 80);
  return bold(`── ${name} ${"─".repeat(Math.max(0, width - name.length - 4))}`);
}
