/**
 * Options of DHCPv6: RFC 8415 §21, of DNS (RFC 3646) and NTP (RFC 5908). Those that neither a server nor a client of ours
 * has use for are stepped over (§16).
 */
import type { Reader } from "#base/reader";
import type { Writer } from "#base/writer";
import { readDomainNames, writeDomainNames } from "#wire/domain-names";

const CLIENT_ID = 1;
const SERVER_ID = 2;
const IA_NA = 3;
const IA_TA = 4;
const IA_ADDRESS = 5;
const OPTION_REQUEST = 6;
const PREFERENCE = 7;
const ELAPSED_TIME = 8;
const STATUS_CODE = 13;
const RAPID_COMMIT = 14;
const IA_PD = 25;
/** What a client may ask for in an Option Request (§24, Table 4). */
export const DNS_SERVERS = 23;
export const DOMAIN_LIST = 24;
export const INFORMATION_REFRESH_TIME = 32;
export const NTP_SERVER = 56;
export const SOL_MAX_RT = 82;
export const INF_MAX_RT = 83;

/** Suboption of NTP_SERVER: a unicast address (RFC 5908 §4.1). */
const NTP_SERVER_ADDRESS = 1;

/** Status codes, §21.13. */
export const SUCCESS = 0;
export const NO_ADDRS_AVAIL = 2;
export const NO_BINDING = 3;
export const NOT_ON_LINK = 4;
export const USE_MULTICAST = 5;
export const NO_PREFIX_AVAIL = 6;

/** Lifetimes and intervals without an end (§7.7). */
export const INFINITY = 0xffff_ffff;

/** Addresses are 16 octets, times seconds: 0 … 2^32 − 1. */
export interface Dhcp6Options {
  /** A DUID: opaque, 3 … 130 octets (§11.1). */
  readonly clientId?: Uint8Array;
  readonly serverId?: Uint8Array;
  readonly iaNa?: readonly Association[];
  readonly iaTa?: readonly Association[];
  readonly iaPd?: readonly Association[];
  /** Codes of the options that a client wants. */
  readonly requested?: readonly number[];
  /** 0 … 255. */
  readonly preference?: number;
  /** Hundredths of a second since the client began: 0 … 65535. */
  readonly elapsedTime?: number;
  readonly status?: Status;
  readonly rapidCommit?: true;
  /** At least one. */
  readonly dnsServers?: readonly Uint8Array[];
  /** At least one. */
  readonly domains?: readonly string[];
  readonly informationRefreshTime?: number;
  /** By their unicast addresses; servers known by other means are not read. */
  readonly ntpServers?: readonly Uint8Array[];
  /** 60 … 86400 are to be heeded (§21.24, §21.25). */
  readonly solMaxRt?: number;
  readonly infMaxRt?: number;
}

/** An identity association (§12). One of temporary addresses has no times, one of prefixes no addresses; they are 0 and []. */
export interface Association {
  readonly iaid: number;
  readonly t1: number;
  readonly t2: number;
  readonly addresses: readonly LeasedAddress[];
  readonly status?: Status;
}

export interface LeasedAddress {
  readonly address: Uint8Array;
  readonly preferredLifetime: number;
  readonly validLifetime: number;
}

export interface Status {
  readonly code: number;
  /** UTF-8, perhaps nothing. */
  readonly message: string;
}

const WRONG_LENGTH = "option of a wrong length";

/** A DUID's type and identifier (§11.1). */
const SHORTEST_DUID = 3;
const LONGEST_DUID = 130;

/** Reads up to the end. Throws Malformed for an option that is none by its length, or that may come once and comes again. */
export function readOptions(r: Reader): Dhcp6Options {
  const options: Dhcp6Options = {};
  const seen = new Set<number>();
  while (r.remaining > 0) {
    const at = r.at;
    const code = r.u16();
    const body = r.within(r.u16());
    const read = READERS.get(code);
    if (read === undefined) continue;
    if (seen.has(code) && !REPEATED.has(code)) r.fail("option given twice", at);
    seen.add(code);
    Object.assign(options, read(body, options));
    if (body.remaining > 0) body.fail(WRONG_LENGTH);
  }
  return options;
}

