/** translatable: has the packet's protocol a counterpart on the other side? translation/decisions.md, "IP header". */
import type { Frame } from "#fastpath/frame";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, ICMP_UNTRANSLATABLE, UNTRANSLATABLE_PROTOCOL, type Verdict } from "#fastpath/verdicts";
import { PROTOCOL_ICMP4, PROTOCOL_ICMP6 } from "#wire/protocol";

const PROTOCOL_IGMP = 2;

/** Protocol numbers that name an IPv6 header (hop-by-hop, routing, fragment, destination options) or ICMPv6. */
const namesIpv6Header = (protocol: number): boolean =>
  protocol === 0 || protocol === 43 || protocol === 44 || protocol === 60 || protocol === PROTOCOL_ICMP6;

/** An IPv4 protocol number that would be an IPv6 header in the fabric must not be a tenant's to write. */
export const maySendAs6 = (protocol: number): boolean => !namesIpv6Header(protocol) && protocol !== PROTOCOL_IGMP;
/** ICMPv4 as it stands in an IPv6 packet: nobody has looked at it. */
export const maySendAs4 = (protocol: number): boolean => protocol !== PROTOCOL_ICMP4;

export function translatableTo6(f: Frame, _t: Tables): Verdict {
  if (maySendAs6(f.protocol)) return CONTINUE;
  return f.protocol === PROTOCOL_IGMP ? ICMP_UNTRANSLATABLE : UNTRANSLATABLE_PROTOCOL;
}

export const translatableTo4 = (f: Frame, _t: Tables): Verdict =>
  maySendAs4(f.protocol) ? CONTINUE : UNTRANSLATABLE_PROTOCOL;
