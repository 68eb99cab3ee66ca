/**
 * The flow cache: decisions under the key (input port, 5-tuple, flow label, MACs; in a tunnel its source and key in their place)
 * and the table generation they were made with. Off or on, the output is the same octet for octet: what the key does not hold (TTL, length, TCP flags)
 * the decision does not depend on.
 *
 * Two ways a set. A new flow takes the way not used lately; where both were, it is let in one time in eight only, so a
 * flood of new flows costs the flows at work little.
 */
import {
  R_ADDRESSES,
  R_BINDING_4,
  R_BINDING_6,
  R_BINDING_VERSION_4,
  R_BINDING_VERSION_6,
  R_CONNECTION_4,
  R_CONNECTION_6,
  R_FLOW_WORD,
  R_GENERATION,
  R_HOME_6,
  R_LINK,
  R_META,
  R_PLACE_4,
  R_PLACE_6,
  R_PORTS,
  R_TUNNEL_FLOW_6,
  R_TUNNEL_KEY_6,
  R_USED,
  RECORD,
} from "#fastpath/decision";
import { hashFlow } from "#fastpath/flow-hash";
import { type Frame, KIND_IPV4 } from "#fastpath/frame";
import type { Tables } from "#fastpath/tables/tables";

const WAYS = 2;
/** Records and connections of so many flows take half a megabyte: about what a processor has of second-level cache. */
const CROWD = 2048;
/** In R_META. */
const TUNNELLED = 1 << 31;
/** Words from a tunnel's inner packet back to the upper half of the outer source, and to the key (unwrap.ts). */
const OUTER_SOURCE = 10;
const OUTER_KEY = 1;
const LABEL = ~0xf0ff;

export class FlowCache {
  hits = 0;
  misses = 0;
  /** True when more flows were at work in the last epoch than the processor's caches are sure to hold. */
  isCrowded: boolean;
  /** How old a record's last use is, is told in these. */
  private epoch = 2; // so that what was never used was not used lately
  /** Records used in this epoch. */
  private inUse = 0;
  private missesBefore = 0;
  private readonly crowd: number;
  private readonly mask: number;
  private readonly salt: number;
  private refusals = 0;
  private readonly r: Int32Array;
  private readonly w: Int32Array;
  private readonly h: Uint16Array;

  /**
   * `entries`: a power of two, ≥ 2, the records of `t` behind the scratch record. `salt`: any 32 bits, kept secret.
   * `crowd`: flows in an epoch above which it is crowded; 0: it is from the beginning.
   */
  constructor(t: Tables, entries: number, salt: number, crowd: number = CROWD) {
    this.crowd = crowd;
    this.isCrowded = crowd === 0;
    this.r = t.records;
    this.w = t.words;
    this.h = t.halves;
    this.mask = (entries >> 1) - 1;
    this.salt = salt | 1;
  }

  /** Word index of the first of the {@link WAYS} records, one behind the other, that a flow with this hash may have. */
  setOf(hash: number): number {
    const set = Math.imul(hash, this.salt) >>> 9;
    return ((set & this.mask) * WAYS + 1) * RECORD;
  }

  /** Word index of the record of the flow, whose hash the frame has; 0: there is none of this generation. */
  find(f: Frame, generation: number): number {
    const base = this.setOf(f.flowHash);
    if (this.matches(base, f, generation)) return this.hit(base);
    if (this.matches(base + RECORD, f, generation)) return this.hit(base + RECORD);
    this.misses++;
    return 0;
  }

