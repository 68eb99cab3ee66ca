/**
 * Which flows that are no connections are shown to the control thread, for tenants' logs: one in so many of those that a network's VMs
 * are the sender or the receiver of, when they are decided about; those that rules forbid too.
 */
import { R_DESTINATION } from "#fastpath/decision";
import type { Frame } from "#fastpath/frame";
import { P_VM, PORT_WORDS, V_NETWORK, VM_WORDS } from "#fastpath/tables/layout";
import { ruleNumber } from "#fastpath/tables/rule-layout";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, NO_RULE, RULE_DENIED, type Verdict } from "#fastpath/verdicts";

export interface FlowAbout {
  /** CONTINUE: it may go on. */
  readonly verdict: Verdict;
  /** Of whose rules the rule is that decided: 0 the sender's, 1 the receiver's. */
  readonly side: 0 | 1;
  /** Negative: none, or one with a number too large to be told. */
  readonly rule: number;
}

const RULES = 0x7fff;

/** In 24 bits: verdict, rule + 1, side. */
export function aboutFlow(f: Frame, verdict: Verdict): number {
  const rule = ruleNumber(f.rule) + 1;
  return verdict | ((rule <= RULES ? rule : 0) << 8) | (f.ruleSide << 23);
}

export const readFlow = (about: number): FlowAbout => ({
  verdict: about & 0xff,
  side: ((about >>> 23) & 1) as 0 | 1,
  rule: ((about >>> 8) & RULES) - 1,
});

export class FlowSamples {
  readonly #tables: Tables;
  #random = 0x9e37_79b9;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** True: this one is shown. For a frame that was just decided about. */
  take(f: Frame, verdict: Verdict): boolean {
    if (f.connection !== 0 || (verdict !== CONTINUE && verdict !== NO_RULE && verdict !== RULE_DENIED)) return false;
    const sample = this.#sampleOf(f);
    return sample > 0 && this.#next() % sample === 0;
  }

  /** What the sender's network wants, or else the receiver's; 0: neither is logged here. */
  #sampleOf(f: Frame): number {
    const { vms, ports, flowSamples } = this.#tables;
    const t = this.#tables;
    if (t.isVm(f.port)) {
      const own = flowSamples[vms[ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS + V_NETWORK]!]!;
      if (own > 0) return own;
    }
    const vm = f.vm >= 0 ? f.vm : t.findVm(t.records, R_DESTINATION);
    return vm < 0 ? 0 : flowSamples[vms[vm + V_NETWORK]!]!;
  }

  /** 0 … 2^32 − 1. Xorshift (Marsaglia, 2003): good enough to be no multiple of anybody's period. */
  #next(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return x >>> 0;
  }
}
