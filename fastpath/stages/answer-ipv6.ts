/**
 * answer6: what a VM asks of its gateway by IPv6 (neighbor discovery, DHCPv6, ping) goes to the control thread, whatever
 * address it says it is for: none of it is anybody else's. Groups end here (paper §2.2).
 */
import type { Frame } from "#fastpath/frame";
import { toRouter } from "#fastpath/stages/for-me";
import { isPortMac } from "#fastpath/stages/port-mac";
import { isLinkLocal } from "#fastpath/stages/route";
import {
  discoveryType,
  isAllDhcpServers,
  isRouters,
  isToDhcp6Client,
  isToDhcp6Server,
  isVmGateway,
} from "#fastpath/stages/vm-link";
import { P_VM, PORT_WORDS, V_DHCP, VM_WORDS } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import {
  CONTINUE,
  LINK_LOCAL,
  PUNT_DHCP,
  PUNT_ND,
  ROGUE_DHCP,
  ROGUE_RA,
  type Verdict,
  VM_BROADCAST,
  WRONG_MAC,
} from "#fastpath/verdicts";

export function answer6(f: Frame, t: Tables): Verdict {
  const isGroup = (t.bytes[f.at]! & 1) !== 0;
  if (!isGroup && !isPortMac(f, t)) return WRONG_MAC;
  const discovery = discoveryType(f, t);
  if (discovery !== 0) return isRouters(discovery) ? ROGUE_RA : PUNT_ND;
  if (isToDhcp6Client(f)) return ROGUE_DHCP;
  const destination = (f.l3 + 24) >> 2;
  const toGateway = isVmGateway(t.words, destination);
  const vm = t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS;
  if (t.vms[vm + V_DHCP] !== 0 && isToDhcp6Server(f) && (toGateway || isAllDhcpServers(t.words, destination)))
    return PUNT_DHCP;
  if (isGroup || t.bytes[f.l3 + 24] === 0xff) return VM_BROADCAST;
  if (toGateway) return toRouter(f);
  // `admit6` lets link-local sources ask for what has been answered by now, and for nothing else.
  return isLinkLocal(t.words[destination]!) || isLinkLocal(t.words[(f.l3 + 8) >> 2]!) ? LINK_LOCAL : CONTINUE;
}
