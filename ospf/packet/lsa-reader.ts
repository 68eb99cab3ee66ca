/** LSA bodies out of octets. RFC 5340 §A.4.3 … §A.4.10, RFC 5187 §2.2. */
import { decode, type Malformed, type Reader } from "#base/reader";
import type { Lsa } from "#ospf/packet/lsa";
import type {
  ExternalRoute,
  GraceLsa,
  InterAreaPrefixLsa,
  InterAreaRouterLsa,
  IntraAreaPrefixLsa,
  LinkLsa,
  LsaBody,
  NetworkLsa,
  RouterLink,
  RouterLsa,
} from "#ospf/packet/lsa-body";
import {
  AS_EXTERNAL_LSA,
  GRACE_LSA,
  INTER_AREA_PREFIX_LSA,
  INTER_AREA_ROUTER_LSA,
  INTRA_AREA_PREFIX_LSA,
  LINK_LSA,
  LSA_HEADER_SIZE,
  NETWORK_LSA,
  NSSA_LSA,
  ROUTER_LSA,
} from "#ospf/packet/lsa-header";
import { type AdvertisedPrefix, type MeasuredPrefix, readPrefixAddress, readPrefixStart } from "#ospf/packet/prefix";

/**
 * What the LSA says. Refused: bodies shorter or longer than their counts and flags make them, prefixes longer than 128
 * bits. Fields that must be ignored are. {@link Malformed.at} counts from the LSA's first octet.
 */
export const readLsaBody = (lsa: Lsa): LsaBody | Malformed =>
  decode(lsa.octets, (r) => readBody(r, lsa.header.type), LSA_HEADER_SIZE);

function readBody(r: Reader, type: number): LsaBody {
  const body = readKind(r, type);
  r.expectEnd();
  return body;
}

function readKind(r: Reader, type: number): LsaBody {
  switch (type) {
    case ROUTER_LSA:
      return readRouter(r);
    case NETWORK_LSA:
      return readNetwork(r);
    case INTER_AREA_PREFIX_LSA:
      return readInterAreaPrefix(r);
    case INTER_AREA_ROUTER_LSA:
      return readInterAreaRouter(r);
    case AS_EXTERNAL_LSA:
      return { kind: "asExternal", ...readExternal(r) };
    case NSSA_LSA:
      return { kind: "nssa", ...readExternal(r) };
    case LINK_LSA:
      return readLink(r);
    case INTRA_AREA_PREFIX_LSA:
      return readIntraAreaPrefix(r);
    case GRACE_LSA:
      return readGrace(r);
    default:
      return { kind: "unknown", type, octets: r.rest() };
  }
}

function readRouter(r: Reader): RouterLsa {
  const flags = r.u8();
  const options = r.u24();
  const links: RouterLink[] = [];
  while (r.remaining > 0) {
    const type = r.u8();
    r.skip(1);
    links.push({
      type,
      metric: r.u16(),
      interfaceId: r.u32(),
      neighborInterfaceId: r.u32(),
      neighborRouterId: r.u32(),
    });
  }
  return { kind: "router", flags, options, links };
}

function readNetwork(r: Reader): NetworkLsa {
  r.skip(1);
  const options = r.u24();
  const attachedRouters: number[] = [];
  while (r.remaining > 0) attachedRouters.push(r.u32());
  return { kind: "network", options, attachedRouters };
}

function readInterAreaPrefix(r: Reader): InterAreaPrefixLsa {
  r.skip(1);
  return { kind: "interAreaPrefix", metric: r.u24(), prefix: readPrefix(r) };
}

/** A prefix whose third field, 16 bits, means nothing. */
function readPrefix(r: Reader): AdvertisedPrefix {
  const { length, options } = readPrefixStart(r);
  r.skip(2);
  return { address: readPrefixAddress(r, length), length, options };
}

function readInterAreaRouter(r: Reader): InterAreaRouterLsa {
  r.skip(1);
  const options = r.u24();
  r.skip(1);
  return { kind: "interAreaRouter", options, metric: r.u24(), destinationRouterId: r.u32() };
}

/** Bits E, F and T of the first octet (§A.4.7). */
export const EXTERNAL_E = 0x04;
export const EXTERNAL_F = 0x02;
export const EXTERNAL_T = 0x01;

function readExternal(r: Reader): ExternalRoute {
  const flags = r.u8();
  const metric = r.u24();
  const { length, options } = readPrefixStart(r);
  const referencedType = r.u16();
  const prefix = { address: readPrefixAddress(r, length), length, options };
  return {
    metricType: flags & EXTERNAL_E ? 2 : 1,
    metric,
    prefix,
    ...(flags & EXTERNAL_F && { forwardingAddress: r.octets(16) }),
    ...(flags & EXTERNAL_T && { tag: r.u32() }),
    ...(referencedType !== 0 && { referenced: { type: referencedType, linkStateId: r.u32() } }),
  };
}

function readLink(r: Reader): LinkLsa {
  const priority = r.u8();
  const options = r.u24();
  const linkLocalAddress = r.octets(16);
  const count = r.u32();
  const prefixes: AdvertisedPrefix[] = [];
  // A prefix takes four octets at least: a lying count ends at the body's end.
  for (let i = 0; i < count; i++) prefixes.push(readPrefix(r));
  return { kind: "link", priority, options, linkLocalAddress, prefixes };
}

function readIntraAreaPrefix(r: Reader): IntraAreaPrefixLsa {
  const count = r.u16();
  const referenced = { type: r.u16(), linkStateId: r.u32(), advertisingRouter: r.u32() };
  const prefixes: MeasuredPrefix[] = [];
  for (let i = 0; i < count; i++) {
    const { length, options } = readPrefixStart(r);
    const metric = r.u16();
    prefixes.push({ address: readPrefixAddress(r, length), length, options, metric });
  }
  return { kind: "intraAreaPrefix", referenced, prefixes };
}

/** TLV types (RFC 3623 appendix A). */
export const GRACE_PERIOD = 1;
export const GRACE_REASON = 2;

/** Type and length, 16 bits each, then the value, padded to 32 bits. Both TLVs must be there (RFC 5187 §2.2). */
function readGrace(r: Reader): GraceLsa {
  let gracePeriod: number | undefined;
  let reason: number | undefined;
  while (r.remaining > 0) {
    const type = r.u16();
    const length = r.u16();
    const value = r.within(length);
    r.skip(-length & 3);
    if (type === GRACE_PERIOD) gracePeriod = value.u32();
    else if (type === GRACE_REASON) reason = value.u8();
    else continue;
    value.expectEnd();
  }
  if (gracePeriod === undefined || reason === undefined) return r.fail("grace period or reason missing");
  return { kind: "grace", gracePeriod, reason };
}
