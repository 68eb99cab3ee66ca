/**
 * A second opinion on what leaves: tshark, every checksum validated. It knows nothing of translation, but it knows what
 * an IPv4 or IPv6 packet is. Needs no root, but tshark from Debian.
 */
import { afterAll, expect, describe as suite, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writePcap } from "#wire/pcap";
import type { GoldenCase } from "./case";
import { CASES } from "./cases";
import { leaving, pathsOf } from "./frames";

const MINUTE = 60_000;
const directory = mkdtempSync(join(tmpdir(), "ain-golden-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Protocols whose payload is nonsense in the cases: carried as it is, it stays nonsense. */
const OPAQUE = ["ah", "dccp", "esp", "gre", "hip", "mipv6", "ospf", "sctp", "udplite", "xml"];
const VALIDATE = ["ip", "tcp", "udp"].flatMap((protocol) => ["-o", `${protocol}.check_checksum:TRUE`]);
const FAULTS = [
  "_ws.malformed",
  ...["ip", "tcp", "udp", "icmp", "icmpv6", "icmp.ext"].map((p) => `${p}.checksum.status == "Bad"`),
].join(" || ");

/** Cases whose faults are meant, and why. */
const MEANT: Record<string, string> = {
  "1.2-fragmented-echo": "the ICMPv6 checksum leaves the length out (decisions.md)",
  "1.2-cut-echo": "the same",
  "4.5-wrong-checksum": "wrong on the way in, wrong on the way out",
  "4.3-quoted-cut": "tshark takes the quoted segment for whole",
  "5.3-quoted-cut": "the same",
  "4.3-extensions-left-out": "tshark takes the extensions for the rest of the quoted datagram",
  "5.3-quoted-lies": "the quoted packet lies about its length",
};

async function tshark(...more: readonly string[]): Promise<string[]> {
  const disabled = OPAQUE.flatMap((protocol) => ["--disable-protocol", protocol]);
  const child = Bun.spawn(["tshark", "-n", ...VALIDATE, ...disabled, ...more], { stdout: "pipe", stderr: "pipe" });
  const [output, errors, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (status !== 0) throw new Error(`tshark: ${errors}`);
  return output.split("\n").filter((line) => line !== "");
}

const isFragmented = ({ steps }: GoldenCase): boolean =>
  steps.some(({ output }) =>
    output.some((b) => (b[0]! >> 4 === 6 ? b[6] === 44 : (((b[6]! << 8) | b[7]!) & 0x3fff) !== 0)),
  );

/** The chosen fields of every frame that leaves in a case, one line a frame, values separated by commas. */
function fieldsOf(name: string, ...fields: readonly string[]): Promise<string[]> {
  const golden = CASES.find((c) => c.name === name)!;
  const wanted = fields.flatMap((field) => ["-e", field]);
  // Else it looks for RFC 4884's extensions behind short datagrams only.
  const extensions = fields.some((field) => field.startsWith("icmp.ext")) ? ["-o", "icmp.favor_icmp_mpls:TRUE"] : [];
  const format = ["-T", "fields", "-E", "separator=,", "-E", "occurrence=f"];
  return tshark("-r", pathsOf(golden).output, ...extensions, ...format, ...wanted);
}

suite("tshark finds nothing malformed and no wrong checksum", () => {
  const whole = CASES.filter((golden) => !isFragmented(golden) && !(golden.name in MEANT));

  test(
    "in what leaves whole",
    async () => {
      const frames = whole.flatMap(({ name, steps }) =>
        steps.flatMap(({ output }) => output.map((p) => ({ name, frame: leaving(p) }))),
      );
      const file = join(directory, "whole.pcap");
      writeFileSync(file, writePcap(frames.map(({ frame }, i) => ({ seconds: i, nanos: 0, octets: frame }))));
      const faulty = await tshark("-r", file, "-Y", FAULTS, "-T", "fields", "-e", "frame.number");
      expect(faulty.map((number) => frames[Number(number) - 1]!.name)).toEqual([]);
      expect((await tshark("-r", file, "-T", "fields", "-e", "frame.number")).length).toBe(frames.length);
    },
    MINUTE,
  );

  // One capture a case: identifications come again from case to case, and tshark reassembles.
  test.each(CASES.filter((golden) => isFragmented(golden) && !(golden.name in MEANT)).map(({ name }) => name))(
    "in the fragments of %s",
    async (name) => {
      const golden = CASES.find((c) => c.name === name)!;
      expect(await tshark("-r", pathsOf(golden).output, "-Y", FAULTS)).toEqual([]);
    },
    MINUTE,
  );

  test.each(Object.entries(MEANT))(
    "but in %s, where it is meant: %s",
    async (name) => {
      const golden = CASES.find((c) => c.name === name)!;
      expect((await tshark("-r", pathsOf(golden).output, "-Y", FAULTS)).length).toBeGreaterThan(0);
      // Even so each packet's own IP header is sound.
      const unsound = '_ws.malformed || ip.checksum.status#1 == "Bad"';
      expect(await tshark("-r", pathsOf(golden).output, "-Y", unsound)).toEqual([]);
    },
    MINUTE,
  );
});

suite("tshark reads what was meant", () => {
  const expected: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    [
      "4.1-tcp",
      ["ipv6.src", "ipv6.dst", "ipv6.hlim", "ipv6.nxt", "tcp.checksum.status"],
      ["2001:db8:a1:1:0:401:a00:2,2001:db8:a1:2:0:401:a00:3,63,6,1"],
    ],
    ["4.1-traffic-class", ["ipv6.tclass"], ["0x00", "0x01", "0x02", "0x03", "0x10", "0xb8", "0xff"].map(asWord)],
    ["4.1-too-big", ["icmp.type", "icmp.code", "icmp.mtu"], [",,", "3,4,1480", "3,4,1480"]],
    [
      "4.1-cut",
      ["ipv6.fraghdr.offset", "ipv6.fraghdr.more", "ipv6.fraghdr.ident", "udp.length"],
      ["0,1,0x00001234,", "181,0,0x00001234,1461", "0,1,0x00000000,", "181,0,0x00000000,1480"],
    ],
    ["4.2-echo", ["icmpv6.type"], ["128", "129", "128", "128", "128"]],
    ["4.2-vm-mtu", ["icmpv6.type", "icmpv6.mtu"], ["2,1420", "2,1420", "2,1419"]],
    ["4.2-protocol-unreachable", ["icmpv6.type", "icmpv6.code", "icmpv6.pointer"], ["4,1,6"]],
    ["4.5-mss-vm", ["tcp.options.mss_val"], ["1360", "1360"]],
    [
      "5.1-tcp",
      ["ip.src", "ip.dst", "ip.ttl", "ip.proto", "ip.len", "ip.flags.df", "tcp.checksum.status"],
      ["10.0.0.3,10.0.0.2,63,6,140,0,1"],
    ],
    ["5.1-dont-fragment", ["ip.len", "ip.flags.df"], ["1260,0", "1261,1", "1480,1"]],
    [
      "5.1.1-cut",
      ["ip.len", "ip.frag_offset", "ip.flags.mf"],
      ["1000,0,0", "996,0,1", "25,122,0", "996,0,1", "284,122,0"],
    ],
    ["5.1.1-too-big-least", ["icmpv6.type", "icmpv6.mtu"], ["2,1280"]],
    ["5.2-packet-too-big", ["icmp.mtu"], ["1480", "1460", "1260", "1480", "1480", "980", "68", "68", "68"]],
    ["5.2-too-big-fragment", ["ip.src", "icmp.mtu"], ["192.0.0.8,1372", "192.0.0.8,1472"]],
    ["5.3-extensions", ["icmp.length", "icmp.ext.checksum.status"], ["32,1", "33,1", "255,1"]],
    ["4.3-extensions", ["icmpv6.length", "icmpv6.code"], ["19,4", "19,4", "70,4", "19,0"]],
  ];

  test.each(expected)(
    "of %s",
    async (name, fields, lines) => {
      expect(await fieldsOf(name, ...fields)).toEqual([...lines]);
    },
    MINUTE,
  );
});

/** tshark writes the traffic class as 32 bits. */
function asWord(octet: string): string {
  return `0x000000${octet.slice(2)}`;
}