/** All others come once in a message (§24, Table 4); of these, each is one more of its kind. */
const REPEATED: ReadonlySet<number> = new Set([IA_NA, IA_TA, IA_PD, NTP_SERVER]);

/** What an option adds to those before it. */
type OptionReader = (r: Reader, before: Dhcp6Options) => Dhcp6Options;

const READERS: ReadonlyMap<number, OptionReader> = new Map<number, OptionReader>([
  [CLIENT_ID, (r) => ({ clientId: readDuid(r) })],
  [SERVER_ID, (r) => ({ serverId: readDuid(r) })],
  [IA_NA, (r, { iaNa = [] }) => ({ iaNa: [...iaNa, readAssociation(r, IA_NA)] })],
  [IA_TA, (r, { iaTa = [] }) => ({ iaTa: [...iaTa, readAssociation(r, IA_TA)] })],
  [IA_PD, (r, { iaPd = [] }) => ({ iaPd: [...iaPd, readAssociation(r, IA_PD)] })],
  [OPTION_REQUEST, (r) => ({ requested: readEach(r, 2, () => r.u16()) })],
  [PREFERENCE, (r) => ({ preference: r.u8() })],
  [ELAPSED_TIME, (r) => ({ elapsedTime: r.u16() })],
  [STATUS_CODE, (r) => ({ status: readStatus(r) })],
  [RAPID_COMMIT, () => ({ rapidCommit: true })],
  [DNS_SERVERS, (r) => ({ dnsServers: readSome(r, 16, () => r.octets(16)) })],
  [DOMAIN_LIST, (r) => ({ domains: readDomains(r) })],
  [INFORMATION_REFRESH_TIME, (r) => ({ informationRefreshTime: r.u32() })],
  [NTP_SERVER, (r, { ntpServers = [] }) => ({ ntpServers: [...ntpServers, ...readNtpServer(r)] })],
  [SOL_MAX_RT, (r) => ({ solMaxRt: r.u32() })],
  [INF_MAX_RT, (r) => ({ infMaxRt: r.u32() })],
]);

function readDuid(r: Reader): Uint8Array {
  if (r.remaining < SHORTEST_DUID || r.remaining > LONGEST_DUID) r.fail(WRONG_LENGTH);
  return r.rest();
}

/** As many as there are, each of `size` octets. */
function readEach<T>(r: Reader, size: number, one: () => T): T[] {
  if (r.remaining % size !== 0) r.fail(WRONG_LENGTH);
  return Array.from({ length: r.remaining / size }, one);
}

const readSome = <T>(r: Reader, size: number, one: () => T): T[] =>
  r.remaining > 0 ? readEach(r, size, one) : r.fail(WRONG_LENGTH);

function readDomains(r: Reader): string[] {
  const domains = readDomainNames(r);
  return domains.length > 0 ? domains : r.fail(WRONG_LENGTH);
}

function readStatus(r: Reader): Status {
  return { code: r.u16(), message: new TextDecoder().decode(r.rest()) };
}

/** §21.4, §21.5, §21.21. */
function readAssociation(r: Reader, kind: number): Association {
  const iaid = r.u32();
  const t1 = kind === IA_TA ? 0 : r.u32();
  const t2 = kind === IA_TA ? 0 : r.u32();
  const addresses: LeasedAddress[] = [];
  let status: Status | undefined;
  while (r.remaining > 0) {
    const code = r.u16();
    const body = r.within(r.u16());
    if (code === STATUS_CODE) status = readStatus(body);
    else if (code === IA_ADDRESS && kind !== IA_PD) addresses.push(readAddress(body));
  }
  return { iaid, t1, t2, addresses, ...(status !== undefined && { status }) };
}

