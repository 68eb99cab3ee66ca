/** Proxy Binding Updates in: who they are about, and the checks that come before any binding is looked at. RFC 5213 §5.3.1. */
import type { AddressHex, Subject } from "#pmip/events";
import { hexOf, octetsOf } from "#pmip/hex";
import { count, type Instance, note, nowOf } from "#pmip/instance";
import type { BindingAck, BindingUpdate, MobilityOptions } from "#pmip/packet/message";
import { ACK_PROXY, BINDING_STATUS, FIRST_REFUSAL, IPV4_HOME_ADDRESS_STATUS, UPDATE_PROXY } from "#pmip/packet/numbers";
import type { Home } from "#pmip/plan";
import { freshnessCorrected, freshnessIn } from "#pmip/replay";
import { type Stamp, stampIn, stampOf, timestampOf } from "#pmip/stamp";
import { isForeign, type NodeFault, type NodeName, nodeFault, subjectOf } from "#pmip/subject";
import { send } from "#pmip/transmit";

/** An update that nothing is wrong with by itself. */
export interface Update {
  readonly message: BindingUpdate;
  readonly source: AddressHex;
  readonly destination: AddressHex;
  readonly name: NodeName;
  readonly subject: Subject;
  readonly home: Home;
  readonly stamp: Stamp;
}

export interface Arrived {
  readonly message: BindingUpdate;
  readonly source: AddressHex;
  readonly destination: AddressHex;
}

interface Refusal {
  readonly status: number;
  /** For the counter. */
  readonly name: string;
}

const STATUS = BINDING_STATUS;
const of = (status: number, name: string): Refusal => ({ status, name: `pbu-${name}` });

const NODE_REFUSALS: Record<NodeFault, Refusal> = {
  "no-prefix": of(STATUS.MISSING_HOME_NETWORK_PREFIX_OPTION, "without-home-network-prefix"),
  "other-prefix": of(STATUS.NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX, "prefix-not-the-subjects"),
  "several-ipv4": of(STATUS.MULTIPLE_IPV4_HOME_ADDRESS_ASSIGNMENT_NOT_SUPPORTED, "several-ipv4-addresses"),
  "other-ipv4": of(STATUS.NOT_AUTHORIZED_FOR_IPV4_HOME_ADDRESS, "ipv4-address-not-the-subjects"),
};

/** The update, when nothing is wrong; else it has been counted and answered. */
export function checked(instance: Instance, arrived: Arrived): Update | undefined {
  const result = check(instance, arrived);
  if (!("status" in result)) return result;
  count(instance, result.name);
  answer(instance, arrived, { status: result.status });
  return undefined;
}

function check(instance: Instance, arrived: Arrived): Update | Refusal {
  const { message, source } = arrived;
  const { options, flags } = message;
  const { plan } = instance;
  if ((flags & UPDATE_PROXY) === 0) return of(STATUS.HOME_REGISTRATION_NOT_SUPPORTED, "not-proxy");
  const name = options.mobileNode;
  if (name === undefined) return of(STATUS.MISSING_MN_IDENTIFIER_OPTION, "without-identifier");
  if (!plan.isHypervisor(source)) return of(STATUS.MAG_NOT_AUTHORIZED_FOR_PROXY_REG, "not-from-a-hypervisor");
  if (options.alternateCareOf !== undefined && hexOf(options.alternateCareOf) !== source)
    return of(STATUS.INVALID_CARE_OF_ADDRESS, "care-of-not-the-source");
  const subject = subjectOf(name);
  if (subject === undefined) return of(STATUS.NOT_LMA_FOR_THIS_MOBILE_NODE, "unknown-identifier");
  const home = plan.homeOf(subject);
  if (isForeign(subject, home)) return of(STATUS.PROXY_REG_NOT_ENABLED, "nobodys-vm");
  const fault = nodeFault(subject, home, options);
  if (fault !== undefined) return NODE_REFUSALS[fault];
  const missing = missingOption(options, subject);
  if (missing !== undefined) return missing;
  const stamp = options.timestamp && stampIn(options.timestamp);
  if (stamp === undefined) return of(STATUS.TIMESTAMP_MISMATCH, "without-timestamp");
  return { ...arrived, name, subject, home, stamp };
}

