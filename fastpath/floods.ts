/**
 * Floods: copies of one frame to those on its Ethernet segment that are to get it (paper §2.2), and of the fabric's multicast
 * to where it was asked for. A VM's frame goes to the other members here, and in a tunnel to each hypervisor with members, or
 * once to the segment's group; what comes in a tunnel goes to members here and nowhere else (split horizon). No copy comes back
 * to where its frame came from.
 */
import { C_TRANSMIT_ERRORS, portCounters, W_FLOOD_LOCAL, W_FLOOD_LOST, W_FLOOD_REMOTE } from "#fastpath/counters";
import { FloodBudget } from "#fastpath/flood-budget";
import { flowWord, hashFlow } from "#fastpath/flow-hash";
import { Frame, GSO_NONE, KIND_ARP, KIND_IPV4 } from "#fastpath/frame";
import { cutFragment, fragmentPayload, prepareFragments } from "#fastpath/rewrite/fragment";
import { canSegment, cutSegment } from "#fastpath/rewrite/segment";
import { completeChecksum } from "#fastpath/rewrite/transport";
import { replicatedTo, type Wrapping, wrapFrame } from "#fastpath/rewrite/tunnel-frame";
import type { Scratch } from "#fastpath/scratch";
import { adjacencyOf, hasMac, ofMember, segmentOfTunnel } from "#fastpath/stages/bridged";
import { classify } from "#fastpath/stages/classify";
import { REACH_LISTENERS, REACH_ONE, reachOf } from "#fastpath/stages/reach";
import { P_MTU, PORT_WORDS, VM_ACTIVE, VM_HELD } from "#fastpath/tables/layout";
import {
  LN_LOCAL_COUNT,
  LN_LOCALS,
  LN_REMOTE_COUNT,
  LN_REMOTES,
  LO_PORT,
  LO_STATE,
  LOCAL_WORDS,
  listenedGroup,
  MC_PORT_COUNT,
  MC_PORTS,
  multicastRoute,
  REMOTE_WORDS,
  RM_ADDRESS,
  SG_BURST,
  SG_GROUP,
  SG_LOCAL_ALL,
  SG_LOCAL_COUNT,
  SG_LOCALS,
  SG_MULTICAST_FROM,
  SG_RATE,
  SG_REMOTE_ALL,
  SG_REMOTE_COUNT,
  SG_REMOTES,
  SG_TAGS,
  segmentOfPort,
} from "#fastpath/tables/segments";
import type { Tables } from "#fastpath/tables/tables";
import { TUNNEL_HEADERS } from "#fastpath/tables/tunnels";
import {
  BROADCAST_LIMITED,
  BROADCAST_UNFIT,
  CONTINUE,
  FLOODED,
  HOLD_ENDED,
  OVERSIZED_BROADCAST,
  REPLICATED,
  SEGMENTATION,
  TRANSMIT_FAILED,
  TRUNCATED,
  UNHEARD,
  type Verdict,
} from "#fastpath/verdicts";
import { SIZE as ETHERNET } from "#wire/ethernet";

const DONT_FRAGMENT = 0x4000;

/** What the engine does for a flood. */
export interface FloodIo {
  /** Sends a finished frame out of a port. False: refused. */
  send(f: Frame, to: number): boolean;
  /** An IPv6 packet of this router's own, its MAC addresses to be written. False: it goes nowhere. */
  route(f: Frame): boolean;
  /** A copy waits at the control thread for the VM that has this adjacency. */
  hold(f: Frame, adjacency: number): void;
  /** Sends all that was handed to ports, so that nothing of it is needed any more. */
  flush(): void;
}

export class Floods {
  readonly #tables: Tables;
  readonly #scratch: Scratch;
  readonly #counters: Float64Array;
  readonly #io: FloodIo;
  readonly #budget = new FloodBudget();
  readonly #piece = new Frame();
  readonly #fragment = new Frame();
  readonly #copy = new Frame();
  readonly #holding = new Frame();
  readonly #wrapping: Wrapping = { tags: 0, flow: 0, addresses: new Int32Array(4), at: 0 };
  /** Who gets the frame at hand: offsets in the tables of segments. */
  #segment = 0;
  #reach = 0;
  #listened = -1;
  /** Port of the frame at hand, which gets none; −1: it is from elsewhere. */
  #from = -1;
  /** Copies of it so far. */
  #count = 0;
  /** What was taken of the scratch memory after this is needed by ports alone. */
  #mark = 0;

