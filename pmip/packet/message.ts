/**
 * What the messages of Proxy Mobile IPv6 say, as plain values. RFC 6275 §6.1, 5213 §8, 5846 §5, 5847 §3.3, 6705 §10.
 * Octets are made and read by `mobility.ts`; names for the numbers (flags, status codes and the like) are in
 * `numbers.ts`.
 */
import type { Prefix } from "#base/address";

export type MobilityMessage =
  | BindingUpdate
  | BindingAck
  | BindingError
  | Heartbeat
  | Revocation
  | RevocationAck
  | LocalizedRoutingInitiation
  | LocalizedRoutingAck;

/** Binding Update: a Proxy Binding Update when `flags` has `UPDATE_PROXY`. RFC 6275 §6.1.7, 5213 §8.1. */
export interface BindingUpdate {
  readonly type: "binding-update";
  /** 16 bits. */
  readonly sequence: number;
  /** `UPDATE_…` bits: 16. Those without a name are sent as zero and not read. */
  readonly flags: number;
  /** Units of four seconds: 0 … 0xffff. Zero deregisters. */
  readonly lifetime: number;
  readonly options: MobilityOptions;
}

/** Binding Acknowledgement: a Proxy one when `flags` has `ACK_PROXY`. RFC 6275 §6.1.8, 5213 §8.2. */
export interface BindingAck {
  readonly type: "binding-ack";
  /** One of `BINDING_STATUS`, or one not known here: 0 … 127 accepted, 128 … 255 refused. */
  readonly status: number;
  /** `ACK_…` bits: 8. Those without a name are sent as zero and not read. */
  readonly flags: number;
  /** The update's. */
  readonly sequence: number;
  /** Granted, in units of four seconds: 0 … 0xffff. Undefined by the RFC when refused. */
  readonly lifetime: number;
  readonly options: MobilityOptions;
}

/** RFC 6275 §6.1.9. Never answered. */
export interface BindingError {
  readonly type: "binding-error";
  /** `BINDING_ERROR_STATUS`. */
  readonly status: number;
  /** 16 octets: of the offending packet's Home Address destination option, `::` if it had none (§9.3.3). */
  readonly homeAddress: Uint8Array;
  readonly options: MobilityOptions;
}

/** RFC 5847 §3.3. */
export interface Heartbeat {
  readonly type: "heartbeat";
  /** Unsolicited responses tell of a restart; nobody asked, their sequence means nothing (§3.2). */
  readonly kind: "request" | "response" | "unsolicited-response";
  /** 32 bits; a response's is its request's. */
  readonly sequence: number;
  readonly options: MobilityOptions;
}

/** Binding Revocation Indication. RFC 5846 §5.1. */
export interface Revocation {
  readonly type: "revocation";
  /** One of `REVOCATION_TRIGGER`, or one not known here: 8 bits. */
  readonly trigger: number;
  /** 16 bits. */
  readonly sequence: number;
  /** `REVOCATION_…` bits: 16. Those without a name are sent as zero and not read. */
  readonly flags: number;
  readonly options: MobilityOptions;
}

/** Binding Revocation Acknowledgement. RFC 5846 §5.2. */
export interface RevocationAck {
  readonly type: "revocation-ack";
  /** One of `REVOCATION_STATUS`, or one not known here: 0 … 127 done, 128 … 255 refused. */
  readonly status: number;
  /** The indication's. */
  readonly sequence: number;
  /** The indication's `REVOCATION_…` bits. */
  readonly flags: number;
  readonly options: MobilityOptions;
}

/** RFC 6705 §10.1. */
export interface LocalizedRoutingInitiation {
  readonly type: "localized-routing-initiation";
  /** 16 bits. */
  readonly sequence: number;
  /** Seconds: 0 … 0xfffe, or `FOREVER`. Zero asks to stop. */
  readonly lifetime: number;
  /** Two by the RFC; that there are is for the receiving core to see. */
  readonly mobileNodes: readonly LocalizedNode[];
  readonly options: SharedOptions;
}

/** RFC 6705 §10.2. */
export interface LocalizedRoutingAck {
  readonly type: "localized-routing-ack";
  /** The initiation's. */
  readonly sequence: number;
  /** U: no initiation asked for it. */
  readonly unsolicited: boolean;
  /** One of `LOCALIZED_ROUTING_STATUS`, or one not known here: 0 … 127 done, 128 … 255 refused. */
  readonly status: number;
  /** Seconds: 0 … 0xfffe, or `FOREVER`. */
  readonly lifetime: number;
  /** When refused, those alone for which localized routing is there: perhaps none. */
  readonly mobileNodes: readonly LocalizedNode[];
  readonly options: SharedOptions;
}

