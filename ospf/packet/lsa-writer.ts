/** LSAs of our own, out of what they say: length and checksum are made here. RFC 5340 §A.4.3 … §A.4.10. */
import { Writer } from "#base/writer";
import { fletcher } from "#ospf/packet/fletcher";
import { CHECKSUM_AT, type Lsa } from "#ospf/packet/lsa";
import type { ExternalRoute, GraceLsa, IntraAreaPrefixLsa, LinkLsa, LsaBody, RouterLsa } from "#ospf/packet/lsa-body";
import {
  AS_EXTERNAL_LSA,
  GRACE_LSA,
  INTER_AREA_PREFIX_LSA,
  INTER_AREA_ROUTER_LSA,
  INTRA_AREA_PREFIX_LSA,
  LINK_LSA,
  type LsaHeader,
  lsaHeaderAt,
  NETWORK_LSA,
  NSSA_LSA,
  ROUTER_LSA,
  writeLsaHeader,
} from "#ospf/packet/lsa-header";
import { EXTERNAL_E, EXTERNAL_F, EXTERNAL_T, GRACE_PERIOD, GRACE_REASON } from "#ospf/packet/lsa-reader";
import { type AdvertisedPrefix, writePrefixAddress, writePrefixStart } from "#ospf/packet/prefix";

/** The header's fields that its originator chooses; type, checksum and length follow from the body. */
export type LsaFields = Pick<LsaHeader, "age" | "linkStateId" | "advertisingRouter" | "sequence">;

/** LS type by the body's kind. */
export function typeOf(body: LsaBody): number {
  switch (body.kind) {
    case "router":
      return ROUTER_LSA;
    case "network":
      return NETWORK_LSA;
    case "interAreaPrefix":
      return INTER_AREA_PREFIX_LSA;
    case "interAreaRouter":
      return INTER_AREA_ROUTER_LSA;
    case "asExternal":
      return AS_EXTERNAL_LSA;
    case "nssa":
      return NSSA_LSA;
    case "link":
      return LINK_LSA;
    case "intraAreaPrefix":
      return INTRA_AREA_PREFIX_LSA;
    case "grace":
      return GRACE_LSA;
    case "unknown":
      return body.type;
  }
}

/** Throws RangeError for fields out of range, bodies of more than 65 515 octets among them. */
export function writeLsa(fields: LsaFields, body: LsaBody): Lsa {
  const w = new Writer(64);
  writeLsaHeader(w, { ...fields, type: typeOf(body), checksum: 0, length: 0 });
  writeBody(w, body);
  w.patch16(CHECKSUM_AT + 2, w.length);
  w.patch16(CHECKSUM_AT, fletcher(w.written, 2, w.length, CHECKSUM_AT));
  const octets = w.finish();
  return { header: lsaHeaderAt(octets, 0), octets };
}

function writeBody(w: Writer, body: LsaBody): void {
  switch (body.kind) {
    case "router":
      writeRouter(w, body);
      break;
    case "network":
      w.u8(0);
      w.u24(body.options);
      for (const router of body.attachedRouters) w.u32(router);
      break;
    case "interAreaPrefix":
      w.u8(0);
      w.u24(body.metric);
      writePrefix(w, body.prefix, 0);
      break;
    case "interAreaRouter":
      w.u8(0);
      w.u24(body.options);
      w.u8(0);
      w.u24(body.metric);
      w.u32(body.destinationRouterId);
      break;
    case "asExternal":
    case "nssa":
      writeExternal(w, body);
      break;
    case "link":
      writeLink(w, body);
      break;
    case "intraAreaPrefix":
      writeIntraAreaPrefix(w, body);
      break;
    case "grace":
      writeGrace(w, body);
      break;
    case "unknown":
      w.octets(body.octets);
      break;
  }
}

function writeRouter(w: Writer, body: RouterLsa): void {
  w.u8(body.flags);
  w.u24(body.options);
  for (const link of body.links) {
    w.u8(link.type);
    w.u8(0);
    w.u16(link.metric);
    w.u32(link.interfaceId);
    w.u32(link.neighborInterfaceId);
    w.u32(link.neighborRouterId);
  }
}

/** `third`: the 16 bits between options and address, whose meaning differs. */
function writePrefix(w: Writer, prefix: AdvertisedPrefix, third: number): void {
  writePrefixStart(w, prefix);
  w.u16(third);
  writePrefixAddress(w, prefix);
}

function writeExternal(w: Writer, body: ExternalRoute): void {
  const { forwardingAddress, tag, referenced } = body;
  w.u8(
    (body.metricType === 2 ? EXTERNAL_E : 0) |
      (forwardingAddress ? EXTERNAL_F : 0) |
      (tag === undefined ? 0 : EXTERNAL_T),
  );
  w.u24(body.metric);
  writePrefix(w, body.prefix, referenced?.type ?? 0);
  if (forwardingAddress) writeAddress(w, forwardingAddress);
  if (tag !== undefined) w.u32(tag);
  if (referenced) w.u32(referenced.linkStateId);
}

function writeAddress(w: Writer, address: Uint8Array): void {
  if (address.length !== 16) throw new RangeError("no IPv6 address");
  w.octets(address);
}

function writeLink(w: Writer, body: LinkLsa): void {
  w.u8(body.priority);
  w.u24(body.options);
  writeAddress(w, body.linkLocalAddress);
  w.u32(body.prefixes.length);
  for (const prefix of body.prefixes) writePrefix(w, prefix, 0);
}

function writeIntraAreaPrefix(w: Writer, body: IntraAreaPrefixLsa): void {
  w.u16(body.prefixes.length);
  w.u16(body.referenced.type);
  w.u32(body.referenced.linkStateId);
  w.u32(body.referenced.advertisingRouter);
  for (const prefix of body.prefixes) writePrefix(w, prefix, prefix.metric);
}

function writeGrace(w: Writer, body: GraceLsa): void {
  w.u16(GRACE_PERIOD);
  w.u16(4);
  w.u32(body.gracePeriod);
  w.u16(GRACE_REASON);
  w.u16(1);
  w.u8(body.reason);
  w.zeros(3);
}
