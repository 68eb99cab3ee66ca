/** For tests: every kind of LSA and packet that we send, each with its octets written down from the RFC's pictures. */
import { parseIpv6, parsePrefix6 } from "#base/address";
import { fromHex } from "#base/bytes";
import type { Datagram } from "#ospf/packet/header";
import type { Lsa } from "#ospf/packet/lsa";
import type { LsaBody } from "#ospf/packet/lsa-body";
import type { LsaHeader } from "#ospf/packet/lsa-header";
import { writeLsa } from "#ospf/packet/lsa-writer";
import { type OspfPacket, writePacket } from "#ospf/packet/packet";
import type { AdvertisedPrefix, MeasuredPrefix } from "#ospf/packet/prefix";

export const address = (text: string): Uint8Array => parseIpv6(text)!;
/** Blanks are for people. */
export const hex = (text: string): Uint8Array => fromHex(text.replaceAll(/\s/g, ""))!;
export const prefix = (text: string, options = 0): AdvertisedPrefix => ({ ...parsePrefix6(text)!, options });
export const measured = (text: string, metric: number, options = 0): MeasuredPrefix => ({
  ...prefix(text, options),
  metric,
});

export const ALICE = address("fe80::a");
export const BOB = address("fe80::b");
export const ALL_SPF = address("ff02::5");

export interface LsaSample {
  readonly name: string;
  readonly section: string;
  readonly body: LsaBody;
  /** LS type. */
  readonly type: number;
  /** After the 20 octets of the header. */
  readonly octets: Uint8Array;
}

