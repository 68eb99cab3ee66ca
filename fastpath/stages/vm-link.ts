/** What is on a VM's IPv6 link besides the VM: its gateway, neighbor discovery and DHCPv6. */
import type { Frame } from "#fastpath/frame";
import { UNUSUAL_FRAGMENT } from "#fastpath/frame";
import type { Tables } from "#fastpath/tables/tables";
import { REDIRECT, ROUTER_ADVERTISEMENT, ROUTER_SOLICITATION } from "#wire/icmp6";
import { PROTOCOL_ICMP6, PROTOCOL_UDP } from "#wire/protocol";

/** Ports 547 and 546 as they lie in the upper half of `ports` (RFC 8415 §7.2). */
const SERVER = 0x2302;
const CLIENT = 0x2202;

/** Type of a neighbor discovery message or redirect (RFC 4861 §4), first fragments too; 0: the frame is none. */
export function discoveryType(f: Frame, t: Tables): number {
  if (f.protocol !== PROTOCOL_ICMP6 || f.l4 === 0) return 0;
  const type = t.bytes[f.l4]!;
  return type >= ROUTER_SOLICITATION && type <= REDIRECT ? type : 0;
}

/** A VM is no router: it sends neither. */
export const isRouters = (type: number): boolean => type === ROUTER_ADVERTISEMENT || type === REDIRECT;

/** For a DHCPv6 server. Fragments are never: their ports may be a lie. */
export const isToDhcp6Server = (f: Frame): boolean =>
  f.ports >>> 16 === SERVER && f.protocol === PROTOCOL_UDP && (f.unusual & UNUSUAL_FRAGMENT) === 0;

/** For a DHCPv6 client, first fragments too. */
export const isToDhcp6Client = (f: Frame): boolean => f.ports >>> 16 === CLIENT && f.protocol === PROTOCOL_UDP;

/** fe80::1 at `word` of `words`. */
export const isVmGateway = (words: Int32Array, word: number): boolean =>
  words[word] === 0x80fe && (words[word + 1]! | words[word + 2]!) === 0 && words[word + 3] === 0x0100_0000;

/** ff02::1:2, all DHCP servers on the link (RFC 8415 §7.1). */
export const isAllDhcpServers = (words: Int32Array, word: number): boolean =>
  words[word] === 0x02ff && (words[word + 1]! | words[word + 2]!) === 0 && words[word + 3] === 0x0200_0100;

/** An IPv6 host's address by its last word, raw: a host number that is no IPv4 address (src/policy/homes.ts). */
export const isIpv6Host = (host: number): boolean => (host & 0xff) === 0;
