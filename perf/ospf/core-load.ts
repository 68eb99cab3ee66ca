/**
 * `bun perf/ospf/core-load.ts LSAS [KIND]`: the core and the speaker in one process, no sockets, no waiting: what the core itself
 * takes to become Full, for profiles (`--cpu-prof`).
 */
import { parseIpv6 } from "#base/address";
import type { OspfEvent } from "#ospf/events";
import { Ospf } from "#ospf/ospf";
import { config, on, stub } from "#ospf/testing/configs";
import type { Kind } from "./area";
import { Speaker } from "./speaker";

const lsas = Number(process.argv[2] ?? 34_176);
const [own, other] = [parseIpv6("fe80::1")!, parseIpv6("fe80::2")!];
const interfaces = [on("eth1", { deadInterval: 40_000 })];
const core = new Ospf({
  config: config(1, { interfaces, prefixes: [stub("2001:db8:a1:ff::1/128")], maxLsas: 100_000 }),
  seed: 1,
  clockOffset: 0,
});
const towardsCore: { destination: Uint8Array; octets: Uint8Array }[] = [];
const towardsSpeaker: { destination: Uint8Array; octets: Uint8Array }[] = [];
const speaker = new Speaker({
  linkLocal: other,
  lsas,
  kind: (process.argv[3] ?? "area") as Kind,
  send: (destination, octets) => towardsCore.push({ destination, octets }),
  say: () => {},
});
let inCore = 0;
let longest = 0;
let isFull = 0;

function tell(event: OspfEvent): void {
  const began = performance.now();
  for (const effect of core.handle(event, began)) {
    if (effect.type === "send") towardsSpeaker.push(effect);
    else if (effect.type === "notice" && effect.text.endsWith("Full")) isFull = inCore;
  }
  core.deadline();
  const took = performance.now() - began;
  inCore += took;
  longest = Math.max(longest, took);
}

tell({ type: "interfaceUp", interface: "eth1", interfaceId: 7, linkLocal: own, mtu: 1500 });
speaker.begin();
for (const end = performance.now() + 60_000; performance.now() < end && core.instance.table.routes.size < lsas / 8; ) {
  if (performance.now() >= speaker.deadline()) speaker.timer(performance.now());
  if (performance.now() >= core.deadline()) tell({ type: "timer" });
  for (const { destination, octets } of towardsSpeaker.splice(0))
    speaker.receive(own, destination, octets, performance.now());
  for (const { destination, octets } of towardsCore.splice(0))
    tell({ type: "packet", interface: "eth1", source: other, destination, octets });
}
const millis = (n: number): string => `${n.toFixed(0)} ms`;
console.log(
  `${lsas} LSAs: Full after ${millis(isFull)} in the core, routes after ${millis(inCore)}, longest call ${millis(longest)}`,
);
console.log(
  core.routing
    .log()
    .map(
      ({ kind, startedAt, endedAt, slices, vertices }) =>
        `${kind} ${millis(endedAt - startedAt)} ${slices} slices ${vertices}`,
    )
    .join("; "),
);
console.log(JSON.stringify(process.memoryUsage()), JSON.stringify(speaker.counts));
