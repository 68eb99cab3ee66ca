/** A gateway's packets as its NAT sees them: both ends by tags and IPv4 address, ports, or the identifier of an ICMP query. */
import { CONNECTION_BACK, identifierPorts } from "#fastpath/decision";
import { type Frame, UNUSUAL_FRAGMENT } from "#fastpath/frame";
import { describeSegment } from "#fastpath/stages/track";
import { isIpv6Host } from "#fastpath/stages/vm-link";
import { BACK } from "#fastpath/tables/connection-entries";
import { C_DESTINATION, C_PORTS, C_PROTOCOL, C_SOURCE } from "#fastpath/tables/connections";
import { F_DESTINATION, F_IDENTIFICATION, F_PROTOCOL, F_SOURCE } from "#fastpath/tables/fragments";
import {
  type Nat,
  REFUSED_BLOCKS,
  REFUSED_FILTERED,
  REFUSED_NO_SYN,
  REFUSED_PROTOCOL,
  REFUSED_QUOTA,
  REFUSED_SESSION_QUOTA,
  REFUSED_UNBOUND,
} from "#fastpath/tables/nat";
import type { Tables } from "#fastpath/tables/tables";
import {
  NAT_FILTERED,
  NAT_FULL,
  NAT_NO_BLOCK,
  NAT_NO_SYN,
  NAT_PROTOCOL,
  NAT_QUOTA,
  NAT_UNBOUND,
  type Verdict,
} from "#fastpath/verdicts";
import { PROTOCOL_ICMP4, PROTOCOL_ICMP6, PROTOCOL_TCP, PROTOCOL_UDP } from "#wire/protocol";

export const isIcmp = (protocol: number): boolean => protocol === PROTOCOL_ICMP4 || protocol === PROTOCOL_ICMP6;

/** An inside end: an IPv4 host by tags and address, whatever its home, an IPv6 host by its whole address, at `from`. */
export function writeInsideEnd(to: Int32Array, at: number, words: Int32Array, from: number): void {
  const isIpv4 = !isIpv6Host(words[from + 3]!);
  to[at] = isIpv4 ? 0 : words[from]!;
  to[at + 1] = isIpv4 ? 0 : words[from + 1]!;
  to[at + 2] = words[from + 2]!;
  to[at + 3] = words[from + 3]!;
}

/** Four raw words of an IPv4 host's end: tags and IPv4 address. */
export function writeEnd(to: Int32Array, at: number, tags: number, host: number): void {
  to[at] = 0;
  to[at + 1] = 0;
  to[at + 2] = tags;
  to[at + 3] = host;
}

/** Protocol, ports and TCP's numbers of a packet that shows them; its ends are written already. */
export function describeTransport(f: Frame, t: Tables, nat: Nat): void {
  const p = nat.packet;
  if (f.protocol === PROTOCOL_TCP) describeSegment(f, t, p);
  else p[C_PROTOCOL] = isIcmp(f.protocol) ? PROTOCOL_ICMP4 : f.protocol;
  p[C_PORTS] = isIcmp(f.protocol) ? 0 : f.ports;
}

/** Raw identifier of the ICMP query at `l4`. */
export const identifierAt = (t: Tables, l4: number): number => t.words[(l4 + 4) >> 2]! & 0xffff;

/** The record's R_NEW_PORTS_ for raw `ports`; of ICMP, `identifier`. */
export const newPorts = (protocol: number, ports: number, identifier: number): number =>
  isIcmp(protocol) ? identifierPorts(identifier) : ports;

/** The flow is remembered with its session, and not without one. */
export function rememberSession(f: Frame, { session, version, direction }: Nat): void {
  f.isFleeting = session === 0;
  f.connection = direction === BACK ? session | CONNECTION_BACK : session;
  f.connectionVersion = version;
}

/**
 * Protocol and ports of the packet that an ICMP error quotes, whose transport header is at `l4`; its ends are written
 * already. False: they are not to be seen. `isSource`: an identifier is that of the quoted packet's source.
 */
export function describeQuoted(f: Frame, t: Tables, nat: Nat, quoted: QuotedTransport): boolean {
  const { protocol, l4, isSource } = quoted;
  const p = nat.packet;
  if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP && !isIcmp(protocol)) return false;
  if (l4 + (isIcmp(protocol) ? 6 : 4) > f.end) return false;
  p[C_PROTOCOL] = isIcmp(protocol) ? PROTOCOL_ICMP4 : protocol;
  if (!isIcmp(protocol)) p[C_PORTS] = t.words[l4 >> 2]!;
  else p[C_PORTS] = isSource ? identifierAt(t, l4) : identifierAt(t, l4) << 16;
  return true;
}

export interface QuotedTransport {
  readonly protocol: number;
  readonly l4: number;
  readonly isSource: boolean;
}

// ---- fragments ----

const describeFragment = (f: Frame, t: Tables, packet: Int32Array, nat: Nat): void => {
  for (let k = 0; k < 4; k++) {
    packet[F_SOURCE + k] = nat.packet[C_SOURCE + k]!;
    packet[F_DESTINATION + k] = nat.packet[C_DESTINATION + k]!;
  }
  packet[F_PROTOCOL] = f.protocol;
  packet[F_IDENTIFICATION] = f.fragmentHeader === 0 ? f.identification : t.words[(f.fragmentHeader + 4) >> 2]!;
};

/** Before anything is asked of the NAT, which may write into its packet: what a later fragment will be known by. */
export function describeFirst(f: Frame, t: Tables, nat: Nat): void {
  if ((f.unusual & UNUSUAL_FRAGMENT) !== 0 && t.fragments !== undefined)
    describeFragment(f, t, t.fragments.packet, nat);
}

/** The later fragments of a packet go where its first one does. */
export function keepFirst(f: Frame, t: Tables, nat: Nat, binding: number): void {
  if ((f.unusual & UNUSUAL_FRAGMENT) === 0 || t.fragments === undefined) return;
  t.fragments.carried[0] = binding;
  t.fragments.carried[1] = nat.bindings.versionOf(binding);
  t.fragments.accept(t.now);
}

/** Binding of a later fragment whose ends are in the NAT's packet; 0: its first one has not come by. */
export function bindingOfLater(f: Frame, t: Tables, nat: Nat): number {
  if (t.fragments === undefined) return 0;
  describeFragment(f, t, t.fragments.packet, nat);
  if (!t.fragments.isAccepted(t.now)) return 0;
  const binding = t.fragments.carried[0]!;
  return binding > 0 && nat.bindings.versionOf(binding) === t.fragments.carried[1] ? binding : 0;
}

/** Why the NAT refuses: one of its REFUSED_. */
export function natRefusal(result: number): Verdict {
  switch (result) {
    case REFUSED_BLOCKS:
      return NAT_NO_BLOCK;
    case REFUSED_QUOTA:
    case REFUSED_SESSION_QUOTA:
      return NAT_QUOTA;
    case REFUSED_PROTOCOL:
      return NAT_PROTOCOL;
    case REFUSED_UNBOUND:
      return NAT_UNBOUND;
    case REFUSED_FILTERED:
      return NAT_FILTERED;
    case REFUSED_NO_SYN:
      return NAT_NO_SYN;
    default:
      return NAT_FULL;
  }
}
