/**
 * admit6: as `admit`, of IPv6. From a link-local address, of which a VM has what it likes but for the gateway's, only what
 * is for the link itself: neighbor discovery, DHCPv6, a ping of the gateway, and groups, which end in `answer6`.
 */
import type { Frame } from "#fastpath/frame";
import { hasMacOf } from "#fastpath/stages/admit";
import { isLinkLocal } from "#fastpath/stages/route";
import { discoveryType, isToDhcp6Server, isVmGateway } from "#fastpath/stages/vm-link";
import { P_VM, PORT_WORDS, V_ADDRESS, V_ADJACENCY, V_IPV6, V_IPV6_COUNT, VM_WORDS } from "#fastpath/tables/layout";
import { segmentOfPort } from "#fastpath/tables/segments";
import type { Tables } from "#fastpath/tables/tables";
import {
  CONTINUE,
  LINK_LOCAL,
  PUNT_LEARN,
  SPOOFED_MAC,
  SPOOFED_SOURCE,
  type Verdict,
  VM_IPV6,
} from "#fastpath/verdicts";
import { SOURCE } from "#wire/ethernet";
import { ECHO_REQUEST } from "#wire/icmp6";
import { PROTOCOL_ICMP6 } from "#wire/protocol";

export function admit6(f: Frame, t: Tables): Verdict {
  const vm = t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS;
  if (t.vms[vm + V_IPV6_COUNT] === 0 && segmentOfPort(t.segments, f.port) < 0) return VM_IPV6;
  const service = discoveryType(f, t) !== 0 || isToDhcp6Server(f);
  if (isOfVm(t, vm, (f.l3 + 8) >> 2)) {
    if (!service) return admitOwn(f, t, vm); // the control thread learns the MAC address from the others itself
  } else {
    const verdict = admitOther(f, t, service);
    if (verdict !== CONTINUE) return verdict;
  }
  return hasMacOf(f, t, vm) ? CONTINUE : SPOOFED_MAC;
}

function isOfVm(t: Tables, vm: number, source: number): boolean {
  const { vms, words } = t;
  let at = vms[vm + V_IPV6]! * VM_WORDS + V_ADDRESS;
  for (const end = at + vms[vm + V_IPV6_COUNT]! * VM_WORDS; at < end; at += VM_WORDS) {
    if (
      vms[at + 3] === words[source + 3] &&
      vms[at + 2] === words[source + 2] &&
      vms[at + 1] === words[source + 1] &&
      vms[at] === words[source]
    )
      return true;
  }
  return false;
}

function admitOwn(f: Frame, t: Tables, vm: number): Verdict {
  const adjacency = t.vms[vm + V_ADJACENCY]!;
  if (!t.adjacencies.isResolved(adjacency)) return PUNT_LEARN;
  return t.adjacencies.hasMac(adjacency, t.bytes, f.at + SOURCE) ? CONTINUE : SPOOFED_MAC;
}

/** From none of the VM's configured addresses. */
function admitOther(f: Frame, t: Tables, service: boolean): Verdict {
  const { words } = t;
  const source = (f.l3 + 8) >> 2;
  // Of the unspecified address (RFC 4862 §5.4.2) classify has seen to it that the packet is for a group.
  if ((words[source]! | words[source + 1]! | words[source + 2]! | words[source + 3]!) === 0) return CONTINUE;
  if (!isLinkLocal(words[source]!) || isVmGateway(words, source)) return SPOOFED_SOURCE;
  if (service || t.bytes[f.l3 + 24] === 0xff) return CONTINUE;
  return isPing(f, t) && isVmGateway(words, (f.l3 + 24) >> 2) ? CONTINUE : LINK_LOCAL;
}

const isPing = (f: Frame, t: Tables): boolean =>
  f.protocol === PROTOCOL_ICMP6 && f.l4 !== 0 && t.bytes[f.l4] === ECHO_REQUEST;