/** Items 11 and 12; RFC 5845 §6.4. */
function missingOption({ handoff, accessTechnology, greKey }: MobilityOptions, { tags }: Subject): Refusal | undefined {
  if (handoff === undefined) return of(STATUS.MISSING_HANDOFF_INDICATOR_OPTION, "without-handoff-indicator");
  if (accessTechnology === undefined) return of(STATUS.MISSING_ACCESS_TECH_TYPE_OPTION, "without-access-technology");
  if (greKey === undefined) return of(STATUS.GRE_KEY_OPTION_REQUIRED, "without-gre-key");
  return greKey === tags ? undefined : of(STATUS.ADMINISTRATIVELY_PROHIBITED, "gre-key-not-the-tags");
}

export interface Answer {
  /** `BINDING_STATUS`. */
  readonly status: number;
  /** Granted; units of four seconds. */
  readonly lifetime?: number;
  /** Where the subject is hosted, when the sender has fallen behind. */
  readonly holder?: AddressHex;
  /** The last one that was accepted, in place of our time of day. */
  readonly stamp?: Stamp;
}

/** §5.3.6: what the update says is echoed; the stamp of a refusal is our time of day (§5.5). */
export function answer(instance: Instance, arrived: Arrived, { status, lifetime = 0, holder, stamp }: Answer): void {
  const { message, source, destination } = arrived;
  const { options, sequence } = message;
  const isRefusal = status >= FIRST_REFUSAL;
  const acknowledgement: BindingAck = {
    type: "binding-ack",
    status,
    flags: ACK_PROXY,
    sequence,
    lifetime,
    options: {
      ...echoed(options),
      ...(options.timestamp && {
        timestamp: isRefusal ? timestampOf(stamp ?? stampOf(nowOf(instance))) : options.timestamp,
      }),
      ...(!isRefusal && options.greKey !== undefined && { greKey: options.greKey }),
      ...ipv4Reply(options, status),
      ...(holder !== undefined && { magAddress: octetsOf(holder) }),
    },
  };
  const subject = options.mobileNode === undefined ? undefined : subjectOf(options.mobileNode);
  if (subject !== undefined) note(instance, { what: "pba-sent", subject, peer: source, status });
  send(instance, { from: destination, to: source }, acknowledgement, freshnessOf(instance, options, status));
}

const NO_PREFIX = { address: new Uint8Array(16), length: 0 };

function echoed(options: MobilityOptions): MobilityOptions {
  const { mobileNode, homeNetworkPrefixes, handoff = 0, accessTechnology = 0, linkLayer } = options;
  return {
    ...(mobileNode !== undefined && { mobileNode }),
    homeNetworkPrefixes: homeNetworkPrefixes ?? [NO_PREFIX],
    handoff,
    accessTechnology,
    ...(linkLayer !== undefined && { linkLayer }),
  };
}

/** RFC 5844 §3.1.2.2: the address that was asked for is the one assigned, or none is. */
function ipv4Reply({ ipv4HomeAddresses }: MobilityOptions, status: number): MobilityOptions {
  const asked = ipv4HomeAddresses?.[0];
  if (asked === undefined) return {};
  const { SUCCESS, REASON_UNSPECIFIED, INCORRECT_ADDRESS } = IPV4_HOME_ADDRESS_STATUS;
  const isOther = status === STATUS.NOT_AUTHORIZED_FOR_IPV4_HOME_ADDRESS;
  const ipv4Status = status < FIRST_REFUSAL ? SUCCESS : isOther ? INCORRECT_ADDRESS : REASON_UNSPECIFIED;
  return { ipv4HomeAddressReply: { ...asked, status: ipv4Status } };
}

/** RFC 4285 §6: the update's own, or with our seconds when they are why it is refused. */
function freshnessOf(instance: Instance, { others }: MobilityOptions, status: number) {
  const freshness = freshnessIn(others);
  if (freshness === undefined || status !== STATUS.MIPV6_ID_MISMATCH) return freshness;
  return freshnessCorrected(freshness, nowOf(instance));
}
