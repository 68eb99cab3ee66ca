/**
 * Names for the numbers in mobility messages: types, flags, status codes. As IANA's registry of Mobility Parameters has
 * them.
 */

/** MH types. RFC 6275 §6.1, 5847 §3.3, 5846 §5, 6705 §10. */
export const BINDING_UPDATE = 5;
export const BINDING_ACKNOWLEDGEMENT = 6;
export const BINDING_ERROR = 7;
export const HEARTBEAT = 13;
export const BINDING_REVOCATION = 16;
export const LOCALIZED_ROUTING_INITIATION = 17;
export const LOCALIZED_ROUTING_ACKNOWLEDGMENT = 18;

/** Flags of Binding Updates. */
/** A: an acknowledgement is wanted (RFC 6275 §6.1.7). */
export const UPDATE_ACKNOWLEDGE = 0x8000;
/** H: home registration (RFC 6275 §6.1.7). */
export const UPDATE_HOME = 0x4000;
/** L: home and link-local address have the same interface identifier (RFC 6275 §6.1.7). */
export const UPDATE_LINK_LOCAL = 0x2000;
/** K: security associations outlive movements (RFC 6275 §6.1.7). */
export const UPDATE_KEY_MANAGEMENT = 0x1000;
/** M: registration at a mobility anchor point (RFC 4140 §5.1). */
export const UPDATE_MAP = 0x0800;
/** R: from a mobile router (RFC 3963 §4.1). */
export const UPDATE_ROUTER = 0x0400;
/** P: proxy registration (RFC 5213 §8.1). */
export const UPDATE_PROXY = 0x0200;
/** F: UDP encapsulation is forced (RFC 5555 §3.1.3). */
export const UPDATE_FORCE_UDP = 0x0100;
/** T: packets in IPv4 shall have a TLV header (RFC 5845 §6.2). */
export const UPDATE_TLV_HEADER = 0x0080;
/** All that are read. */
export const UPDATE_FLAGS = 0xff80;

/** Flags of Binding Acknowledgements. */
/** K: security associations outlive movements (RFC 6275 §6.1.8). */
export const ACK_KEY_MANAGEMENT = 0x80;
/** R: mobile routers are served (RFC 3963 §4.2). */
export const ACK_ROUTER = 0x40;
/** P: proxy registrations are served (RFC 5213 §8.2). */
export const ACK_PROXY = 0x20;
/** T: packets in IPv4 may have a TLV header (RFC 5845 §6.3). */
export const ACK_TLV_HEADER = 0x10;
export const ACK_FLAGS = 0xf0;

/** Flags of Binding Revocation Indications and Acknowledgements (RFC 5846 §5.1). */
/** P: the bindings are Proxy Mobile IPv6's. */
export const REVOCATION_PROXY = 0x8000;
/** V: the IPv4 home address's binding alone. */
export const REVOCATION_IPV4_ONLY = 0x4000;
/** G: all bindings of the peer, or all with a common identifier. */
export const REVOCATION_GLOBAL = 0x2000;
export const REVOCATION_FLAGS = 0xe000;

/** Lifetime without an end (RFC 6705 §10.1). */
export const FOREVER = 0xffff;

/** Statuses below accept, this and those above refuse; of Binding Errors none is so divided. */
export const FIRST_REFUSAL = 128;

