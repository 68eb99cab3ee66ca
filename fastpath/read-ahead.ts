/**
 * A burst of frames is looked at before the first of them is decided about, and what they are about to ask of memory is read.
 *
 * With many flows at work, their records and connections are in no cache of the processor's, and each frame waits three or four times,
 * 100 to 200 ns, for one cache line after the other. The waiting can be done for many at once: loads that nothing else comes
 * between are under way together, and take 5 to 10 ns each. It is the bare loop that does it: a processor looks some
 * hundred instructions ahead, and where a whole frame is handled between two loads, it does not see the second. So this goes
 * through the burst question by question: all frames' headers, then all their records in the flow cache, then all connections.
 * JavaScript can only ask for memory by reading it: the sum of what was read is kept, or the compiler would find that nobody
 * needs it. Few flows' records are in the caches anyway: then only the headers are looked at, which is a little faster for
 * being done for all frames at once, too.
 *
 * Nothing is decided here. What was read may be another flow's, or change before it is the frame's turn, which reads again.
 */
import {
  ACTION_NAT_4_TO_6,
  CONNECTION_BACK,
  R_ACTION,
  R_CONNECTION_4,
  R_CONNECTION_6,
  R_FLOW_WORD,
  R_PORTS,
  R_USED,
  RECORD,
} from "#fastpath/decision";
import type { FlowCache } from "#fastpath/flow-cache";
import { type Frame, KIND_IPV4 } from "#fastpath/frame";
import { look } from "#fastpath/look";
import { rewrap } from "#fastpath/stages/unwrap";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE } from "#fastpath/verdicts";
import { PROTOCOL_TCP } from "#wire/protocol";

/** Frames at once that it pays for; fewer are received as they are. */
const FEWEST = 3;
/** Frames at once that it is done for; those behind are received as they are. */
export const MOST_AHEAD = 64;

export class ReadAhead {
  /** Means nothing: what is read has to go somewhere. */
  sum = 0;
  readonly #tables: Tables;
  readonly #cache: FlowCache;
  readonly #records: Int32Array;
  /** By frame, a record's word index: where its flow's two are, later the one that is likely its own; 0: nowhere. */
  readonly #places = new Int32Array(MOST_AHEAD);

  constructor(tables: Tables, cache: FlowCache) {
    this.#tables = tables;
    this.#cache = cache;
    this.#records = tables.records;
  }

  /** The first `count` frames are about to be received one after the other, and nothing between them. */
  prepare(frames: readonly Frame[], count: number): void {
    if (count < FEWEST) return;
    const looked = this.#look(frames, Math.min(count, MOST_AHEAD));
    if (!this.#cache.isCrowded) return;
    this.#locate(frames, looked);
    const sum = this.#readSets(looked) ^ this.#readRecords(frames, looked);
    this.sum = sum ^ this.#readConnections(frames, looked);
  }

  /**
   * How many were looked at. Fewer than all: a defect of ours, which is left to the frame's own turn. There it is looked at once
   * more, and so are those behind it.
   */
  #look(frames: readonly Frame[], count: number): number {
    const t = this.#tables;
    let k = 0;
    try {
      for (; k < count; k++) {
        const f = frames[k]!;
        f.early = look(f, t);
      }
    } catch {
      if (frames[k]!.outer !== 0) rewrap(frames[k]!);
    }
    return k;
  }

  /** Where their flows' records may be. */
  #locate(frames: readonly Frame[], count: number): void {
    for (let k = 0; k < count; k++) {
      const f = frames[k]!;
      this.#places[k] = f.early === CONTINUE && f.unusual === 0 ? this.#cache.setOf(f.flowHash) : 0;
    }
  }

  /** Both records of a set, the first line of each. Index 0, the scratch record, does no harm, and a branch would. */
  #readSets(count: number): number {
    const r = this.#records;
    const places = this.#places;
    let sum = 0;
    for (let k = 0; k < count; k++) sum ^= r[places[k]!]! ^ r[places[k]! + RECORD]!;
    return sum;
  }

  /** The second line of what is likely the flow's record; else those that say which record may give way, and the flow's hint. */
  #readRecords(frames: readonly Frame[], count: number): number {
    const r = this.#records;
    const places = this.#places;
    const { hints } = this.#tables;
    let sum = 0;
    for (let k = 0; k < count; k++) {
      const first = places[k]!;
      if (first === 0) continue;
      const second = first + RECORD;
      const f = frames[k]!;
      // Branches, and no reckoning without them: while the processor guesses which it is, the next frames' loads are under way.
      if (r[first + R_PORTS] === f.ports) sum ^= r[first + R_FLOW_WORD]!;
      else if (r[second + R_PORTS] === f.ports) {
        places[k] = second;
        sum ^= r[second + R_FLOW_WORD]!;
      } else {
        places[k] = 0;
        sum ^= r[first + R_USED]! ^ r[second + R_USED]!;
        if (hints === undefined) continue;
        f.hint = hints.slotOf(f.flowHash);
        sum ^= hints.at(f.hint);
      }
    }
    return sum;
  }

  /** The connection that the record says the flow is; where there is no record, the one that the hint is about. */
  #readConnections(frames: readonly Frame[], count: number): number {
    const r = this.#records;
    const { connections, hints, nat, countsConnections } = this.#tables;
    let sum = 0;
    for (let k = 0; k < count; k++) {
      const at = this.#places[k]!;
      const f = frames[k]!;
      let table = connections;
      let entry = 0;
      if (at !== 0) {
        entry = r[at + (f.kind === KIND_IPV4 ? R_CONNECTION_4 : R_CONNECTION_6)]! & ~CONNECTION_BACK;
        if (r[at + R_ACTION]! >= ACTION_NAT_4_TO_6) table = nat?.sessions;
      } else if (f.hint >= 0) entry = hints!.at(f.hint);
      if (entry !== 0 && table !== undefined)
        sum ^= table.peek(entry, f.protocol === PROTOCOL_TCP || countsConnections);
    }
    return sum;
  }
}
