/** For tests: every kind of message and option, each with its octets written down from the RFCs' pictures. */
import { parseIpv4, parseIpv6, parsePrefix6 } from "#base/address";
import { fromHex } from "#base/bytes";
import type { MobilityMessage } from "#pmip/packet/message";
import { writeMobility } from "#pmip/packet/mobility";

export const address = (text: string): Uint8Array => (parseIpv6(text) ?? parseIpv4(text))!;
/** Blanks are for people. */
export const hex = (text: string): Uint8Array => fromHex(text.replaceAll(/\s/g, ""))!;

/** A mobile access gateway and a local mobility anchor. */
export const MAG = address("2001:db8:0:1::1");
export const LMA = address("2001:db8:0:2::1");

const PREFIX = parsePrefix6("2001:db8:0:2:a:b:c000:207/128")!;
const PREFIX_OCTETS = "20010db8 00000002 000a000b c0000207";
const NODE = "08080176 6d374061 696e"; // vm7@ain

export interface MessageSample {
  readonly name: string;
  readonly section: string;
  readonly message: MobilityMessage;
  /** The message but for its checksum, which is zero here. */
  readonly octets: Uint8Array;
}

export const MESSAGES: readonly MessageSample[] = [
  {
    name: "Proxy Binding Update",
    section: "RFC 5213 §8.1",
    message: {
      type: "binding-update",
      sequence: 0x1234,
      flags: 0x8200,
      lifetime: 15,
      options: {
        mobileNode: "vm7@ain",
        homeNetworkPrefixes: [PREFIX],
        handoff: 3,
        accessTechnology: 1,
        timestamp: { seconds: 0x0001_6789_abcd, fraction: 0x8000 },
        greKey: 0xcafe_f00d,
        linkLayer: hex("0200c0000207"),
        linkLocal: address("fe80::1"),
      },
    },
    octets: hex(`3b0c0500 0000 1234 8200 000f
      ${NODE} 010400000000
      16120080 ${PREFIX_OCTETS}
      17020003 18020001 0100
      1b08 00016789abcd 8000
      21060000 cafef00d
      19080000 0200c0000207
      1a10 fe800000 00000000 00000000 00000001`),
  },
  {
    name: "Binding Update with all flags, and two prefixes",
    section: "RFC 6275 §6.1.7, 5845 §6.2",
    message: {
      type: "binding-update",
      sequence: 0xffff,
      flags: 0xff80,
      lifetime: 0xffff,
      options: {
        mobileNode: "x",
        homeNetworkPrefixes: [parsePrefix6("2001:db8::/32")!, parsePrefix6("::/0")!],
        others: [{ type: 19, data: hex("0000000054657374") }],
      },
    },
    octets: hex(`3b090500 0000 ffff ff80 ffff
      08020178 01020000
      16120020 20010db8 00000000 00000000 00000000 01020000
      16120000 00000000 00000000 00000000 00000000
      1308 0000000054657374 010400000000`),
  },
  {
    name: "Proxy Binding Update that deregisters, for IPv4 alone, with GRE without keys",
    section: "RFC 5844 §3.3.1, 5845 §6.1",
    message: {
      type: "binding-update",
      sequence: 2,
      flags: 0x0200,
      lifetime: 0,
      options: { ipv4HomeAddresses: [{ address: address("192.0.2.7"), length: 24 }], greKey: "none" },
    },
    octets: hex("3b020500 0000 0002 0200 0000 24066000 c0000207 21020000"),
  },
  {
    name: "Proxy Binding Acknowledgement",
    section: "RFC 5213 §8.2, 5844 §3.3.2, 5844 §3.3.3, 5844 §3.3.4",
    message: {
      type: "binding-ack",
      status: 0,
      flags: 0x20,
      sequence: 0x1234,
      lifetime: 15,
      options: {
        mobileNode: "vm7@ain",
        homeNetworkPrefixes: [PREFIX],
        timestamp: { seconds: 0x0001_6789_abcd, fraction: 0x8000 },
        greKey: 0xcafe_f00d,
        ipv4HomeAddressReply: { status: 0, address: address("192.0.2.7"), length: 24 },
        ipv4DefaultRouter: address("192.0.2.1"),
        ipv4DhcpSupport: "server",
      },
    },
    octets: hex(`3b0a0600 0000 0020 1234 000f
      ${NODE} 010400000000
      16120080 ${PREFIX_OCTETS} 0100
      1b08 00016789abcd 8000
      21060000 cafef00d
      25060060 c0000207 26060000 c0000201 27020001`),
  },
  {
    name: "Proxy Binding Acknowledgement that refuses",
    section: "RFC 5213 §8.9, 5844 §3.3.2",
    message: {
      type: "binding-ack",
      status: 157,
      flags: 0xf0,
      sequence: 0xffff,
      lifetime: 0,
      options: {
        ipv4HomeAddressReply: { status: 132, address: address("0.0.0.0"), length: 32 },
        ipv4DhcpSupport: "relay",
      },
    },
    octets: hex("3b020600 0000 9df0 ffff 0000 25068480 00000000 27020000"),
  },
  {
    name: "Binding Error",
    section: "RFC 6275 §6.1.9",
    message: { type: "binding-error", status: 2, homeAddress: address("2001:db8::7"), options: {} },
    octets: hex("3b020700 0000 0200 20010db8 00000000 00000000 00000007"),
  },
  {
    name: "Heartbeat request",
    section: "RFC 5847 §3.3",
    message: { type: "heartbeat", kind: "request", sequence: 0xfedc_ba98, options: {} },
    octets: hex("3b010d00 0000 0000 fedcba98 01020000"),
  },
  {
    name: "Heartbeat response",
    section: "RFC 5847 §3.3, §3.4",
    message: { type: "heartbeat", kind: "response", sequence: 1, options: { restartCounter: 0x8000_0001 } },
    octets: hex("3b020d00 0000 0001 00000001 0100 1c04 80000001 01020000"),
  },
  {
    name: "Heartbeat response that nobody asked for",
    section: "RFC 5847 §3.2, §3.3",
    message: { type: "heartbeat", kind: "unsolicited-response", sequence: 0, options: { restartCounter: 2 } },
    octets: hex("3b020d00 0000 0003 00000000 0100 1c04 00000002 01020000"),
  },
  {
    name: "Binding Revocation Indication",
    section: "RFC 5846 §5.1",
    message: {
      type: "revocation",
      trigger: 3,
      sequence: 0xabcd,
      flags: 0x8000,
      options: { mobileNode: "vm7@ain", homeNetworkPrefixes: [PREFIX], alternateCareOf: MAG },
    },
    octets: hex(`3b081000 0000 0103 abcd 8000
      ${NODE} 010400000000
      16120080 ${PREFIX_OCTETS} 010400000000
      0310 20010db8 00000001 00000000 00000001`),
  },
  {
    name: "Binding Revocation Acknowledgement",
    section: "RFC 5846 §5.2",
    message: { type: "revocation-ack", status: 132, sequence: 0xabcd, flags: 0xe000, options: {} },
    octets: hex("3b011000 0000 0284 abcd e000 01020000"),
  },
  {
    name: "Localized Routing Initiation",
    section: "RFC 6705 §10.1",
    message: {
      type: "localized-routing-initiation",
      sequence: 0x0102,
      lifetime: 0xffff,
      mobileNodes: [
        { mobileNode: "a@ain", homeNetworkPrefixes: [parsePrefix6("2001:db8:a::/64")!] },
        { mobileNode: "b@ain", homeNetworkPrefixes: [PREFIX] },
      ],
      options: { magAddress: MAG },
    },
    octets: hex(`3b0b1100 0000 0102 0000 ffff
      0806016140 61696e
      16120040 20010db8 000a0000 00000000 00000000
      0806016240 61696e 01020000
      16120080 ${PREFIX_OCTETS} 01020000
      33120080 20010db8 00000001 00000000 00000001`),
  },
  {
    name: "Localized Routing Acknowledgment",
    section: "RFC 6705 §10.2",
    message: {
      type: "localized-routing-ack",
      sequence: 0x0102,
      unsolicited: true,
      status: 128,
      lifetime: 300,
      mobileNodes: [{ mobileNode: "a@ain", homeNetworkPrefixes: [PREFIX] }],
      options: { magAddress: MAG },
    },
    octets: hex(`3b071200 0000 0102 8080 012c
      0806016140 61696e
      16120080 ${PREFIX_OCTETS} 01020000
      33120080 20010db8 00000001 00000000 00000001`),
  },
  {
    name: "Localized Routing Acknowledgment of nobody",
    section: "RFC 6705 §10.2",
    message: {
      type: "localized-routing-ack",
      sequence: 3,
      unsolicited: false,
      status: 129,
      lifetime: 0,
      mobileNodes: [],
      options: {},
    },
    octets: hex("3b011200 0000 0003 0081 0000 01020000"),
  },
  {
    name: "message with a proof of origin, made up",
    section: "RFC 4285 §5",
    message: {
      type: "heartbeat",
      kind: "request",
      sequence: 1,
      options: { authentication: { spi: 0x1234_5678, authenticator: hex("00112233445566778899aabb") } },
    },
    octets: hex("3b030d00 0000 0000 00000001 00 0911 01 12345678 00112233445566778899aabb"),
  },
  {
    name: "message with options that nobody knows",
    section: "RFC 6275 §6.2.1",
    message: {
      type: "heartbeat",
      kind: "request",
      sequence: 1,
      options: {
        others: [
          { type: 200, data: hex("aa") },
          { type: 200, data: hex("") },
        ],
      },
    },
    octets: hex("3b020d00 0000 0000 00000001 c801aa c800 010500 00000000"),
  },
];

export interface Packet {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** After the IPv6 header. */
  readonly octets: Uint8Array;
}

/** As on the wire from the gateway to the anchor. */
export const packetOf = (message: MobilityMessage): Packet => ({
  source: MAG,
  destination: LMA,
  octets: writeMobility(message, MAG, LMA),
});

/** The octets, right in the middle of a buffer of 0xa5. */
export function amidst(octets: Uint8Array): Uint8Array {
  const buffer = new Uint8Array(octets.length + 64).fill(0xa5);
  buffer.set(octets, 33);
  return buffer.subarray(33, 33 + octets.length);
}