/** Statuses of Binding Acknowledgements. */
export const BINDING_STATUS = {
  /** RFC 6275 §6.1.8. */
  ACCEPTED: 0,
  PREFIX_DISCOVERY_NECESSARY: 1,
  /** RFC 5845 §6.4. */
  GRE_KEY_OPTION_NOT_REQUIRED: 2,
  GRE_TUNNELING_BUT_TLV_HEADER_NOT_SUPPORTED: 3,
  /** RFC 6275 §6.1.8. */
  REASON_UNSPECIFIED: 128,
  ADMINISTRATIVELY_PROHIBITED: 129,
  INSUFFICIENT_RESOURCES: 130,
  HOME_REGISTRATION_NOT_SUPPORTED: 131,
  NOT_HOME_SUBNET: 132,
  NOT_HOME_AGENT_FOR_THIS_MOBILE_NODE: 133,
  DUPLICATE_ADDRESS_DETECTION_FAILED: 134,
  SEQUENCE_NUMBER_OUT_OF_WINDOW: 135,
  EXPIRED_HOME_NONCE_INDEX: 136,
  EXPIRED_CARE_OF_NONCE_INDEX: 137,
  EXPIRED_NONCES: 138,
  REGISTRATION_TYPE_CHANGE_DISALLOWED: 139,
  /** RFC 4285 §8. */
  MIPV6_ID_MISMATCH: 144,
  MIPV6_MESG_ID_REQD: 145,
  MIPV6_AUTH_FAIL: 146,
  /** RFC 5213 §8.9. */
  PROXY_REG_NOT_ENABLED: 152,
  NOT_LMA_FOR_THIS_MOBILE_NODE: 153,
  MAG_NOT_AUTHORIZED_FOR_PROXY_REG: 154,
  NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX: 155,
  TIMESTAMP_MISMATCH: 156,
  TIMESTAMP_LOWER_THAN_PREV_ACCEPTED: 157,
  MISSING_HOME_NETWORK_PREFIX_OPTION: 158,
  BCE_PBU_PREFIX_SET_DO_NOT_MATCH: 159,
  MISSING_MN_IDENTIFIER_OPTION: 160,
  MISSING_HANDOFF_INDICATOR_OPTION: 161,
  MISSING_ACCESS_TECH_TYPE_OPTION: 162,
  /** RFC 5845 §6.4. */
  GRE_KEY_OPTION_REQUIRED: 163,
  /** RFC 5844 §3.3.5. */
  NOT_AUTHORIZED_FOR_IPV4_MOBILITY_SERVICE: 170,
  NOT_AUTHORIZED_FOR_IPV4_HOME_ADDRESS: 171,
  NOT_AUTHORIZED_FOR_IPV6_MOBILITY_SERVICE: 172,
  MULTIPLE_IPV4_HOME_ADDRESS_ASSIGNMENT_NOT_SUPPORTED: 173,
  /** RFC 6275 §6.1.8. */
  INVALID_CARE_OF_ADDRESS: 174,
} as const;

/** RFC 6275 §6.1.9. */
export const BINDING_ERROR_STATUS = {
  UNKNOWN_BINDING: 1,
  UNRECOGNIZED_MH_TYPE: 2,
} as const;

/** Handoff Indicator. RFC 5213 §8.4. */
export const HANDOFF = {
  NEW_INTERFACE: 1,
  BETWEEN_INTERFACES: 2,
  BETWEEN_GATEWAYS: 3,
  UNKNOWN: 4,
  NOT_CHANGED: 5,
} as const;

/** Access Technology Type. RFC 5213 §8.5. */
export const ACCESS_TECHNOLOGY = {
  VIRTUAL: 1,
  PPP: 2,
  ETHERNET: 3,
  WIRELESS_LAN: 4,
  WIMAX: 5,
} as const;

/** Status in IPv4 Home Address Reply options. RFC 5844 §3.3.2. */
export const IPV4_HOME_ADDRESS_STATUS = {
  SUCCESS: 0,
  REASON_UNSPECIFIED: 128,
  ADMINISTRATIVELY_PROHIBITED: 129,
  INCORRECT_ADDRESS: 130,
  INVALID_ADDRESS: 131,
  DYNAMIC_ASSIGNMENT_NOT_AVAILABLE: 132,
} as const;

/** Revocation Trigger. RFC 5846 §5.1; from 128 on for global revocations. */
export const REVOCATION_TRIGGER = {
  UNSPECIFIED: 0,
  ADMINISTRATIVE: 1,
  HANDOVER_SAME_ACCESS_TYPE: 2,
  HANDOVER_DIFFERENT_ACCESS_TYPE: 3,
  HANDOVER_UNKNOWN: 4,
  USER_TERMINATED: 5,
  ACCESS_NETWORK_TERMINATED: 6,
  POSSIBLY_OUT_OF_SYNC: 7,
  PER_PEER_POLICY: 128,
  REVOKING_NODE_LOCAL_POLICY: 129,
} as const;

/** Statuses of Binding Revocation Acknowledgements. RFC 5846 §5.2. */
export const REVOCATION_STATUS = {
  SUCCESS: 0,
  PARTIAL_SUCCESS: 1,
  BINDING_DOES_NOT_EXIST: 128,
  IPV4_HOME_ADDRESS_OPTION_REQUIRED: 129,
  GLOBAL_REVOCATION_NOT_AUTHORIZED: 130,
  REVOKED_MOBILE_NODES_IDENTITY_REQUIRED: 131,
  MOBILE_NODE_IS_ATTACHED: 132,
  TRIGGER_NOT_SUPPORTED: 133,
  FUNCTION_NOT_SUPPORTED: 134,
  PROXY_REVOCATION_NOT_SUPPORTED: 135,
} as const;

/** Statuses of Localized Routing Acknowledgments. RFC 6705 §10.2. */
export const LOCALIZED_ROUTING_STATUS = {
  SUCCESS: 0,
  NOT_ALLOWED: 128,
  MOBILE_NODE_NOT_ATTACHED: 129,
} as const;
