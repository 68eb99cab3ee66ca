/**
 * The speaker at work: `bun perf/ospf/speaker-process.ts NAMESPACE INTERFACE LSAS [KIND]`. Orders come in by standard input, a
 * line each: begin, refresh MILLISECONDS, change, counts; what happens goes out as lines of JSON with the time of day.
 */
import { readSync, writeSync } from "node:fs";
import { linkLocalFromMac } from "#base/address";
import { OspfReader } from "#router/ospf/frames";
import { Reassembly } from "#services/fragments";
import { FrameSocket, OFFLOAD_SIZE } from "#sys/frame-socket";
import { inNamespace } from "#sys/namespace";
import { openPacketSocket } from "#sys/packet-socket";
import { Poller } from "#sys/poll";
import { Rtnetlink } from "#sys/rtnetlink";
import { ETHERTYPE_IPV6, frame, multicastMac6 } from "#wire/ethernet";
import * as ipv6 from "#wire/ipv6";
import { PROTOCOL_OSPF } from "#wire/protocol";
import type { Kind } from "./area";
import { Exchange } from "./exchange";
import { Speaker } from "./speaker";

const [namespace, name, lsas, kind] = process.argv.slice(2) as [string, string, string, Kind];
const BUFFER = 32 << 20;
/** LSAs and times of what it does once for itself at first: whoever is measured must not wait for its compiling. */
const [REHEARSED, TIMES] = [1316, 3] as const;
for (let i = 0; i < TIMES; i++) new Exchange(REHEARSED, "area").run();

const netlink = new Rtnetlink(namespace);
const { index, mac } = netlink.requireLink(name);
netlink.close();
const filter = [{ at: 12, octets: 2, value: ETHERTYPE_IPV6 }] as const;
const settings = { index, about: name, receiveBuffer: BUFFER, sendBuffer: BUFFER, promiscuous: true, filter };
const socket = new FrameSocket(inNamespace(namespace, () => openPacketSocket(settings)));
const linkLocal = linkLocalFromMac(mac);
const reader = new OspfReader(new Reassembly());
let unsent = 0;

function send(destination: Uint8Array, octets: Uint8Array): void {
  const packet = new Uint8Array(ipv6.SIZE + octets.length);
  const fields = {
    payloadLength: octets.length,
    nextHeader: PROTOCOL_OSPF,
    hopLimit: 1,
    source: linkLocal,
    destination,
  };
  ipv6.write(packet, 0, { ...fields, trafficClass: 0xc0 });
  packet.set(octets, ipv6.SIZE);
  if (socket.send(frame(multicastMac6(destination), mac, ETHERTYPE_IPV6, packet)) !== 0) unsent++;
}

const say = (event: object): void => {
  writeSync(1, `${JSON.stringify({ at: Date.now(), ...event })}\n`);
};
const speaker = new Speaker({ linkLocal, lsas: Number(lsas), kind, send, say });

function receive(): void {
  for (let count = 0; count < 256; count++) {
    const whole = socket.receive();
    if (whole === undefined) return;
    // FRR's requests are longer than the MTU.
    const read = reader.read(whole.subarray(OFFLOAD_SIZE), linkLocal, performance.now());
    if (typeof read !== "string") speaker.receive(read.source, read.destination, read.octets, performance.now());
  }
}

function obey(line: string): void {
  const [word, argument] = line.split(" ");
  const now = performance.now();
  if (word === "begin") speaker.begin();
  else if (word === "refresh") speaker.refresh(Number(argument), now);
  else if (word === "change") speaker.change(now);
  say({ event: word, ...speaker.counts, unsent, drops: socket.drops() });
}

const poller = new Poller(2);
poller.set(0, 0);
poller.set(1, socket.fd);
const input = Buffer.alloc(4096);
for (let ended = false; !ended; ) {
  const wait = Math.ceil(Math.min(1000, speaker.deadline() - performance.now()));
  poller.wait(Math.max(0, wait));
  if (poller.ready(1)) receive();
  speaker.timer(performance.now());
  if (!poller.ready(0)) continue;
  const length = readSync(0, input);
  ended = length === 0;
  for (const line of input.toString("latin1", 0, length).split("\n").filter(Boolean)) obey(line);
}
