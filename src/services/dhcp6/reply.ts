/** Answers of the DHCPv6 server: the options a client asked for (RFC 8415 §18.3), and the way to it (§18.3.10). */
import { finish, sum } from "#base/checksum";
import type { Dhcp6Settings } from "#services/dhcp6/events";
import type { Request } from "#services/dhcp6/request";
import { CLIENT_PORT, type Dhcp6Message, INFORMATION_REQUEST, SERVER_PORT, writeDhcp6 } from "#wire/dhcp6";
import * as option from "#wire/dhcp6-options";
import * as ethernet from "#wire/ethernet";
import * as ipv6 from "#wire/ipv6";
import { PROTOCOL_UDP } from "#wire/protocol";
import * as udp from "#wire/udp";

const HOP_LIMIT = 64;
const HEADERS = ipv6.SIZE + udp.SIZE;

/**
 * Seconds between a client's attempts when nobody answers, at most (§21.24, §21.25). The least that is allowed: on a link
 * of two nobody else is disturbed, and a VM whose router was away has its network back within a minute.
 */
const MAX_RT = 60;

/** Information is never fresher than this, seconds: IRT_MINIMUM (§7.6). */
const SHORTEST_REFRESH = 600;

/** What is left out first where one packet has no room for all. */
const DISPENSABLE = ["ntpServers", "domains", "dnsServers"] as const satisfies (keyof option.Dhcp6Options)[];

/** DUID-LL: type 3, hardware type 1, the MAC address (§11.4). */
export const duidOf = ({ gatewayMac }: Dhcp6Settings): Uint8Array => Uint8Array.of(0, 3, 0, 1, ...gatewayMac);

/** `type`: ADVERTISE or REPLY; `options`: beside the identifiers. The whole frame. */
export function replyTo(
  request: Request,
  type: number,
  options: option.Dhcp6Options,
  settings: Dhcp6Settings,
): Uint8Array {
  const { clientId } = request.message.options;
  const identifiers = { ...(clientId !== undefined && { clientId }), serverId: duidOf(settings) };
  const { transactionId } = request.message;
  return toClient(request, fitted({ type, transactionId, options: { ...identifiers, ...options } }), settings);
}

/** Of the settings, what the client asks for (§21.7). */
export function requestedOptions({ type, options }: Dhcp6Message, settings: Dhcp6Settings): option.Dhcp6Options {
  const asked = new Set(options.requested);
  const { dnsServers, domains, ntpServers, leaseTime } = settings;
  const refresh = asked.has(option.INFORMATION_REFRESH_TIME) && type === INFORMATION_REQUEST; // §21.23
  return {
    ...(asked.has(option.DNS_SERVERS) && dnsServers.length > 0 && { dnsServers }),
    ...(asked.has(option.DOMAIN_LIST) && domains.length > 0 && { domains }),
    ...(refresh && { informationRefreshTime: Math.max(leaseTime, SHORTEST_REFRESH) }),
    ...(asked.has(option.NTP_SERVER) && ntpServers.length > 0 && { ntpServers }),
    ...(asked.has(option.SOL_MAX_RT) && { solMaxRt: MAX_RT }),
    ...(asked.has(option.INF_MAX_RT) && { infMaxRt: MAX_RT }),
  };
}

/** In a packet that every link carries: nobody puts fragments together for a client that is still without an address. */
function fitted(reply: Dhcp6Message): Uint8Array {
  let { options } = reply;
  let data = writeDhcp6(reply);
  for (const name of DISPENSABLE) {
    if (data.length <= ipv6.MINIMUM_MTU - HEADERS) break;
    const { [name]: _gone, ...rest } = options;
    options = rest;
    data = writeDhcp6({ ...reply, options });
  }
  return data;
}

/** Straight back to where the request came from (§18.3.10), and to the client's port (§7.2). */
function toClient({ address, mac }: Request, data: Uint8Array, { gateway, gatewayMac }: Dhcp6Settings): Uint8Array {
  const length = udp.SIZE + data.length;
  const packet = new Uint8Array(ipv6.SIZE + length);
  packet.set(data, HEADERS);
  ipv6.write(packet, 0, {
    payloadLength: length,
    nextHeader: PROTOCOL_UDP,
    hopLimit: HOP_LIMIT,
    source: gateway,
    destination: address,
  });
  udp.setSourcePort(packet, ipv6.SIZE, SERVER_PORT);
  udp.setDestinationPort(packet, ipv6.SIZE, CLIENT_PORT);
  udp.setLength(packet, ipv6.SIZE, length);
  const pseudo = ipv6.pseudoHeader(packet, 0, PROTOCOL_UDP, length);
  udp.setChecksum(packet, ipv6.SIZE, finish(sum(packet, ipv6.SIZE, length, pseudo)));
  return ethernet.frame(mac, gatewayMac, ethernet.ETHERTYPE_IPV6, packet);
}
