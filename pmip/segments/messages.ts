/** Messages about segments: the checks that come before anything is believed. RFC 5213 §5.3.1, RFC 6705. */
import { NEVER } from "#base/time";
import type { AddressHex, MobilityEvent } from "#pmip/events";
import { hexOf } from "#pmip/hex";
import { count, type Instance, nowOf } from "#pmip/instance";
import type {
  BindingUpdate,
  LocalizedRoutingAck,
  LocalizedRoutingInitiation,
  MobilityMessage,
  MobilityOptions,
} from "#pmip/packet/message";
import {
  BINDING_STATUS,
  FIRST_REFUSAL,
  FOREVER,
  HANDOFF,
  LOCALIZED_ROUTING_STATUS,
  UPDATE_PROXY,
} from "#pmip/packet/numbers";
import { LIFETIME_UNIT } from "#pmip/registrations";
import { receiveMembershipAck } from "#pmip/segments/acknowledgements";
import { hear, type News } from "#pmip/segments/claims";
import { receiveMemberAck } from "#pmip/segments/listeners";
import { enrol, findRendezvous, strike } from "#pmip/segments/rendezvous";
import {
  groupsIn,
  keyOf,
  type Membership,
  memberName,
  membershipOf,
  rendezvousOf,
  type SegmentFault,
} from "#pmip/segments/segment";
import { stampIn } from "#pmip/stamp";
import { send } from "#pmip/transmit";
import { type Arrived, answer } from "#pmip/updates";

type Received = Extract<MobilityEvent, { type: "received" }>;

const STATUS = BINDING_STATUS;

interface Refusal {
  readonly status: number;
  /** For the counter. */
  readonly name: string;
}

const of = (status: number, name: string): Refusal => ({ status, name: `segment-${name}` });

const PREFIX_REFUSALS: Record<SegmentFault, Refusal> = {
  "no-prefix": of(STATUS.MISSING_HOME_NETWORK_PREFIX_OPTION, "without-prefix"),
  "other-prefix": of(STATUS.NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX, "prefix-not-its"),
  "bad-group": of(STATUS.NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX, "no-group"),
  "many-groups": of(STATUS.NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX, "too-many-groups"),
};

/** False: the message is not about a segment. */
export function receiveOfSegment(instance: Instance, event: Received, message: MobilityMessage): boolean {
  const { source, destination } = event;
  switch (message.type) {
    case "binding-update": {
      const membership = membershipOf(message.options.mobileNode);
      if (membership !== undefined) receiveUpdate(instance, { message, source, destination }, membership);
      return membership !== undefined;
    }
    case "binding-ack": {
      const membership = membershipOf(message.options.mobileNode);
      if (membership !== undefined) receiveMembershipAck(instance, source, membership, message);
      return membership !== undefined;
    }
    case "localized-routing-initiation": {
      const about = membershipOf(message.mobileNodes[0]?.mobileNode);
      if (about !== undefined) receiveInitiation(instance, event, message, about);
      return about !== undefined;
    }
    case "localized-routing-ack": {
      const about = membershipOf(message.mobileNodes[0]?.mobileNode);
      if (about !== undefined) receiveAck(instance, event, message, about);
      return about !== undefined;
    }
    default:
      return false;
  }
}

/** A hypervisor registers as a member, or leaves. */
function receiveUpdate(instance: Instance, arrived: Arrived, membership: Membership): void {
  const { message, source, destination } = arrived;
  const fault = faultOf(instance, arrived, membership);
  if (fault !== undefined) {
    refuse(instance, arrived, fault);
    return;
  }
  const { segment } = membership;
  const groups = groupsIn(destination, segment, message.options);
  const stamp = message.options.timestamp && stampIn(message.options.timestamp);
  if (typeof groups === "object" && "fault" in groups) refuse(instance, arrived, PREFIX_REFUSALS[groups.fault]);
  else if (stamp === undefined) refuse(instance, arrived, of(STATUS.TIMESTAMP_MISMATCH, "without-timestamp"));
  else {
    const known = findRendezvous(instance, segment, destination)?.members.get(source);
    const enrolment = { segment, lma: destination, mag: source, stamp, groups };
    if (known !== undefined && stamp < known.stamp) {
      count(instance, "segment-out-of-order");
      answer(instance, arrived, { status: STATUS.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED, stamp: known.stamp });
    } else if (message.lifetime === 0) {
      strike(instance, enrolment);
      answer(instance, arrived, { status: STATUS.ACCEPTED });
    } else {
      const lifetime = Math.min(message.lifetime, Math.floor(instance.config.timers.lifetime / LIFETIME_UNIT));
      const until = nowOf(instance) + lifetime * LIFETIME_UNIT;
      const tellAll = message.options.handoff !== HANDOFF.NOT_CHANGED;
      if (enrol(instance, enrolment, { until, tellAll }))
        answer(instance, arrived, { status: STATUS.ACCEPTED, lifetime });
      else answer(instance, arrived, { status: STATUS.INSUFFICIENT_RESOURCES });
    }
  }
}

