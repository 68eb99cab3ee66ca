/** What follows a `|`: takes a command's lines and gives others. commander reads these, too. */
import { Argument, Command } from "commander";
import { Failure, MISUSED } from "#cli/failure";

/** A filter at work. */
export interface Filter {
  /** Lines that come out when this one goes in. */
  line(text: string): readonly string[];
  /** Lines that come out at the end. */
  end(): readonly string[];
}

/** What the filters of a line ask for. */
export interface Filtering {
  /** The command is to print JSON. */
  json: boolean;
  /** Nothing is shown page by page. */
  noMore: boolean;
  readonly filters: Filter[];
}

export const noFiltering = (): Filtering => ({ json: false, noMore: false, filters: [] });

/** `into` is told what the filter asks for. */
export function filterCommands(into: Filtering): Command {
  return new Command("|")
    .description("filters")
    .addCommand(
      new Command("grep")
        .description("lines that have the expression in them")
        .argument("<expression...>", "a regular expression; quote what has | # or ? in it")
        .option("-v, --invert-match", "lines that do not")
        .option("-i, --ignore-case", "capital letters or not")
        .action((words: string[], options: { invertMatch?: true; ignoreCase?: true }) => {
          into.filters.push(grep(expressionOf(words.join(" "), options.ignoreCase), options.invertMatch === true));
        }),
    )
    .addCommand(
      new Command("json").description("the same as JSON; the first filter only").action(() => {
        if (into.json || into.filters.length > 0) throw new Failure("json has to be the first filter", MISUSED);
        into.json = true;
      }),
    )
    .addCommand(
      new Command("count").description("how many lines; behind json: how many elements").action(() => {
        into.filters.push(into.json && into.filters.length === 0 ? countElements() : count());
      }),
    )
    .addCommand(
      new Command("head")
        .description("the first lines")
        .addArgument(lines())
        .action((most: number) => void into.filters.push(head(most))),
    )
    .addCommand(
      new Command("tail")
        .description("the last lines")
        .addArgument(lines())
        .action((most: number) => void into.filters.push(tail(most))),
    )
    .addCommand(
      new Command("no-more").description("all at once, not page by page, and as wide as it is").action(() => {
        into.noMore = true;
      }),
    );
}

const MOST_LINES = 1_000_000;
const lines = (): Argument =>
  new Argument("[lines]", "how many").default(10).argParser((text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= 1 && value <= MOST_LINES) return value;
    throw new Failure(`found "${text}", expected 1 … ${MOST_LINES} lines`, MISUSED);
  });

function expressionOf(text: string, ignoreCase: true | undefined): RegExp {
  try {
    return new RegExp(text, ignoreCase ? "i" : "");
  } catch (error) {
    throw new Failure(`found "${text}", expected a regular expression (${(error as Error).message})`, MISUSED);
  }
}

const grep = (expression: RegExp, isInverted: boolean): Filter => ({
  line: (text) => (expression.test(Bun.stripANSI(text)) === isInverted ? [] : [text]),
  end: () => [],
});

function count(): Filter {
  let all = 0;
  return {
    line: () => {
      all++;
      return [];
    },
    end: () => [`${all}`],
  };
}

/** Of an array; anything else is one. */
function countElements(): Filter {
  const all: string[] = [];
  return {
    line: (text) => {
      all.push(text);
      return [];
    },
    end: () => {
      if (all.length === 0) return ["0"];
      const value: unknown = JSON.parse(all.join("\n"));
      return [`${Array.isArray(value) ? value.length : 1}`];
    },
  };
}

function head(most: number): Filter {
  let shown = 0;
  return { line: (text) => (shown++ < most ? [text] : []), end: () => [] };
}

function tail(most: number): Filter {
  const kept: string[] = [];
  return {
    line: (text) => {
      if (kept.push(text) > most) kept.shift();
      return [];
    },
    end: () => kept,
  };
}

/** Lines through all of them. */
export function throughAll(filters: readonly Filter[]): Filter {
  const from = (index: number, texts: readonly string[]): readonly string[] =>
    filters.slice(index).reduce((passing, filter) => passing.flatMap((text) => filter.line(text)), texts);
  return {
    line: (text) => from(0, [text]),
    end: () => filters.flatMap((filter, i) => from(i + 1, filter.end())),
  };
}
