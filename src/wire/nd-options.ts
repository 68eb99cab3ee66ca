/**
 * Options of neighbor discovery messages: RFC 4861 §4.6, the nonce of RFC 3971 §5.3.2, and what RFC 8106 §5 tells hosts
 * of DNS.
 */
import { decode, Malformed, type Reader } from "#base/reader";
import type { Writer } from "#base/writer";
import { readDomainNames, writeDomainNames } from "#wire/domain-names";

const SOURCE_LINK_LAYER_ADDRESS = 1;
const TARGET_LINK_LAYER_ADDRESS = 2;
const PREFIX_INFORMATION = 3;
const MTU = 5;
const NONCE = 14;
const RECURSIVE_DNS_SERVER = 25;
const DNS_SEARCH_LIST = 31;

/** Which of them mean something depends on the message (§6.1, §7.1); the others are to be ignored. */
export interface NdOptions {
  /** Ethernet addresses, six octets. */
  readonly sourceLinkLayer?: Uint8Array;
  readonly targetLinkLayer?: Uint8Array;
  readonly prefixes?: readonly PrefixInformation[];
  /** 0 … 2^32 − 1. */
  readonly mtu?: number;
  /** Six octets: tells a looped-back probe from another node's (RFC 7527 §4). */
  readonly nonce?: Uint8Array;
  readonly dnsServers?: readonly DnsServers[];
  readonly searchLists?: readonly SearchList[];
}

export interface PrefixInformation {
  /** 0 … 128 bits. */
  readonly prefixLength: number;
  readonly onLink: boolean;
  readonly autonomous: boolean;
  /** Seconds; 0xffffffff: for ever. */
  readonly validLifetime: number;
  readonly preferredLifetime: number;
  readonly prefix: Uint8Array;
}

/** RFC 8106 §5.1. */
export interface DnsServers {
  /** Seconds; 0: no longer to be used, 0xffffffff: for ever. */
  readonly lifetime: number;
  /** 1 … 127, the first is preferred. */
  readonly servers: readonly Uint8Array[];
}

/** RFC 8106 §5.2. */
export interface SearchList {
  /** As above. */
  readonly lifetime: number;
  /** At least one, together 2032 octets at most with a length before each label and a root behind each name. */
  readonly domains: readonly string[];
}

type Draft = { -readonly [K in keyof NdOptions]: NdOptions[K] };

/**
 * Reads up to the end. Only a length of zero, or one past the end, spoils the message; an option unknown or of a length
 * that is not Ethernet's is stepped over.
 */
export function readOptions(r: Reader): NdOptions {
  const options: Draft = {};
  while (r.remaining > 0) {
    const at = r.at;
    const type = r.u8();
    const length = r.u8() * 8;
    if (length === 0) r.fail("option of length zero", at);
    const body = r.within(length - 2);
    if (type === SOURCE_LINK_LAYER_ADDRESS && length === 8) options.sourceLinkLayer = body.octets(6);
    else if (type === TARGET_LINK_LAYER_ADDRESS && length === 8) options.targetLinkLayer = body.octets(6);
    else if (type === PREFIX_INFORMATION && length === 32) addPrefix(options, readPrefixInformation(body));
    else if (type === MTU && length === 8) options.mtu = readMtu(body);
    else if (type === NONCE && length === 8) options.nonce = body.octets(6);
    else if (type === RECURSIVE_DNS_SERVER && length >= 24 && length % 16 === 8) addDnsServers(options, body);
    else if (type === DNS_SEARCH_LIST && length >= 16) addSearchList(options, body);
  }
  return options;
}

function addPrefix(options: Draft, prefix: PrefixInformation): void {
  if (prefix.prefixLength <= 128) options.prefixes = [...(options.prefixes ?? []), prefix];
}

function addDnsServers(options: Draft, r: Reader): void {
  r.skip(2);
  const lifetime = r.u32();
  const servers = Array.from({ length: r.remaining / 16 }, () => r.octets(16));
  options.dnsServers = [...(options.dnsServers ?? []), { lifetime, servers }];
}

/** A list that is none is as an option unknown. */
function addSearchList(options: Draft, r: Reader): void {
  r.skip(2);
  const lifetime = r.u32();
  const domains = decode(r.bytes, readDomainNames, r.at, r.end);
  if (domains instanceof Malformed || domains.length === 0) return;
  options.searchLists = [...(options.searchLists ?? []), { lifetime, domains }];
}

function readMtu(r: Reader): number {
  r.skip(2);
  return r.u32();
}

function readPrefixInformation(r: Reader): PrefixInformation {
  const prefixLength = r.u8();
  const flags = r.u8();
  const validLifetime = r.u32();
  const preferredLifetime = r.u32();
  r.skip(4);
  return {
    prefixLength,
    onLink: (flags & 0x80) !== 0,
    autonomous: (flags & 0x40) !== 0,
    validLifetime,
    preferredLifetime,
    prefix: r.octets(16),
  };
}

export function writeOptions(w: Writer, options: NdOptions): void {
  if (options.sourceLinkLayer) writeSixOctets(w, SOURCE_LINK_LAYER_ADDRESS, options.sourceLinkLayer);
  if (options.targetLinkLayer) writeSixOctets(w, TARGET_LINK_LAYER_ADDRESS, options.targetLinkLayer);
  for (const p of options.prefixes ?? []) writePrefixInformation(w, p);
  if (options.mtu !== undefined) {
    w.u8(MTU);
    w.u8(1);
    w.u16(0);
    w.u32(options.mtu);
  }
  if (options.nonce) writeSixOctets(w, NONCE, options.nonce);
  for (const d of options.dnsServers ?? []) writeDnsServers(w, d);
  for (const l of options.searchLists ?? []) writeSearchList(w, l);
}

function writeDnsServers(w: Writer, { lifetime, servers }: DnsServers): void {
  w.u8(RECURSIVE_DNS_SERVER);
  w.u8(1 + 2 * servers.length);
  w.u16(0);
  w.u32(lifetime);
  for (const server of servers) w.octets(server);
}

function writeSearchList(w: Writer, { lifetime, domains }: SearchList): void {
  const at = w.length;
  w.u8(DNS_SEARCH_LIST);
  w.u8(0); // length
  w.u16(0);
  w.u32(lifetime);
  writeDomainNames(w, domains);
  w.align(8, at);
  w.patch8(at + 1, (w.length - at) / 8);
}

function writeSixOctets(w: Writer, type: number, octets: Uint8Array): void {
  w.u8(type);
  w.u8(1);
  w.octets(octets);
}

function writePrefixInformation(w: Writer, p: PrefixInformation): void {
  w.u8(PREFIX_INFORMATION);
  w.u8(4);
  w.u8(p.prefixLength);
  w.u8((p.onLink ? 0x80 : 0) | (p.autonomous ? 0x40 : 0));
  w.u32(p.validLifetime);
  w.u32(p.preferredLifetime);
  w.u32(0);
  w.octets(p.prefix);
}
