/**
 * What happens to one frame: classify, decide (or remember), fit, REWRITE, transmit; and the ICMP error, punt and
 * counter that its ending asks for. No I/O of its own: ports, punts and time are given.
 */
import {
  C_ENDINGS,
  C_ERRORS_LIMITED,
  C_ERRORS_SENT,
  C_TRANSMIT_ERRORS,
  C_TX_FRAMES,
  C_TX_OCTETS,
  portCounters,
  W_WAYS,
} from "#fastpath/counters";
import {
  ACTION_4_TO_6,
  ACTION_6_TO_4,
  ACTION_NAT_4_TO_6,
  ACTION_NAT_6_TO_4,
  ACTION_NAT_6_TO_6,
  ACTION_SEND,
  isFourToSix,
  isSixToFour,
  R_ACTION,
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
  R_LIMITS,
  R_OUT_PORT,
  R_PLACE_4,
  R_PLACE_6,
  R_TUNNEL_FLOW_6,
  R_TUNNEL_KEY_6,
} from "#fastpath/decision";
import { buildError } from "#fastpath/errors";
import { CUT, fit, fragmentLimit, REFUSED } from "#fastpath/fit";
import { Floods } from "#fastpath/floods";
import type { FlowCache } from "#fastpath/flow-cache";
import { aboutFlow, FlowSamples } from "#fastpath/flow-samples";
import { Frame, GSO_NONE, KIND_IPV4, KIND_IPV6 } from "#fastpath/frame";
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
import { isCounted, placeOf, tunnelOf, wayOf } from "#fastpath/place";
import type { Port } from "#fastpath/ports/port";
import { Coalescer } from "#fastpath/rewrite/coalesce";
import { forward } from "#fastpath/rewrite/forward";
import { fourToSix } from "#fastpath/rewrite/four-to-six";
import { cutFragment, fragmentPayload, prepareFragments } from "#fastpath/rewrite/fragment";
import { writeEthernet, writeEtherType } from "#fastpath/rewrite/link";
import { natFourToSix, natSixToFour, natSixToSix } from "#fastpath/rewrite/nat";
import { canSegment, cutSegment } from "#fastpath/rewrite/segment";
import { sixToFour } from "#fastpath/rewrite/six-to-four";
import { completeChecksum } from "#fastpath/rewrite/transport";
import type { Scratch } from "#fastpath/scratch";
import { classify } from "#fastpath/stages/classify";
import { continues } from "#fastpath/stages/track";
import { rewrap, unwrap } from "#fastpath/stages/unwrap";
import { blank, type Steps } from "#fastpath/steps";
import {
  KIND_NONE,
  KIND_OUTSIDE,
  KIND_VM,
  OUTSIDE_TAGS,
  P_KIND,
  P_VM,
  PORT_WORDS,
  V_TAGS,
  VM_WORDS,
} from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { TunnelOutput } from "#fastpath/tunnel-output";
import {
  CONTINUE,
  ENDINGS,
  FLOODED,
  HAIRPIN,
  HOP_LIMIT,
  ORIGINATED,
  PORT_DOWN,
  PUNT_HELD,
  PUNT_NEIGHBOR,
  PUNT_OWN,
  REPLICATED,
  SEGMENTATION,
  TO_FABRIC,
  TO_OUTSIDE,
  TO_VM,
  TOO_BIG,
  TRANSIT,
  TRANSMIT_FAILED,
  type Verdict,
} from "#fastpath/verdicts";
import { PROTOCOL_GRE } from "#wire/protocol";

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
  readonly ports: (Port | undefined)[] = [];
  private readonly cache: FlowCache | undefined;
  private readonly punts: Punts;
  private readonly budgets = new Int32Array(1024).fill(ERROR_BURST);
  private readonly segment = new Frame();
  private readonly fragment = new Frame();
  private readonly error = new Frame();
  private readonly tunnelOutput: TunnelOutput;
  private readonly flowSamples: FlowSamples;
  private readonly coalescer: Coalescer;
  private readonly floods: Floods;
  /** Where the last frame that ended late was to leave. */
  private refusing = 0;

  constructor(tables: Tables, counters: Float64Array, scratch: Scratch, options: { cache?: FlowCache; punts: Punts }) {
    this.tables = tables;
    this.counters = counters;
    this.scratch = scratch;
    this.cache = options.cache;
    const { punts } = options;
    this.punts = punts;
    this.tunnelOutput = new TunnelOutput(tables, scratch, (f, to) => this.transmit(f, to));
    this.flowSamples = new FlowSamples(tables);
    this.coalescer = new Coalescer(tables, scratch, (f, to) => this.transmitHeld(f, to));
    this.floods = new Floods(tables, scratch, counters, {
      send: (f, to) => this.sendCopy(f, to),
      route: (f) => this.routeCopy(f),
      hold: (f, adjacency) => {
        tables.records[R_ADJACENCY] = adjacency;
        punts.punt(f, PUNT_HELD);
      },
      flush: () => this.flush(),
    });
  }

  /** A frame as it came from its port. Returns how it ended. */
  receive(f: Frame): Verdict {
    const from = f.port;
    let verdict = this.process(f);
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
    this.coalescer.flush();
    let verdict = this.decideWatched(f, steps);
    if (verdict === CONTINUE) {
      verdict = this.finish(f, 0);
      steps.passed(STAGE_SEND, f, this.tables, verdict);
    }
    if (verdict === FLOODED || verdict === REPLICATED) verdict = this.floods.spread(f, verdict);
    this.coalescer.flush();
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
    if (verdict === CONTINUE) verdict = this.finish(f, 0);
    if (verdict === PUNT_NEIGHBOR) verdict = this.punts.punt(f, PUNT_OWN);
    this.count(f, from, verdict);
  }

  /** A whole frame of the control thread's, for one port: no questions asked. */
  send(f: Frame, port: number): void {
    f.kind = 0; // nobody has looked at it
    f.outer = 0;
    this.count(f, port, this.hand(f, port));
  }

  /** One of several of a frame, finished. */
  private sendCopy(f: Frame, to: number): boolean {
    if (this.coalescer.size > 0) this.coalescer.makeWay(f, to);
    return this.transmit(f, to);
  }

  /** One in a tunnel: by the routes to its other end. */
  private routeCopy(f: Frame): boolean {
    let verdict = run(FLOOD_COPY, f, this.tables);
    if (verdict === CONTINUE) verdict = this.finish(f, 0);
    if (verdict === PUNT_NEIGHBOR) verdict = this.punts.punt(f, PUNT_OWN);
    return !DROPPED[verdict];
  }

  private hand(f: Frame, port: number): Verdict {
    if (this.ports[port] === undefined) return PORT_DOWN;
    return this.transmit(f, port) ? ORIGINATED : TRANSMIT_FAILED;
  }

  /** Gives the ports' ICMP budgets back; about ten times a second. */
  tick(): void {
    const b = this.budgets;
    for (let i = 0; i < b.length; i++) b[i] = Math.min(ERROR_BURST, b[i]! + ERRORS_PER_TICK);
  }

  /** Records not used since the one before this call may be replaced; about ten times a second. */
  cacheTick(): void {
    if (this.cache !== undefined) this.cache.epoch++;
  }

  /** Nothing of what was received or made since the last time is needed after this. */
  flush(): void {
    this.coalescer.flush();
    for (let i = 0; i < this.ports.length; i++) this.ports[i]?.flush();
  }

  private process(f: Frame): Verdict {
    const t = this.tables;
    let verdict = classify(f, t);
    if (verdict !== CONTINUE) return verdict;
    if (isGre(f)) {
      verdict = unwrap(f, t);
      if (verdict !== CONTINUE) return verdict;
    }
    if (this.cache !== undefined && f.unusual === 0) return this.remembered(f, this.cache);
    const decided = this.decide(f);
    return decided === CONTINUE ? this.finish(f, 0) : decided;
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
        return this.finish(f, base);
      cache.forget(base, t.generation);
    }
    const decided = this.decide(f);
    if (decided !== CONTINUE) return decided;
    if (!f.isFleeting) cache.insert(f, t.generation);
    return this.finish(f, 0);
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

  /** Decided: the record at `base` says what is to be done. */
  private finish(f: Frame, base: number): Verdict {
    const t = this.tables;
    const action = t.records[base + R_ACTION]!;
    if (action !== ACTION_SEND && f.hopLimit <= 1) return HOP_LIMIT;
    const fits = fit(f, t, base);
    if (fits === REFUSED) return TOO_BIG;
    if (fits === CUT) return this.cut(f, base, action);
    const verdict = this.rewrite(f, base, action);
    if (verdict !== CONTINUE) return verdict;
    return this.out(f, base, action);
  }

  private rewrite(f: Frame, base: number, action: number): Verdict {
    const t = this.tables;
    if (action === ACTION_4_TO_6) return fourToSix(f, t, base);
    if (action === ACTION_6_TO_4) return sixToFour(f, t, base);
    if (action === ACTION_NAT_4_TO_6) return natFourToSix(f, t, base);
    if (action === ACTION_NAT_6_TO_4) return natSixToFour(f, t, base);
    if (action === ACTION_NAT_6_TO_6) return natSixToSix(f, t, base);
    if (action !== ACTION_SEND) forward(f, t, base);
    return CONTINUE;
  }

  /** Link header and transmit, in pieces where the port cannot take it whole. */
  private out(f: Frame, base: number, action: number): Verdict {
    const t = this.tables;
    const to = t.records[base + R_OUT_PORT]!;
    const port = this.ports[to];
    this.refusing = to;
    if (port === undefined) return PORT_DOWN;
    t.adjacencies.markUsed(t.records[base + R_ADJACENCY]!);
    if (tunnelOf(f.place) >= 0)
      return this.tunnelOutput.into(f, base, port) ? ended(action, f, to, t) : TRANSMIT_FAILED;
    writeEthernet(t, f.at, base);
    writeEtherType(t, f.at, f.kind === KIND_IPV4 ? 4 : 6);
    if (f.gsoType !== GSO_NONE && f.protocol === PROTOCOL_GRE)
      return this.tunnelOutput.onward(f, port) ? ended(action, f, to, t) : TRANSMIT_FAILED;
    if (!port.offload && (f.partial || f.gsoType !== GSO_NONE)) {
      if (f.gsoType !== GSO_NONE) return this.sendSegments(f, to, action);
      completeChecksum(f, t.bytes);
    }
    if (f.outer !== 0 && port.offload && t.isVm(to) && this.coalescer.take(f, to)) return ended(action, f, to, t);
    if (this.coalescer.size > 0) this.coalescer.makeWay(f, to);
    return this.transmit(f, to) ? ended(action, f, to, t) : TRANSMIT_FAILED;
  }

  private sendSegments(f: Frame, to: number, action: number): Verdict {
    if (!canSegment(f)) return SEGMENTATION;
    const payload = f.end - f.at - f.headerLength;
    let sent = true;
    for (let done = 0; done < payload; done += f.gsoSize) {
      cutSegment(f, this.tables, this.scratch, this.segment, done);
      sent = this.transmit(this.segment, to) && sent;
    }
    return sent ? ended(action, f, to, this.tables) : TRANSMIT_FAILED;
  }

  /** Too big for the way out, and its sender lets it be cut. */
  private cut(f: Frame, base: number, action: number): Verdict {
    if (f.gsoType !== GSO_NONE) return this.cutSegments(f, base);
    const t = this.tables;
    const mtu = t.records[base + R_LIMITS]! & 0xffff;
    if (!isFourToSix(action)) {
      const verdict = this.rewrite(f, base, action);
      if (verdict !== CONTINUE) return verdict;
      if (f.end - f.l3 <= mtu) return this.out(f, base, action); // an ICMP error lost more than its own header's difference
    }
    const chunk = fragmentPayload(fragmentLimit(f, action, mtu), f.payload - f.l3);
    if (chunk === 0) return TOO_BIG;
    prepareFragments(f, t.bytes);
    const payload = f.end - f.payload;
    let verdict: Verdict = CONTINUE;
    for (let done = 0; done < payload; done += chunk) {
      cutFragment(f, t, this.scratch, this.fragment, done, chunk);
      if (isFourToSix(action)) verdict = this.rewrite(this.fragment, base, action);
      if (verdict === CONTINUE) verdict = this.out(this.fragment, base, action);
      if (ENDINGS[verdict]!.fate === "dropped") return verdict;
      if (done + chunk < payload) verdict = CONTINUE;
    }
    return verdict;
  }

  /** A super-packet whose segments are too big: segments first, each cut on its own. */
  private cutSegments(f: Frame, base: number): Verdict {
    if (!canSegment(f)) return SEGMENTATION;
    const payload = f.end - f.at - f.headerLength;
    let verdict: Verdict = CONTINUE;
    for (let done = 0; done < payload; done += f.gsoSize) {
      const piece = new Frame();
      cutSegment(f, this.tables, this.scratch, piece, done);
      piece.port = f.port;
      verdict = classify(piece, this.tables);
      piece.place = f.place;
      piece.tunnelKey = f.tunnelKey;
      piece.tunnelFlow = f.tunnelFlow;
      if (verdict === CONTINUE) verdict = this.finish(piece, base); // the last one may fit
      if (ENDINGS[verdict]!.fate === "dropped") return verdict;
    }
    return verdict;
  }

  private transmit(f: Frame, to: number): boolean {
    const port = this.ports[to];
    if (port === undefined) return false;
    const octets = f.end - f.at;
    if (!port.transmit(f)) return false;
    const c = portCounters(to);
    this.counters[c + C_TX_FRAMES]! += 1;
    this.counters[c + C_TX_OCTETS]! += octets;
    return true;
  }

  /** What was counted as forwarded when it was held: refused, it is as what the kernel refuses. */
  private transmitHeld(f: Frame, to: number): boolean {
    if (this.transmit(f, to)) return true;
    this.counters[portCounters(to) + C_TRANSMIT_ERRORS]! += 1;
    return false;
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
    return IS_LATE[ending] && t.isVm(this.refusing)
      ? t.vms[t.ports[this.refusing * PORT_WORDS + P_VM]! * VM_WORDS + V_TAGS]!
      : 0;
  }
}

const isGre = (f: Frame): boolean => f.kind === KIND_IPV6 && f.protocol === PROTOCOL_GRE;

function ended(action: number, f: Frame, to: number, t: Tables): Verdict {
  if (isFourToSix(action)) return TO_FABRIC;
  if (isSixToFour(action)) return t.isOutside(to) ? TO_OUTSIDE : TO_VM;
  if (action === ACTION_SEND) return ORIGINATED;
  if (f.kind === KIND_IPV4 || action === ACTION_NAT_6_TO_6) return HAIRPIN;
  const kind = t.ports[to * PORT_WORDS + P_KIND];
  if (t.isVm(f.port)) return kind === KIND_VM ? HAIRPIN : TO_FABRIC;
  if (kind === KIND_VM) return TO_VM;
  if (kind === KIND_OUTSIDE) return TO_OUTSIDE;
  return t.isOutside(f.port) ? TO_FABRIC : TRANSIT;
}
