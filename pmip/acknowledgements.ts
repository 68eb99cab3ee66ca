/** Proxy Binding Acknowledgements, at the gateway that asked for them: RFC 5213 §6.9.1.2. */
import type { AddressHex } from "#pmip/events";
import { hexOf } from "#pmip/hex";
import { tellClaim } from "#pmip/hostings";
import { count, type Instance, note, nowOf } from "#pmip/instance";
import type { BindingAck } from "#pmip/packet/message";
import { ACCESS_TECHNOLOGY, ACK_PROXY, BINDING_STATUS, FIRST_REFUSAL } from "#pmip/packet/numbers";
import { LIFETIME_UNIT, leavingRegistration, postRegistration } from "#pmip/registrations";
import { aheadOf, freshnessIn } from "#pmip/replay";
import { type Stamp, stampIn, stampOf } from "#pmip/stamp";
import type { Registration, SentUpdate } from "#pmip/state";

/** More and more corrections are no correction: the anchor's clock jumps, or somebody plays with us. */
const MOST_CORRECTIONS = 3;
/**
 * Stamps that we may have used before a restart beside those that time alone accounts for: retransmissions. Three times as
 * many are less than a millisecond, by which a later attachment's claim is later at least.
 */
const FORGOTTEN_STAMPS = 16;

export function receiveAck(instance: Instance, source: AddressHex, ack: BindingAck): void {
  const matched = match(instance, source, ack);
  if (typeof matched === "string") {
    count(instance, matched);
    return;
  }
  const { registration, sent } = matched;
  const { subject, vm } = registration.hosting;
  note(instance, { what: "pba", subject, vm, peer: source, status: ack.status });
  if (ack.status < FIRST_REFUSAL) accepted(instance, registration, ack);
  else {
    count(instance, `refused-by-anchor-${ack.status}`);
    registration.status = ack.status;
    refused(instance, registration, sent, ack);
  }
}

interface Matched {
  readonly registration: Registration;
  readonly sent: SentUpdate;
}

/** Items 5 and 6; an accepted one echoes the stamp too (§5.5 item 7). */
function match(
  instance: Instance,
  source: AddressHex,
  { options, status, sequence, flags }: BindingAck,
): Matched | string {
  const { mobileNode: name = "", accessTechnology, timestamp } = options;
  if ((flags & ACK_PROXY) === 0) return "pba-not-proxy";
  const registration =
    instance.hosted.get(name)?.registrations.get(source) ?? leavingRegistration(instance, name, source);
  const sent = registration?.sent.find((one) => one.sequence === sequence);
  if (registration === undefined || sent === undefined) return "pba-unmatched";
  if (accessTechnology !== ACCESS_TECHNOLOGY.VIRTUAL) return "pba-other-options";
  const echoed = timestamp && stampIn(timestamp);
  return status < FIRST_REFUSAL && echoed !== sent.stamp ? "pba-other-stamp" : { registration, sent };
}

/** An answer to an update that wanted more does not end what is to end, nor the other way round. */
function accepted(instance: Instance, registration: Registration, ack: BindingAck): void {
  const lifetime = ack.lifetime * LIFETIME_UNIT;
  if (lifetime > 0) postRegistration(instance, registration, "accepted", { lifetime });
  else postRegistration(instance, registration, "ended");
}

function refused(instance: Instance, registration: Registration, sent: SentUpdate, ack: BindingAck): void {
  if (registration.role === "correspondent") {
    postRegistration(instance, registration, "ended"); // the home's word counts, not a correspondent's
    return;
  }
  switch (ack.status) {
    case BINDING_STATUS.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED:
      tooLow(instance, registration, ack);
      return;
    case BINDING_STATUS.TIMESTAMP_MISMATCH:
      tooHigh(instance, registration, sent, ack);
      return;
    case BINDING_STATUS.MIPV6_ID_MISMATCH:
      notFresh(instance, registration, ack);
      return;
    default:
      postRegistration(instance, registration, "refused");
  }
}

/**
 * There was a later attachment, or our clock was behind when ours began. The anchor tells its time (§5.5 item 8): if ours
 * is behind it even now, and by more than clocks may differ, our claim is put right by that much. Claims of clocks that
 * differ less are left as they are, for so are all others', and the order among them counts. An attachment that the home
 * has accepted before was in its order: then there was a later one. When the anchor names us as the holder there was none
 * that it knew of: we were restarted and have forgotten which stamps we had used.
 */
function tooLow(instance: Instance, registration: Registration, { options }: BindingAck): void {
  const { hosting } = registration;
  const told = options.timestamp && stampIn(options.timestamp);
  const holder = options.magAddress && hexOf(options.magAddress);
  const behind = told === undefined ? 0 : told - stampOf(nowOf(instance));
  const isBehind = behind > stampOf(instance.config.timers.clockTolerance);
  if (holder === instance.config.address) {
    again(instance, registration, registration.stamp + FORGOTTEN_STAMPS);
  } else if (isBehind && !registration.wasAccepted && !registration.wasBehind) {
    registration.wasBehind = true; // once: all that comes after it is in the anchor's time
    restamp(instance, registration, hosting.claim + behind);
  } else {
    postRegistration(instance, registration, "superseded", holder === undefined ? {} : { mag: holder });
  }
}

/** Our clock was ahead: §5.5 item 9. */
function tooHigh(instance: Instance, registration: Registration, sent: SentUpdate, { options }: BindingAck): void {
  const told = options.timestamp && stampIn(options.timestamp);
  if (told === undefined || told >= sent.stamp) postRegistration(instance, registration, "refused");
  else restamp(instance, registration, Math.min(registration.hosting.claim, told));
}

/** Another claim: its first stamp is the next one. */
function restamp(instance: Instance, registration: Registration, claim: Stamp): void {
  registration.hosting.claim = claim;
  count(instance, "claim-corrected");
  again(instance, registration, claim - 1);
  tellClaim(instance, registration.hosting.vm);
}

/** At once, with a stamp after that. */
function again(instance: Instance, registration: Registration, last: Stamp): void {
  registration.stamp = last;
  const isEnough = ++registration.corrections > MOST_CORRECTIONS;
  postRegistration(instance, registration, isEnough ? "refused" : "restamped");
}

/**
 * RFC 4285 §6: the anchor's clock differs from ours. Messages to it go by its own from now on; and so does a claim that was
 * not accepted yet.
 */
function notFresh(instance: Instance, registration: Registration, { options }: BindingAck): void {
  const { lma, hosting, wasAccepted } = registration;
  const freshness = freshnessIn(options.others);
  if (freshness === undefined || !hasRoom(instance, lma)) {
    postRegistration(instance, registration, "refused");
    return;
  }
  const ahead = aheadOf(nowOf(instance), freshness);
  instance.offsets.set(lma, ahead);
  count(instance, "clock-corrected");
  registration.wasBehind = true;
  restamp(instance, registration, wasAccepted ? hosting.claim : hosting.claim + stampOf(ahead));
}

const hasRoom = ({ offsets, config }: Instance, lma: AddressHex): boolean =>
  offsets.has(lma) || offsets.size < config.limits.peers;
