/**
 * What happens to one frame: classify, decide (or remember), fit, REWRITE, transmit; and the ICMP error, punt and
 * counter that its ending asks for. No I/O of its own: ports, punts and time are given.
 */
import { C_ENDINGS, C_ERRORS_LIMITED, C_ERRORS_SENT, portCounters, W_WAYS } from "#fastpath/counters";
import {
  R_ADJACENCY,
  R_BINDING_4,
  R_BINDING_6,
  R_BINDING_VERSION_4,
  R_BINDING_VERSION_6,
  R_CONNECTION_4,
  R_CONNECTION_6,
  R_DESTINATION,
  R_FLOW_WORD,
  R_HOME_6,
  R_PLACE_4,
  R_PLACE_6,
  R_TUNNEL_FLOW_6,
  R_TUNNEL_KEY_6,
} from "#fastpath/decision";
import { Departure } from "#fastpath/departure";
import { buildError } from "#fastpath/errors";
import { Floods } from "#fastpath/floods";
import type { FlowCache } from "#fastpath/flow-cache";
import { aboutFlow, FlowSamples } from "#fastpath/flow-samples";
import { Frame, KIND_IPV4, KIND_IPV6, NOT_YET } from "#fastpath/frame";
import { isGre, look } from "#fastpath/look";
import {
  decide,
  FLOOD_COPY,
  FROM_TUNNEL,
  ORIGINATE,
  run,
  STAGE_CLASSIFY,
  STAGE_SEND,
  STAGE_UNWRAP,
} from "#fastpath/pipeline";
import { isCounted, placeOf, wayOf } from "#fastpath/place";
import type { Port } from "#fastpath/ports/port";
import { ReadAhead } from "#fastpath/read-ahead";
import { writeEtherType } from "#fastpath/rewrite/link";
import type { Scratch } from "#fastpath/scratch";
import { classify } from "#fastpath/stages/classify";
import { continues } from "#fastpath/stages/track";
import { rewrap, unwrap } from "#fastpath/stages/unwrap";
import { blank, type Steps } from "#fastpath/steps";
import { KIND_NONE, OUTSIDE_TAGS, P_KIND, P_VM, PORT_WORDS, V_TAGS, VM_WORDS } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import {
  CONTINUE,
  ENDINGS,
  FLOODED,
  ORIGINATED,
  PORT_DOWN,
  PUNT_HELD,
  PUNT_NEIGHBOR,
  PUNT_OWN,
  REPLICATED,
  SEGMENTATION,
  TRANSMIT_FAILED,
  type Verdict,
} from "#fastpath/verdicts";

/** Takes frames that need the control thread. Returns the ending to count: `verdict`, or why it was not taken. */
export interface Punts {
  punt(f: Frame, verdict: Verdict): Verdict;
  /** The frame's head is for a log: `f.logged` says whose. */
  note(f: Frame): void;
  /** Nothing is known of the subject that the frame is for: `f.wanted` is its entry in the binding table. */
  ask(f: Frame): void;
  /** The frame, from `f.port`, was dropped: `tags` say, raw, for which network it was, where the port does not; 0: unknown. */
  drop(f: Frame, ending: Verdict, tags: number): void;
  /** The frame is for the log of flows: `about` says how it was decided about (flow-samples.ts). */
  flow(f: Frame, about: number): void;
}

const PUNTED = ENDINGS.map((e) => e.fate === "punted");
const DROPPED = ENDINGS.map((e) => e.fate === "dropped");
/** The frame may have its new headers by then, but for the Ethernet type. */
const IS_LATE = ENDINGS.map((_, i) => i === PORT_DOWN || i === TRANSMIT_FAILED || i === SEGMENTATION);
const OWES = ENDINGS.map((e) => e.icmp4 !== undefined || e.icmp6 !== undefined);

/** ICMP errors a port may cause at once, and how many come back each tick (RFC 1812 §4.3.2.8, RFC 4443 §2.4(f)). */
const ERROR_BURST = 100;
const ERRORS_PER_TICK = 20;

