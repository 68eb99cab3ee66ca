/**
 * arrive: does a VM that is expected here send its first frame? Any frame will do; after a live migration it is QEMU's RARP,
 * or the guest's own ARP or neighbor advertisement. Of a VM that is here a RARP says nothing new.
 */
import { type Frame, KIND_RARP } from "#fastpath/frame";
import { hasMacOf } from "#fastpath/stages/admit";
import { P_VM, PORT_WORDS, V_STATE, VM_PREPARED, VM_WORDS } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, PUNT_ACTIVATE, RARP, SPOOFED_MAC, type Verdict } from "#fastpath/verdicts";

export function arrive(f: Frame, t: Tables): Verdict {
  const vm = t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS;
  const isPrepared = t.vms[vm + V_STATE] === VM_PREPARED;
  if (!isPrepared && f.kind !== KIND_RARP) return CONTINUE;
  if (!hasMacOf(f, t, vm)) return SPOOFED_MAC;
  return isPrepared ? PUNT_ACTIVATE : RARP;
}