export const LSAS: readonly LsaSample[] = [
  {
    name: "Router-LSA",
    section: "RFC 5340 §A.4.3",
    type: 0x2001,
    body: {
      kind: "router",
      flags: 0x13,
      options: 0x000033,
      links: [
        { type: 1, metric: 10, interfaceId: 5, neighborInterfaceId: 6, neighborRouterId: 0x02020202 },
        { type: 2, metric: 0xffff, interfaceId: 0x01020304, neighborInterfaceId: 7, neighborRouterId: 0xfefdfcfb },
        { type: 4, metric: 3, interfaceId: 8, neighborInterfaceId: 9, neighborRouterId: 0x04040404 },
      ],
    },
    octets: hex(`13000033
      0100000a 00000005 00000006 02020202
      0200ffff 01020304 00000007 fefdfcfb
      04000003 00000008 00000009 04040404`),
  },
  {
    name: "Router-LSA without links",
    section: "RFC 5340 §A.4.3",
    type: 0x2001,
    body: { kind: "router", flags: 0, options: 0x000013, links: [] },
    octets: hex("00000013"),
  },
  {
    name: "Network-LSA",
    section: "RFC 5340 §A.4.4",
    type: 0x2002,
    body: { kind: "network", options: 0x000013, attachedRouters: [0x01010101, 0xfffffffe] },
    octets: hex("00000013 01010101 fffffffe"),
  },
  {
    name: "Inter-Area-Prefix-LSA",
    section: "RFC 5340 §A.4.5",
    type: 0x2003,
    body: { kind: "interAreaPrefix", metric: 0x010203, prefix: prefix("2001:db8:0:8000::/49", 0x10) },
    octets: hex("00010203 31100000 20010db8 00008000"),
  },
  {
    name: "Inter-Area-Prefix-LSA of the default route",
    section: "RFC 5340 §A.4.5",
    type: 0x2003,
    body: { kind: "interAreaPrefix", metric: 1, prefix: prefix("::/0") },
    octets: hex("00000001 00000000"),
  },
  {
    name: "Inter-Area-Router-LSA",
    section: "RFC 5340 §A.4.6",
    type: 0x2004,
    body: { kind: "interAreaRouter", options: 0x000013, metric: 0xfffffe, destinationRouterId: 0x0a000001 },
    octets: hex("00000013 00fffffe 0a000001"),
  },
  {
    name: "AS-External-LSA with all that is optional",
    section: "RFC 5340 §A.4.7",
    type: 0x4005,
    body: {
      kind: "asExternal",
      metricType: 2,
      metric: 20,
      prefix: prefix("2001:db8::/32"),
      forwardingAddress: address("2001:db8::1"),
      tag: 0xdeadbeef,
      referenced: { type: 0x2001, linkStateId: 9 },
    },
    octets: hex(`07000014 20002001 20010db8
      20010db8 00000000 00000000 00000001
      deadbeef 00000009`),
  },
  {
    name: "AS-External-LSA of the default route",
    section: "RFC 5340 §A.4.7",
    type: 0x4005,
    body: { kind: "asExternal", metricType: 1, metric: 1, prefix: prefix("::/0") },
    octets: hex("00000001 00000000"),
  },
  {
    name: "AS-External-LSA with a tag of zero",
    section: "RFC 5340 §A.4.7",
    type: 0x4005,
    body: { kind: "asExternal", metricType: 2, metric: 1, prefix: prefix("2001:db8::1/128"), tag: 0 },
    octets: hex("05000001 80000000 20010db8 00000000 00000000 00000001 00000000"),
  },
  {
    name: "NSSA-LSA",
    section: "RFC 5340 §A.4.8",
    type: 0x2007,
    body: {
      kind: "nssa",
      metricType: 1,
      metric: 20,
      prefix: prefix("2001:db8:1::/48", 0x08),
      forwardingAddress: address("2001:db8:1::1"),
    },
    octets: hex("02000014 30080000 20010db8 00010000 20010db8 00010000 00000000 00000001"),
  },
  {
    name: "Link-LSA",
    section: "RFC 5340 §A.4.9",
    type: 0x0008,
    body: {
      kind: "link",
      priority: 1,
      options: 0x000013,
      linkLocalAddress: ALICE,
      prefixes: [prefix("2001:db8:1:2::/64"), prefix("2001:db8::1/128", 0x02)],
    },
    octets: hex(`01000013 fe800000 00000000 00000000 0000000a 00000002
      40000000 20010db8 00010002
      80020000 20010db8 00000000 00000000 00000001`),
  },
  {
    name: "Intra-Area-Prefix-LSA",
    section: "RFC 5340 §A.4.10",
    type: 0x2009,
    body: {
      kind: "intraAreaPrefix",
      referenced: { type: 0x2002, linkStateId: 7, advertisingRouter: 0x02020202 },
      prefixes: [measured("2001:db8:1:2::/64", 10), measured("::/0", 0xffff), measured("2001:db8::1/128", 0, 0x02)],
    },
    octets: hex(`00032002 00000007 02020202
      4000000a 20010db8 00010002
      0000ffff
      80020000 20010db8 00000000 00000000 00000001`),
  },
  {
    name: "Grace-LSA",
    section: "RFC 5187 §2.2",
    type: 0x000b,
    body: { kind: "grace", gracePeriod: 120, reason: 1 },
    octets: hex("00010004 00000078 00020001 01000000"),
  },
  {
    name: "LSA of an unknown type",
    section: "RFC 5340 §A.4.2.1",
    type: 0xafff,
    body: { kind: "unknown", type: 0xafff, octets: hex("0102030405") },
    octets: hex("0102030405"),
  },
];

export const FIELDS = { age: 1, linkStateId: 0x01020304, advertisingRouter: 0xfefdfcfb, sequence: -0x7fff_ffff };
export const lsaOf = (sample: LsaSample): Lsa => writeLsa(FIELDS, sample.body);

const header = (more: Partial<LsaHeader>): LsaHeader => ({
  age: 300,
  type: 0x2001,
  linkStateId: 0,
  advertisingRouter: 0x01010101,
  sequence: -0x7fff_ffff,
  checksum: 0xabcd,
  length: 24,
  ...more,
});
const HEADERS = [header({}), header({ type: 0x4005, linkStateId: 0xffffffff, sequence: 0x7fff_ffff, age: 3600 })];
const HEADER_OCTETS = `
  012c2001 00000000 01010101 80000001 abcd0018
  0e104005 ffffffff 01010101 7fffffff abcd0018`;

export interface PacketSample {
  readonly name: string;
  readonly section: string;
  readonly packet: OspfPacket;
  /** The packet but for its checksum, which is zero here. */
  readonly octets: Uint8Array;
}

