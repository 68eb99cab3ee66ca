/**
 * A second opinion on what we send: tshark reads every message of testing/samples.ts and finds the values that were
 * meant. Needs no root, but tshark from Debian. It does not verify the checksum of Mobility Headers: mobility.test.ts
 * does, word by word.
 */
import { afterAll, expect, describe as suite, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { u16 } from "#base/bytes";
import { sign } from "#pmip/packet/authentication";
import { authenticators } from "#pmip/packet/mac";
import type { MobilityMessage } from "#pmip/packet/message";
import { LMA, MAG, MESSAGES, type Packet, packetOf } from "#pmip/packet/testing/samples";
import * as ethernet from "#wire/ethernet";
import * as ipv6 from "#wire/ipv6";
import { writePcap } from "#wire/pcap";
import { PROTOCOL_MOBILITY } from "#wire/protocol";

const MINUTE = 60_000;
const directory = mkdtempSync(join(tmpdir(), "ain-pmip-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function frameOf({ source, destination, octets }: Packet): Uint8Array {
  const b = new Uint8Array(ethernet.SIZE + ipv6.SIZE + octets.length);
  b.set([0x02, 0, 0, 0, 0, 0x0b, 0x02, 0, 0, 0, 0, 0x0a, 0x86, 0xdd]);
  const fields = { payloadLength: octets.length, nextHeader: PROTOCOL_MOBILITY, hopLimit: 64, source, destination };
  ipv6.write(b, ethernet.SIZE, fields);
  b.set(octets, ethernet.SIZE + ipv6.SIZE);
  return b;
}

function capture(name: string, packets: readonly Packet[]): string {
  const file = join(directory, `${name}.pcap`);
  writeFileSync(file, writePcap(packets.map((p, i) => ({ seconds: i, nanos: 0, octets: frameOf(p) }))));
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

/**
 * Each frame's values, a line a frame: fields by `|`, a field's values by blanks. Frames that have none are left out.
 */
async function valuesOf(name: string, sent: readonly Packet[], ...fields: readonly string[]): Promise<string[]> {
  const format = ["-T", "fields", "-E", "separator=|", "-E", "occurrence=a", "-E", "aggregator=/s"];
  const names = fields.flatMap((field) => ["-e", `mip6.${field}`]);
  const lines = await tshark("-r", capture(name, sent), ...format, ...names);
  return lines.filter((line) => /[^|]/.test(line));
}

const isLocalized = ({ type }: MobilityMessage): boolean => type.startsWith("localized-routing");
/** What tshark 4.0 has to say of an option: that it does not know it, or that RFC 6705 §11.1's 18 octets should be 16. */
const isRemarked = ({ options }: MobilityMessage): boolean =>
  options.magAddress !== undefined || (options.others?.some(({ type }) => type === 200) ?? false);
/**
 * tshark 4.0 takes the first octets of the Mobility Header for sequence and lifetime of RFC 6705's messages, and reads
 * options right after the checksum. With a sequence of 0x0104 the fields that it passes over are a PadN option to it,
 * and the true options follow.
 */
const asPadded = (message: MobilityMessage): MobilityMessage =>
  "mobileNodes" in message ? { ...message, sequence: 0x0104 } : message;

const all = MESSAGES.map(({ message }) => message);
const sent = all.map((message) => packetOf(asPadded(message)));
const keys = authenticators([
  { spi: 300, algorithm: "hmac-sha-256-128", key: new Uint8Array(16) },
  { spi: 0xffff_ffff, algorithm: "hmac-sha-1-96", key: new Uint8Array(16) },
]);
const PATH = { source: MAG, destination: LMA, careOf: MAG, home: LMA };
const signed = (spi: number, messages: readonly MobilityMessage[]): Packet[] =>
  messages
    .filter((message) => message.options.authentication === undefined)
    .map((message) => {
      const { octets } = packetOf(asPadded(message));
      return { source: MAG, destination: LMA, octets: sign(octets, PATH, spi, keys) };
    });

suite("tshark finds nothing malformed and no fault", () => {
  const plain = all.filter((message) => !isRemarked(message));
  test.each([
    ["messages", plain.map((message) => packetOf(asPadded(message)))],
    ["messages-signed", signed(300, plain)],
    ["messages-signed-otherwise", signed(0xffff_ffff, plain)],
  ] as const)(
    "in %s",
    async (name, packets) => {
      const file = capture(name, packets);
      expect(await tshark("-r", file, "-Y", "_ws.malformed || _ws.expert", "-V")).toEqual([]);
      expect(await tshark("-r", file, "-T", "fields", "-e", "mip6.hlen")).toEqual(
        packets.map(({ octets }) => String(octets.length / 8 - 1)),
      );
    },
    MINUTE,
  );

  test(
    "in the other messages, but options that it does not know or takes for another length",
    async () => {
      const remarked = all.filter(isRemarked).map((message) => packetOf(asPadded(message)));
      const file = capture("remarked", remarked);
      expect(await tshark("-r", file, "-Y", "_ws.malformed")).toEqual([]);
      expect(await tshark("-r", file, "-T", "fields", "-e", "mip6.mhtype", "-e", "_ws.expert.message")).toEqual([
        "17\tMAG IPv6 Address (with option length = 18 bytes; should be 16)",
        "18\tMAG IPv6 Address (with option length = 18 bytes; should be 16)",
        "13\tIE data not dissected yet,IE data not dissected yet",
      ]);
    },
    MINUTE,
  );
});

suite("tshark reads what was meant", () => {
  const tables: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    [
      "headers (RFC 6275 §6.1.1)",
      ["proto", "mhtype", "reserved", "csum"],
      sent.map(({ octets }) => `59|${octets[2]}|0x00|0x${u16(octets, 4).toString(16).padStart(4, "0")}`),
    ],
    [
      "Binding Updates (RFC 6275 §6.1.7)",
      ["bu.seqnr", "bu.lifetime", "bu.a_flag", "bu.h_flag", "bu.l_flag", "bu.k_flag"],
      ["4660|15|1|0|0|0", "65535|65535|1|1|1|1", "2|0|0|0|0|0"],
    ],
    [
      "their other flags (RFC 4140, 3963, 5213, 5555, 5845)",
      ["bu.m_flag", "nemo.bu.r_flag", "bu.p_flag", "bu.f_flag", "bu.t_flag", "bu.b_flag"],
      ["0|0|1|0|0|0", "1|1|1|1|1|0", "0|0|1|0|0|0"],
    ],
    [
      "Binding Acknowledgements (RFC 6275 §6.1.8, 5213 §8.2, 5845 §6.3)",
      ["ba.status", "ba.k_flag", "nemo.ba.r_flag", "ba.p_flag", "ba.t_flag", "ba.b_flag", "ba.seqnr", "ba.lifetime"],
      ["0|0|0|1|0|0|4660|15", "157|1|1|1|1|0|65535|0"],
    ],
    ["Binding Errors (RFC 6275 §6.1.9)", ["be.status", "be.haddr"], ["2|2001:db8::7"]],
    [
      "Heartbeats (RFC 5847 §3.3, §3.4)",
      ["hb.u_flag", "hb.r_flag", "hb.seqnr", "rc"],
      ["0|0|4275878552|", "0|1|1|2147483649", "1|1|0|2", "0|0|1|", "0|0|1|"],
    ],
    [
      "Binding Revocation Indications (RFC 5846 §5.1)",
      ["bri_r.trigger", "bri_seqnr", "bri_ip", "bri_iv", "bri_ig", "acoa.acoa"],
      ["3|43981|1|0|0|2001:db8:0:1::1", "|43981||||"],
    ],
    [
      "Binding Revocation Acknowledgements (RFC 5846 §5.2)",
      ["bri_br.type", "bri_status", "bri_ap", "bri_av", "bri_ag"],
      ["1||||", "2|132|1|1|1"],
    ],
    [
      "mobile nodes' identifiers, but for one of one octet (RFC 4283 §3)",
      ["mnid.subtype", "mnid.identifier"],
      ["1|vm7@ain", "1|", "1|vm7@ain", "1|vm7@ain", "1 1|a@ain b@ain", "1|a@ain"],
    ],
    [
      "home network prefixes (RFC 5213 §8.3)",
      ["nemo.mnp.mnp", "nemo.mnp.pfl"],
      [
        "2001:db8:0:2:a:b:c000:207|128",
        "2001:db8:: ::|32 0",
        "2001:db8:0:2:a:b:c000:207|128",
        "2001:db8:0:2:a:b:c000:207|128",
        "2001:db8:a:: 2001:db8:0:2:a:b:c000:207|64 128",
        "2001:db8:0:2:a:b:c000:207|128",
      ],
    ],
    [
      "hand-off, access technology, link-layer identifier and link-local address (RFC 5213 §8.4 … §8.7)",
      ["hi", "att", "mnlli.lli", "lila_lla"],
      ["3|1|0200c0000207|fe80::1"],
    ],
    ["GRE keys (RFC 5845 §6.1)", ["gre_key"], ["3405705229", "3405705229"]],
    [
      "IPv4 home addresses (RFC 5844 §3.3.1, §3.3.2)",
      ["ipv4ha.ha", "ipv4ha.preflen"],
      ["192.0.2.7|24", "192.0.2.7|24", "0.0.0.0|32"],
    ],
    [
      "IPv4 default routers and DHCP (RFC 5844 §3.3.3, §3.3.4)",
      ["ipv4dra.dra", "ipv4dsm.s_flag"],
      ["192.0.2.1|1", "|0"],
    ],
    [
      "MAG IPv6 addresses (RFC 6705 §11.1)",
      ["mag_ipv6.address", "mag_ipv6.address_length"],
      ["2001:db8:0:1::1|128", "2001:db8:0:1::1|128"],
    ],
    [
      "proofs of origin, but for the last two octets (RFC 4285 §5)",
      ["auth.subtype", "auth.mobility_spi", "auth.auth_data"],
      ["1|305419896|00112233445566778899"],
    ],
  ];
  test.each(tables)(
    "in %s",
    async (_, fields, lines) => {
      expect(await valuesOf("messages", sent, ...fields)).toEqual([...lines]);
    },
    MINUTE,
  );

  test(
    "in timestamps (RFC 5213 §8.8)",
    async () => {
      const times = await valuesOf("timestamps", sent, "timestamp_tmp");
      expect(times).toEqual(["Feb 23, 2161 07:29:17.500000000 UTC", "Feb 23, 2161 07:29:17.500000000 UTC"]);
      expect(Date.UTC(2161, 1, 23, 7, 29, 17) / 1000).toBe(0x0001_6789_abcd);
    },
    MINUTE,
  );

  test(
    "in what it takes for padding of Localized Routing messages: flags, status and lifetime (RFC 6705 §10)",
    async () => {
      const localized = all.filter(isLocalized).map((message) => packetOf(asPadded(message)));
      const first = (await valuesOf("localized", localized, "mhtype", "padn")).map((line) => line.split(" ")[0]);
      expect(first).toEqual(["17|0000ffff", "18|8080012c", "18|00810000"]);
    },
    MINUTE,
  );

  test(
    "in SPIs of signed messages, each with its proof last (RFC 4285 §5.1)",
    async () => {
      const packets = signed(0xffff_ffff, all);
      const spis = await valuesOf("signed", packets, "auth.mobility_spi");
      expect(spis).toEqual(packets.map(() => "4294967295"));
    },
    MINUTE,
  );
});
