/**
 * admit: a VM sends with its own MAC and its own address only. Silent: a spoofer is never answered. Paper §2.4.
 * Comes before `answer`, so that even the gateway does not answer a spoofer.
 */
import { type Frame, KIND_ARP, KIND_IPV6 } from "#fastpath/frame";
import { P_VM, PORT_WORDS, V_ADJACENCY, V_IPV4, VM_WORDS } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, PUNT_LEARN, SPOOFED_MAC, SPOOFED_SOURCE, type Verdict, VM_IPV6 } from "#fastpath/verdicts";

export function admit(f: Frame, t: Tables): Verdict {
  if (f.kind === KIND_ARP) return CONTINUE; // the control thread checks its sender
  if (f.kind === KIND_IPV6) return VM_IPV6;
  const vm = t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS;
  if (t.words[(f.l3 + 12) >> 2] !== t.vms[vm + V_IPV4]) return SPOOFED_SOURCE;
  const adjacency = t.vms[vm + V_ADJACENCY]!;
  if (!t.adjacencies.isResolved(adjacency)) return PUNT_LEARN;
  return t.adjacencies.hasMac(adjacency, t.bytes, f.at + 6) ? CONTINUE : SPOOFED_MAC;
}
