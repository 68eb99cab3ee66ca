/** Replies of the DHCPv4 server: their options (RFC 2131 §4.3.1, Table 3), and where they go (§4.1). */
import { masked, type Prefix } from "#base/address";
import { finish, sum } from "#base/checksum";
import type { Dhcp4Settings } from "#services/dhcp4/events";
import { ACK, BOOTREPLY, CLIENT_PORT, type Dhcp4Message, INFORM, NAK, SERVER_PORT, writeDhcp4 } from "#wire/dhcp4";
import { CLASSLESS_ROUTES, type Dhcp4Options } from "#wire/dhcp4-options";
import * as ethernet from "#wire/ethernet";
import * as ipv4 from "#wire/ipv4";
import { PROTOCOL_UDP } from "#wire/protocol";
import * as udp from "#wire/udp";

const NOBODY = new Uint8Array(4);
const EVERYBODY = Uint8Array.of(255, 255, 255, 255);
const TTL = 64;
/** Octets of an IPv4 packet that every client takes (RFC 2131 §2), and headers in it. */
const LEAST_ROOM = 576;
const HEADERS = ipv4.SIZE + udp.SIZE;

/** What is left out first when a client has no room for all. */
const DISPENSABLE = ["ntpServers", "domainName", "hostName", "dnsServers"] as const satisfies (keyof Dhcp4Options)[];

/** `type`: OFFER, ACK or NAK. The whole frame. */
export function replyTo(request: Dhcp4Message, type: number, settings: Dhcp4Settings): Uint8Array {
  const inform = request.type === INFORM;
  const reply: Dhcp4Message = {
    op: BOOTREPLY,
    hops: 0,
    xid: request.xid,
    secs: 0,
    broadcast: request.broadcast,
    ciaddr: type === ACK ? request.ciaddr : NOBODY,
    yiaddr: type === NAK || inform ? NOBODY : settings.address,
    siaddr: NOBODY, // nothing to boot from
    giaddr: NOBODY,
    chaddr: request.chaddr,
    type,
    options: type === NAK ? refusal(request, settings) : answer(request, settings, inform),
  };
  const room = Math.max(LEAST_ROOM, request.options.maximumMessageSize ?? LEAST_ROOM) - HEADERS;
  return toClient(reply, fitted(reply, room), settings);
}

/** RFC 6842 §3: a client's identifier goes back to it. */
const identity = ({ options: { clientIdentifier } }: Dhcp4Message): Pick<Dhcp4Options, "clientIdentifier"> =>
  clientIdentifier === undefined ? {} : { clientIdentifier };

const refusal = (request: Dhcp4Message, { gateway }: Dhcp4Settings): Dhcp4Options => ({
  serverIdentifier: gateway,
  message: "this VM has another address",
  ...identity(request),
});

function answer(request: Dhcp4Message, settings: Dhcp4Settings, inform: boolean): Dhcp4Options {
  const { gateway, leaseTime, mtu, hostName, domainName, dnsServers, ntpServers } = settings;
  return {
    serverIdentifier: gateway,
    // RFC 2131 §4.4.5: half, and seven eighths. §4.3.5: none for who only asks for settings.
    ...(!inform && {
      leaseTime,
      renewalTime: Math.floor(leaseTime / 2),
      rebindingTime: Math.floor((leaseTime * 7) / 8),
    }),
    ...waysOut(settings, request.options.requested?.includes(CLASSLESS_ROUTES) ?? false),
    mtu,
    hostName,
    ...(domainName !== undefined && { domainName }),
    ...(dnsServers.length > 0 && { dnsServers }),
    ...(ntpServers.length > 0 && { ntpServers }),
    ...identity(request),
  };
}

/**
 * Mask, broadcast address and routes. RFC 3442: who asks for classless routes is not to have the routers as well, so that
 * wherever there are any the default route is one of them.
 */
function waysOut({ gateway, segment }: Dhcp4Settings, knowsRoutes: boolean): Dhcp4Options {
  const hosts = segment === undefined ? [gateway] : segment.behindGateway;
  const toHosts = hosts.map((address) => ({
    destination: { address, length: 32 },
    router: segment === undefined ? NOBODY : gateway,
  }));
  const classlessRoutes = [...toHosts, { destination: { address: NOBODY, length: 0 }, router: gateway }];
  return {
    ...(segment === undefined ? { subnetMask: EVERYBODY } : addressing(segment.prefix)),
    ...(toHosts.length > 0 && { classlessRoutes }),
    ...((toHosts.length === 0 || !knowsRoutes) && { routers: [gateway] }),
  };
}

function addressing({ address, length }: Prefix): Pick<Dhcp4Options, "subnetMask" | "broadcastAddress"> {
  const subnetMask = masked(EVERYBODY, length);
  return { subnetMask, broadcastAddress: address.map((octet, i) => octet | (~subnetMask[i]! & 0xff)) };
}

/** As many of the settings as there is room for (RFC 2131 §4.3.1), octets. */
function fitted(reply: Dhcp4Message, room: number): Uint8Array {
  let { options } = reply;
  let data = writeDhcp4(reply);
  for (const name of DISPENSABLE) {
    if (data.length <= room) break;
    const { [name]: _gone, ...rest } = options;
    options = rest;
    data = writeDhcp4({ ...reply, options });
  }
  return data;
}

/** RFC 2131 §4.1: to the address a client has, to all where it has none it can be reached at, else to the one it gets. */
function toClient(reply: Dhcp4Message, data: Uint8Array, { gateway, gatewayMac }: Dhcp4Settings): Uint8Array {
  const known = reply.type !== NAK && reply.ciaddr.some((octet) => octet !== 0);
  const toAll = reply.type === NAK || (!known && reply.broadcast);
  const destination = toAll ? EVERYBODY : known ? reply.ciaddr : reply.yiaddr;
  const packet = new Uint8Array(HEADERS + data.length);
  packet.set(data, HEADERS);
  udp.setSourcePort(packet, ipv4.SIZE, SERVER_PORT);
  udp.setDestinationPort(packet, ipv4.SIZE, CLIENT_PORT);
  const length = udp.SIZE + data.length;
  udp.setLength(packet, ipv4.SIZE, length);
  ipv4.write(packet, 0, { totalLength: packet.length, ttl: TTL, protocol: PROTOCOL_UDP, source: gateway, destination });
  const pseudo = ipv4.pseudoHeader(packet, 0, PROTOCOL_UDP, length);
  udp.setChecksum(packet, ipv4.SIZE, finish(sum(packet, ipv4.SIZE, length, pseudo)));
  const to = toAll ? ethernet.BROADCAST : reply.chaddr;
  return ethernet.frame(to, gatewayMac, ethernet.ETHERTYPE_IPV4, packet);
}
