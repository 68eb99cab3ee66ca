/** answer: what a VM asks of its gateway (ARP, ping, DHCP) goes to the control thread; broadcasts end here. Paper §2.2. */
import { type Frame, KIND_ARP } from "#fastpath/frame";
import { isToDhcpClient, isToDhcpServer } from "#fastpath/stages/dhcp";
import { toRouter } from "#fastpath/stages/for-me";
import { isPortMac } from "#fastpath/stages/port-mac";
import { isForMember, mayServe } from "#fastpath/stages/segment";
import { N_GATEWAY, NETWORK_WORDS, P_VM, PORT_WORDS, V_DHCP, V_NETWORK, VM_WORDS } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, PUNT_ARP, PUNT_DHCP, ROGUE_DHCP, type Verdict, VM_BROADCAST, WRONG_MAC } from "#fastpath/verdicts";

export function answer(f: Frame, t: Tables): Verdict {
  if (f.kind === KIND_ARP) return PUNT_ARP;
  if (isToDhcpClient(f) && !mayServe(f, t)) return ROGUE_DHCP;
  const vm = t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS;
  const destination = t.words[(f.l3 + 16) >> 2]!;
  const dhcp = t.vms[vm + V_DHCP] !== 0 && isToDhcpServer(f);
  if ((t.bytes[f.at]! & 1) !== 0) return dhcp && destination === -1 && isBroadcast(f, t) ? PUNT_DHCP : VM_BROADCAST;
  if (!isPortMac(f, t) && !isForMember(f, t)) return WRONG_MAC;
  if (destination === -1) return dhcp ? PUNT_DHCP : VM_BROADCAST;
  if ((destination & 0xf0) === 0xe0) return VM_BROADCAST;
  const network = t.vms[vm + V_NETWORK]! * NETWORK_WORDS;
  if (destination !== t.networks[network + N_GATEWAY]) return CONTINUE;
  return dhcp ? PUNT_DHCP : toRouter(f);
}

/** The frame is for all, no multicast. MAC addresses start 2-aligned. */
function isBroadcast(f: Frame, t: Tables): boolean {
  const h = f.at >> 1;
  return (t.halves[h]! & t.halves[h + 1]! & t.halves[h + 2]!) === 0xffff;
}
