/** answer: what a VM asks of its gateway (ARP, ping) goes to the control thread; broadcasts end here. Paper §2.2. */
import { type Frame, KIND_ARP, KIND_IPV6 } from "#fastpath/frame";
import { N_GATEWAY, NETWORK_WORDS, P_MAC, P_VM, PORT_WORDS, V_NETWORK, VM_WORDS } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, PUNT_ARP, PUNT_LOCAL, type Verdict, VM_BROADCAST, VM_IPV6, WRONG_MAC } from "#fastpath/verdicts";

export function answer(f: Frame, t: Tables): Verdict {
  if (f.kind === KIND_ARP) return PUNT_ARP;
  if ((t.bytes[f.at]! & 1) !== 0) return f.kind === KIND_IPV6 ? VM_IPV6 : VM_BROADCAST;
  if (!isPortMac(f, t)) return WRONG_MAC;
  if (f.kind === KIND_IPV6) return VM_IPV6;
  const destination = t.words[(f.l3 + 16) >> 2]!;
  if ((destination & 0xf0) === 0xe0 || destination === -1) return VM_BROADCAST;
  const vm = t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS;
  const network = t.vms[vm + V_NETWORK]! * NETWORK_WORDS;
  return destination === t.networks[network + N_GATEWAY] ? PUNT_LOCAL : CONTINUE;
}

/** True when the frame's destination MAC is the router's on that port. The frame's start is 2-aligned, not 4-aligned. */
export function isPortMac(f: Frame, t: Tables): boolean {
  const b = t.bytes;
  const p = f.port * PORT_WORDS + P_MAC;
  const high = t.ports[p]!;
  const low = t.ports[p + 1]!;
  return (
    (b[f.at]! | (b[f.at + 1]! << 8) | (b[f.at + 2]! << 16) | (b[f.at + 3]! << 24)) === high &&
    (b[f.at + 4]! | (b[f.at + 5]! << 8)) === low
  );
}
