/** Has an OSPF core live through a recording again: the same events at the same times make the same state. */
import type { Millis } from "#base/time";
import type { OspfEvent } from "#ospf/events";
import { Ospf } from "#ospf/ospf";
import { type CoreStart, RECORDING_VERSION, type RecordingHeader } from "#router/ospf/recording";
import { type RecordedLine, RecordingError, readRecording } from "#runtime/recording/reader";

export interface Replay {
  readonly header: RecordingHeader;
  /** The last core's, as it was at `now`. */
  readonly core: Ospf;
  readonly now: Millis;
  /** When the first core began. */
  readonly began: Millis;
  readonly events: number;
  /** For the operator: what was passed over, where a core was replaced. */
  readonly notes: readonly string[];
  /** The last event is what the core fell over: its error. */
  readonly failure?: string;
}

/**
 * `span`: milliseconds from the first event on, after which the rest is left out. Throws RecordingError for a file that
 * cannot be read, is no recording of OSPF or is damaged; the message is for the operator.
 */
export function replay(file: string, span = Number.POSITIVE_INFINITY): Replay {
  const notes: string[] = [];
  const lines = readRecording(file, (line) =>
    notes.push(`${file}:${line}: the last line was cut off, and is left out`),
  );
  const header = headerOf(file, lines.next().value as RecordedLine | undefined);
  const player = new Player(file, notes);
  for (const line of lines) if (!player.take(line, span)) break;
  return { header, notes, ...player.outcome() };
}

function headerOf(file: string, first: RecordedLine | undefined): RecordingHeader {
  const value = first?.value as Partial<RecordingHeader> | undefined;
  if (value?.recording !== "ospf") throw new RecordingError(`${file}:1: found no header, expected a recording of OSPF`);
  if (value.version !== RECORDING_VERSION)
    throw new RecordingError(`${file}:1: found a recording of version ${value.version}, expected ${RECORDING_VERSION}`);
  return value as RecordingHeader;
}

class Player {
  private readonly file: string;
  private readonly notes: string[];
  private core: Ospf | undefined;
  private began: Millis | undefined;
  private now: Millis = Number.NEGATIVE_INFINITY;
  private events = 0;
  private failure: string | undefined;

  constructor(file: string, notes: string[]) {
    this.file = file;
    this.notes = notes;
  }

  /** False: no more is wanted. */
  take({ line, value }: RecordedLine, span: Millis): boolean {
    const { core: start, at, event } = (value ?? {}) as { core?: CoreStart; at?: unknown; event?: OspfEvent };
    if (start !== undefined) this.begin(line, start);
    else if (this.core === undefined) throw this.wrong(line, "found no core, expected the beginning of one");
    else if (typeof at !== "number" || !isEvent(event)) throw this.wrong(line, "found neither a core nor an event");
    else {
      if (at < this.now) throw this.wrong(line, "found an event from before the last one");
      this.began ??= at;
      if (at - this.began > span) return false;
      this.play(line, event, at);
    }
    return true;
  }

  outcome(): Omit<Replay, "header" | "notes"> {
    const { core, events, failure } = this;
    if (core === undefined) throw new RecordingError(`${this.file}: found no core in it`);
    const now = this.began === undefined ? 0 : this.now;
    return { core, now, began: this.began ?? now, events, ...(failure !== undefined && { failure }) };
  }

  private begin(line: number, start: CoreStart): void {
    if (this.core !== undefined) this.notes.push(`${this.file}:${line}: another core begins here`);
    this.failure = undefined;
    try {
      this.core = new Ospf(start);
    } catch (error) {
      throw this.wrong(line, `a core that cannot begin (${reasonOf(error)})`);
    }
  }

  /** A core that failed is not told more: the recording goes on with the next one. */
  private play(line: number, event: OspfEvent, at: Millis): void {
    this.now = at;
    this.events++;
    if (this.failure !== undefined) return;
    try {
      this.core!.handle(event, at);
    } catch (error) {
      this.failure = `${this.file}:${line}: ${reasonOf(error)}`;
      this.notes.push(`${this.failure}: the core failed here`);
    }
  }

  private wrong(line: number, found: string): RecordingError {
    return new RecordingError(`${this.file}:${line}: ${found}: the recording is damaged or another version's`);
  }
}

/** Every type there is, with the fields it cannot do without. */
const FIELDS: { readonly [Type in OspfEvent["type"]]: readonly string[] } = {
  interfaceUp: ["interface", "interfaceId", "linkLocal", "mtu"],
  interfaceDown: ["interface"],
  packet: ["interface", "source", "destination", "octets"],
  bfd: ["interface", "address", "up"],
  configure: ["config"],
  prepareRestart: [],
  shutdown: [],
  clock: ["offset"],
  timer: [],
};

function isEvent(value: unknown): value is OspfEvent {
  if (typeof value !== "object" || value === null || !("type" in value)) return false;
  const { type } = value;
  return (
    typeof type === "string" &&
    Object.hasOwn(FIELDS, type) &&
    FIELDS[type as OspfEvent["type"]].every((field) => field in value)
  );
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