const SENDER = { routerId: 0x0a0b0c0d, areaId: 0x00000102, instanceId: 3 };
/** The header's 16 octets with type and length. */
const start = (type: string, length: string): string => `03${type}${length} 0a0b0c0d 00000102 00000300`;

const NETWORK: Lsa = {
  header: header({ age: 7, type: 0x2002, linkStateId: 5, checksum: 0x1234, length: 28 }),
  octets: hex("ffff2002 00000005 01010101 80000001 1234001c 00000013 01010101"),
};
const ROUTER: Lsa = {
  header: header({ age: 8, checksum: 0x4321 }),
  octets: hex("00082001 00000000 01010101 80000001 43210018 00000013"),
};

export const PACKETS: readonly PacketSample[] = [
  {
    name: "Hello",
    section: "RFC 5340 §A.3.2",
    packet: {
      type: 1,
      ...SENDER,
      interfaceId: 0xfffffff0,
      priority: 200,
      options: 0x000013,
      helloInterval: 10,
      routerDeadInterval: 40,
      designatedRouter: 0x01010101,
      backupDesignatedRouter: 0xfe020202,
      neighbors: [0x01010101, 0xfe020202],
    },
    octets: hex(`${start("01", "002c")} fffffff0 c8000013 000a0028 01010101 fe020202 01010101 fe020202`),
  },
  {
    name: "Hello of a router that is alone",
    section: "RFC 5340 §A.3.2",
    packet: {
      type: 1,
      routerId: 1,
      areaId: 0,
      instanceId: 0,
      interfaceId: 1,
      priority: 0,
      options: 0x000013,
      helloInterval: 0xffff,
      routerDeadInterval: 0xffff,
      designatedRouter: 0,
      backupDesignatedRouter: 0,
      neighbors: [],
    },
    octets: hex("03010024 00000001 00000000 00000000 00000001 00000013 ffffffff 00000000 00000000"),
  },
  {
    name: "Database Description",
    section: "RFC 5340 §A.3.3",
    packet: {
      type: 2,
      ...SENDER,
      options: 0x000013,
      interfaceMtu: 9000,
      flags: 0x03,
      sequence: 0xcafe0001,
      headers: HEADERS,
    },
    octets: hex(`${start("02", "0044")} 00000013 23280003 cafe0001 ${HEADER_OCTETS}`),
  },
  {
    name: "Database Description without headers",
    section: "RFC 5340 §A.3.3",
    packet: { type: 2, ...SENDER, options: 0x000013, interfaceMtu: 1500, flags: 0x07, sequence: 1, headers: [] },
    octets: hex(`${start("02", "001c")} 00000013 05dc0007 00000001`),
  },
  {
    name: "Link State Request",
    section: "RFC 5340 §A.3.4",
    packet: {
      type: 3,
      ...SENDER,
      requests: [
        { type: 0x2001, linkStateId: 0, advertisingRouter: 0x02020202 },
        { type: 0x4005, linkStateId: 0x80000000, advertisingRouter: 0xffffffff },
      ],
    },
    octets: hex(`${start("03", "0028")} 00002001 00000000 02020202 00004005 80000000 ffffffff`),
  },
  {
    name: "Link State Update",
    section: "RFC 5340 §A.3.5",
    packet: { type: 4, ...SENDER, lsas: [NETWORK, ROUTER] },
    octets: hex(`${start("04", "0048")} 00000002
      00072002 00000005 01010101 80000001 1234001c 00000013 01010101
      00082001 00000000 01010101 80000001 43210018 00000013`),
  },
  {
    name: "Link State Acknowledgment",
    section: "RFC 5340 §A.3.6",
    packet: { type: 5, ...SENDER, headers: HEADERS },
    octets: hex(`${start("05", "0038")} ${HEADER_OCTETS}`),
  },
];

/** As on the wire from Alice to all SPF routers. */
export const datagramOf = (packet: OspfPacket): Datagram => ({
  source: ALICE,
  destination: ALL_SPF,
  octets: writePacket(packet, ALICE, ALL_SPF),
});

/** The octets, right in the middle of a buffer of 0xa5. */
export function amidst(octets: Uint8Array): Uint8Array {
  const buffer = new Uint8Array(octets.length + 64).fill(0xa5);
  buffer.set(octets, 33);
  return buffer.subarray(33, 33 + octets.length);
}
