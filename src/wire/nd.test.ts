import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatIpv6, parseIpv6 } from "#base/address";
import { fromHex, put8, toHex } from "#base/bytes";
import { Malformed } from "#base/reader";
import * as icmp6 from "#wire/icmp6";
import * as ipv6 from "#wire/ipv6";
import * as nd from "#wire/nd";

const ip = (text: string) => parseIpv6(text)!;
const mac = fromHex("02000000000a")!;
const a = ip("fe80::a");
const b = ip("fe80::b");
const unspecified = ip("::");

const solicitation: nd.NeighborSolicitation = {
  type: icmp6.NEIGHBOR_SOLICITATION,
  target: b,
  options: { sourceLinkLayer: mac },
};
const advertisement: nd.NeighborAdvertisement = {
  type: icmp6.NEIGHBOR_ADVERTISEMENT,
  router: true,
  solicited: true,
  override: false,
  target: b,
  options: { targetLinkLayer: mac },
};
const routerAdvertisement: nd.RouterAdvertisement = {
  type: icmp6.ROUTER_ADVERTISEMENT,
  curHopLimit: 64,
  managed: false,
  otherConfig: true,
  routerLifetime: 1800,
  reachableTime: 30000,
  retransTimer: 0,
  options: {},
};

const packetOf = (message: nd.NdMessage, source = a, destination = b): nd.NdPacket => ({
  source,
  destination,
  message,
});

/** Reads a packet after `change` to its octets, with a right checksum again. */
function readChanged(packet: nd.NdPacket, change: (octets: Uint8Array) => void): nd.NdPacket | string {
  const octets = nd.writeNd(packet);
  change(octets);
  icmp6.writeChecksum(octets, 0, ipv6.SIZE, octets.length);
  return errorOf(nd.readNd(octets, 0, octets.length));
}

const errorOf = (read: nd.NdPacket | Malformed): nd.NdPacket | string =>
  read instanceof Malformed ? read.error : read;
const reread = (packet: nd.NdPacket): nd.NdPacket | string => readChanged(packet, () => {});

const octets = (n: number) => fc.uint8Array({ minLength: n, maxLength: n });
const unicast = octets(16).map((address) => {
  address[0] = 0xfe;
  address[1] = 0x80;
  return address;
});
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const prefix = fc.record({
  prefixLength: fc.nat(128),
  onLink: fc.boolean(),
  autonomous: fc.boolean(),
  validLifetime: u32,
  preferredLifetime: u32,
  prefix: octets(16),
});
const domain = fc.stringMatching(/^[a-z]{1,20}(\.[a-z0-9-]{1,20}){0,3}$/);
const dnsServers = fc.record({ lifetime: u32, servers: fc.array(octets(16), { minLength: 1, maxLength: 4 }) });
const searchList = fc.record({ lifetime: u32, domains: fc.array(domain, { minLength: 1, maxLength: 4 }) });
const options = fc.record(
  {
    sourceLinkLayer: octets(6),
    targetLinkLayer: octets(6),
    mtu: u32,
    nonce: octets(6),
    prefixes: fc.array(prefix, { minLength: 1, maxLength: 3 }),
    dnsServers: fc.array(dnsServers, { minLength: 1, maxLength: 2 }),
    searchLists: fc.array(searchList, { minLength: 1, maxLength: 2 }),
  },
  { requiredKeys: [] },
);
const message: fc.Arbitrary<nd.NdMessage> = fc.oneof(
  fc.record({ type: fc.constant(icmp6.ROUTER_SOLICITATION), options }),
  fc.record({
    type: fc.constant(icmp6.ROUTER_ADVERTISEMENT),
    curHopLimit: fc.nat(255),
    managed: fc.boolean(),
    otherConfig: fc.boolean(),
    routerLifetime: fc.nat(0xffff),
    reachableTime: u32,
    retransTimer: u32,
    options,
  }),
  fc.record({ type: fc.constant(icmp6.NEIGHBOR_SOLICITATION), target: unicast, options }),
  fc.record({
    type: fc.constant(icmp6.NEIGHBOR_ADVERTISEMENT),
    router: fc.boolean(),
    solicited: fc.boolean(),
    override: fc.boolean(),
    target: unicast,
    options,
  }),
) as fc.Arbitrary<nd.NdMessage>;

