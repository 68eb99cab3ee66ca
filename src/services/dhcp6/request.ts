/** A frame from a VM → the DHCPv6 request in it, with the checks of RFC 8415 §16. */
import { isLinkLocal6, sameAddress } from "#base/address";
import { fold, sum } from "#base/checksum";
import { Malformed } from "#base/reader";
import type { Dhcp6Counters, Dhcp6Settings } from "#services/dhcp6/events";
import { duidOf } from "#services/dhcp6/reply";
import * as dhcp from "#wire/dhcp6";
import * as ethernet from "#wire/ethernet";
import * as ipv6 from "#wire/ipv6";
import { PROTOCOL_UDP } from "#wire/protocol";
import * as udp from "#wire/udp";

const AT = ethernet.SIZE;
const UDP_AT = AT + ipv6.SIZE;
/** Associations a message may have: more than any client's, and few enough for one answer. */
const MOST_ASSOCIATIONS = 8;

/** The counter of what keeps the frame from being a request. */
export type Fault = Extract<keyof Dhcp6Counters, "malformed" | "relayed" | "foreignClient" | "otherServer" | "unicast">;

export interface Request {
  readonly message: dhcp.Dhcp6Message;
  /** Where the answer goes. */
  readonly address: Uint8Array;
  readonly mac: Uint8Array;
  /** To our own address: to be answered by the advice to use the group (§18.4). */
  readonly unicast: boolean;
}

/** What a kind of message needs (§16.2 … §16.12): identifiers, and whether it must not come by unicast (§16). */
interface Rule {
  readonly clientId: "needed" | "optional";
  readonly serverId: "needed" | "optional" | "none";
  readonly unicast: "discarded" | "advised";
}

const TO_ANY: Rule = { clientId: "needed", serverId: "none", unicast: "discarded" };
const TO_US: Rule = { clientId: "needed", serverId: "needed", unicast: "advised" };

/** All other messages are a server's. */
const RULES: ReadonlyMap<number, Rule> = new Map([
  [dhcp.SOLICIT, TO_ANY],
  [dhcp.REQUEST, TO_US],
  [dhcp.CONFIRM, TO_ANY],
  [dhcp.RENEW, TO_US],
  [dhcp.REBIND, TO_ANY],
  [dhcp.RELEASE, TO_US],
  [dhcp.DECLINE, TO_US],
  [dhcp.INFORMATION_REQUEST, { clientId: "optional", serverId: "optional", unicast: "discarded" }],
]);

/** `unfinished`: as in the event. */
export function requestIn(frame: Uint8Array, unfinished: boolean, settings: Dhcp6Settings): Request | Fault {
  if (!isDatagram(frame, unfinished)) return "malformed";
  const destination = ipv6.destination(frame, AT);
  const unicast = sameAddress(destination, settings.gateway);
  if (!unicast && !sameAddress(destination, dhcp.ALL_DHCP_RELAY_AGENTS_AND_SERVERS)) return "malformed";
  const data = UDP_AT + udp.SIZE;
  const type = frame[data];
  if (type === dhcp.RELAY_FORW || type === dhcp.RELAY_REPL) return "relayed";
  const message = dhcp.readDhcp6(frame, data, UDP_AT + udp.length(frame, UDP_AT));
  if (message instanceof Malformed) return "malformed";
  const address = ipv6.source(frame, AT);
  if (!canBeAnswered(address, settings)) return "foreignClient";
  const fault = faultOf(message, unicast, settings);
  return fault ?? { message, address, mac: ethernet.source(frame, 0), unicast };
}

/** UDP to the server's port, right behind the IPv6 header and whole. */
function isDatagram(frame: Uint8Array, unfinished: boolean): boolean {
  const end = frame.length;
  if (!ethernet.fits(frame, 0, end) || ethernet.etherType(frame, 0) !== ethernet.ETHERTYPE_IPV6) return false;
  if (!ipv6.fits(frame, AT, end) || ipv6.nextHeader(frame, AT) !== PROTOCOL_UDP) return false;
  if (!udp.fits(frame, UDP_AT, UDP_AT + ipv6.payloadLength(frame, AT))) return false;
  return udp.destinationPort(frame, UDP_AT) === dhcp.SERVER_PORT && (unfinished || checksumHolds(frame));
}

/** IPv6 knows no datagrams without (RFC 8200 §8.1). */
function checksumHolds(frame: Uint8Array): boolean {
  if (udp.checksum(frame, UDP_AT) === 0) return false;
  const length = udp.length(frame, UDP_AT);
  return fold(sum(frame, UDP_AT, length, ipv6.pseudoHeader(frame, AT, PROTOCOL_UDP, length))) === 0xffff;
}

const canBeAnswered = (address: Uint8Array, { gateway, addresses }: Dhcp6Settings): boolean =>
  isLinkLocal6(address) ? !sameAddress(address, gateway) : addresses.some((own) => sameAddress(own, address));

function faultOf({ type, options }: dhcp.Dhcp6Message, unicast: boolean, settings: Dhcp6Settings): Fault | undefined {
  const rule = RULES.get(type);
  if (rule === undefined) return "malformed";
  const { clientId, serverId, iaNa = [], iaTa = [], iaPd = [] } = options;
  if (rule.clientId === "needed" && clientId === undefined) return "malformed";
  if (rule.serverId === "needed" && serverId === undefined) return "malformed";
  if (rule.serverId === "none" && serverId !== undefined) return "malformed";
  if (serverId !== undefined && !sameAddress(serverId, duidOf(settings))) return "otherServer";
  const associations = iaNa.length + iaTa.length + iaPd.length;
  if (associations > (type === dhcp.INFORMATION_REQUEST ? 0 : MOST_ASSOCIATIONS)) return "malformed";
  return unicast && rule.unicast === "discarded" ? "unicast" : undefined;
}
