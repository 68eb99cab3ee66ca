/** Localized Routing Initiations and Acknowledgements: who is meant by them, in which role. RFC 6705. */
import { postCorrespondence, receiveMove, told } from "#pmip/correspondents";
import type { AddressHex } from "#pmip/events";
import { hexOf } from "#pmip/hex";
import { count, type Instance, note } from "#pmip/instance";
import { acknowledge, type Initiation, receiveAsk, unwanted } from "#pmip/introductions";
import type { LocalizedRoutingAck, LocalizedRoutingInitiation } from "#pmip/packet/message";
import { FIRST_REFUSAL, LOCALIZED_ROUTING_STATUS } from "#pmip/packet/numbers";
import { endElsewhere, register } from "#pmip/registrations";
import { answered, finish } from "#pmip/requests";
import { stampIn } from "#pmip/stamp";
import type { Request } from "#pmip/state";
import { isForeign, nodeFault, subjectOf } from "#pmip/subject";

const STATUS = LOCALIZED_ROUTING_STATUS;

export function receiveInitiation(
  instance: Instance,
  source: AddressHex,
  destination: AddressHex,
  message: LocalizedRoutingInitiation,
): void {
  const read = initiationOf(instance, source, destination, message);
  if (typeof read === "string") {
    count(instance, read);
    return;
  }
  const { correspondent } = read;
  const mag = message.options.magAddress === undefined ? "" : hexOf(message.options.magAddress);
  if (correspondent === source) receiveAsk(instance, read);
  else if (instance.plan.homeOf(read.subject).lma !== source) count(instance, "lri-not-from-home");
  else if (correspondent === instance.config.address) receiveMove(instance, read, mag);
  else receiveIntroduction(instance, read, mag);
}

function initiationOf(
  instance: Instance,
  source: AddressHex,
  destination: AddressHex,
  message: LocalizedRoutingInitiation,
): Initiation | string {
  const [first, second, ...more] = message.mobileNodes;
  if (first === undefined || second === undefined || more.length > 0) return "lri-not-of-two-nodes";
  const name = first.mobileNode;
  const subject = subjectOf(name);
  const node = subjectOf(second.mobileNode);
  const home = subject && instance.plan.homeOf(subject);
  if (subject === undefined || home === undefined || isForeign(subject, home)) return "lri-nobodys-vm";
  if (nodeFault(subject, home, first) !== undefined) return "lri-prefix-not-the-subjects";
  if (node === undefined || node.tags !== 0 || !instance.plan.isInfrastructure(node.address))
    return "lri-without-correspondent";
  const { timestamp } = message.options;
  const stamp = (timestamp && stampIn(timestamp)) ?? 0;
  return { message, source, destination, name, subject, correspondent: node.address, stamp };
}

/** The home names a correspondent of a subject that is attached here: it becomes one more anchor. */
function receiveIntroduction(instance: Instance, initiation: Initiation, mag: AddressHex): void {
  const { name, subject, source, correspondent, message } = initiation;
  note(instance, { what: "lri-received", subject, peer: source, about: correspondent });
  const hosting = instance.hosted.get(name);
  if (hosting === undefined || mag !== correspondent) {
    acknowledge(instance, initiation, { status: STATUS.MOBILE_NODE_NOT_ATTACHED });
    return;
  }
  const isKnown = hosting.registrations.has(correspondent);
  if (!isKnown && hosting.registrations.size > instance.config.limits.correspondents) {
    count(instance, "correspondents-full");
    acknowledge(instance, initiation, { status: STATUS.NOT_ALLOWED });
    return;
  }
  acknowledge(instance, initiation, { status: STATUS.SUCCESS, lifetime: message.lifetime });
  if (!isKnown) register(instance, hosting, correspondent, "correspondent");
}

export function receiveLocalizedAck(instance: Instance, source: AddressHex, message: LocalizedRoutingAck): void {
  const made = answered(instance, message.sequence, source, message.mobileNodes[0]?.mobileNode);
  if (made === undefined || made.what === "revoke") {
    count(instance, "lra-unmatched");
    return;
  }
  finish(instance, made);
  const { subject, name } = made;
  note(instance, { what: "lra", subject, peer: source, status: message.status });
  if (made.what === "ask") receiveAnswer(instance, made, message);
  else if (made.what === "move" && message.status >= FIRST_REFUSAL) unwanted(instance, name, source);
}

function receiveAnswer(instance: Instance, { name, to }: Request, message: LocalizedRoutingAck): void {
  const known = instance.correspondences.get(name);
  if (known === undefined) return;
  const { status, lifetime, options } = message;
  const stamp = (options.timestamp && stampIn(options.timestamp)) ?? 0;
  const mag = options.magAddress === undefined ? "" : hexOf(options.magAddress);
  if (status !== STATUS.SUCCESS && status !== STATUS.MOBILE_NODE_NOT_ATTACHED) {
    count(instance, `refused-by-anchor-lra-${status}`);
    postCorrespondence(instance, known, "unanswered");
  } else if (status === STATUS.SUCCESS && mag === instance.config.address) {
    // The home believes that it is here: it was, until we were restarted without it.
    count(instance, "bound-here-without-vm");
    endElsewhere(instance, known.subject, to, stamp);
    postCorrespondence(instance, known, "nothingKnown");
  } else if (status === STATUS.SUCCESS && (mag === "" || stamp === 0)) {
    count(instance, "lra-without-gateway");
    postCorrespondence(instance, known, "unanswered");
  } else {
    told(instance, known, { mag: status === STATUS.SUCCESS ? mag : "", stamp, lifetime: lifetime * 1000 });
  }
}