export class Engine {
  readonly tables: Tables;
  readonly counters: Float64Array;
  readonly scratch: Scratch;
  /** By port index; undefined where there is none or it is down. */
  readonly ports: (Port | undefined)[];
  private readonly cache: FlowCache | undefined;
  private readonly ahead: ReadAhead | undefined;
  private readonly punts: Punts;
  private readonly budgets = new Int32Array(1024).fill(ERROR_BURST);
  private readonly error = new Frame();
  private readonly departure: Departure;
  private readonly flowSamples: FlowSamples;
  private readonly floods: Floods;

  constructor(tables: Tables, counters: Float64Array, scratch: Scratch, options: { cache?: FlowCache; punts: Punts }) {
    this.tables = tables;
    this.counters = counters;
    this.scratch = scratch;
    this.cache = options.cache;
    this.ahead = options.cache && new ReadAhead(tables, options.cache);
    const { punts } = options;
    this.punts = punts;
    this.departure = new Departure(tables, counters, scratch);
    this.ports = this.departure.ports;
    this.flowSamples = new FlowSamples(tables);
    this.floods = new Floods(tables, scratch, counters, {
      send: (f, to) => this.departure.sendCopy(f, to),
      route: (f) => this.routeCopy(f),
      hold: (f, adjacency) => {
        tables.records[R_ADJACENCY] = adjacency;
        punts.punt(f, PUNT_HELD);
      },
      flush: () => this.flush(),
    });
  }

  /**
   * The first `count` frames, of one port, are received next, one after the other: reads what they are about to ask of memory.
   * What becomes of them is the same without it.
   */
  readAhead(frames: readonly Frame[], count: number): void {
    this.ahead?.prepare(frames, count);
  }

  /** A frame as it came from its port. Returns how it ended. */
  receive(f: Frame): Verdict {
    const from = f.port;
    const seen = f.early === NOT_YET ? look(f, this.tables) : f.early;
    f.early = NOT_YET;
    let verdict = seen === CONTINUE ? this.process(f) : seen;
    if (verdict === FLOODED || verdict === REPLICATED) verdict = this.floods.spread(f, verdict);
    return this.conclude(f, from, verdict);
  }

  /** A frame that control kept while a VM was held: its way anew, or that of a segment's copy to the VM alone. */
  receiveKept(f: Frame): Verdict {
    if (!this.tables.isVm(f.port) || (this.tables.bytes[f.at]! & 1) === 0) return this.receive(f);
    f.kind = 0; // nobody has looked at it
    f.outer = 0;
    const ending = this.floods.release(f);
    this.count(f, f.port, ending);
    return ending;
  }

  /**
   * The same for a frame that is watched: it takes the full way, whatever is remembered of its flow, and what it becomes is
   * sent before this returns. `sent`: called after that, and before an ICMP error about it is made.
   */
  watch(f: Frame, steps: Steps, sent: () => void): Verdict {
    const from = f.port;
    this.departure.release();
    let verdict = this.decideWatched(f, steps);
    if (verdict === CONTINUE) {
      verdict = this.departure.finish(f, 0);
      steps.passed(STAGE_SEND, f, this.tables, verdict);
    }
    if (verdict === FLOODED || verdict === REPLICATED) verdict = this.floods.spread(f, verdict);
    this.departure.release();
    sent();
    return this.conclude(f, from, verdict);
  }

  private decideWatched(f: Frame, steps: Steps): Verdict {
    const t = this.tables;
    t.steps = steps;
    blank(f, t);
    try {
      let verdict = classify(f, t);
      steps.passed(STAGE_CLASSIFY, f, t, verdict);
      if (verdict === CONTINUE && isGre(f)) {
        verdict = unwrap(f, t);
        steps.passed(STAGE_UNWRAP, f, t, verdict);
      }
      return verdict === CONTINUE ? this.decide(f) : verdict;
    } finally {
      t.steps = undefined;
    }
  }

