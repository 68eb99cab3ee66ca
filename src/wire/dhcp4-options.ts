/**
 * Options of DHCPv4: RFC 2132, classless static routes (RFC 3442), options in parts (RFC 3396). Those that neither a
 * server nor a client of ours has use for are stepped over.
 */
import { masked, type Prefix } from "#base/address";
import { Reader } from "#base/reader";
import { Writer } from "#base/writer";

const PAD = 0;
const SUBNET_MASK = 1;
export const ROUTERS = 3;
const DNS_SERVERS = 6;
const HOST_NAME = 12;
const DOMAIN_NAME = 15;
const INTERFACE_MTU = 26;
const BROADCAST_ADDRESS = 28;
const NTP_SERVERS = 42;
const REQUESTED_ADDRESS = 50;
const LEASE_TIME = 51;
export const OVERLOAD = 52;
const MESSAGE_TYPE = 53;
const SERVER_IDENTIFIER = 54;
const PARAMETER_REQUEST_LIST = 55;
const MESSAGE = 56;
const MAXIMUM_MESSAGE_SIZE = 57;
const RENEWAL_TIME = 58;
const REBINDING_TIME = 59;
const CLIENT_IDENTIFIER = 61;
export const CLASSLESS_ROUTES = 121;
const END = 255;

/** Addresses are four octets, times seconds, texts octets of ASCII as they came. */
export interface Dhcp4Options {
  /** 0 … 255; RFC 2132 §9.6 knows 1 … 8. */
  readonly messageType?: number;
  readonly subnetMask?: Uint8Array;
  readonly routers?: readonly Uint8Array[];
  readonly dnsServers?: readonly Uint8Array[];
  readonly hostName?: string;
  readonly domainName?: string;
  /** Octets of the largest IPv4 packet: 68 … 65535. */
  readonly mtu?: number;
  readonly broadcastAddress?: Uint8Array;
  readonly ntpServers?: readonly Uint8Array[];
  readonly requestedAddress?: Uint8Array;
  /** 0xffffffff: for ever. */
  readonly leaseTime?: number;
  readonly serverIdentifier?: Uint8Array;
  /** Codes of the options that a client wants. */
  readonly requested?: readonly number[];
  readonly message?: string;
  /** Octets of the largest IPv4 packet with a DHCP message that the client takes: 576 … 65535. */
  readonly maximumMessageSize?: number;
  readonly renewalTime?: number;
  readonly rebindingTime?: number;
  /** Opaque, whatever its form (RFC 4361 §6.1). */
  readonly clientIdentifier?: Uint8Array;
  readonly classlessRoutes?: readonly ClasslessRoute[];
}

export interface ClasslessRoute {
  readonly destination: Prefix;
  /** 0.0.0.0: on the link. */
  readonly router: Uint8Array;
}

/** Code → its parts, in the order they came. */
export type RawOptions = Map<number, Uint8Array[]>;

/** Adds a field's options to `all`. */
export function collectOptions(r: Reader, all: RawOptions): void {
  for (;;) {
    const code = r.u8(); // without the end option, the field is not whole: RFC 2131 §4.1
    if (code === END) return;
    if (code === PAD) continue;
    const part = r.octets(r.u8());
    const parts = all.get(code);
    if (parts === undefined) all.set(code, [part]);
    else parts.push(part);
  }
}

/** Puts parts together (RFC 3396 §7). Throws Malformed for an option that is none by its length. */
export function readOptions(all: RawOptions): Dhcp4Options {
  const options: { -readonly [K in keyof Dhcp4Options]: Dhcp4Options[K] } = {};
  for (const [code, parts] of all) {
    const r = new Reader(together(parts));
    switch (code) {
      case MESSAGE_TYPE:
        options.messageType = exactly(r, 1).u8();
        break;
      case SUBNET_MASK:
        options.subnetMask = exactly(r, 4).rest();
        break;
      case ROUTERS:
        options.routers = addresses(r);
        break;
      case DNS_SERVERS:
        options.dnsServers = addresses(r);
        break;
      case HOST_NAME:
        options.hostName = text(r);
        break;
      case DOMAIN_NAME:
        options.domainName = text(r);
        break;
      case INTERFACE_MTU:
        options.mtu = exactly(r, 2).u16();
        break;
      case BROADCAST_ADDRESS:
        options.broadcastAddress = exactly(r, 4).rest();
        break;
      case NTP_SERVERS:
        options.ntpServers = addresses(r);
        break;
      case REQUESTED_ADDRESS:
        options.requestedAddress = exactly(r, 4).rest();
        break;
      case LEASE_TIME:
        options.leaseTime = exactly(r, 4).u32();
        break;
      case SERVER_IDENTIFIER:
        options.serverIdentifier = exactly(r, 4).rest();
        break;
      case PARAMETER_REQUEST_LIST:
        options.requested = [...r.rest()];
        break;
      case MESSAGE:
        options.message = text(r);
        break;
      case MAXIMUM_MESSAGE_SIZE:
        options.maximumMessageSize = exactly(r, 2).u16();
        break;
      case RENEWAL_TIME:
        options.renewalTime = exactly(r, 4).u32();
        break;
      case REBINDING_TIME:
        options.rebindingTime = exactly(r, 4).u32();
        break;
      case CLIENT_IDENTIFIER:
        options.clientIdentifier = r.rest();
        break;
      case CLASSLESS_ROUTES:
        options.classlessRoutes = classlessRoutes(r);
        break;
    }
  }
  return options;
}

