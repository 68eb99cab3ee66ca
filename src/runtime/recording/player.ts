/** Has a core live through a recording again: the same events at the same times make the same state. */
import type { Millis } from "#base/time";
import { type RecordedLine, RecordingError, readRecording } from "#runtime/recording/reader";

/** The first line. */
export interface RecordingHeader {
  /** Of which core. */
  readonly recording: string;
  /** Counted up when recordings of before can no longer be replayed. */
  readonly version: number;
  /** Of the program. */
  readonly ain: string;
  /** Name of the node. */
  readonly node: string;
  /** Unix time of the start, RFC 3339. */
  readonly began: string;
}

/** A kind of recording, and the core that lives through it. */
export interface Playable<Core, Start, Event> {
  readonly recording: string;
  /** As people call it. */
  readonly title: string;
  readonly version: number;
  /** What a line `{core: …}` says; throws Error for what is none. */
  readonly begin: (start: Start) => Core;
  readonly handle: (core: Core, event: Event, at: Millis) => unknown;
  /** Every type of event there is, with the fields it cannot do without. */
  readonly fields: Readonly<Record<string, readonly string[]>>;
}

export interface Played<Core, Header = RecordingHeader> {
  readonly header: Header;
  /** The last core, as it was at `now`. */
  readonly core: Core;
  readonly now: Millis;
  /** When the first event came. */
  readonly began: Millis;
  readonly events: number;
  /** For the operator: what was passed over, where a core was replaced. */
  readonly notes: readonly string[];
  /** The last event is what the core fell over: its error. */
  readonly failure?: string;
}

/**
 * `span`: milliseconds from the first event on, after which the rest is left out. Throws RecordingError for a file that
 * cannot be read, is no recording of that kind or is damaged; the message is for the operator.
 */
export function play<Core, Start, Event>(
  file: string,
  kind: Playable<Core, Start, Event>,
  span = Number.POSITIVE_INFINITY,
): Played<Core> {
  const notes: string[] = [];
  const lines = readRecording(file, (line) =>
    notes.push(`${file}:${line}: the last line was cut off, and is left out`),
  );
  const header = headerOf(file, lines.next().value as RecordedLine | undefined, kind);
  const player = new Player(file, kind, notes);
  for (const line of lines) if (!player.take(line, span)) break;
  return { header, notes, ...player.outcome() };
}

function headerOf(
  file: string,
  first: RecordedLine | undefined,
  { recording, title, version }: Pick<Playable<unknown, unknown, unknown>, "recording" | "title" | "version">,
): RecordingHeader {
  const value = first?.value as Partial<RecordingHeader> | undefined;
  if (value?.recording !== recording)
    throw new RecordingError(`${file}:1: found no header, expected a recording of ${title}`);
  if (value.version !== version)
    throw new RecordingError(`${file}:1: found a recording of version ${value.version}, expected ${version}`);
  return value as RecordingHeader;
}

class Player<Core, Start, Event> {
  readonly #file: string;
  readonly #kind: Playable<Core, Start, Event>;
  readonly #notes: string[];
  #core: Core | undefined;
  #began: Millis | undefined;
  #now: Millis = Number.NEGATIVE_INFINITY;
  #events = 0;
  #failure: string | undefined;

  constructor(file: string, kind: Playable<Core, Start, Event>, notes: string[]) {
    this.#file = file;
    this.#kind = kind;
    this.#notes = notes;
  }

  /** False: no more is wanted. */
  take({ line, value }: RecordedLine, span: Millis): boolean {
    const { core: start, at, event } = (value ?? {}) as { core?: Start; at?: unknown; event?: unknown };
    if (start !== undefined) this.#begin(line, start);
    else if (this.#core === undefined) throw this.#wrong(line, "found no core, expected the beginning of one");
    else if (typeof at !== "number" || !this.#isEvent(event))
      throw this.#wrong(line, "found neither a core nor an event");
    else {
      if (at < this.#now) throw this.#wrong(line, "found an event from before the last one");
      this.#began ??= at;
      if (at - this.#began > span) return false;
      this.#play(line, event, at);
    }
    return true;
  }

  outcome(): Omit<Played<Core>, "header" | "notes"> {
    const core = this.#core;
    if (core === undefined) throw new RecordingError(`${this.#file}: found no core in it`);
    const now = this.#began === undefined ? 0 : this.#now;
    const failure = this.#failure;
    return {
      ...{ core, now, began: this.#began ?? now, events: this.#events },
      ...(failure !== undefined && { failure }),
    };
  }

  #begin(line: number, start: Start): void {
    if (this.#core !== undefined) this.#notes.push(`${this.#file}:${line}: another core begins here`);
    this.#failure = undefined;
    try {
      this.#core = this.#kind.begin(start);
    } catch (error) {
      throw this.#wrong(line, `a core that cannot begin (${reasonOf(error)})`);
    }
  }

  /** A core that failed is not told more: the recording goes on with the next one. */
  #play(line: number, event: Event, at: Millis): void {
    this.#now = at;
    this.#events++;
    if (this.#failure !== undefined) return;
    try {
      this.#kind.handle(this.#core!, event, at);
    } catch (error) {
      this.#failure = `${this.#file}:${line}: ${reasonOf(error)}`;
      this.#notes.push(`${this.#failure}: the core failed here`);
    }
  }

  #isEvent(value: unknown): value is Event {
    if (typeof value !== "object" || value === null || !("type" in value)) return false;
    const { type } = value;
    const { fields } = this.#kind;
    return typeof type === "string" && Object.hasOwn(fields, type) && fields[type]!.every((field) => field in value);
  }

  #wrong(line: number, found: string): RecordingError {
    return new RecordingError(`${this.#file}:${line}: ${found}: the recording is damaged or another version's`);
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
