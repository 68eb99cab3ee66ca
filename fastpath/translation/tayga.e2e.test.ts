/**
 * Another translator's opinion: tayga (Debian), told the same addresses, gets the same packets. It is of RFC 6145's
 * time: it sets DF everywhere, fragments to 1280 octets, quotes 576 and no echo reply, drops ICMP with a wrong checksum, and lets a UDP
 * checksum become zero. So only packets are compared on which all that has no influence. Needs root.
 */
import { afterAll, beforeAll, expect, describe as suite, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatAddress } from "#base/address";
import { describe } from "#fastpath/testing/describe";
import { closeDescriptor } from "#sys/descriptor";
import { libc } from "#sys/libc";
import { type Memory, pinned, unpin } from "#sys/memory";
import { createNamespace, deleteNamespace, inNamespace } from "#sys/namespace";
import { openPacketSocket } from "#sys/packet-socket";
import { waitFor } from "#sys/poll";
import { Rtnetlink } from "#sys/rtnetlink";
import { CASES } from "./golden/cases";
import { PEER, PEER6, VM, VM6 } from "./golden/world";
import { masked } from "./masked";
import { same } from "./oracle/octets";

const NAMESPACE = `ain-oracle-${process.pid}`;
const DEVICE = "nat64";
/** The virtio_net_hdr before each packet. */
const VIRTIO = 10;
const ROOM = 4096;
const ANSWER_MILLIS = 1000;

/** Golden cases whose every step leaves no choice. */
const COMPARED = [
  "4.1-tcp",
  "4.1-traffic-class",
  "4.1-options",
  "4.1-last-hop",
  "4.1-tiny-fragments",
  "4.2-echo",
  "4.2-time-exceeded",
  "4.2-unreachable",
  "4.2-protocol-unreachable",
  "4.5-udp",
  "5.1-tcp",
  "5.1-tos",
  "5.1-last-hop",
  "5.1.1-fragments",
  "5.2-echo",
  "5.5-udp",
];

const directory = mkdtempSync(join(tmpdir(), "ain-tayga-"));
let tayga: ReturnType<typeof Bun.spawn> | undefined;
let socket = -1;
let memory: Memory;

/** Runs a tool inside the namespace. */
function inside(...words: readonly string[]): void {
  const { status, stderr } = spawnSync("ip", ["netns", "exec", NAMESPACE, ...words], {
    encoding: "utf8",
    timeout: 10_000,
  });
  if (status !== 0) throw new Error(`${words.join(" ")}: ${stderr}`);
}

beforeAll(async () => {
  const configuration = join(directory, "tayga.conf");
  const map = (ipv4: Uint8Array, ipv6: Uint8Array) => `map ${formatAddress(ipv4)} ${formatAddress(ipv6)}`;
  const lines = [
    `tun-device ${DEVICE}`,
    "ipv4-addr 192.168.255.1",
    "ipv6-addr 2001:db8:ffff::1",
    `data-dir ${directory}`,
  ];
  writeFileSync(configuration, `${[...lines, map(VM, VM6), map(PEER, PEER6)].join("\n")}\n`);
  createNamespace(NAMESPACE);
  inside("tayga", "-c", configuration, "--mktun");
  inside("sysctl", "-qw", `net.ipv6.conf.${DEVICE}.disable_ipv6=1`);
  inside("ip", "link", "set", DEVICE, "up", "mtu", "1500");
  const words = ["ip", "netns", "exec", NAMESPACE, "tayga", "-c", configuration, "-d"];
  tayga = Bun.spawn(words, { stdout: "ignore", stderr: "pipe" });
  const rtnetlink = new Rtnetlink(NAMESPACE);
  const { index } = rtnetlink.requireLink(DEVICE);
  rtnetlink.close();
  memory = pinned(ROOM);
  socket = inNamespace(NAMESPACE, () =>
    openPacketSocket({ index, about: DEVICE, receiveBuffer: 1 << 20, sendBuffer: 1 << 20 }),
  );
  for (let tries = 0; tries < 50 && ask(CASES[0]!.steps[0]!.input) === undefined; tries++) await Bun.sleep(50);
});

afterAll(async () => {
  if (socket >= 0) closeDescriptor(socket);
  if (memory !== undefined) unpin(memory);
  tayga?.kill();
  await tayga?.exited;
  deleteNamespace(NAMESPACE);
  rmSync(directory, { recursive: true, force: true });
});

/** What tayga makes of one packet; undefined when it says nothing. */
function ask(packet: Uint8Array): Uint8Array | undefined {
  const bytes = memory.bytes;
  while (libc.recv(socket, memory.address, ROOM, 0) > 0); // late answers to earlier questions
  bytes.fill(0, 0, VIRTIO);
  bytes.set(packet, VIRTIO);
  if (libc.send(socket, memory.address, VIRTIO + packet.length, 0) < 0) throw new Error("send");
  if (!waitFor(socket, ANSWER_MILLIS)) return undefined;
  const length = libc.recv(socket, memory.address, ROOM, 0);
  return length > VIRTIO ? bytes.slice(VIRTIO, length) : undefined;
}

suite("tayga translates as the golden cases say", () => {
  const named = CASES.filter(({ name }) => COMPARED.includes(name)).map((golden) => [golden.title, golden] as const);

  test.each(named)("%s", (_, { steps }) => {
    for (const { input, output } of steps) {
      const answer = ask(input);
      expect([describe(input), answer === undefined ? "nothing" : describe(blanked(answer))]).toEqual([
        describe(input),
        describe(blanked(output[0]!)),
      ]);
      expect(same(blanked(answer!), blanked(output[0]!))).toBe(true);
    }
  });
});

/** Without flow label and, in whole IPv4 packets, identification and DF: what a translator of that time chooses itself. */
function blanked(packet: Uint8Array): Uint8Array {
  if (packet[0]! >> 4 === 6) return masked(packet, false);
  const isWhole = (packet[6]! & 0x3f) === 0 && packet[7] === 0;
  const copy = masked(packet, isWhole);
  copy[6]! &= isWhole ? ~0x40 : 0xff;
  return copy;
}