describe("neighbor discovery messages", () => {
  test("are written as RFC 4861 §4.3 draws a Neighbor Solicitation", () => {
    expect(toHex(nd.writeNd(packetOf(solicitation)))).toBe(
      `60000000${"0020"}3aff${toHex(a)}${toHex(b)}` + `870079f700000000${toHex(b)}` + `0101${toHex(mac)}`,
    );
  });

  test("are written as §4.4 draws a Neighbor Advertisement", () => {
    const written = nd.writeNd(packetOf(advertisement));
    expect(toHex(written.subarray(40, 42))).toBe("8800");
    expect(toHex(written.subarray(44))).toBe(`c0000000${toHex(b)}0201${toHex(mac)}`);
  });

  test("are written as §4.2, §4.6.2 and §4.6.4 draw a Router Advertisement", () => {
    const prefixes = [
      {
        prefixLength: 64,
        onLink: true,
        autonomous: false,
        validLifetime: 1,
        preferredLifetime: 2,
        prefix: ip("2001:db8::"),
      },
    ];
    const written = nd.writeNd(packetOf({ ...routerAdvertisement, options: { mtu: 1500, prefixes } }));
    expect(toHex(written.subarray(44))).toBe(
      `40400708${"00007530"}00000000` +
        `0304408000000001000000020000000020010db8${"00".repeat(12)}` +
        "05010000000005dc",
    );
  });

  test("tell of DNS as RFC 8106 §5.1 and §5.2 draw it, a search list padded to 8 octets", () => {
    const dns = {
      dnsServers: [{ lifetime: 1800, servers: [ip("2001:db8::53"), ip("2001:db8::54")] }],
      searchLists: [{ lifetime: 1800, domains: ["net.example", "ab"] }],
    };
    const written = nd.writeNd(packetOf({ ...routerAdvertisement, options: dns }));
    expect(toHex(written.subarray(56))).toBe(
      `1905000000000708${toHex(ip("2001:db8::53"))}${toHex(ip("2001:db8::54"))}` +
        `1f04000000000708${"036e6574076578616d706c6500"}${"02616200"}${"00".repeat(7)}`,
    );
  });

  test("are read without the options of DNS that are none (RFC 4861 §4.6)", () => {
    const dns = {
      dnsServers: [{ lifetime: 1, servers: [ip("2001:db8::53")] }],
      searchLists: [{ lifetime: 1, domains: ["net.example"] }],
    };
    const packet = packetOf({ ...routerAdvertisement, options: { ...dns, mtu: 1500 } });
    const listAt = ipv6.SIZE + 16 + 8 + 24;
    const compressed = readChanged(packet, (o) => put8(o, listAt + 8, 0xc0));
    expect(compressed).toEqual(
      packetOf({ ...routerAdvertisement, options: { mtu: 1500, dnsServers: dns.dnsServers } }),
    );
    const serversAt = ipv6.SIZE + 16 + 8;
    const unknown = readChanged(packet, (o) => put8(o, serversAt, 200));
    expect(unknown).toEqual(packetOf({ ...routerAdvertisement, options: { mtu: 1500, searchLists: dns.searchLists } }));
  });

  test("are read as they are written, and refused at every truncation", () => {
    fc.assert(
      fc.property(unicast, unicast, message, (source, destination, m) => {
        const packet = { source, destination, message: m };
        const written = nd.writeNd(packet);
        const buffer = new Uint8Array(written.length + 6).fill(0xa5);
        buffer.set(written, 3);
        expect(nd.readNd(buffer, 3, 3 + written.length)).toEqual(packet);
        expect(nd.readNd(buffer, 3, buffer.length)).toEqual(packet); // Ethernet padding
        for (let end = 3; end < 3 + written.length; end++) expect(nd.readNd(buffer, 3, end)).toBeInstanceOf(Malformed);
      }),
    );
  });

  test("cut short with a payload length that agrees are refused or lack options, never misread", () => {
    for (const m of [solicitation, advertisement, routerAdvertisement]) {
      const whole = nd.writeNd(packetOf(m));
      for (let length = 0; length < whole.length - ipv6.SIZE; length++) {
        const cut = whole.slice(0, ipv6.SIZE + length);
        ipv6.setPayloadLength(cut, 0, length);
        if (length >= 4) icmp6.writeChecksum(cut, 0, ipv6.SIZE, cut.length);
        const read = nd.readNd(cut, 0, cut.length);
        if (read instanceof Malformed) continue;
        expect([length, read.message.options]).toEqual([m.type === icmp6.ROUTER_ADVERTISEMENT ? 16 : 24, {}]);
      }
    }
  });

  test("of any octets are read or refused without throwing", () => {
    fc.assert(
      fc.property(fc.integer({ min: 132, max: 138 }), fc.uint8Array({ minLength: 8, maxLength: 120 }), (type, body) => {
        const packet = new Uint8Array(ipv6.SIZE + body.length);
        packet.set(body, ipv6.SIZE);
        packet[ipv6.SIZE] = type;
        packet[ipv6.SIZE + 1] = 0;
        ipv6.write(packet, 0, { payloadLength: body.length, nextHeader: 58, hopLimit: 255, source: a, destination: b });
        icmp6.writeChecksum(packet, 0, ipv6.SIZE, packet.length);
        const read = nd.readNd(packet, 0, packet.length);
        if (type < 133 || type > 136) expect(read).toBeInstanceOf(Malformed);
      }),
      { numRuns: 500 },
    );
  });
});

