/**
 * What a watched frame's way through the stages looked like: for each stage a *step*, which is what the frame and the decision
 * record said after it. Plain words, so that a forwarder writes them without allocation and another thread reads them:
 * the router explains them in words (src/router/why), whoever wrote them.
 */
import { R_DESTINATION, RECORD } from "#fastpath/decision";
import type { Frame } from "#fastpath/frame";
import type { Tables } from "#fastpath/tables/tables";
import type { Verdict } from "#fastpath/verdicts";

/** Words of a step. */
export const STEP_WORDS = 64;
/** Steps kept of one frame: more than any pipeline has stages. */
export const MOST_STEPS = 32;

/** Number of the stage: an index in pipeline.ts's STAGES. */
export const ST_STAGE = 0;
export const ST_VERDICT = 1;
// Fields of the frame, by their names there.
export const ST_KIND = 2;
export const ST_PROTOCOL = 3;
export const ST_PORTS = 4;
export const ST_UNUSUAL = 5;
export const ST_FLOW_HASH = 6;
export const ST_GROUP = 7;
export const ST_RULE = 8;
export const ST_CONNECTION = 9;
export const ST_CONNECTION_VERSION = 10;
export const ST_VM = 11;
export const ST_PLACE = 12;
export const ST_BINDING = 13;
export const ST_OUTER = 14;
export const ST_TUNNEL_KEY = 15;
export const ST_WANTED = 16;
export const ST_IS_NAT = 17;
export const ST_LENGTH = 18;
export const ST_HOP_LIMIT = 19;
/** Of the tables: the MTU, or pointer, that an error reports. */
export const ST_REPORTED = 20;
/** Two raw words: the prefix of the home that HOME_TUNNEL (place.ts) leads to. */
export const ST_HOME = 21;
/** The decision record as it was then, all of it. */
export const ST_RECORD = 32;

/** Raw tags of the destination, as resolved so far. */
export const stepTags = (words: Int32Array, at: number): number => words[at + ST_RECORD + R_DESTINATION + 2]!;

/** Keeps the steps of one frame; to be begun anew for the next. */
export class Steps {
  readonly words: Int32Array = new Int32Array(MOST_STEPS * STEP_WORDS);
  count = 0;

  begin(): void {
    this.count = 0;
  }

  /** The stage has looked at the frame, and said this. */
  passed(stage: number, f: Frame, t: Tables, verdict: Verdict): void {
    if (this.count === MOST_STEPS) return;
    writeStep(this.words, this.count * STEP_WORDS, f, t);
    this.words[this.count * STEP_WORDS + ST_STAGE] = stage;
    this.words[this.count * STEP_WORDS + ST_VERDICT] = verdict;
    this.count++;
  }
}

/**
 * Frame and scratch record without what others have left there, which no stage looks at, before a frame is watched: steps of a flow's
 * frames are then the very same, and need be told once.
 */
export function blank(f: Frame, t: Tables): void {
  t.records.fill(0, 0, RECORD);
  t.reported = 0;
  f.protocol = 0;
  f.ipLength = 0;
  f.hopLimit = 0;
  f.flowHash = 0;
  f.group = 0;
  f.rule = 0;
  f.connectionVersion = 0;
  f.vm = -1;
  f.binding = 0;
  f.tunnelKey = 0;
  f.wanted = 0;
  f.isNat = false;
  f.homeHigh = 0;
  f.homeLow = 0;
}

function writeStep(w: Int32Array, at: number, f: Frame, t: Tables): void {
  w[at + ST_KIND] = f.kind;
  w[at + ST_PROTOCOL] = f.protocol;
  w[at + ST_PORTS] = f.ports;
  w[at + ST_UNUSUAL] = f.unusual;
  w[at + ST_FLOW_HASH] = f.flowHash;
  w[at + ST_GROUP] = f.group;
  w[at + ST_RULE] = f.rule;
  w[at + ST_CONNECTION] = f.connection;
  w[at + ST_CONNECTION_VERSION] = f.connectionVersion;
  w[at + ST_VM] = f.vm;
  w[at + ST_PLACE] = f.place;
  w[at + ST_BINDING] = f.binding;
  w[at + ST_OUTER] = f.outer;
  w[at + ST_TUNNEL_KEY] = f.tunnelKey;
  w[at + ST_WANTED] = f.wanted;
  w[at + ST_IS_NAT] = f.isNat ? 1 : 0;
  w[at + ST_LENGTH] = f.ipLength;
  w[at + ST_HOP_LIMIT] = f.hopLimit;
  w[at + ST_REPORTED] = t.reported;
  w[at + ST_HOME] = f.homeHigh;
  w[at + ST_HOME + 1] = f.homeLow;
  for (let i = 0; i < RECORD; i++) w[at + ST_RECORD + i] = t.records[i]!;
}