/** §21.6. What else is said of an address is stepped over, but whole it must be. */
function readAddress(r: Reader): LeasedAddress {
  const address = { address: r.octets(16), preferredLifetime: r.u32(), validLifetime: r.u32() };
  while (r.remaining > 0) {
    r.skip(2);
    r.skip(r.u16());
  }
  return address;
}

/** One server, or none: other ways to know it than its unicast address are stepped over (RFC 5908 §4). */
function readNtpServer(r: Reader): Uint8Array[] {
  const servers: Uint8Array[] = [];
  while (r.remaining > 0) {
    const code = r.u16();
    const body = r.within(r.u16());
    if (code !== NTP_SERVER_ADDRESS) continue;
    servers.push(body.octets(16));
    if (body.remaining > 0) body.fail(WRONG_LENGTH);
  }
  return servers;
}

/** In the order of their codes, but the identifiers and the status first: who reads the octets sees them at once. */
export function writeOptions(w: Writer, o: Dhcp6Options): void {
  put(w, CLIENT_ID, o.clientId, (duid) => w.octets(duid));
  put(w, SERVER_ID, o.serverId, (duid) => w.octets(duid));
  put(w, STATUS_CODE, o.status, (status) => writeStatus(w, status));
  for (const ia of o.iaNa ?? []) writeAssociation(w, IA_NA, ia);
  for (const ia of o.iaTa ?? []) writeAssociation(w, IA_TA, ia);
  put(w, OPTION_REQUEST, o.requested, (codes) => {
    for (const code of codes) w.u16(code);
  });
  put(w, PREFERENCE, o.preference, (value) => w.u8(value));
  put(w, ELAPSED_TIME, o.elapsedTime, (time) => w.u16(time));
  put(w, RAPID_COMMIT, o.rapidCommit, () => {});
  put(w, DNS_SERVERS, o.dnsServers, (servers) => {
    for (const server of servers) w.octets(server);
  });
  put(w, DOMAIN_LIST, o.domains, (domains) => writeDomainNames(w, domains));
  for (const ia of o.iaPd ?? []) writeAssociation(w, IA_PD, ia);
  put(w, INFORMATION_REFRESH_TIME, o.informationRefreshTime, (time) => w.u32(time));
  for (const server of o.ntpServers ?? []) writeNtpServer(w, server);
  put(w, SOL_MAX_RT, o.solMaxRt, (time) => w.u32(time));
  put(w, INF_MAX_RT, o.infMaxRt, (time) => w.u32(time));
}

/** Code, length and what `write` makes of the value, if there is one. */
function put<T>(w: Writer, code: number, value: T | undefined, write: (value: T) => void): void {
  if (value === undefined) return;
  w.u16(code);
  w.u16(0);
  const at = w.length;
  write(value);
  w.patch16(at - 2, w.length - at);
}

function writeStatus(w: Writer, { code, message }: Status): void {
  w.u16(code);
  w.octets(new TextEncoder().encode(message));
}

function writeAssociation(w: Writer, kind: number, association: Association): void {
  put(w, kind, association, ({ iaid, t1, t2, addresses, status }) => {
    w.u32(iaid);
    if (kind !== IA_TA) {
      w.u32(t1);
      w.u32(t2);
    }
    for (const address of addresses) put(w, IA_ADDRESS, address, (leased) => writeAddress(w, leased));
    put(w, STATUS_CODE, status, (given) => writeStatus(w, given));
  });
}

function writeAddress(w: Writer, { address, preferredLifetime, validLifetime }: LeasedAddress): void {
  w.octets(address);
  w.u32(preferredLifetime);
  w.u32(validLifetime);
}

const writeNtpServer = (w: Writer, address: Uint8Array): void =>
  put(w, NTP_SERVER, address, () => put(w, NTP_SERVER_ADDRESS, address, (octets) => w.octets(octets)));
