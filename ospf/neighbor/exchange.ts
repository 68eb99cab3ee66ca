/** Database Descriptions received: RFC 2328 §10.6 with the changes of RFC 5340 §4.2.2. */
import { NEVER } from "#base/time";
import { type Core, nowOf, postNeighbor, sendAhead } from "#ospf/core";
import { agedHeader } from "#ospf/database/store";
import { scopeOfType } from "#ospf/flooding/database";
import { describeMore } from "#ospf/neighbor/describe";
import { requestMore } from "#ospf/neighbor/loading";
import { neighborEvent } from "#ospf/neighbor/neighbors";
import { compareInstances, type LsaHeader } from "#ospf/packet/lsa-header";
import { type DatabaseDescription, DD_I, DD_M, DD_MS } from "#ospf/packet/packet";
import { refuse } from "#ospf/refuse";
import { storeOf } from "#ospf/scope";
import type { Neighbor } from "#ospf/state";
import { sendOctets, towards } from "#ospf/transmit";

export function receiveDescription(core: Core, neighbor: Neighbor, dd: DatabaseDescription): void {
  const on = neighbor.interface;
  if (dd.interfaceMtu > on.mtu && !on.config.mtuIgnore) {
    const reason = `MTU ${dd.interfaceMtu} there, ${on.mtu} here`;
    refuse(core, on, { routerId: neighbor.routerId, address: neighbor.address }, reason);
    return;
  }
  if (neighbor.state === "Init") neighborEvent(core, neighbor, "TwoWayReceived"); // it knows us: it describes
  switch (neighbor.state) {
    case "ExStart":
      negotiate(core, neighbor, dd);
      return;
    case "Exchange":
      if (isDuplicate(neighbor, dd)) repeatForMaster(core, neighbor);
      else exchange(core, neighbor, dd);
      return;
    case "Loading":
    case "Full":
      if (isDuplicate(neighbor, dd)) repeatForMaster(core, neighbor);
      else mismatch(core, neighbor, "database description after the exchange");
      return;
    default:
      return; // Down, Init, TwoWay: ignored (§10.6)
  }
}

function negotiate(core: Core, neighbor: Neighbor, dd: DatabaseDescription): void {
  const { exchange } = neighbor;
  const greater = neighbor.routerId > core.instance.config.routerId;
  const first = dd.flags === (DD_I | DD_M | DD_MS) && dd.headers.length === 0;
  const answer = (dd.flags & (DD_I | DD_MS)) === 0 && dd.sequence === exchange.sequence;
  if (first && greater) {
    exchange.master = false;
    exchange.sequence = dd.sequence;
    negotiated(core, neighbor, dd);
    describeMore(core, neighbor);
  } else if (answer && !greater) {
    negotiated(core, neighbor, dd);
    const fault = faultOfHeaders(core, neighbor, dd.headers);
    if (fault !== undefined) mismatch(core, neighbor, fault);
    else proceedAsMaster(core, neighbor, dd);
  }
}

function negotiated(core: Core, neighbor: Neighbor, dd: DatabaseDescription): void {
  neighbor.options = dd.options;
  remember(neighbor, dd);
  neighborEvent(core, neighbor, "NegotiationDone");
}

function remember(neighbor: Neighbor, { flags, options, sequence }: DatabaseDescription): void {
  neighbor.exchange.received = { flags, options, sequence };
}

function isDuplicate({ exchange: { received } }: Neighbor, dd: DatabaseDescription): boolean {
  return received?.flags === dd.flags && received.options === dd.options && received.sequence === dd.sequence;
}

function repeatForMaster(core: Core, neighbor: Neighbor): void {
  const { master, sent } = neighbor.exchange;
  if (!master && sent !== undefined) sendOctets(core, neighbor.interface, towards(neighbor), sent);
}

function mismatch(core: Core, neighbor: Neighbor, trouble: string): void {
  neighbor.trouble = trouble;
  postNeighbor(core, neighbor, "SeqNumberMismatch");
}

function exchange(core: Core, neighbor: Neighbor, dd: DatabaseDescription): void {
  const fault = faultOf(neighbor, dd) ?? faultOfHeaders(core, neighbor, dd.headers);
  if (fault !== undefined) {
    mismatch(core, neighbor, fault);
    return;
  }
  remember(neighbor, dd);
  if (neighbor.exchange.master) proceedAsMaster(core, neighbor, dd);
  else proceedAsSlave(core, neighbor, dd);
}

/** §10.6: what breaks the exchange off. */
function faultOf({ exchange: { master, sequence }, options }: Neighbor, dd: DatabaseDescription): string | undefined {
  const fromMaster = (dd.flags & DD_MS) !== 0;
  if (fromMaster === master) return "both claim the same part in the exchange";
  if ((dd.flags & DD_I) !== 0) return "began the exchange anew";
  if (dd.options !== options) return "options changed in the exchange";
  const expected = master ? sequence : (sequence + 1) >>> 0;
  return dd.sequence === expected ? undefined : "sequence of database descriptions broken";
}

/** Likewise; who has passed, what he describes can be noted. */
function faultOfHeaders(core: Core, neighbor: Neighbor, headers: readonly LsaHeader[]): string | undefined {
  for (const { type } of headers) {
    if (scopeOfType(type, neighbor.interface) === undefined)
      return `described an LSA of type 0x${type.toString(16)}, which has no place here`;
  }
  const { maxLsas } = core.instance.config;
  const room = maxLsas - neighbor.requests.size;
  if (headers.length <= room || headers.filter((header) => isLacking(core, neighbor, header)).length <= room)
    return undefined;
  return `described more than ${maxLsas} LSAs that are not here`;
}

function proceedAsMaster(core: Core, neighbor: Neighbor, dd: DatabaseDescription): void {
  const { exchange } = neighbor;
  const weSaidAll = exchange.summary.length === 0 && !exchange.more;
  exchange.sequence = (exchange.sequence + 1) >>> 0;
  if (weSaidAll && (dd.flags & DD_M) === 0) {
    exchange.repeatAt = NEVER;
    noteHeaders(core, neighbor, dd.headers);
    postNeighbor(core, neighbor, "ExchangeDone");
    return;
  }
  describeMore(core, neighbor);
  sendAhead(core);
  noteHeaders(core, neighbor, dd.headers);
  requestMore(core, neighbor);
}

function proceedAsSlave(core: Core, neighbor: Neighbor, dd: DatabaseDescription): void {
  const { exchange } = neighbor;
  exchange.sequence = dd.sequence;
  describeMore(core, neighbor);
  sendAhead(core);
  noteHeaders(core, neighbor, dd.headers);
  if (!exchange.more && (dd.flags & DD_M) === 0) postNeighbor(core, neighbor, "ExchangeDone");
  else requestMore(core, neighbor);
}

/** What the neighbor has and we lack, or have in an older instance, is to be requested. */
function noteHeaders(core: Core, neighbor: Neighbor, headers: readonly LsaHeader[]): void {
  for (const header of headers) if (isLacking(core, neighbor, header)) neighbor.requests.set(header);
}

/** `header`: of a type that has its place here. */
function isLacking(core: Core, neighbor: Neighbor, header: LsaHeader): boolean {
  const entry = storeOf(core.instance, scopeOfType(header.type, neighbor.interface)!).get(header);
  return entry === undefined || compareInstances(header, agedHeader(entry, nowOf(core))) > 0;
}
