/** Protocol numbers and what becomes of them in the other family. RFC 7915 §4.1, §5.1; ../decisions.md "IP header". */
import { refuse } from "./outcome";

export const ICMP4 = 1;
export const IGMP = 2;
export const TCP = 6;
export const UDP = 17;
export const ICMP6 = 58;

/** In IPv6 these numbers are headers that routers on the way obey. */
const IPV6_HEADERS = [0, 43, 44, 60];

export function protocolTo6(protocol: number): number {
  if (protocol === ICMP4) return ICMP6;
  if (protocol === IGMP) refuse("icmp-untranslatable"); // RFC 7915 §4.2
  if (protocol === ICMP6 || IPV6_HEADERS.includes(protocol))
    refuse("untranslatable-protocol", { type: 3, code: 13, rest: 0 });
  return protocol;
}

export function protocolTo4(protocol: number): number {
  if (protocol === ICMP6) return ICMP4;
  if (protocol === ICMP4) refuse("untranslatable-protocol", { type: 1, code: 1, rest: 0 });
  return protocol;
}
