/**
 * guardOut, guardIn: what the tenants' rules say of a packet by itself, asked of the sender's side where it leaves its VM
 * and of the receiver's where it is to be delivered (paper §2.4; src/policy/sides.ts). `track` comes next and knows
 * whether a packet that no rule lets through belongs to one that was.
 *
 * What goes to the infrastructure, the metadata service, and what comes from there (a router's ICMP error: `origin` has
 * seen to it that it is no more) no tenant's rule is asked about.
 */
import { R_DESTINATION, R_SOURCE } from "#fastpath/decision";
import { type Frame, KIND_IPV4 } from "#fastpath/frame";
import { writeTransportKey } from "#fastpath/stages/rule-key";
import { P_VM, PORT_WORDS, V_IPV4, V_TAGS, VM_WORDS } from "#fastpath/tables/layout";
import {
  K_DESTINATION_HOST,
  K_DESTINATION_TAGS,
  K_SOURCE_HOST,
  K_SOURCE_TAGS,
  ruleNumber,
  V_ALLOW,
  V_LOG,
} from "#fastpath/tables/rule-layout";
import { lookupRule } from "#fastpath/tables/rules";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, type Verdict } from "#fastpath/verdicts";

export function guardOut(f: Frame, t: Tables): Verdict {
  const key = t.ruleKey;
  if (f.kind === KIND_IPV4) {
    const vm = t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS;
    key[K_SOURCE_TAGS] = t.vms[vm + V_TAGS]!;
    key[K_SOURCE_HOST] = t.vms[vm + V_IPV4]!;
    key[K_DESTINATION_TAGS] = t.records[R_DESTINATION + 2]!;
    key[K_DESTINATION_HOST] = t.records[R_DESTINATION + 3]!;
  } else {
    key[K_SOURCE_TAGS] = t.records[R_SOURCE + 2]!;
    key[K_SOURCE_HOST] = t.records[R_SOURCE + 3]!;
    key[K_DESTINATION_TAGS] = t.records[R_DESTINATION + 2]!;
    key[K_DESTINATION_HOST] = t.records[R_DESTINATION + 3]!;
  }
  f.rule = key[K_DESTINATION_TAGS] === 0 ? V_ALLOW : ask(f, t, t.rules.out, t.rules.outHits);
  f.ruleSide = 0;
  if ((f.rule & V_LOG) !== 0) f.logged = ruleNumber(f.rule) << 1;
  return CONTINUE;
}

export function guardIn(f: Frame, t: Tables): Verdict {
  const key = t.ruleKey;
  key[K_SOURCE_TAGS] = t.records[R_SOURCE + 2]!;
  key[K_SOURCE_HOST] = t.records[R_SOURCE + 3]!;
  key[K_DESTINATION_TAGS] = t.records[R_DESTINATION + 2]!;
  key[K_DESTINATION_HOST] = t.records[R_DESTINATION + 3]!;
  f.rule = key[K_SOURCE_TAGS] === 0 ? V_ALLOW : ask(f, t, t.rules.in, t.rules.inHits);
  f.ruleSide = 1;
  if ((f.rule & V_LOG) !== 0) f.logged = (ruleNumber(f.rule) << 1) | 1;
  return CONTINUE;
}

/** The verdict of `rules` on what is in `t.ruleKey`, whose second half is written here. */
function ask(f: Frame, t: Tables, rules: Int32Array, hits: Int32Array): number {
  writeTransportKey(t, f.protocol, f.l4 === 0 ? f.end : f.l4, f.end);
  const verdict = lookupRule(rules, t.ruleKey);
  const number = ruleNumber(verdict);
  if (number >= 0 && number < hits.length) Atomics.add(hits, number, 1);
  return verdict;
}