function refuse(instance: Instance, arrived: Arrived, { status, name }: Refusal): void {
  count(instance, name);
  answer(instance, arrived, { status });
}

function faultOf({ plan }: Instance, arrived: Arrived, { segment, mag }: Membership): Refusal | undefined {
  const { message, source, destination } = arrived;
  const { alternateCareOf } = message.options;
  if ((message.flags & UPDATE_PROXY) === 0) return of(STATUS.HOME_REGISTRATION_NOT_SUPPORTED, "not-proxy");
  if (!plan.isHypervisor(source)) return of(STATUS.MAG_NOT_AUTHORIZED_FOR_PROXY_REG, "not-from-a-hypervisor");
  if (mag !== source) return of(STATUS.MAG_NOT_AUTHORIZED_FOR_PROXY_REG, "of-another");
  if (alternateCareOf !== undefined && hexOf(alternateCareOf) !== source)
    return of(STATUS.INVALID_CARE_OF_ADDRESS, "care-of-not-the-source");
  if (!rendezvousOf(plan, segment).includes(destination))
    return of(STATUS.NOT_LMA_FOR_THIS_MOBILE_NODE, "not-its-rendezvous");
  return missingOption(message, segment.tags);
}

/** Networks 0 and 1 are the infrastructure's. */
function missingOption({ options }: BindingUpdate, tags: number): Refusal | undefined {
  const { handoff, accessTechnology, greKey }: MobilityOptions = options;
  if (tags <= 1) return of(STATUS.PROXY_REG_NOT_ENABLED, "of-nobodys-network");
  if (handoff === undefined) return of(STATUS.MISSING_HANDOFF_INDICATOR_OPTION, "without-handoff-indicator");
  if (accessTechnology === undefined) return of(STATUS.MISSING_ACCESS_TECH_TYPE_OPTION, "without-access-technology");
  if (greKey === undefined) return of(STATUS.GRE_KEY_OPTION_REQUIRED, "without-gre-key");
  return greKey === tags ? undefined : of(STATUS.ADMINISTRATIVELY_PROHIBITED, "gre-key-not-the-tags");
}

/** A rendezvous tells of a member. Only who is one of that segment's own is believed. */
function receiveInitiation(
  instance: Instance,
  { source, destination }: Received,
  message: LocalizedRoutingInitiation,
  about: Membership,
): void {
  const { segment } = about;
  const news = newsIn(source, message, about);
  const to = membershipOf(message.mobileNodes[1]?.mobileNode);
  if (!rendezvousOf(instance.plan, segment).includes(source)) count(instance, "lri-not-from-rendezvous");
  else if (typeof news === "string") count(instance, news);
  else if (to?.mag !== instance.config.address || keyOf(to.segment) !== keyOf(segment))
    count(instance, "lri-not-to-us");
  else {
    const joined = instance.segments.joined.get(keyOf(segment));
    const isMember = joined?.groups !== undefined;
    if (isMember) hear(instance, joined, source, news);
    const { SUCCESS, MOBILE_NODE_NOT_ATTACHED } = LOCALIZED_ROUTING_STATUS;
    const ack: LocalizedRoutingAck = {
      type: "localized-routing-ack",
      sequence: message.sequence,
      unsolicited: false,
      status: isMember ? SUCCESS : MOBILE_NODE_NOT_ATTACHED,
      lifetime: message.lifetime,
      mobileNodes: [{ mobileNode: memberName(about) }, { mobileNode: memberName(to) }],
      options: {},
    };
    send(instance, { from: destination, to: source }, ack);
  }
}

function newsIn(
  rendezvous: AddressHex,
  { lifetime, mobileNodes, options }: LocalizedRoutingInitiation,
  { segment, mag }: Membership,
): News | string {
  const stamp = options.timestamp && stampIn(options.timestamp);
  const groups = groupsIn(rendezvous, segment, mobileNodes[0]!);
  if (stamp === undefined) return "lri-without-timestamp";
  if (typeof groups === "object" && "fault" in groups) return `lri-${groups.fault}`;
  const told = { about: mag, stamp, lifetime: lifetime === FOREVER ? NEVER : lifetime * 1000 };
  if (options.magAddress === undefined) return lifetime === 0 ? { ...told, groups: "lost" } : "lri-without-gateway";
  if (hexOf(options.magAddress) !== mag) return "lri-other-gateway";
  return { ...told, groups: lifetime === 0 ? undefined : groups };
}

function receiveAck(
  instance: Instance,
  { source, destination }: Received,
  message: LocalizedRoutingAck,
  about: Membership,
): void {
  const member = findRendezvous(instance, about.segment, destination)?.members.get(source);
  if (member === undefined) count(instance, "lra-unmatched");
  else receiveMemberAck(instance, member.listener, message, about.mag);
  if (message.status >= FIRST_REFUSAL) count(instance, `refused-by-member-lra-${message.status}`);
}
