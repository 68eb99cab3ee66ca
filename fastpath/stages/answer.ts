/** answer: what a VM asks of its gateway (ARP, ping) goes to the control thread; broadcasts end here. Paper §2.2. */
import { type Frame, KIND_ARP } from "#fastpath/frame";
import { toRouter } from "#fastpath/stages/for-me";
import { isPortMac } from "#fastpath/stages/port-mac";
import { N_GATEWAY, NETWORK_WORDS, P_VM, PORT_WORDS, V_NETWORK, VM_WORDS } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, PUNT_ARP, type Verdict, VM_BROADCAST, WRONG_MAC } from "#fastpath/verdicts";

export function answer(f: Frame, t: Tables): Verdict {
  if (f.kind === KIND_ARP) return PUNT_ARP;
  if ((t.bytes[f.at]! & 1) !== 0) return VM_BROADCAST;
  if (!isPortMac(f, t)) return WRONG_MAC;
  const destination = t.words[(f.l3 + 16) >> 2]!;
  if ((destination & 0xf0) === 0xe0 || destination === -1) return VM_BROADCAST;
  const vm = t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS;
  const network = t.vms[vm + V_NETWORK]! * NETWORK_WORDS;
  return destination === t.networks[network + N_GATEWAY] ? toRouter(f) : CONTINUE;
}
