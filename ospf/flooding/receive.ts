/** Received Link State Updates, step by step: RFC 2328 §13 with RFC 5340 §4.5.1. */
import { Malformed } from "#base/reader";
import { MAX_AGE, MIN_LS_ARRIVAL } from "#ospf/constants";
import { type Core, isSynchronizing, notice, nowOf, postNeighbor } from "#ospf/core";
import { agedHeader, type Entry, isMaxAge } from "#ospf/database/store";
import { acknowledgeLater, acknowledgeNow } from "#ospf/flooding/acknowledge";
import { install, scopeOfType } from "#ospf/flooding/database";
import { flood } from "#ospf/flooding/flood";
import { removeRetransmission } from "#ospf/flooding/retransmit";
import { sendUpdates } from "#ospf/flooding/updates";
import { noteGrace } from "#ospf/graceful/helper";
import { noteLoaded, satisfied } from "#ospf/neighbor/loading";
import { atLeast } from "#ospf/neighbor/machine";
import { type Lsa, lsaChecksumHolds, withAge } from "#ospf/packet/lsa";
import type { LsaBody } from "#ospf/packet/lsa-body";
import {
  compareInstances,
  isMaxAge as isMaxAgeHeader,
  LSA_HEADER_SIZE,
  type LsaHeader,
  MAX_SEQUENCE_NUMBER,
} from "#ospf/packet/lsa-header";
import { readLsaBody } from "#ospf/packet/lsa-reader";
import type { LinkStateUpdate } from "#ospf/packet/packet";
import { count } from "#ospf/refuse";
import { type Scope, storeOf } from "#ospf/scope";
import { type Instance, keyOf, type Neighbor } from "#ospf/state";
import { towards } from "#ospf/transmit";

/** Octets that an LSA may have on average, when there are as many as there may be. In the paper's networks they have 50. */
const OCTETS_PER_LSA = 64;

/** What one packet has to be answered with. */
interface Answers {
  readonly acks: LsaHeader[];
  /** Newer instances of ours, back to the sender (step 8). */
  readonly newer: Set<Entry>;
}

export function receiveUpdate(core: Core, from: Neighbor, packet: LinkStateUpdate): void {
  if (!atLeast(from.state, "Exchange")) return;
  const answers: Answers = { acks: [], newer: new Set() };
  for (const lsa of packet.lsas) {
    if (!receiveLsa(core, from, lsa, answers)) break;
  }
  acknowledgeNow(core, from, answers.acks);
  if (answers.newer.size > 0) sendUpdates(core, from.interface, towards(from), answers.newer);
  noteLoaded(core, from);
}

/** False: the exchange has failed, the rest is of no use. */
function receiveLsa(core: Core, from: Neighbor, received: Lsa, answers: Answers): boolean {
  const on = from.interface;
  if (!lsaChecksumHolds(received)) return skip(from, "LSA checksum"); // step 1
  const scope = scopeOfType(received.header.type, on); // steps 2 and 3
  if (scope === undefined) return skip(from, "LSA type has no place in the area");
  // Ages beyond MaxAge are MaxAge: nothing older exists.
  const lsa = received.header.age > MAX_AGE ? withAge(received, MAX_AGE) : received;
  const held = storeOf(core.instance, scope).get(lsa.header);
  if (held === undefined && isMaxAgeHeader(lsa.header) && !isSynchronizing(core, scope)) {
    storeOf(core.instance, scope).tombs.add(lsa.header, nowOf(core));
    answers.acks.push(lsa.header); // step 4
    return true;
  }
  const order = held === undefined ? 1 : compareInstances(lsa.header, agedHeader(held, nowOf(core)));
  if (order > 0) return takeNewer(core, from, { lsa, scope, held }); // step 5
  if (from.requests.get(lsa.header) !== undefined) {
    from.trouble = `sent ${keyOf(lsa.header)} older than it described it`;
    postNeighbor(core, from, "BadLSReq"); // step 6
    return false;
  }
  if (order === 0)
    noteDuplicate(core, from, held!, lsa, answers); // step 7
  else answerOlder(core, held!, answers); // step 8
  return true;
}

function skip(from: Neighbor, reason: string): true {
  count(from.interface, reason);
  return true;
}