  /**
   * An IPv6 packet of this router's own (Ethernet header to be written), counted under its port. `tags`: raw, of the network
   * whose tenant brought the destination's address; 0: it is another's.
   */
  originate(f: Frame, tags = 0): void {
    const from = f.port;
    let verdict = classify(f, this.tables);
    f.destinationTags = tags;
    if (verdict === CONTINUE) verdict = run(ORIGINATE, f, this.tables);
    if (verdict === CONTINUE) verdict = this.departure.finish(f, 0);
    if (verdict === PUNT_NEIGHBOR) verdict = this.punts.punt(f, PUNT_OWN);
    this.count(f, from, verdict);
  }

  /** A whole frame of the control thread's, for one port: no questions asked. */
  send(f: Frame, port: number): void {
    f.kind = 0; // nobody has looked at it
    f.outer = 0;
    this.count(f, port, this.hand(f, port));
  }

  /** One in a tunnel: by the routes to its other end. */
  private routeCopy(f: Frame): boolean {
    let verdict = run(FLOOD_COPY, f, this.tables);
    if (verdict === CONTINUE) verdict = this.departure.finish(f, 0);
    if (verdict === PUNT_NEIGHBOR) verdict = this.punts.punt(f, PUNT_OWN);
    return !DROPPED[verdict];
  }

  private hand(f: Frame, port: number): Verdict {
    if (this.ports[port] === undefined) return PORT_DOWN;
    return this.departure.transmit(f, port) ? ORIGINATED : TRANSMIT_FAILED;
  }

  /** Gives the ports' ICMP budgets back; about ten times a second. */
  tick(): void {
    const b = this.budgets;
    for (let i = 0; i < b.length; i++) b[i] = Math.min(ERROR_BURST, b[i]! + ERRORS_PER_TICK);
  }

  /** Records not used since the one before this call may be replaced; about ten times a second. */
  cacheTick(): void {
    this.cache?.tick();
  }

  /** Nothing of what was received or made since the last time is needed after this. */
  flush(): void {
    this.departure.flush();
  }

  /** A frame that look() lets go on. */
  private process(f: Frame): Verdict {
    if (this.cache !== undefined && f.unusual === 0) return this.remembered(f, this.cache);
    const decided = this.decide(f);
    return decided === CONTINUE ? this.departure.finish(f, 0) : decided;
  }

  private remembered(f: Frame, cache: FlowCache): Verdict {
    const t = this.tables;
    const base = cache.find(f, t.generation);
    if (base !== 0) {
      // What the record remembers besides the tables' generation is still so? In line, as a call costs a fifth of all this.
      const isIpv4 = f.kind === KIND_IPV4;
      const place = t.records[base + (isIpv4 ? R_PLACE_4 : R_PLACE_6)]!;
      const connection = t.records[base + (isIpv4 ? R_CONNECTION_4 : R_CONNECTION_6)]!;
      if ((place === 0 || this.isStillThere(f, base, place)) && (connection === 0 || continues(f, t, base, connection)))
        return this.departure.finish(f, base);
      cache.forget(base, t.generation);
    }
    const decided = this.decide(f);
    if (decided !== CONTINUE) return decided;
    if (!f.isFleeting) cache.insert(f, t.generation);
    return this.departure.finish(f, 0);
  }

  /** True when the destination is still at the record's place, which the packet then goes to. */
  private isStillThere(f: Frame, base: number, place: number): boolean {
    const t = this.tables;
    const r = t.records;
    const isIpv4 = f.kind === KIND_IPV4;
    const binding = r[base + (isIpv4 ? R_BINDING_4 : R_BINDING_6)]!;
    const version = r[base + (isIpv4 ? R_BINDING_VERSION_4 : R_BINDING_VERSION_6)]!;
    const bindings = t.bindings!;
    if (binding !== 0) {
      if (!bindings.isStill(binding, version, placeOf(place))) return false;
      bindings.use(binding, f.ipLength, t.now);
    }
    if (!isCounted(place)) return true;
    this.counters[W_WAYS + wayOf(place)]! += 1;
    f.place = place;
    f.tunnelKey = r[base + (isIpv4 ? R_DESTINATION + 2 : R_TUNNEL_KEY_6)]!;
    f.tunnelFlow = r[base + (isIpv4 ? R_FLOW_WORD : R_TUNNEL_FLOW_6)]!;
    f.homeHigh = r[base + R_HOME_6]!;
    f.homeLow = r[base + R_HOME_6 + 1]!;
    return true;
  }

