/**
 * A frame's way out once it is decided about: fitted to the link, rewritten, given its Ethernet header, and handed to the port
 * in as many pieces as that needs. Whole super-packets go on where the port takes them.
 */
import { C_TRANSMIT_ERRORS, C_TX_FRAMES, C_TX_OCTETS, portCounters } from "#fastpath/counters";
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
  R_LIMITS,
  R_OUT_PORT,
} from "#fastpath/decision";
import { CUT, fit, fragmentLimit, REFUSED } from "#fastpath/fit";
import { Frame, GSO_NONE, KIND_IPV4 } from "#fastpath/frame";
import { tunnelOf } from "#fastpath/place";
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
import { KIND_OUTSIDE, KIND_VM, P_KIND, PORT_WORDS } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { TunnelOutput } from "#fastpath/tunnel-output";
import {
  CONTINUE,
  ENDINGS,
  HAIRPIN,
  HOP_LIMIT,
  ORIGINATED,
  PORT_DOWN,
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

export class Departure {
  /** By port index; undefined where there is none or it is down. */
  readonly ports: (Port | undefined)[] = [];
  /** Where the last frame that ended late was to leave. */
  refusing = 0;
  private readonly tables: Tables;
  private readonly counters: Float64Array;
  private readonly scratch: Scratch;
  private readonly segment = new Frame();
  private readonly fragment = new Frame();
  private readonly tunnelOutput: TunnelOutput;
  private readonly coalescer: Coalescer;

  constructor(tables: Tables, counters: Float64Array, scratch: Scratch) {
    this.tables = tables;
    this.counters = counters;
    this.scratch = scratch;
    this.tunnelOutput = new TunnelOutput(tables, scratch, (f, to) => this.transmit(f, to));
    this.coalescer = new Coalescer(tables, scratch, (f, to) => this.transmitHeld(f, to));
  }

  /** Decided: the record at `base` says what is to be done. */
  finish(f: Frame, base: number): Verdict {
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

  /** A finished frame to a port. False: there is none, it is down, or has no room. */
  transmit(f: Frame, to: number): boolean {
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

  /** One of several of a frame, finished. */
  sendCopy(f: Frame, to: number): boolean {
    if (this.coalescer.size > 0) this.coalescer.makeWay(f, to);
    return this.transmit(f, to);
  }

  /** What is held to be sent together is sent, and no port needs what was received or made since the last time. */
  flush(): void {
    this.coalescer.flush();
    for (let i = 0; i < this.ports.length; i++) this.ports[i]?.flush();
  }

  /** What is held to be sent together is sent. */
  release(): void {
    this.coalescer.flush();
  }
}

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
