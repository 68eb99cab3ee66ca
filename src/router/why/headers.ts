/** A frame's headers in words, outermost first. Any octets will do: what is cut off is said to be. */
import { formatIpv4, formatIpv6, formatMac } from "#base/address";
import { toHex, u16, u32 } from "#base/bytes";
import type { HeaderView, PacketView } from "#router/why/views";
import { ETHERTYPE_BRIDGED } from "#wire/ethernet";
import {
  PROTOCOL_FRAGMENT,
  PROTOCOL_GRE,
  PROTOCOL_ICMP4,
  PROTOCOL_ICMP6,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from "#wire/protocol";

type Fields = HeaderView["fields"];

/** Packets in packets that are described: a tunnel's, and one that an ICMP error quotes in it. */
const DEEPEST = 3;

/** `length`: octets of the whole frame, where less of it is here. */
export const packetView = (octets: Uint8Array, length = octets.length): PacketView => ({
  ...{ length, octets: toHex(octets), headers: headersOf(octets) },
});

export function headersOf(frame: Uint8Array): HeaderView[] {
  const headers: HeaderView[] = [];
  link(frame, 0, headers, DEEPEST);
  return headers;
}

function link(b: Uint8Array, at: number, headers: HeaderView[], depth: number): void {
  if (b.length < at + 14) {
    headers.push(cutOff(b.length - at));
    return;
  }
  const type = u16(b, at + 12);
  const [to, from] = [formatMac(b, at), formatMac(b, at + 6)];
  headers.push(header("ethernet", `${from} > ${to}`, { source: from, destination: to, type }));
  const inside = at + 14;
  if (type === 0x0800 || type === 0x86dd) packet(b, inside, headers, depth);
  else if (type === 0x0806 && b.length >= inside + 28) headers.push(arp(b, inside));
  else headers.push(payload(b.length - inside));
}

/** One line, without the Ethernet header. */
export const headersText = (headers: readonly HeaderView[]): string =>
  headers
    .filter((each) => each.header !== "ethernet" && each.header !== "payload")
    .map((each) => `${NAMES[each.header] ?? each.header} ${each.text}`.trim())
    .join(" | ");

const NAMES: Readonly<Record<string, string>> = {
  ...{ ipv4: "IPv4", ipv6: "IPv6", gre: "GRE", tcp: "TCP", udp: "UDP", icmp: "ICMP", icmp6: "ICMPv6", arp: "ARP" },
};

const header = (name: string, text: string, fields: Fields = {}): HeaderView => ({ header: name, text, fields });
const payload = (octets: number): HeaderView => header("payload", `${octets} octets`, { octets });
const cutOff = (octets: number): HeaderView => header("cut off", `after ${octets} octets`, { octets });

function packet(b: Uint8Array, at: number, headers: HeaderView[], depth: number): void {
  const version = b.length > at ? b[at]! >> 4 : 0;
  if (version === 4 && b.length >= at + 20) ipv4(b, at, headers, depth);
  else if (version === 6 && b.length >= at + 40) ipv6(b, at, headers, depth);
  else headers.push(cutOff(b.length - at));
}

function ipv4(b: Uint8Array, at: number, headers: HeaderView[], depth: number): void {
  const [source, destination] = [formatIpv4(b, at + 12), formatIpv4(b, at + 16)];
  const flags = u16(b, at + 6);
  const offset = (flags & 0x1fff) << 3;
  const fields = {
    ...{ source, destination, ttl: b[at + 8]!, protocol: b[at + 9]!, length: u16(b, at + 2) },
    ...{ dontFragment: (flags & 0x4000) !== 0, moreFragments: (flags & 0x2000) !== 0, offset, tos: b[at + 1]! },
  };
  const piece = offset !== 0 || fields.moreFragments;
  const words = [
    `${source} > ${destination} ttl ${fields.ttl} length ${fields.length}`,
    ...(fields.dontFragment ? ["DF"] : []),
    ...(piece ? [`fragment ${offset}${fields.moreFragments ? "+" : ""}`] : []),
  ];
  headers.push(header("ipv4", words.join(" "), fields));
  const next = at + ((b[at]! & 15) << 2);
  if (offset !== 0) headers.push(payload(Math.max(0, b.length - next)));
  else upper(b, next, { protocol: fields.protocol, headers, depth });
}

function ipv6(b: Uint8Array, at: number, headers: HeaderView[], depth: number): void {
  const [source, destination] = [formatIpv6(b, at + 8), formatIpv6(b, at + 24)];
  const fields = {
    ...{ source, destination, hopLimit: b[at + 7]!, nextHeader: b[at + 6]!, length: 40 + u16(b, at + 4) },
    ...{ flowLabel: u32(b, at) & 0xf_ffff, trafficClass: (u16(b, at) >> 4) & 0xff },
  };
  const text = `${source} > ${destination} hop limit ${fields.hopLimit} length ${fields.length}`;
  headers.push(header("ipv6", text, fields));
  if (fields.nextHeader !== PROTOCOL_FRAGMENT || b.length < at + 48) {
    upper(b, at + 40, { protocol: fields.nextHeader, headers, depth });
    return;
  }
  const [offset, more] = [u16(b, at + 42) & 0xfff8, (b[at + 43]! & 1) !== 0];
  headers.push(header("fragment", `${offset}${more ? "+" : ""}`, { offset, more, identification: u32(b, at + 44) }));
  if (offset !== 0) headers.push(payload(b.length - at - 48));
  else upper(b, at + 48, { protocol: b[at + 40]!, headers, depth });
}

interface Upper {
  readonly protocol: number;
  readonly headers: HeaderView[];
  readonly depth: number;
}

function upper(b: Uint8Array, at: number, { protocol, headers, depth }: Upper): void {
  const room = b.length - at;
  if (protocol === PROTOCOL_TCP && room >= 20) {
    headers.push(tcp(b, at), payload(Math.max(0, room - ((b[at + 12]! >> 4) << 2))));
  } else if (protocol === PROTOCOL_UDP && room >= 8) {
    const [sourcePort, destinationPort] = [u16(b, at), u16(b, at + 2)];
    headers.push(
      header("udp", `${sourcePort} > ${destinationPort}`, { sourcePort, destinationPort }),
      payload(room - 8),
    );
  } else if ((protocol === PROTOCOL_ICMP4 || protocol === PROTOCOL_ICMP6) && room >= 8) {
    icmp(b, at, { protocol, headers, depth });
  } else if (protocol === PROTOCOL_GRE && room >= 8 && depth > 0) {
    const key = u32(b, at + 4)
      .toString(16)
      .padStart(8, "0");
    headers.push(header("gre", `key ${key}`, { key }));
    const isFrame = u16(b, at + 2) === ETHERTYPE_BRIDGED; // an Ethernet segment's
    if (isFrame) link(b, at + 8, headers, depth - 1);
    else packet(b, at + 8, headers, depth - 1);
  } else {
    headers.push(room < 0 ? cutOff(b.length) : header("payload", `protocol ${protocol}, ${room} octets`, { protocol }));
  }
}

function tcp(b: Uint8Array, at: number): HeaderView {
  const [sourcePort, destinationPort] = [u16(b, at), u16(b, at + 2)];
  const flags = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"].filter((_, i) => ((b[at + 13]! >> i) & 1) !== 0).join(" ");
  return header("tcp", `${sourcePort} > ${destinationPort} ${flags}`, { sourcePort, destinationPort, flags });
}

function icmp(b: Uint8Array, at: number, { protocol, headers, depth }: Upper): void {
  const is6 = protocol === PROTOCOL_ICMP6;
  const [type, code] = [b[at]!, b[at + 1]!];
  const isQuery = is6 ? type >= 128 : type === 0 || type === 8;
  const identifier = u16(b, at + 4);
  const name = icmpText(is6, type, code);
  headers.push(
    header(is6 ? "icmp6" : "icmp", isQuery ? `${name} id ${identifier}` : name, {
      ...{ type, code },
      ...(isQuery ? { identifier, sequence: u16(b, at + 6) } : { mtu: u32(b, at + 4) }),
    }),
  );
  if (isQuery || depth === 0) headers.push(payload(b.length - at - 8));
  else packet(b, at + 8, headers, depth - 1);
}

/** Type and code in words, as RFC 792 and RFC 4443 have them. */
export function icmpText(is6: boolean, type: number, code: number): string {
  const key = `${type}/${code}`;
  return (is6 ? (ICMP6[key] ?? ICMP6[`${type}`]) : (ICMP4[key] ?? ICMP4[`${type}`])) ?? `type ${type} code ${code}`;
}

const ICMP4: Readonly<Record<string, string>> = {
  0: "echo reply",
  8: "echo request",
  "3/0": "network unreachable",
  "3/1": "host unreachable",
  "3/3": "port unreachable",
  "3/4": "fragmentation needed",
  "3/5": "source route failed",
  "3/13": "prohibited",
  "11/0": "time exceeded",
};

const ICMP6: Readonly<Record<string, string>> = {
  128: "echo request",
  129: "echo reply",
  135: "neighbor solicitation",
  136: "neighbor advertisement",
  "1/0": "no route",
  "1/1": "prohibited",
  "1/3": "address unreachable",
  "1/4": "port unreachable",
  "2/0": "packet too big",
  "3/0": "hop limit exceeded",
  "4/0": "erroneous header field",
};

function arp(b: Uint8Array, at: number): HeaderView {
  const operation = u16(b, at + 6);
  const [sender, target] = [formatIpv4(b, at + 14), formatIpv4(b, at + 24)];
  const verb = operation === 1 ? `who has ${target}, tell ${sender}` : `${sender} is at ${formatMac(b, at + 8)}`;
  return header("arp", verb, { operation, sender, target });
}