  private decide(f: Frame): Verdict {
    f.wanted = 0;
    const verdict = decide(f, this.tables);
    if (f.logged >= 0) this.punts.note(f);
    if (f.wanted !== 0) this.punts.ask(f);
    if (this.tables.countsConnections && this.flowSamples.take(f, verdict)) this.punts.flow(f, aboutFlow(f, verdict));
    if (verdict === CONTINUE && f.place !== 0) this.goes(f);
    return verdict;
  }

  /** A packet that is decided about now is about to go to its place. */
  private goes(f: Frame): void {
    if (isCounted(f.place)) this.counters[W_WAYS + wayOf(f.place)]! += 1;
    const { bindings, now } = this.tables;
    if (f.binding !== 0) bindings!.use(f.binding, f.ipLength, now);
  }

  private conclude(f: Frame, from: number, verdict: Verdict): Verdict {
    let ending = verdict;
    if (PUNTED[ending]) {
      if (f.outer !== 0) rewrap(f);
      ending = this.punts.punt(f, ending);
    }
    if (OWES[ending]) this.answerWithError(f, from, ending);
    this.count(f, from, ending);
    return ending;
  }

  private answerWithError(f: Frame, from: number, ending: Verdict): void {
    const t = this.tables;
    if (t.ports[from * PORT_WORDS + P_KIND] === KIND_NONE) return;
    // What is remembered of a flow does not say whose its source is.
    if (f.outer !== 0 && f.sourceTags === 0) run(FROM_TUNNEL, f, t);
    if (!buildError(f, t, this.scratch, this.error, ending)) return;
    const c = portCounters(from);
    if (this.budgets[from]! <= 0) {
      this.counters[c + C_ERRORS_LIMITED]! += 1;
      return;
    }
    this.budgets[from]! -= 1;
    if (t.isVm(from) || t.isOutside(from)) {
      const sent = this.hand(this.error, from);
      if (sent === ORIGINATED) this.counters[c + C_ERRORS_SENT]! += 1;
      else this.count(this.error, from, sent);
    } else {
      this.counters[c + C_ERRORS_SENT]! += 1;
      this.originate(this.error, f.sourceTags === OUTSIDE_TAGS ? 0 : f.sourceTags);
    }
  }

  /** A frame that came in by `port`, or this router's own for it, has ended: nobody looks at it after this. */
  private count(f: Frame, port: number, ending: Verdict): void {
    this.counters[portCounters(port) + C_ENDINGS + ending]! += 1;
    if (DROPPED[ending]) this.drop(f, port, ending);
  }

  /** Says of a dropped frame whose it was, and shows it as it came, or as it was to go on. */
  drop(f: Frame, port: number, ending: Verdict): void {
    f.port = port;
    const tags = this.tagsOf(f, ending);
    if (IS_LATE[ending]) {
      if (f.kind === KIND_IPV4 || f.kind === KIND_IPV6) writeEtherType(this.tables, f.at, f.kind);
    } else if (f.outer !== 0) rewrap(f);
    this.punts.drop(f, ending, tags);
  }

  /** Of the network that a frame was for, raw; 0: unknown, or its port tells whose it was. */
  private tagsOf(f: Frame, ending: Verdict): number {
    const t = this.tables;
    if (t.isVm(f.port)) return 0;
    if (f.kind === KIND_IPV6) {
      const to = (f.l3 + 24) >> 2;
      return f.end - f.l3 >= 40 && t.isInFabric(t.words, to) ? t.words[to + 2]! : 0;
    }
    return IS_LATE[ending] && t.isVm(this.departure.refusing)
      ? t.vms[t.ports[this.departure.refusing * PORT_WORDS + P_VM]! * VM_WORDS + V_TAGS]!
      : 0;
  }
}