const WRONG_LENGTH = "option of a wrong length";

function exactly(r: Reader, length: number): Reader {
  return r.remaining === length ? r : r.fail(WRONG_LENGTH);
}

function addresses(r: Reader): Uint8Array[] {
  if (r.remaining === 0 || r.remaining % 4 !== 0) r.fail(WRONG_LENGTH);
  return Array.from({ length: r.remaining / 4 }, () => r.octets(4));
}

/** Some add a NUL, which is to be taken off (RFC 2132 §2). */
const text = (r: Reader): string =>
  Array.from(r.rest(), (c) => String.fromCharCode(c))
    .join("")
    .replace(/\0+$/, "");

function classlessRoutes(r: Reader): ClasslessRoute[] {
  const routes: ClasslessRoute[] = [];
  do {
    const length = r.u8();
    if (length > 32) r.fail("prefix longer than an address");
    const significant = new Uint8Array(4);
    significant.set(r.octets((length + 7) >> 3));
    const address = masked(significant, length); // host bits do not count
    routes.push({ destination: { address, length }, router: r.octets(4) });
  } while (r.remaining > 0);
  return routes;
}

/** The options and the end option, in an order that suits old clients: the message's type first. */
export function writeOptions(w: Writer, options: Dhcp4Options): void {
  const { clientIdentifier, requested, classlessRoutes: routes } = options;
  number(w, MESSAGE_TYPE, 1, options.messageType);
  put(w, SERVER_IDENTIFIER, options.serverIdentifier);
  put(w, REQUESTED_ADDRESS, options.requestedAddress);
  number(w, LEASE_TIME, 4, options.leaseTime);
  number(w, RENEWAL_TIME, 4, options.renewalTime);
  number(w, REBINDING_TIME, 4, options.rebindingTime);
  put(w, SUBNET_MASK, options.subnetMask);
  put(w, BROADCAST_ADDRESS, options.broadcastAddress);
  put(w, CLASSLESS_ROUTES, routes && together(routes.flatMap(routeParts))); // before the routers: RFC 3442
  put(w, ROUTERS, options.routers && together(options.routers));
  put(w, DNS_SERVERS, options.dnsServers && together(options.dnsServers));
  put(w, HOST_NAME, ascii(options.hostName));
  put(w, DOMAIN_NAME, ascii(options.domainName));
  number(w, INTERFACE_MTU, 2, options.mtu);
  put(w, NTP_SERVERS, options.ntpServers && together(options.ntpServers));
  put(w, MESSAGE, ascii(options.message));
  number(w, MAXIMUM_MESSAGE_SIZE, 2, options.maximumMessageSize);
  put(w, PARAMETER_REQUEST_LIST, requested && Uint8Array.from(requested));
  put(w, CLIENT_IDENTIFIER, clientIdentifier);
  w.u8(END);
}

/** In parts of at most 255 octets (RFC 3396 §6). */
function put(w: Writer, code: number, octets: Uint8Array | undefined): void {
  if (octets === undefined) return;
  for (let at = 0; at === 0 || at < octets.length; at += 255) {
    const part = octets.subarray(at, at + 255);
    w.u8(code);
    w.u8(part.length);
    w.octets(part);
  }
}

function number(w: Writer, code: number, size: 1 | 2 | 4, value: number | undefined): void {
  if (value === undefined) return;
  const octets = new Writer(size);
  if (size === 1) octets.u8(value);
  else if (size === 2) octets.u16(value);
  else octets.u32(value);
  put(w, code, octets.finish());
}

const ascii = (text: string | undefined): Uint8Array | undefined =>
  text === undefined ? undefined : Uint8Array.from(text, (c) => c.charCodeAt(0));

const together = (parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));

/** A width, and the octets of the subnet number that it covers. */
const routeParts = ({ destination: { address, length }, router }: ClasslessRoute): Uint8Array[] => [
  Uint8Array.of(length),
  address.subarray(0, (length + 7) >> 3),
  router,
];
