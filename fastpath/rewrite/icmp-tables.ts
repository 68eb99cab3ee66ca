/**
 * ICMP types, codes and pointers of one family in the other's words. RFC 7915 §4.2 and §5.2 as literal tables.
 * Results are packed numbers, since the fast path allocates nothing: type << 8 | code.
 */

export const DROP = -1;

export const ECHO_REQUEST_4 = 8;
export const ECHO_REPLY_4 = 0;
export const UNREACHABLE_4 = 3;
export const FRAGMENTATION_NEEDED_4 = 4;
export const TIME_EXCEEDED_4 = 11;
export const PARAMETER_PROBLEM_4 = 12;

export const UNREACHABLE_6 = 1;
export const PACKET_TOO_BIG_6 = 2;
export const TIME_EXCEEDED_6 = 3;
export const PARAMETER_PROBLEM_6 = 4;
export const ECHO_REQUEST_6 = 128;
export const ECHO_REPLY_6 = 129;

const packed = (type: number, code: number): number => (type << 8) | code;
const NO_ROUTE = packed(UNREACHABLE_6, 0);
const PROHIBITED = packed(UNREACHABLE_6, 1);

/** By ICMPv4 Destination Unreachable code 0 … 15. RFC 7915 §4.2. */
const unreachable4to6: readonly number[] = [
  NO_ROUTE, // net
  NO_ROUTE, // host
  packed(PARAMETER_PROBLEM_6, 1), // protocol: unrecognised next header
  packed(UNREACHABLE_6, 4), // port
  packed(PACKET_TOO_BIG_6, 0),
  NO_ROUTE, // source route failed
  NO_ROUTE,
  NO_ROUTE,
  NO_ROUTE,
  PROHIBITED, // net prohibited
  PROHIBITED, // host prohibited
  NO_ROUTE, // TOS
  NO_ROUTE,
  PROHIBITED,
  DROP, // host precedence violation
  PROHIBITED, // precedence cutoff
];

/** Field in the IPv4 header by octet → octet of the IPv6 header's field that says the same. RFC 7915 figure 3. */
const pointer4to6: readonly number[] = [
  0,
  1,
  4,
  4,
  DROP,
  DROP,
  DROP,
  DROP,
  7,
  6,
  DROP,
  DROP,
  8,
  8,
  8,
  8,
  24,
  24,
  24,
  24,
];

/** RFC 7915 figure 6; octets 8 … 39 are the addresses. */
const pointer6to4: readonly number[] = [0, 1, DROP, DROP, 2, 2, 9, 8];

/** By ICMPv6 Destination Unreachable code 0 … 4. RFC 7915 §5.2. */
const unreachable6to4: readonly number[] = [
  packed(UNREACHABLE_4, 1),
  packed(UNREACHABLE_4, 10),
  packed(UNREACHABLE_4, 1),
  packed(UNREACHABLE_4, 1),
  packed(UNREACHABLE_4, 3),
];

/** ICMPv4 type, code → ICMPv6 type << 8 | code, or DROP. */
export function typeTo6(type: number, code: number): number {
  switch (type) {
    case ECHO_REQUEST_4:
      return packed(ECHO_REQUEST_6, code);
    case ECHO_REPLY_4:
      return packed(ECHO_REPLY_6, code);
    case UNREACHABLE_4:
      return code < unreachable4to6.length ? unreachable4to6[code]! : DROP;
    case TIME_EXCEEDED_4:
      return packed(TIME_EXCEEDED_6, code);
    case PARAMETER_PROBLEM_4:
      return code === 0 || code === 2 ? packed(PARAMETER_PROBLEM_6, 0) : DROP;
    default:
      return DROP;
  }
}

/** ICMPv6 type, code → ICMPv4 type << 8 | code, or DROP. */
export function typeTo4(type: number, code: number): number {
  switch (type) {
    case ECHO_REQUEST_6:
      return packed(ECHO_REQUEST_4, code);
    case ECHO_REPLY_6:
      return packed(ECHO_REPLY_4, code);
    case UNREACHABLE_6:
      return code < unreachable6to4.length ? unreachable6to4[code]! : DROP;
    case PACKET_TOO_BIG_6:
      return packed(UNREACHABLE_4, FRAGMENTATION_NEEDED_4);
    case TIME_EXCEEDED_6:
      return packed(TIME_EXCEEDED_4, code);
    case PARAMETER_PROBLEM_6:
      if (code === 0) return packed(PARAMETER_PROBLEM_4, 0);
      return code === 1 ? packed(UNREACHABLE_4, 2) : DROP;
    default:
      return DROP;
  }
}

export const pointerTo6 = (pointer: number): number => (pointer < pointer4to6.length ? pointer4to6[pointer]! : DROP);

export function pointerTo4(pointer: number): number {
  if (pointer < pointer6to4.length) return pointer6to4[pointer]!;
  if (pointer < 24) return 12;
  return pointer < 40 ? 16 : DROP;
}

/** RFC 1191 §7.1: likely MTUs; the largest below a packet's length is the guess when a router named none. */
const plateaus: readonly number[] = [65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68];

export function plateauBelow(length: number): number {
  for (const mtu of plateaus) if (mtu < length) return mtu;
  return 68;
}