  /** Copies the scratch record (index 0) in, under the frame's key. Call before REWRITE changes the frame. */
  insert(f: Frame, generation: number): void {
    const { r, w, h } = this;
    const base = this.place(f);
    if (base === 0) return;
    r.copyWithin(base, 0, RECORD);
    r[base + R_GENERATION] = generation;
    r[base + R_META] = meta(f);
    r[base + R_PORTS] = f.ports;
    if (f.outer === 0) {
      const k = (f.at + 2) >> 2;
      r[base + R_LINK] = w[k]!;
      r[base + R_LINK + 1] = w[k + 1]!;
      r[base + R_LINK + 2] = h[f.at >> 1]! | (h[(f.at >> 1) + 5]! << 16);
    } else {
      const l3 = f.l3 >> 2;
      r[base + R_LINK] = w[l3 - OUTER_SOURCE]!;
      r[base + R_LINK + 1] = w[l3 - OUTER_SOURCE + 1]!;
      r[base + R_LINK + 2] = w[l3 - OUTER_KEY]!;
    }
    if (f.kind === KIND_IPV4) {
      const a = (f.l3 + 12) >> 2;
      r[base + R_ADDRESSES] = w[a]!;
      r[base + R_ADDRESSES + 1] = w[a + 1]!;
      r[base + R_CONNECTION_4] = f.connection;
      r[base + R_CONNECTION_4 + 1] = f.connectionVersion;
      r[base + R_PLACE_4] = f.place;
      r[base + R_BINDING_4] = f.binding;
      r[base + R_BINDING_VERSION_4] = f.bindingVersion;
    } else {
      const a = (f.l3 + 8) >> 2;
      for (let i = 0; i < 8; i++) r[base + R_ADDRESSES + i] = w[a + i]!;
      r[base + R_FLOW_WORD] = w[f.l3 >> 2]! & LABEL;
      r[base + R_CONNECTION_6] = f.connection;
      r[base + R_CONNECTION_6 + 1] = f.connectionVersion;
      r[base + R_PLACE_6] = f.place;
      if (f.place !== 0) {
        r[base + R_BINDING_6] = f.binding;
        r[base + R_BINDING_VERSION_6] = f.bindingVersion;
        r[base + R_TUNNEL_KEY_6] = f.tunnelKey;
        r[base + R_TUNNEL_FLOW_6] = f.tunnelFlow;
        r[base + R_HOME_6] = f.homeHigh;
        r[base + R_HOME_6 + 1] = f.homeLow;
      }
    }
    r[base + R_USED] = this.epoch;
  }

  /** An epoch begins; to be called about ten times a second. */
  tick(): void {
    this.isCrowded = this.inUse + this.misses - this.missesBefore > this.crowd;
    this.missesBefore = this.misses;
    this.inUse = 0;
    this.epoch++;
  }

  /** The record is of no more use. */
  forget(base: number, generation: number): void {
    this.r[base + R_GENERATION] = generation - 1;
  }

  private hit(base: number): number {
    this.hits++;
    if (this.r[base + R_USED] !== this.epoch) {
      this.r[base + R_USED] = this.epoch;
      this.inUse++;
    }
    return base;
  }

  private matches(base: number, f: Frame, generation: number): boolean {
    const { r, w, h } = this;
    if (r[base + R_PORTS] !== f.ports || r[base + R_META] !== meta(f) || r[base + R_GENERATION] !== generation)
      return false;
    if (f.outer !== 0) {
      const l3 = f.l3 >> 2;
      const differs =
        (r[base + R_LINK]! ^ w[l3 - OUTER_SOURCE]!) |
        (r[base + R_LINK + 1]! ^ w[l3 - OUTER_SOURCE + 1]!) |
        (r[base + R_LINK + 2]! ^ w[l3 - OUTER_KEY]!);
      if (differs !== 0) return false;
    } else {
      const k = (f.at + 2) >> 2;
      if (
        r[base + R_LINK] !== w[k] ||
        r[base + R_LINK + 1] !== w[k + 1] ||
        r[base + R_LINK + 2] !== (h[f.at >> 1]! | (h[(f.at >> 1) + 5]! << 16))
      )
        return false;
    }
    const key = base + R_ADDRESSES;
    if (f.kind === KIND_IPV4) {
      const a = (f.l3 + 12) >> 2;
      return r[key] === w[a] && r[key + 1] === w[a + 1];
    }
    const a = (f.l3 + 8) >> 2;
    // One branch for all: of what came so far alike, nearly everything is alike.
    return (
      ((r[key]! ^ w[a]!) |
        (r[key + 1]! ^ w[a + 1]!) |
        (r[key + 2]! ^ w[a + 2]!) |
        (r[key + 3]! ^ w[a + 3]!) |
        (r[key + 4]! ^ w[a + 4]!) |
        (r[key + 5]! ^ w[a + 5]!) |
        (r[key + 6]! ^ w[a + 6]!) |
        (r[key + 7]! ^ w[a + 7]!) |
        (r[base + R_FLOW_WORD]! ^ (w[f.l3 >> 2]! & LABEL))) ===
      0
    );
  }

  /** Where a new record goes: a way not used in this epoch or the last one; else the first, one time in eight. */
  private place(f: Frame): number {
    const base = this.setOf(hashFlow(f, this.w)); // hashed again: stages overwrite flowHash with the transit hash
    const first = this.r[base + R_USED]!;
    const second = this.r[base + RECORD + R_USED]!;
    const older = second < first ? base + RECORD : base;
    if (Math.min(first, second) < this.epoch - 1) return older;
    this.refusals++;
    return (this.refusals & 7) === 0 ? older : 0;
  }
}

const meta = (f: Frame): number => f.port | (f.protocol << 16) | (f.outer === 0 ? 0 : TUNNELLED);
