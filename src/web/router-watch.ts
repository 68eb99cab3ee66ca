/** Keeps one router's knowledge up to date: asks for the view that is due, and when nobody answers, now and then for a sign of life. */
import { answers, type Knowledge, newKnowledge, refused, silent, told } from "#web/knowledge";
import type { Pace } from "#web/pace";
import { type Answer, RouterLine } from "#web/router-line";
import { readView, VIEW_PATHS, type ViewPath } from "#web/router-views";
import { checksumsOf, nextDue, type Situation } from "#web/schedule";

/** A router that answers is given up only after so many answers in a row that did not come: it may have been busy. */
const MISSES = 2;
/** The longest rest, so that what changes the schedule is noticed. */
const LONGEST_REST = 1000;

export interface Surrounding {
  readonly pace: Pace;
  readonly routers: () => number;
  readonly isSpokesman: (name: string) => boolean;
  /** Unix milliseconds that never go back. */
  readonly now: () => number;
  /** The knowledge has changed. */
  readonly changed: () => void;
}

export class RouterWatch {
  readonly line: RouterLine;
  readonly #around: Surrounding;
  readonly #asked = new Map<ViewPath, number>();
  readonly #stop = new AbortController();
  #checksums = "";
  #misses = 0;
  #known: Knowledge;

  constructor(
    name: string,
    { socket, shown }: { readonly socket: string; readonly shown: string },
    around: Surrounding,
  ) {
    this.#known = newKnowledge(name, shown);
    this.line = new RouterLine(socket, around.pace.line);
    this.#around = around;
    void this.#run();
  }

  get known(): Knowledge {
    return this.#known;
  }

  /** Every view was told or refused at least once, or the router does not answer. */
  get isIntroduced(): boolean {
    const { reach, views, lacks } = this.#known;
    if (reach.kind !== "answers") return reach.kind === "silent";
    const hasAreas = checksumsOf(this.#known) !== "" && this.#around.isSpokesman(this.#known.name);
    return VIEW_PATHS.every(
      (path) =>
        (path === "ospf/database/router" && !hasAreas) || views[path] !== undefined || lacks[path] !== undefined,
    );
  }

  close(): void {
    this.#stop.abort();
    this.line.close();
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const isSilent = this.#known.reach.kind === "silent";
      const due = isSilent ? { path: "status" as const, at: 0 } : nextDue(this.#known, this.#asked, this.#situation());
      const rest = isSilent ? this.#around.pace.retry : Math.min(LONGEST_REST, due.at - this.#around.now());
      if (rest > 0) await sleep(rest, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      if (isSilent || due.at <= this.#around.now()) await this.#look(due.path);
    }
  }

  #situation(): Situation {
    const { pace, routers, isSpokesman } = this.#around;
    return {
      checksums: this.#checksums,
      routers: routers(),
      slowness: pace.slowness,
      isSpokesman: isSpokesman(this.#known.name),
    };
  }

  async #look(path: ViewPath): Promise<void> {
    const checksums = checksumsOf(this.#known);
    this.#asked.set(path, this.#around.now());
    const answer = await this.line.ask(path);
    if (this.#stop.signal.aborted || answer.kind === "busy") return;
    const before = this.#known;
    this.#known = this.#learn(path, answer);
    if (path === "ospf/database/router" && answer.kind !== "silent") this.#checksums = checksums;
    // Whatever it says after a silence is news.
    if (before.reach.kind === "silent" && this.#known.reach.kind === "answers") this.#asked.clear();
    if (before !== this.#known) this.#around.changed();
  }

  #learn(path: ViewPath, answer: Exclude<Answer, { kind: "busy" }>): Knowledge {
    this.#misses = answer.kind === "silent" && answer.isLate === true ? this.#misses + 1 : 0;
    const isBusy = this.#known.reach.kind === "answers" && this.#misses > 0 && this.#misses < MISSES;
    if (isBusy) return this.#known;
    if (answer.kind === "silent") return silent(this.#known, answer.reason);
    const known = answers(this.#known, answer.version);
    if (answer.kind === "refused") return refused(known, path, answer.reason);
    const read = readView(path, answer.json);
    if ("value" in read) return told(known, path, { at: this.#around.now(), value: read.value });
    // A router of any version says who it is; what does not is none.
    return path === "status"
      ? silent(known, `what answers there is no AIN router: ${read.fault}`)
      : refused(known, path, read.fault);
  }
}

/** Ends early when it is aborted. */
function sleep(millis: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, millis);
  signal.addEventListener(
    "abort",
    () => {
      clearTimeout(timer);
      resolve();
    },
    { once: true },
  );
  return promise;
}
