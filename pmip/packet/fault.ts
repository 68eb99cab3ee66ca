/**
 * Why octets are refused, each by a name that can be counted. None of them is an error of ours: a peer's fault is a
 * value.
 */
import { Malformed, type Reader } from "#base/reader";

/** Options that this code understands, by the names their RFCs give them. */
export type OptionName =
  | "alternate-care-of-address"
  | "mobile-node-identifier"
  | "authentication"
  | "home-network-prefix"
  | "handoff-indicator"
  | "access-technology-type"
  | "link-layer-identifier"
  | "link-local-address"
  | "timestamp"
  | "restart-counter"
  | "gre-key"
  | "ipv4-home-address-request"
  | "ipv4-home-address-reply"
  | "ipv4-default-router-address"
  | "ipv4-dhcp-support-mode"
  | "mag-ipv6-address";

/**
 * In the order in which they are looked for (RFC 6275 §9.2). All but those that say otherwise are dropped in silence.
 */
export type Fault =
  /** Fewer octets than a Mobility Header has or Header Len says. */
  | "truncated"
  /** More octets than Header Len says. */
  | "trailing-octets"
  | "checksum"
  /** MH Type is none known here: owed a Binding Error of status 2. */
  | "unknown-type"
  /** Owed an ICMPv6 Parameter Problem of code 0, pointer at octet 0 of the header. */
  | "payload-proto"
  /** Header Len is too small for the MH Type: owed an ICMPv6 Parameter Problem of code 0, pointer at octet 1. */
  | "too-short"
  /** Neither indication nor acknowledgement. RFC 5846 §5. */
  | "unknown-revocation-type"
  /** An option reaches beyond the message. */
  | "option-overrun"
  /** Its length is none that it may have, or what it says is nothing that it may say. */
  | `bad-option:${OptionName}`
  /** It may come once and comes again. RFC 5213 §8.1. */
  | `repeated-option:${OptionName}`
  /**
   * An authentication option that is not last (RFC 4285 §5.1), or a mobile node's option before any node is named (RFC
   * 6705 §10.1).
   */
  | `misplaced-option:${OptionName}`;

/** Refuses the message: thrown, and caught where the message began to be read ({@link unlessMalformed}). */
export const refuse = (r: Reader, fault: Fault): never => r.fail(fault);

/** What was read, or why not: a message's readers refuse by {@link refuse} alone, or by the Reader's own "truncated". */
export const unlessMalformed = <T>(read: T | Malformed): T | Fault =>
  read instanceof Malformed ? (read.error as Fault) : read;