  constructor(tables: Tables, scratch: Scratch, counters: Float64Array, io: FloodIo) {
    this.#tables = tables;
    this.#scratch = scratch;
    this.#counters = counters;
    this.#io = io;
  }

  /** A frame of which FLOODED or REPLICATED was said. Returns its ending. */
  spread(f: Frame, verdict: Verdict): Verdict {
    this.#mark = this.#scratch.mark();
    if (verdict === REPLICATED) return this.#replicate(f);
    return this.#tables.isVm(f.port) ? this.#fromVm(f) : this.#fromFabric(f);
  }

  /** A copy that waited while its VM, that of the frame's port, was held: for it, if it is still here. Returns the ending. */
  release(f: Frame): Verdict {
    const t = this.#tables;
    const { byPort, locals } = t.segments;
    const local = (byPort[f.port] ?? 0) - 1;
    if (local < 0 || locals[local + LO_STATE] !== VM_ACTIVE) return HOLD_ENDED;
    return this.#io.send(f, f.port) ? FLOODED : TRANSMIT_FAILED;
  }

  #fromVm(f: Frame): Verdict {
    const t = this.#tables;
    this.#segment = segmentOfPort(t.segments, f.port);
    this.#from = f.port;
    if (f.gsoType === GSO_NONE) {
      completeChecksum(f, t.bytes);
      return this.#limited(f);
    }
    if (!canSegment(f)) return SEGMENTATION;
    const piece = this.#piece;
    const payload = f.end - f.at - f.headerLength;
    const base = this.#mark;
    let ending: Verdict = CONTINUE;
    for (let done = 0; done < payload; done += f.gsoSize) {
      this.#makeRoom(f.headerLength + f.gsoSize, base);
      cutSegment(f, t, this.#scratch, piece, done);
      this.#mark = this.#scratch.mark();
      let verdict = classify(piece, t);
      if (verdict === CONTINUE) verdict = this.#limited(piece);
      if (verdict !== FLOODED && verdict !== UNHEARD) return verdict;
      ending = verdict;
    }
    return ending;
  }

  #limited(f: Frame): Verdict {
    const t = this.#tables;
    const { segments } = t.segments;
    const rate = segments[this.#segment + SG_RATE]!;
    if (!this.#budget.take(this.#from, rate, segments[this.#segment + SG_BURST]!, t.now)) return BROADCAST_LIMITED;
    this.#lookUp(f);
    const remotes = this.#remoteCount();
    const limit = remotes === 0 ? Number.POSITIVE_INFINITY : this.#roomInFabric();
    if (f.end - f.l3 <= limit) return this.#toAll(f, remotes);
    if (f.kind !== KIND_IPV4 || (f.fragment & DONT_FRAGMENT) !== 0) return OVERSIZED_BROADCAST;
    return this.#inFragments(f, remotes, limit);
  }

  #inFragments(f: Frame, remotes: number, limit: number): Verdict {
    const t = this.#tables;
    const chunk = fragmentPayload(limit, f.payload - f.l3);
    if (chunk === 0) return OVERSIZED_BROADCAST;
    prepareFragments(f, t.bytes);
    const fragment = this.#fragment;
    const base = this.#mark;
    for (let done = 0; done < f.end - f.payload; done += chunk) {
      this.#makeRoom(ETHERNET + limit, base);
      cutFragment(f, t, this.#scratch, fragment, done, chunk);
      this.#mark = this.#scratch.mark();
      this.#toAll(fragment, remotes);
    }
    return FLOODED;
  }

  #toAll(f: Frame, remotes: number): Verdict {
    this.#count = 0;
    this.#toLocals(f);
    if (remotes > 0) {
      if (remotes >= this.#tables.segments.segments[this.#segment + SG_MULTICAST_FROM]!) this.#toGroup(f);
      else this.#toRemotes(f);
    }
    return this.#count > 0 ? FLOODED : UNHEARD;
  }

  /** Takes the frame out of its tunnel: a copy, whose headers are where they can be read. */
  #fromFabric(f: Frame): Verdict {
    const t = this.#tables;
    this.#segment = segmentOfTunnel(f, t);
    this.#from = -1;
    const inner = this.#piece;
    const at = f.l3 + TUNNEL_HEADERS;
    this.#makeRoom(f.end - at);
    inner.at = this.#scratch.take(f.end - at);
    inner.end = inner.at + f.end - at;
    inner.port = f.port;
    inner.partial = false;
    inner.gsoType = GSO_NONE;
    t.bytes.copyWithin(inner.at, at, f.end);
    this.#mark = this.#scratch.mark();
    let verdict = classify(inner, t);
    if (verdict !== CONTINUE) return verdict === TRUNCATED ? BROADCAST_UNFIT : verdict;
    verdict = ofMember(inner, t, this.#segment);
    if (verdict !== CONTINUE) return verdict;
    this.#lookUp(inner);
    this.#count = 0;
    this.#toLocals(inner);
    return this.#count > 0 ? FLOODED : UNHEARD;
  }

  #lookUp(f: Frame): void {
    const t = this.#tables;
    this.#reach = reachOf(f, t, this.#segment);
    this.#listened = this.#reach === REACH_LISTENERS ? listenedGroup(t.segments, this.#segment, t.floodGroup, 0) : -1;
  }

