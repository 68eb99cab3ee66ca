/**
 * A second opinion on what we send: tshark reads every packet and LSA of testing/samples.ts and finds the values that
 * were meant. Needs no root, but tshark from Debian. It does not verify LSA checksums or digests: captures.test.ts does.
 */
import { afterAll, expect, describe as suite, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { appendTrailer, type SecurityAssociation } from "#ospf/packet/auth-trailer";
import type { Datagram } from "#ospf/packet/header";
import type { OspfPacket } from "#ospf/packet/packet";
import { datagramOf, LSAS, lsaOf, PACKETS } from "#ospf/packet/testing/samples";
import * as ethernet from "#wire/ethernet";
import * as ipv6 from "#wire/ipv6";
import { writePcap } from "#wire/pcap";
import { PROTOCOL_OSPF } from "#wire/protocol";

const MINUTE = 60_000;
const directory = mkdtempSync(join(tmpdir(), "ain-ospf-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const SA: SecurityAssociation = { id: 7, algorithm: "hmac-sha-256", key: new TextEncoder().encode("correct-horse") };

/** As multicast on an Ethernet. */
function frameOf({ source, destination, octets }: Datagram): Uint8Array {
  const b = new Uint8Array(ethernet.SIZE + ipv6.SIZE + octets.length);
  b.set([0x33, 0x33, ...destination.subarray(12), 0x02, 0, 0, 0, 0, 0x0a, 0x86, 0xdd]);
  const fields = { payloadLength: octets.length, nextHeader: PROTOCOL_OSPF, hopLimit: 1, source, destination };
  ipv6.write(b, ethernet.SIZE, fields);
  b.set(octets, ethernet.SIZE + ipv6.SIZE);
  return b;
}

function capture(name: string, datagrams: readonly Datagram[]): string {
  const file = join(directory, `${name}.pcap`);
  writeFileSync(file, writePcap(datagrams.map((d, i) => ({ seconds: i, nanos: 0, octets: frameOf(d) }))));
  return file;
}

async function tshark(...words: readonly string[]): Promise<string[]> {
  const child = Bun.spawn(["tshark", "-n", ...words], { stdout: "pipe", stderr: "pipe" });
  const [output, errors, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (status !== 0) throw new Error(`tshark: ${errors}`);
  return output.split("\n").filter((line) => line !== "");
}

/** Each frame's values, a line a frame: fields by `|`, a field's values by blanks. */
async function fieldsOf(file: string, ...names: readonly string[]): Promise<string[]> {
  const format = ["-T", "fields", "-E", "separator=|", "-E", "occurrence=a", "-E", "aggregator=/s"];
  return tshark("-r", file, ...format, ...names.flatMap((name) => ["-e", name]));
}

const updateOf = (sample: (typeof LSAS)[number]): Datagram =>
  datagramOf({ type: 4, routerId: 0x01010101, areaId: 0, instanceId: 0, lsas: [lsaOf(sample)] });

/** Types that tshark 4.0 does not know, which it says as a warning. */
const STRANGE = [0x000b, 0xafff];

const plain = PACKETS.map(({ packet }) => datagramOf(packet));
const withTrailers = PACKETS.map(({ packet }, i): Datagram => {
  const announced = (packet.type <= 2 ? { ...packet, options: 0x000413 } : packet) as OspfPacket;
  const datagram = datagramOf(announced);
  const octets = appendTrailer(datagram.octets, datagram.source, SA, { high: 1, low: i });
  return { ...datagram, octets };
});

suite("tshark finds nothing malformed, no fault and no wrong checksum", () => {
  const all: readonly (readonly [string, readonly Datagram[]])[] = [
    ["packets", plain],
    ["packets-with-trailers", withTrailers],
    ["lsas", LSAS.filter(({ type }) => !STRANGE.includes(type)).map(updateOf)],
  ];

  test.each(all)(
    "in %s",
    async (name, datagrams) => {
      const file = capture(name, datagrams);
      expect(await tshark("-r", file, "-Y", "_ws.malformed || _ws.expert", "-V")).toEqual([]);
      const details = await tshark("-r", file, "-V", "-O", "ospf");
      const verdicts = details.flatMap((line) => /^ {8}Checksum: 0x\w{4} (.*)/.exec(line)?.[1] ?? []);
      expect(verdicts).toEqual(datagrams.map(() => (name.endsWith("trailers") ? "(None)" : "[correct]")));
    },
    MINUTE,
  );

  test(
    "in types it does not know, but that it does not know them",
    async () => {
      const strange = LSAS.filter(({ type }) => STRANGE.includes(type));
      const file = capture("strange", strange.map(updateOf));
      expect(await tshark("-r", file, "-Y", "_ws.malformed")).toEqual([]);
      expect(await fieldsOf(file, "ospf.v3.lsa", "_ws.expert.message")).toEqual([
        "0x000b|Unknown LSA Type 11",
        "0xafff|Unknown LSA Type 4095",
      ]);
    },
    MINUTE,
  );
});

suite("tshark reads what was meant", () => {
  const known = LSAS.filter(({ type }) => !STRANGE.includes(type));
  /** Frames that have none of the fields are left out. */
  async function valuesOf(name: string, sent: readonly Datagram[], fields: readonly string[]): Promise<string[]> {
    const lines = await fieldsOf(capture(name, sent), ...fields.map((field) => `ospf.${field}`));
    return lines.filter((line) => /[^|]/.test(line));
  }

  const packets: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    [
      "headers (RFC 5340 §A.3.1)",
      ["version", "msg", "packet_length", "srcrouter", "area_id", "instance_id"],
      [
        "3|1|44|10.11.12.13|0.0.1.2|3",
        "3|1|36|0.0.0.1|0.0.0.0|0",
        "3|2|68|10.11.12.13|0.0.1.2|3",
        "3|2|28|10.11.12.13|0.0.1.2|3",
        "3|3|40|10.11.12.13|0.0.1.2|3",
        "3|4|72|10.11.12.13|0.0.1.2|3",
        "3|5|56|10.11.12.13|0.0.1.2|3",
      ],
    ],
    [
      "Hellos (§A.3.2)",
      ["hello.interface_id", "hello.router_priority", "hello.hello_interval", "hello.router_dead_interval"],
      ["4294967280|200|10|40", "1|0|65535|65535"],
    ],
    [
      "routers in Hellos (§A.3.2)",
      ["hello.designated_router", "hello.backup_designated_router", "hello.active_neighbor"],
      ["1.1.1.1|254.2.2.2|1.1.1.1 254.2.2.2", "0.0.0.0|0.0.0.0|"],
    ],
    [
      "Database Descriptions (§A.3.3)",
      ["db.interface_mtu", "dbd.i", "dbd.m", "dbd.ms", "db.dd_sequence"],
      ["9000|0|1|1|3405643777", "1500|1|1|1|1"],
    ],
    [
      "LSA headers and requests (§A.3.3 … §A.3.6)",
      ["v3.lsa", "link_state_id", "advrouter", "lsa.seqnum", "lsa.chksum", "lsa.length"],
      [
        "0x2001 0x4005|0.0.0.0 255.255.255.255|1.1.1.1 1.1.1.1|0x80000001 0x7fffffff|0xabcd 0xabcd|24 24",
        "0x2001 0x4005|0.0.0.0 128.0.0.0|2.2.2.2 255.255.255.255|||",
        "0x2002 0x2001|0.0.0.5 0.0.0.0|1.1.1.1 1.1.1.1|0x80000001 0x80000001|0x1234 0x4321|28 24",
        "0x2001 0x4005|0.0.0.0 255.255.255.255|1.1.1.1 1.1.1.1|0x80000001 0x7fffffff|0xabcd 0xabcd|24 24",
      ],
    ],
    ["ages and counts (§A.3.5)", ["lsa.age", "ls.number_of_lsas"], ["300 3600|", "7 8|2", "300 3600|"]],
  ];
  test.each(packets)(
    "in %s",
    async (_, fields, lines) => {
      expect(await valuesOf("packets", plain, fields)).toEqual([...lines]);
    },
    MINUTE,
  );

  test(
    "in authentication trailers, of which it sees those announced in the same packet (RFC 7166 §4.1)",
    async () => {
      const fields = ["at.auth_type", "at.auth_data_len", "at.reserved", "at.sa_id", "at.crypto_seq_nbr"];
      expect(await valuesOf("trailers", withTrailers, fields)).toEqual([
        "1|48|0x0000|0x0007|4294967296",
        "1|48|0x0000|0x0007|4294967297",
        "1|48|0x0000|0x0007|4294967298",
        "1|48|0x0000|0x0007|4294967299",
      ]);
    },
    MINUTE,
  );

  const lsas: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    [
      "Router-LSAs (§A.4.3)",
      ["v3.router.lsa.flags", "v3.lsa.type", "v3.lsa.interface_id", "v3.lsa.neighbor_interface_id"],
      ["0x13|1 2 4|5 16909060 8|6 7 9", "0x00|||"],
    ],
    [
      "neighbors, attached routers and destinations (§A.4.3, §A.4.4, §A.4.6)",
      ["v3.lsa.neighbor_router_id", "v3.lsa.attached_router", "v3.lsa.destination_router_id"],
      ["2.2.2.2 254.253.252.251 4.4.4.4||", "|1.1.1.1 255.255.255.254|", "||10.0.0.1"],
    ],
    ["metrics", ["metric"], ["10 65535 3", "66051", "1", "16777214", "20", "1", "1", "20", "10 65535 0"]],
    ["options (§A.2)", ["v3.options"], ["0x000033", "0x000013", "0x000013", "0x000013", "0x000013"]],
    [
      "prefixes (§A.4.1)",
      ["prefix_length", "v3.prefix.options", "v3.address_prefix.ipv6"],
      [
        "49|0x10|2001:db8:0:8000::",
        "0|0x00|::",
        "32|0x00|2001:db8::",
        "0|0x00|::",
        "128|0x00|2001:db8::1",
        "48|0x08|2001:db8:1::",
        "64 128|0x00 0x02|2001:db8:1:2:: 2001:db8::1",
        "64 0 128|0x00 0x00 0x02|2001:db8:1:2:: :: 2001:db8::1",
      ],
    ],
    [
      "what is optional in AS-External- and NSSA-LSAs (§A.4.7, §A.4.8)",
      ["v3.as.external.flags", "v3.lsa.forwarding_address.ipv6", "v3.lsa.external_route_tag"],
      ["0x07|2001:db8::1|3735928559", "0x00||", "0x05||0", "0x02|2001:db8:1::1|"],
    ],
    [
      "references (§A.4.7, §A.4.10)",
      ["v3.lsa.referenced_ls_type", "v3.lsa.referenced_link_state_id", "v3.lsa.referenced_advertising_router"],
      ["0x2001|0.0.0.9|", "0x0000||", "0x0000||", "0x0000||", "0x2002|0.0.0.7|2.2.2.2"],
    ],
    [
      "Link-LSAs (§A.4.9)",
      ["v3.lsa.router_priority", "v3.lsa.link_local_interface_address.ipv6", "v3.lsa.num_prefixes"],
      ["1|fe80::a|2", "||3"],
    ],
  ];
  test.each(lsas)(
    "in %s",
    async (_, fields, lines) => {
      expect(await valuesOf("lsas", known.map(updateOf), fields)).toEqual([...lines]);
    },
    MINUTE,
  );

  test(
    "in each LSA's header (§A.4.2)",
    async () => {
      const fields = ["v3.lsa", "link_state_id", "advrouter", "lsa.age", "lsa.length"];
      const meant = known.map(({ type, octets }) => {
        const word = `0x${type.toString(16).padStart(4, "0")}`;
        return `${word}|1.2.3.4|254.253.252.251|1|${20 + octets.length}`;
      });
      expect(await valuesOf("lsas", known.map(updateOf), fields)).toEqual(meant);
    },
    MINUTE,
  );
});