describe("validation common to all messages (RFC 4861 §6.1, §7.1)", () => {
  test("refuses a hop limit below 255: a router forwarded it", () => {
    expect(readChanged(packetOf(solicitation), (o) => ipv6.setHopLimit(o, 0, 254))).toBe("hop limit is not 255");
  });

  test("refuses a wrong checksum", () => {
    const written = nd.writeNd(packetOf(solicitation));
    written[60]! ^= 1;
    expect(errorOf(nd.readNd(written, 0, written.length))).toBe("checksum");
  });

  test("refuses a code other than 0", () => {
    expect(readChanged(packetOf(solicitation), (o) => icmp6.setCode(o, 40, 1))).toBe("code is not 0");
  });

  test("refuses an option of length zero", () => {
    const spoil = (o: Uint8Array) => put8(o, 65, 0);
    expect(readChanged(packetOf(solicitation), spoil)).toBe("option of length zero");
  });

  test("refuses an option that runs past the end", () => {
    const spoil = (o: Uint8Array) => put8(o, 65, 2);
    expect(readChanged(packetOf(solicitation), spoil)).toBe("truncated");
  });

  test("steps over unknown options and ignores reserved fields", () => {
    const spoil = (o: Uint8Array) => {
      o[47] = 0xff; // reserved
      o[64] = 200; // option type
    };
    expect(readChanged(packetOf(solicitation), spoil)).toEqual(packetOf({ ...solicitation, options: {} }));
  });

  test("refuses a multicast source", () => {
    expect(reread(packetOf(solicitation, nd.ALL_NODES))).toBe("multicast source");
  });

  test("refuses what is not ICMPv6", () => {
    expect(readChanged(packetOf(solicitation), (o) => ipv6.setNextHeader(o, 0, 17))).toBe("not ICMPv6");
  });
});

describe("validation of Router Solicitations (RFC 4861 §6.1.1)", () => {
  test("refuses the unspecified source with a link-layer address", () => {
    const m: nd.RouterSolicitation = { type: icmp6.ROUTER_SOLICITATION, options: { sourceLinkLayer: mac } };
    expect(reread(packetOf(m, unspecified, nd.ALL_ROUTERS))).toBe("link-layer address of the unspecified source");
    const without = packetOf({ ...m, options: {} }, unspecified, nd.ALL_ROUTERS);
    expect(reread(without)).toEqual(without);
  });
});

describe("validation of Router Advertisements (RFC 4861 §6.1.2)", () => {
  test("refuses a source that is not link-local", () => {
    expect(reread(packetOf(routerAdvertisement, ip("2001:db8::1")))).toBe("source is not link-local");
  });
});

describe("validation of Neighbor Solicitations (RFC 4861 §7.1.1)", () => {
  const anonymous = { ...solicitation, options: {} };

  test("refuses a multicast target", () => {
    expect(reread(packetOf({ ...solicitation, target: nd.ALL_NODES }))).toBe("multicast target");
  });

  test("lets the unspecified source ask a solicited-node address only, without link-layer address", () => {
    const group = nd.solicitedNode(b);
    expect(reread(packetOf(anonymous, unspecified, group))).toEqual(packetOf(anonymous, unspecified, group));
    expect(reread(packetOf(anonymous, unspecified, b))).toBe("unspecified source to a unicast destination");
    expect(reread(packetOf(solicitation, unspecified, group))).toBe("link-layer address of the unspecified source");
  });
});

describe("validation of Neighbor Advertisements (RFC 4861 §7.1.2)", () => {
  test("refuses a multicast target", () => {
    expect(reread(packetOf({ ...advertisement, target: nd.ALL_NODES }))).toBe("multicast target");
  });

  test("refuses a solicited one to a multicast destination", () => {
    expect(reread(packetOf(advertisement, a, nd.ALL_NODES))).toBe("solicited advertisement to a multicast address");
    const unsolicited = packetOf({ ...advertisement, solicited: false }, a, nd.ALL_NODES);
    expect(reread(unsolicited)).toEqual(unsolicited);
  });

  test("refuses the unspecified source", () => {
    expect(reread(packetOf(advertisement, unspecified))).toBe("unspecified source");
  });
});

describe("multicast groups (RFC 4291 §2.7.1)", () => {
  test("solicited-node address of the RFC's example", () => {
    expect(formatIpv6(nd.solicitedNode(ip("4037::01:800:200e:8c6c")))).toBe("ff02::1:ff0e:8c6c");
  });

  test("all nodes and all routers", () => {
    expect([nd.ALL_NODES, nd.ALL_ROUTERS].map((group) => formatIpv6(group))).toEqual(["ff02::1", "ff02::2"]);
  });
});
