/**
 * guardOut, guardIn: what the tenants' rules say of a packet by itself, asked of the sender's side where it leaves its VM
 * and of the receiver's where it is to be delivered (paper §2.4; src/policy/sides.ts). `track` comes next and knows
 * whether a packet that no rule lets through belongs to one that was.
 *
 * What goes to the infrastructure, the metadata service, and what comes from there (a router's ICMP error: `origin` has
 * seen to it that it is no more) no tenant's rule is asked about.
 */
import { R_DESTINATION, R_SOURCE } from "#fastpath/decision";
import { type Frame, KIND_IPV4, UNUSUAL_ICMP } from "#fastpath/frame";
import { P_VM, PORT_WORDS, V_IPV4, V_TAGS, VM_WORDS } from "#fastpath/tables/layout";
import {
  K_DESTINATION_HOST,
  K_DESTINATION_TAGS,
  K_PORTS,
  K_PROTOCOL,
  K_SOURCE_HOST,
  K_SOURCE_TAGS,
  PORTS_UNKNOWN,
  V_ALLOW,
  V_NUMBER,
} from "#fastpath/tables/rule-layout";
import { lookupRule } from "#fastpath/tables/rules";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, type Verdict } from "#fastpath/verdicts";
import { PROTOCOL_ICMP4 } from "#wire/protocol";

export function guardOut(f: Frame, t: Tables): Verdict {
  const vm = t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS;
  const key = t.ruleKey;
  key[K_SOURCE_TAGS] = t.vms[vm + V_TAGS]!;
  key[K_SOURCE_HOST] = t.vms[vm + V_IPV4]!;
  key[K_DESTINATION_TAGS] = t.records[R_DESTINATION + 2]!;
  key[K_DESTINATION_HOST] = t.records[R_DESTINATION + 3]!;
  f.rule = key[K_DESTINATION_TAGS] === 0 ? V_ALLOW : ask(f, t, t.rules.out, t.rules.outHits);
  return CONTINUE;
}

export function guardIn(f: Frame, t: Tables): Verdict {
  const key = t.ruleKey;
  key[K_SOURCE_TAGS] = t.records[R_SOURCE + 2]!;
  key[K_SOURCE_HOST] = t.records[R_SOURCE + 3]!;
  key[K_DESTINATION_TAGS] = t.records[R_DESTINATION + 2]!;
  key[K_DESTINATION_HOST] = t.records[R_DESTINATION + 3]!;
  f.rule = key[K_SOURCE_TAGS] === 0 ? V_ALLOW : ask(f, t, t.rules.in, t.rules.inHits);
  return CONTINUE;
}

/** The verdict of `rules` on what is in `t.ruleKey`, whose second half is filled here. */
function ask(f: Frame, t: Tables, rules: Int32Array, hits: Int32Array): number {
  const key = t.ruleKey;
  key[K_PROTOCOL] = f.protocol;
  key[K_PORTS] = f.ports;
  if (f.l4 === 0) key[K_PROTOCOL] = f.protocol | PORTS_UNKNOWN;
  else if ((f.unusual & UNUSUAL_ICMP) !== 0) {
    const type = t.words[f.l4 >> 2]! & 0xffff;
    if (f.kind === KIND_IPV4) key[K_PORTS] = type;
    else asIcmp4(key, type);
  }
  const verdict = lookupRule(rules, key);
  const number = (verdict & V_NUMBER) - 1;
  if (number >= 0 && number < hits.length) Atomics.add(hits, number, 1);
  return verdict;
}

/**
 * Rules speak of ICMP in ICMPv4's numbers, so that both ends of the fabric ask the same (RFC 7915 §4.2, §5.2). What has
 * no counterpart keeps its own. `type`: first two octets of the ICMPv6 header, raw.
 */
function asIcmp4(key: Int32Array, type: number): void {
  const counterpart = COUNTERPARTS[type & 0xff]!;
  key[K_PORTS] = counterpart < 0 ? type : counterpart | codeOf(type);
  if (counterpart >= 0) key[K_PROTOCOL] = PROTOCOL_ICMP4;
}

/** ICMPv4 type by ICMPv6 type; −1: there is none. */
const COUNTERPARTS = new Int32Array(256).fill(-1);
COUNTERPARTS[1] = 3; // destination unreachable
COUNTERPARTS[2] = 3; // packet too big: fragmentation needed
COUNTERPARTS[3] = 11; // time exceeded
COUNTERPARTS[4] = 12; // parameter problem
COUNTERPARTS[128] = 8; // echo
COUNTERPARTS[129] = 0;

/** Codes of unreachable by those of ICMPv6 (RFC 7915 §5.2): no route, prohibited, beyond scope, address, port. */
const UNREACHABLE = [1, 10, 1, 1, 3];
const FRAGMENTATION_NEEDED = 4;

/** The ICMPv4 code of an ICMPv6 type and code, in its place in the raw word. */
function codeOf(type: number): number {
  const code = type >> 8;
  if ((type & 0xff) === 1) return (UNREACHABLE[code] ?? code) << 8;
  if ((type & 0xff) === 2) return FRAGMENTATION_NEEDED << 8;
  return code << 8;
}
