/** A second opinion on tunnels: tshark, every checksum validated. Needs no root, but tshark from Debian. */
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { pathsOf } from "./captures";
import { CASES } from "./cases";

const MINUTE = 60_000;
const VALIDATE = ["ip", "tcp", "udp"].flatMap((protocol) => ["-o", `${protocol}.check_checksum:TRUE`]);
const FAULTS = ["_ws.malformed", ...["ip", "tcp", "udp", "icmp", "icmpv6"].map((p) => `${p}.checksum.status == "Bad"`)];

function tshark(name: string, ...more: readonly string[]): string[] {
  const file = pathsOf(CASES.find((each) => each.name === name)!).output;
  const { stdout, stderr, status } = spawnSync("tshark", ["-n", ...VALIDATE, "-r", file, ...more], {
    encoding: "utf8",
  });
  expect(status, stderr).toBe(0);
  return stdout.split("\n").filter((line) => line !== "");
}

test.each(CASES.map(({ name }) => name))(
  "tshark finds nothing malformed and no wrong checksum in %s",
  (name) => {
    expect(tshark(name, "-Y", FAULTS.join(" || "))).toEqual([]);
  },
  MINUTE,
);

const INNER = "2001:db8:a1:1:0:401:a00:2,2001:db8:a1:2:0:401:a00:3";
test.each([
  [
    "entry-ipv4",
    ["gre.key", "gre.proto", "ipv6.src", "ipv6.dst", "ipv6.hlim", "udp.dstport"],
    [`0x00000401,0x86dd,2001:db8:a1:1::1,${INNER.split(",")[0]},2001:db8:a1:3::1,${INNER.split(",")[1]},64,63,7`],
  ],
  [
    "entry-segments",
    ["tcp.len", "tcp.seq_raw", "tcp.flags"],
    ["1392,1000,0x0010", "1392,2392,0x0010", "216,3784,0x0019"],
  ],
  ["entry-syn", ["tcp.options.mss_val"], ["1392"]],
  ["entry-too-big", ["icmp.mtu"], ["1432"]],
  ["relay-former", ["gre.key", "ipv6.hlim"], ["0x00000401,64,63"]],
  ["end-ipv4", ["ip.ttl", "ip.len", "ip.flags.df"], ["63,1328,1"]],
])(
  "tshark reads what was meant in %s",
  (name, fields, lines) => {
    const wanted = fields.flatMap((field) => ["-e", field]);
    expect(tshark(name, "-T", "fields", "-E", "separator=,", ...wanted)).toEqual(lines);
  },
  MINUTE,
);
