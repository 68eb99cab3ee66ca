/** Binding revocation: RFC 5846. An anchor tells the gateway that the VM left, the gateway answers. */
import type { AddressHex } from "#pmip/events";
import { hexOf } from "#pmip/hex";
import { retarget } from "#pmip/hostings";
import { count, type Instance, note, type Superseded } from "#pmip/instance";
import type { Revocation, RevocationAck } from "#pmip/packet/message";
import { REVOCATION_GLOBAL, REVOCATION_PROXY, REVOCATION_STATUS } from "#pmip/packet/numbers";
import { answered, finish } from "#pmip/requests";
import { type Stamp, stampIn } from "#pmip/stamp";
import { nodeFault, subjectOf } from "#pmip/subject";
import { send } from "#pmip/transmit";

const STATUS = REVOCATION_STATUS;

/** §9.1. Believed from the subject's home alone, and only if the attachment that it tells of is later than ours. */
export function receiveRevocation(
  instance: Instance,
  source: AddressHex,
  destination: AddressHex,
  message: Revocation,
): void {
  const { options, flags, sequence } = message;
  const result = judge(instance, source, message);
  if (typeof result === "string") {
    count(instance, result);
    return;
  }
  const { mobileNode, homeNetworkPrefixes } = options;
  const subject = mobileNode === undefined ? undefined : subjectOf(mobileNode);
  const mag = options.magAddress && hexOf(options.magAddress);
  if (subject !== undefined) {
    const about = mag === undefined ? {} : { about: mag };
    note(instance, { what: "bri-received", subject, peer: source, ...about });
    note(instance, { what: "bra-sent", subject, peer: source, status: result.status });
  }
  const echoed = {
    ...(mobileNode !== undefined && { mobileNode }),
    ...(homeNetworkPrefixes !== undefined && { homeNetworkPrefixes }),
  };
  const fields = { status: result.status, sequence, flags: flags & REVOCATION_PROXY, options: echoed };
  send(instance, { from: destination, to: source }, { type: "revocation-ack", ...fields });
  if (result.superseded !== undefined) instance.turn.superseded.push(result.superseded);
  if (subject !== undefined && mag !== undefined && result.stamp !== undefined)
    retarget(instance, mobileNode!, mag, result.stamp);
}

interface Judgement {
  /** `REVOCATION_STATUS`. */
  readonly status: number;
  readonly superseded?: Superseded;
  readonly stamp?: Stamp;
}

/** A text: it is not answered, for whoever sent it has no say. */
function judge(instance: Instance, source: AddressHex, { options, flags }: Revocation): Judgement | string {
  if ((flags & REVOCATION_PROXY) === 0) return "bri-not-proxy";
  if ((flags & REVOCATION_GLOBAL) !== 0)
    return refusal(instance, STATUS.GLOBAL_REVOCATION_NOT_AUTHORIZED, "bri-global");
  const { mobileNode, timestamp, magAddress } = options;
  const subject = mobileNode === undefined ? undefined : subjectOf(mobileNode);
  if (mobileNode === undefined || subject === undefined)
    return refusal(instance, STATUS.REVOKED_MOBILE_NODES_IDENTITY_REQUIRED, "bri-without-identifier");
  const home = instance.plan.homeOf(subject);
  if (home.lma !== source) return "bri-not-from-home";
  const fault = nodeFault(subject, home, options);
  const stamp = timestamp && stampIn(timestamp);
  const hosting = instance.hosted.get(mobileNode);
  const stampPart = stamp === undefined ? {} : { stamp };
  if (fault !== undefined) return refusal(instance, STATUS.BINDING_DOES_NOT_EXIST, "bri-prefix-not-the-subjects");
  // Released already is as good as released now: the acknowledgement was lost.
  if (hosting === undefined) {
    const status = instance.formers.has(mobileNode) ? STATUS.SUCCESS : STATUS.BINDING_DOES_NOT_EXIST;
    return { status, ...stampPart };
  }
  const mag = magAddress && hexOf(magAddress);
  if (stamp === undefined || stamp <= hosting.claim || mag === instance.config.address)
    return refusal(instance, STATUS.MOBILE_NODE_IS_ATTACHED, "bri-out-of-order");
  return { status: STATUS.SUCCESS, superseded: { hosting, mag, stamp } };
}

function refusal(instance: Instance, status: number, name: string): Judgement {
  count(instance, name);
  return { status };
}

/** Whatever the gateway says, it knows now; and if it says that the VM is attached, it will register it. */
export function receiveRevocationAck(instance: Instance, source: AddressHex, message: RevocationAck): void {
  const { sequence, status, options } = message;
  const made = answered(instance, sequence, source, options.mobileNode);
  if (made === undefined || made.what !== "revoke") {
    count(instance, "bra-unmatched");
    return;
  }
  note(instance, { what: "bra", subject: made.subject, peer: source, status });
  finish(instance, made);
}
