/** A second opinion on IGMP and MLD as we write them: tshark's. Needs no root, but tshark from Debian. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAddress } from "#base/address";
import * as ethernet from "#wire/ethernet";
import { ALLOW, BLOCK, IS_EX, IS_IN, TO_EX, TO_IN } from "#wire/group-membership";
import * as igmp from "#wire/igmp";
import * as mld from "#wire/mld";
import { writePcap } from "#wire/pcap";

const MINUTE = 60_000;
const directory = mkdtempSync(join(tmpdir(), "ain-groups-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const ip = (text: string) => parseAddress(text)!;
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const TYPES = [IS_IN, IS_EX, TO_IN, TO_EX, ALLOW, BLOCK];
const details = { suppress: false, robustness: 2, interval: 125 };

function recordsOf(group: string, sources: readonly string[]) {
  return TYPES.map((type) => ({ type, group: ip(group), sources: sources.map(ip) }));
}

const G4 = "239.1.2.3";
const G6 = "ff05::1:3";
const IGMP: readonly (readonly [string, igmp.IgmpMessage])[] = [
  ["224.0.0.1", { type: igmp.QUERY, version: 3, group: ip("0.0.0.0"), maxResponse: 10_000, ...details, sources: [] }],
  [
    G4,
    {
      ...{ type: igmp.QUERY, version: 3, group: ip(G4), maxResponse: 409_600, ...details, suppress: true },
      ...{ interval: 31_744, sources: [ip("192.0.2.1"), ip("192.0.2.2")] },
    },
  ],
  ["224.0.0.1", { type: igmp.QUERY, version: 1, group: ip("0.0.0.0"), maxResponse: 10_000 }],
  [G4, { type: igmp.QUERY, version: 2, group: ip(G4), maxResponse: 1000 }],
  [G4, { type: igmp.REPORT_1, group: ip(G4) }],
  [G4, { type: igmp.REPORT_2, group: ip(G4) }],
  ["224.0.0.2", { type: igmp.LEAVE, group: ip(G4) }],
  ["224.0.0.22", { type: igmp.REPORT_3, records: recordsOf(G4, ["192.0.2.1", "192.0.2.2"]) }],
];
const MLD: readonly (readonly [string, mld.MldMessage])[] = [
  ["ff02::1", { type: mld.QUERY, version: 2, group: ip("::"), maxResponse: 10_000, ...details, sources: [] }],
  [G6, { type: mld.QUERY, version: 2, group: ip(G6), maxResponse: 65_528, ...details, sources: [ip("2001:db8::1")] }],
  [G6, { type: mld.QUERY, version: 1, group: ip(G6), maxResponse: 1000 }],
  [G6, { type: mld.REPORT_1, group: ip(G6) }],
  ["ff02::2", { type: mld.DONE, group: ip(G6) }],
  ["ff02::16", { type: mld.REPORT_2, records: recordsOf(G6, ["2001:db8::1"]) }],
];

function capture(): string {
  const packets = [
    ...IGMP.map(([to, message]) => {
      const packet = igmp.writeIgmp({ source: ip("169.254.1.1"), destination: ip(to), message });
      return ethernet.frame(ethernet.multicastMac4(ip(to)), MAC, ethernet.ETHERTYPE_IPV4, packet);
    }),
    ...MLD.map(([to, message]) => {
      const packet = mld.writeMld({ source: ip("fe80::1"), destination: ip(to), message });
      return ethernet.frame(ethernet.multicastMac6(ip(to)), MAC, ethernet.ETHERTYPE_IPV6, packet);
    }),
  ];
  const file = join(directory, "groups.pcap");
  writeFileSync(file, writePcap(packets.map((octets, i) => ({ seconds: i, nanos: 0, octets }))));
  return file;
}

function tshark(...words: readonly string[]): string[] {
  const checks = ["-o", "ip.check_checksum:TRUE"];
  const result = Bun.spawnSync(["tshark", "-n", "-r", file, ...checks, ...words], { timeout: MINUTE });
  expect(result.exitCode).toBe(0);
  return result.stdout
    .toString()
    .split("\n")
    .filter((line) => line !== "");
}

const fields = (filter: string, ...names: string[]): string[] =>
  tshark("-Y", filter, "-T", "fields", "-E", "separator=|", "-E", "aggregator=/s", ...names.flatMap((n) => ["-e", n]));

const file = capture();

test(
  "tshark finds nothing malformed, no fault and no wrong checksum",
  () => {
    expect(tshark("-Y", "_ws.malformed || _ws.expert.severity >= 0x600000", "-V")).toEqual([]);
    const wrong = "ip.checksum.status != 1 || igmp.checksum.status != 1 || icmpv6.checksum.status != 1";
    expect(tshark("-Y", wrong)).toEqual([]);
    expect(tshark().length).toBe(IGMP.length + MLD.length);
  },
  MINUTE,
);

test(
  "tshark reads what was meant in IGMP (RFC 3376 §4)",
  () => {
    const names = ["ip.ttl", "ip.opt.type", "ip.dst", "igmp.version", "igmp.type", "igmp.max_resp", "igmp.maddr"];
    expect(fields("igmp", ...names)).toEqual([
      "1|148|224.0.0.1|3|0x11|100|0.0.0.0",
      `1|148|${G4}|3|0x11|4096|${G4}`,
      "1|148|224.0.0.1|1|0x11||0.0.0.0",
      `1|148|${G4}|2|0x11|10|${G4}`,
      `1|148|${G4}|1|0x12||${G4}`,
      `1|148|${G4}|2|0x16|0|${G4}`,
      `1|148|224.0.0.2|2|0x17|0|${G4}`,
      `1|148|224.0.0.22|3|0x22||${Array(6).fill(G4).join(" ")}`,
    ]);
    const query = fields("igmp.type == 0x11 && igmp.version == 3", "igmp.s", "igmp.qrv", "igmp.qqic", "igmp.saddr");
    expect(query).toEqual(["0|2|125|", "1|2|255|192.0.2.1 192.0.2.2"]);
    expect(fields("igmp.type == 0x22", "igmp.record_type")).toEqual(["1 2 3 4 5 6"]);
  },
  MINUTE,
);

test(
  "tshark reads what was meant in MLD (RFC 3810 §5)",
  () => {
    const names = ["ipv6.hlim", "ipv6.opt.router_alert", "ipv6.dst", "icmpv6.type", "icmpv6.mld.multicast_address"];
    const records = Array(6).fill(G6).join(" ");
    expect(fields("icmpv6", ...names, "icmpv6.mldr.mar.multicast_address")).toEqual([
      "1|0|ff02::1|130|::|",
      `1|0|${G6}|130|${G6}|`,
      `1|0|${G6}|130|${G6}|`,
      `1|0|${G6}|131|${G6}|`,
      `1|0|ff02::2|132|${G6}|`,
      `1|0|ff02::16|143||${records}`,
    ]);
  },
  MINUTE,
);