interface Newer {
  readonly lsa: Lsa;
  readonly scope: Scope;
  readonly held: Entry | undefined;
}

/** Step 5. */
function takeNewer(core: Core, from: Neighbor, { lsa, scope, held }: Newer): true {
  const now = nowOf(core);
  if (held?.received && now - held.installedAt < MIN_LS_ARRIVAL) return skip(from, "LSA sooner than MinLSArrival");
  if (held === undefined && storeOf(core.instance, scope).tombs.has(lsa.header, now))
    return skip(from, "LSA that was flushed a moment ago");
  const body = bodyOf(from, lsa);
  const isOwn = lsa.header.advertisingRouter === core.instance.config.routerId;
  if (!isOwn && !hasRoom(core.instance, held, lsa)) return refuseForRoom(core, from, lsa);
  // What was asked for did not come by flooding: what its originator says next, being adjacent now, may follow at once.
  const isAnswer = from.requests.get(lsa.header) !== undefined;
  const entry = install(core, scope, lsa, { body, received: !isAnswer });
  const back = flood(core, scope, entry, from);
  satisfied(core, from, lsa.header);
  if (!back) acknowledgeNewer(core, from, lsa.header);
  if (isOwn) core.originator.receivedOwn(core.turn, scope, entry);
  else noteGrace(core, scope, entry);
  return true;
}

/**
 * What an LSA costs goes by its octets: one of 64 KiB may hold thousands of prefixes. So its next instance may be refused
 * where the one before it was not.
 */
function hasRoom({ config, lsaCount, lsaOctets }: Instance, held: Entry | undefined, { header }: Lsa): boolean {
  if (held === undefined && lsaCount >= config.maxLsas) return false;
  const more = header.length - (held?.lsa.header.length ?? 0);
  return more <= 0 || lsaOctets + more <= config.maxLsas * OCTETS_PER_LSA;
}

/**
 * A body that cannot be read, though the checksum holds, is the originator's fault: it is stored and flooded as an LSA of
 * unknown meaning, since all databases of the area must stay alike.
 */
function bodyOf(from: Neighbor, lsa: Lsa): LsaBody {
  const body = readLsaBody(lsa);
  if (!(body instanceof Malformed)) return body;
  count(from.interface, `LSA body: ${body.error}`);
  return { kind: "unknown", type: lsa.header.type, octets: lsa.octets.subarray(LSA_HEADER_SIZE) };
}

/** §13.5, second row: a Backup leaves it to the Designated Router's flooding unless it heard it from there. */
function acknowledgeNewer(core: Core, from: Neighbor, header: LsaHeader): void {
  const on = from.interface;
  if (on.state === "Backup" && from.routerId !== on.designatedRouter) return;
  acknowledgeLater(core, on, header);
}

/** It is acknowledged, or it would come again and again; the operator must hear of it. */
function refuseForRoom(core: Core, from: Neighbor, { header }: Lsa): true {
  const { interface: on } = from;
  const reason = "no room for more LSAs";
  if (!on.counters.refused.has(reason)) {
    const { config, lsaCount } = core.instance;
    const most =
      lsaCount >= config.maxLsas ? `${config.maxLsas} LSAs` : `${config.maxLsas * OCTETS_PER_LSA} octets of LSAs`;
    notice(core, "warn", `more than ${most}: further ones are refused`);
  }
  satisfied(core, from, header);
  acknowledgeLater(core, on, header);
  return skip(from, reason);
}

/** Step 7 and the duplicate rows of §13.5. */
function noteDuplicate(core: Core, from: Neighbor, held: Entry, { header }: Lsa, answers: Answers): void {
  const on = from.interface;
  if (!removeRetransmission(from, held)) answers.acks.push(header);
  else if (on.state === "Backup" && from.routerId === on.designatedRouter) acknowledgeLater(core, on, header);
}

/** Step 8. One on its last sequence number has to leave first, and is let go in silence. What is withheld comes soon. */
function answerOlder(core: Core, held: Entry, answers: Answers): void {
  if (held.withheld) return;
  if (isMaxAge(held) && held.lsa.header.sequence === MAX_SEQUENCE_NUMBER) return;
  if (nowOf(core) - held.answeredAt < MIN_LS_ARRIVAL) return;
  held.answeredAt = nowOf(core);
  answers.newer.add(held);
}
