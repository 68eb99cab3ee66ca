/** Proxy Binding Acknowledgements about segments, at the member that asked for them: RFC 5213 §6.9.1.2. */
import type { Millis } from "#base/time";
import type { AddressHex } from "#pmip/events";
import { count, type Instance, nowOf } from "#pmip/instance";
import type { BindingAck } from "#pmip/packet/message";
import { ACK_PROXY, BINDING_STATUS, FIRST_REFUSAL, HANDOFF } from "#pmip/packet/numbers";
import { LIFETIME_UNIT } from "#pmip/registrations";
import { aheadOf, freshnessIn } from "#pmip/replay";
import { doubt } from "#pmip/segments/claims";
import { postMembership } from "#pmip/segments/memberships";
import { keyOf, type Membership } from "#pmip/segments/segment";
import type { Registration } from "#pmip/segments/state";
import { stampIn } from "#pmip/stamp";
import { jittered } from "#pmip/transmit";

/** Of the lifetime, after which it is refreshed. */
const REFRESH = 0.75;

export function receiveMembershipAck(
  instance: Instance,
  source: AddressHex,
  { segment, mag }: Membership,
  ack: BindingAck,
): void {
  const registration = instance.segments.joined.get(keyOf(segment))?.registrations.get(source);
  const isOurs = mag === instance.config.address && (ack.flags & ACK_PROXY) !== 0;
  if (registration === undefined || !isOurs || !registration.sent.includes(ack.sequence)) {
    count(instance, "pba-unmatched");
  } else if (ack.status >= FIRST_REFUSAL) {
    count(instance, `refused-by-rendezvous-${ack.status}`);
    registration.status = ack.status;
    refused(instance, registration, ack);
  } else {
    accepted(instance, registration, ack.lifetime * LIFETIME_UNIT);
  }
}

function accepted(instance: Instance, registration: Registration, lifetime: Millis): void {
  const isLeaving = registration.state === "leaving";
  if (isLeaving !== (lifetime === 0)) {
    count(instance, "pba-other-lifetime");
    return;
  }
  if (!isLeaving) adopt(instance, registration, lifetime);
  postMembership(instance, registration, isLeaving ? "ended" : "accepted");
}

/** Counted from when it was sent first, so that it ends here before it does there. */
function adopt(instance: Instance, registration: Registration, lifetime: Millis): void {
  const now = nowOf(instance);
  const { joined, lma, handoff, sentAt } = registration;
  registration.expiresAt = sentAt + lifetime;
  registration.refreshAt = now + jittered(instance, REFRESH * lifetime);
  registration.since ??= now;
  if (handoff !== HANDOFF.NOT_CHANGED) doubt(instance, joined, lma, sentAt);
  Object.assign(registration, { sent: [], tries: 0, status: undefined, handoff: HANDOFF.NOT_CHANGED });
}

function refused(instance: Instance, registration: Registration, { status, options }: BindingAck): void {
  const { joined, lma } = registration;
  const told = options.timestamp && stampIn(options.timestamp);
  const freshness = freshnessIn(options.others);
  if (status === BINDING_STATUS.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED && told !== undefined) {
    if (told >= joined.stamp) joined.stamp = told + 1; // we were restarted, and our clock was put back
    postMembership(instance, registration, "restamped");
  } else if (status === BINDING_STATUS.MIPV6_ID_MISMATCH && freshness !== undefined && hasRoom(instance, lma)) {
    instance.offsets.set(lma, aheadOf(nowOf(instance), freshness)); // RFC 4285 §6
    count(instance, "clock-corrected");
    postMembership(instance, registration, "restamped");
  } else {
    postMembership(instance, registration, "refused");
  }
}

const hasRoom = ({ offsets, config }: Instance, lma: AddressHex): boolean =>
  offsets.has(lma) || offsets.size < config.limits.peers;
