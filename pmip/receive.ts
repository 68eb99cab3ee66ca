/** Messages in: the checks that come before a message's own. RFC 6275 §9.2, RFC 5213 §4, RFC 4285 §5 and §6. */
import { receiveAck } from "#pmip/acknowledgements";
import { receiveHomeUpdate } from "#pmip/anchor";
import { receiveCorrespondentUpdate } from "#pmip/correspondents";
import type { MobilityEvent } from "#pmip/events";
import { octetsOf } from "#pmip/hex";
import { count, type Instance, nowOf } from "#pmip/instance";
import { receiveInitiation, receiveLocalizedAck } from "#pmip/localized";
import { verify } from "#pmip/packet/authentication";
import type { MobilityMessage } from "#pmip/packet/message";
import { readMobility } from "#pmip/packet/mobility";
import { BINDING_ERROR_STATUS, BINDING_STATUS } from "#pmip/packet/numbers";
import { receiveHeartbeat } from "#pmip/peers";
import { aheadOf, freshnessIn } from "#pmip/replay";
import { peerHeard } from "#pmip/restarts";
import { receiveRevocation, receiveRevocationAck } from "#pmip/revocations";
import { receiveOfSegment } from "#pmip/segments/messages";
import { covered, send } from "#pmip/transmit";
import { answer, checked } from "#pmip/updates";

type Received = Extract<MobilityEvent, { type: "received" }>;

export function receive(instance: Instance, event: Received): void {
  const { source, destination, octets } = event;
  const { plan } = instance;
  if (!plan.addresses.has(destination)) count(instance, "misaddressed");
  else if (plan.addresses.has(source)) count(instance, "from-ourselves");
  else if (!plan.isInfrastructure(source)) count(instance, "not-from-a-router");
  else {
    const message = readMobility(octets, octetsOf(source), octetsOf(destination));
    if (typeof message !== "string") receiveMessage(instance, event, message);
    else {
      count(instance, `malformed-${message.replace(":", "-")}`);
      if (message === "unknown-type") sayUnknown(instance, event);
    }
  }
}

/** RFC 6275 §9.2. Where messages are signed, nobody is told who does not sign: there is no telling who that is. */
function sayUnknown(instance: Instance, { source, destination }: Received): void {
  if (instance.plan.authenticator !== undefined) return;
  const status = BINDING_ERROR_STATUS.UNRECOGNIZED_MH_TYPE;
  const fields = { status, homeAddress: new Uint8Array(16), options: {} };
  send(instance, { from: destination, to: source }, { type: "binding-error", ...fields });
}

function receiveMessage(instance: Instance, event: Received, message: MobilityMessage): void {
  const fault = proofFault(instance, event, message);
  if (fault !== undefined) {
    count(instance, fault);
    if (message.type === "binding-update" && fault === "not-fresh") {
      answer(instance, { ...event, message }, { status: BINDING_STATUS.MIPV6_ID_MISMATCH });
    }
    return;
  }
  if (!receiveOfSegment(instance, event, message)) dispatch(instance, event, message);
}

/** Of who sent it, and when. An update that is signed but not fresh is answered: its sender's clock may be wrong. */
function proofFault(instance: Instance, event: Received, message: MobilityMessage): string | undefined {
  const { authenticator } = instance.plan;
  if (authenticator === undefined) return undefined;
  const { source, destination, octets } = event;
  const verified = verify(octets, covered(message, octetsOf(source), octetsOf(destination)), authenticator);
  if (typeof verified === "string") return verified;
  // An acknowledgement that says so has the anchor's time in it, which is the point of it.
  if (message.type === "binding-ack" && message.status === BINDING_STATUS.MIPV6_ID_MISMATCH) return undefined;
  const freshness = freshnessIn(message.options.others);
  if (freshness === undefined) return "without-freshness";
  // An acknowledgement's is our update's, which had been in the anchor's time too.
  const theirs = nowOf(instance) + (instance.offsets.get(source) ?? 0);
  return Math.abs(aheadOf(theirs, freshness)) <= instance.config.timers.replayWindow ? undefined : "not-fresh";
}

function dispatch(instance: Instance, event: Received, message: MobilityMessage): void {
  const { source, destination } = event;
  switch (message.type) {
    case "binding-update": {
      const update = checked(instance, { message, source, destination });
      if (update === undefined) return;
      if (update.home.isOwn && update.home.lma === destination) receiveHomeUpdate(instance, update);
      else receiveCorrespondentUpdate(instance, update);
      return;
    }
    case "binding-ack":
      receiveAck(instance, source, message);
      return;
    case "binding-error":
      count(instance, `binding-error-${message.status}`);
      return;
    case "heartbeat":
      peerHeard(instance, source, receiveHeartbeat(instance, source, destination, message));
      return;
    case "revocation":
      receiveRevocation(instance, source, destination, message);
      return;
    case "revocation-ack":
      receiveRevocationAck(instance, source, message);
      return;
    case "localized-routing-initiation":
      receiveInitiation(instance, source, destination, message);
      return;
    case "localized-routing-ack":
      receiveLocalizedAck(instance, source, message);
      return;
  }
}
