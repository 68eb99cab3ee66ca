/** The second half of a question to the rules: protocol, and ports or ICMP type (tables/rule-layout.ts has the form). */
import { K_PORTS, K_PROTOCOL, PORTS_UNKNOWN } from "#fastpath/tables/rule-layout";
import type { Tables } from "#fastpath/tables/tables";
import { hasPorts, PROTOCOL_ICMP4, PROTOCOL_ICMP6 } from "#wire/protocol";

/** Into `t.ruleKey`. `at`: offset of the transport header, 4-aligned, of which octets up to `end` are there; maybe none. */
export function writeTransportKey(t: Tables, protocol: number, at: number, end: number): void {
  const key = t.ruleKey;
  key[K_PROTOCOL] = protocol;
  key[K_PORTS] = 0;
  if (protocol === PROTOCOL_ICMP4 || protocol === PROTOCOL_ICMP6) {
    // A later fragment of either is asked about as ICMPv4's: rules that name ICMP may be meant for it.
    if (end - at < 2) key[K_PROTOCOL] = PROTOCOL_ICMP4 | PORTS_UNKNOWN;
    else if (protocol === PROTOCOL_ICMP4) key[K_PORTS] = t.words[at >> 2]! & 0xffff;
    else asIcmp4(key, t.words[at >> 2]! & 0xffff);
  } else if (hasPorts(protocol)) {
    if (end - at < 4) key[K_PROTOCOL] = protocol | PORTS_UNKNOWN;
    else key[K_PORTS] = t.words[at >> 2]!;
  }
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
const COUNTERPARTS: Int32Array = new Int32Array(256).fill(-1);
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
