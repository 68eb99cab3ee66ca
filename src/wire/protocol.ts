/** Protocol numbers of IPv4's protocol and IPv6's next header fields (IANA). */
export const PROTOCOL_HOP_BY_HOP = 0;
export const PROTOCOL_ICMP4 = 1;
export const PROTOCOL_IGMP = 2;
export const PROTOCOL_IPV4 = 4;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_DCCP = 33;
export const PROTOCOL_IPV6 = 41;
export const PROTOCOL_ROUTING = 43;
export const PROTOCOL_FRAGMENT = 44;
export const PROTOCOL_GRE = 47;
export const PROTOCOL_ESP = 50;
export const PROTOCOL_AH = 51;
export const PROTOCOL_ICMP6 = 58;
export const PROTOCOL_NONE = 59;
export const PROTOCOL_DESTINATION_OPTIONS = 60;
export const PROTOCOL_OSPF = 89;
export const PROTOCOL_SCTP = 132;
export const PROTOCOL_MOBILITY = 135;
export const PROTOCOL_UDP_LITE = 136;

/** Protocols whose header begins with a source and a destination port: RFC 9293 §3.1, 768, 4340 §5.1, 9260 §3.1, 3828 §3.1. */
export const hasPorts = (protocol: number): boolean =>
  protocol === PROTOCOL_TCP ||
  protocol === PROTOCOL_UDP ||
  protocol === PROTOCOL_DCCP ||
  protocol === PROTOCOL_SCTP ||
  protocol === PROTOCOL_UDP_LITE;