  #toLocals(f: Frame): void {
    const { segments, locals, listened, listeners } = this.#tables.segments;
    const count = segments[this.#segment + (this.#reach === REACH_LISTENERS ? SG_LOCAL_ALL : SG_LOCAL_COUNT)]!;
    const first = segments[this.#segment + SG_LOCALS]!;
    for (let i = 0; i < count; i++) this.#toLocal(f, locals, first + i * LOCAL_WORDS);
    if (this.#listened < 0) return;
    const from = listened[this.#listened + LN_LOCALS]!;
    const to = from + listened[this.#listened + LN_LOCAL_COUNT]!;
    for (let i = from; i < to; i++) this.#toLocal(f, locals, listeners[i]!);
  }

  #toLocal(f: Frame, locals: Int32Array, at: number): void {
    const t = this.#tables;
    const port = locals[at + LO_PORT]!;
    const state = locals[at + LO_STATE]!;
    if (port === this.#from) return;
    const isOnes = this.#reach === REACH_ONE;
    if (isOnes && !this.#mayHave(port, f.at)) return;
    if (state === VM_HELD && !isOnes) {
      this.#count++;
      this.#hold(f, port);
      return;
    }
    if (state !== VM_ACTIVE) return;
    this.#count++;
    const c = this.#counters;
    if (f.end - f.l3 > t.ports[port * PORT_WORDS + P_MTU]! || !this.#io.send(f, port)) {
      c[portCounters(port) + C_TRANSMIT_ERRORS]! += 1;
      c[W_FLOOD_LOST]! += 1;
    } else {
      c[W_FLOOD_LOCAL]! += 1;
    }
  }

  /** The MAC address at `at` is, or may be, that of the VM at this port. */
  #mayHave(port: number, at: number): boolean {
    const t = this.#tables;
    return !t.adjacencies.isResolved(adjacencyOf(t, port)) || hasMac(t, port, at);
  }

  /** As a frame of the held VM's port: `release` gets it back. */
  #hold(f: Frame, port: number): void {
    const held = this.#holding;
    held.at = f.at;
    held.end = f.end;
    held.l3 = f.l3;
    held.kind = f.kind;
    held.port = port;
    held.partial = false;
    held.gsoType = GSO_NONE;
    this.#io.hold(held, adjacencyOf(this.#tables, port));
  }

  /** Hypervisors that are to get the frame at hand. */
  #remoteCount(): number {
    const { segments, listened } = this.#tables.segments;
    const all = segments[this.#segment + (this.#reach === REACH_LISTENERS ? SG_REMOTE_ALL : SG_REMOTE_COUNT)]!;
    return this.#listened < 0 ? all : all + listened[this.#listened + LN_REMOTE_COUNT]!;
  }

  #toRemotes(f: Frame): void {
    const { segments, remotes, listened, listeners } = this.#tables.segments;
    const count = segments[this.#segment + (this.#reach === REACH_LISTENERS ? SG_REMOTE_ALL : SG_REMOTE_COUNT)]!;
    const first = segments[this.#segment + SG_REMOTES]!;
    for (let i = 0; i < count; i++) this.#toRemote(f, remotes, first + i * REMOTE_WORDS + RM_ADDRESS);
    if (this.#listened < 0) return;
    const from = listened[this.#listened + LN_REMOTES]!;
    const to = from + listened[this.#listened + LN_REMOTE_COUNT]!;
    for (let i = from; i < to; i++) this.#toRemote(f, remotes, listeners[i]! + RM_ADDRESS);
  }

  #toRemote(f: Frame, addresses: Int32Array, at: number): void {
    this.#wrap(f, addresses, at);
    this.#countRemote(this.#io.route(this.#copy));
  }

  /** One packet out of each uplink: the fabric takes it where it comes by the way to its source. */
  #toGroup(f: Frame): void {
    const t = this.#tables;
    const { segments, uplinks } = t.segments;
    for (let i = 0; i < uplinks.length; i++) {
      this.#wrap(f, segments, this.#segment + SG_GROUP);
      replicatedTo(this.#copy, t, uplinks[i]!);
      this.#countRemote(this.#io.send(this.#copy, uplinks[i]!));
    }
  }

  #countRemote(isSent: boolean): void {
    this.#count++;
    this.#counters[isSent ? W_FLOOD_REMOTE : W_FLOOD_LOST]! += 1;
  }

  /** Writes the frame in a tunnel's headers to scratch memory, described in `#copy`. */
  #wrap(f: Frame, addresses: Int32Array, at: number): void {
    const t = this.#tables;
    const w = this.#wrapping;
    w.tags = t.segments.segments[this.#segment + SG_TAGS]!;
    w.flow = flowWord(f.kind === KIND_ARP ? 0 : hashFlow(f, t.words));
    w.addresses = addresses;
    w.at = at;
    this.#makeRoom(ETHERNET + TUNNEL_HEADERS + f.end - f.at);
    wrapFrame(f, t, this.#scratch, this.#copy, w);
  }

  /** Octets of an Ethernet frame's payload that a tunnel takes by every link of this router's. */
  #roomInFabric(): number {
    const { ports, segments } = this.#tables;
    let mtu = 65_535;
    for (let i = 0; i < segments.uplinks.length; i++)
      mtu = Math.min(mtu, ports[segments.uplinks[i]! * PORT_WORDS + P_MTU]!);
    return mtu - TUNNEL_HEADERS - ETHERNET;
  }

  /** Multicast of the fabric's, out of the ports where it was asked for. */
  #replicate(f: Frame): Verdict {
    const t = this.#tables;
    const { segments } = t;
    const route = multicastRoute(segments, t.words, (f.l3 + 8) >> 2);
    const first = segments.multicastRoutes[route + MC_PORTS]!;
    const end = first + segments.multicastRoutes[route + MC_PORT_COUNT]!;
    let sent = false;
    for (let i = first; i < end; i++) {
      const to = segments.multicastPorts[i]!;
      this.#makeRoom(f.end - f.at);
      this.#duplicate(f);
      replicatedTo(this.#copy, t, to);
      sent = this.#io.send(this.#copy, to) || sent;
    }
    return sent ? REPLICATED : TRANSMIT_FAILED;
  }

  #duplicate(f: Frame): void {
    const t = this.#tables;
    const copy = this.#copy;
    copy.at = this.#scratch.take(f.end - f.at);
    copy.end = copy.at + f.end - f.at;
    copy.l3 = copy.at + ETHERNET;
    copy.port = f.port;
    copy.kind = f.kind;
    copy.place = 0;
    copy.outer = 0;
    copy.partial = false;
    copy.gsoType = GSO_NONE;
    t.bytes.copyWithin(copy.at, f.at, f.end);
    t.bytes[copy.l3 + 7] = f.hopLimit - 1;
  }

  /** For so many octets more: if need be what the ports have been handed is sent, and all since `mark` is free again. */
  #makeRoom(octets: number, mark = this.#mark): void {
    if (this.#scratch.holds(octets)) return;
    this.#io.flush();
    this.#scratch.rewind(mark);
  }
}