/** A mobile node that localized routing is about: RFC 6705 §10.1 has its options follow its identifier. */
export interface LocalizedNode extends NodeOptions {
  readonly mobileNode: string;
}

/** Options that say which mobile node is meant. */
export interface NodeOptions {
  /**
   * Mobile Node Identifier option of subtype 1: a network access identifier, 1 … 254 octets of UTF-8. RFC 4283 §3.1.
   */
  readonly mobileNode?: string;
  /** Home Network Prefix options, at least one: 16 octets, bits after `length` zero. RFC 5213 §8.3. */
  readonly homeNetworkPrefixes?: readonly Prefix[];
  /**
   * IPv4 Home Address Request options, at least one. RFC 5844 §3.3.1: a local mobility anchor refuses more than one
   * with status 173 (§3.1.2.1), so more than one can be read.
   */
  readonly ipv4HomeAddresses?: readonly Ipv4HomeAddress[];
}

/** Options that come once in a message, whatever mobile nodes it names. */
export interface SharedOptions {
  /** Alternate Care-of Address: 16 octets. RFC 6275 §6.2.5. */
  readonly alternateCareOf?: Uint8Array;
  /** Handoff Indicator: one of `HANDOFF`, 8 bits. RFC 5213 §8.4. */
  readonly handoff?: number;
  /** Access Technology Type: one of `ACCESS_TECHNOLOGY`, 8 bits. RFC 5213 §8.5. */
  readonly accessTechnology?: number;
  /** Mobile Node Link-layer Identifier: 1 … 253 octets, six of a MAC address. RFC 5213 §8.6. */
  readonly linkLayer?: Uint8Array;
  /** Link-local Address of the mobile access gateway: 16 octets. RFC 5213 §8.7. */
  readonly linkLocal?: Uint8Array;
  /** RFC 5213 §8.8. */
  readonly timestamp?: Timestamp;
  /** IPv4 Home Address Reply. RFC 5844 §3.3.2. */
  readonly ipv4HomeAddressReply?: Ipv4HomeAddressReply;
  /** IPv4 Default-Router Address: 4 octets. RFC 5844 §3.3.3. */
  readonly ipv4DefaultRouter?: Uint8Array;
  /** IPv4 DHCP Support Mode: what the mobile access gateway is to be. RFC 5844 §3.3.4. */
  readonly ipv4DhcpSupport?: "relay" | "server";
  /** GRE Key: 32 bits, or "none" where GRE alone is asked for and its packets have no key. RFC 5845 §6.1. */
  readonly greKey?: number | "none";
  /** MAG IPv6 Address: 16 octets. RFC 6705 §11.1. */
  readonly magAddress?: Uint8Array;
  /** Restart Counter: 32 bits; in heartbeat responses alone it means something. RFC 5847 §3.4. */
  readonly restartCounter?: number;
  /** MN-HA Mobility Message Authentication. RFC 4285 §5.1: `authentication.ts` makes and verifies it. */
  readonly authentication?: Authentication;
  /** Options not known here, at least one, in their order: a receiver skips them (RFC 6275 §6.2.1). */
  readonly others?: readonly OpaqueOption[];
}

/**
 * Each is understood in every message, and in none is one required: which are valid where is said in the messages'
 * sections, and their receivers judge it.
 */
export interface MobilityOptions extends NodeOptions, SharedOptions {}

export interface Ipv4HomeAddress {
  /** 4 octets; 0.0.0.0 asks for any. */
  readonly address: Uint8Array;
  /** Of the home network: 0 … 32 bits. The address has bits after it. */
  readonly length: number;
}

export interface Ipv4HomeAddressReply extends Ipv4HomeAddress {
  /** One of `IPV4_HOME_ADDRESS_STATUS`: 0 … 127 assigned, 128 … 255 refused. */
  readonly status: number;
}

/** Time since 1 January 1970, 00:00 UTC, as on the wire: `timestamp.ts` compares and converts. */
export interface Timestamp {
  /** 0 … 2^48 − 1. */
  readonly seconds: number;
  /** 1/65536 of a second: 0 … 0xffff. */
  readonly fraction: number;
}

export interface Authentication {
  /** Mobility SPI: 32 bits; 0 … 255 are reserved. Names key and algorithm. */
  readonly spi: number;
  /** Authentication Data: 0 … 250 octets. */
  readonly authenticator: Uint8Array;
}

export interface OpaqueOption {
  /** 2 … 255. */
  readonly type: number;
  /** 0 … 255 octets. */
  readonly data: Uint8Array;
}
