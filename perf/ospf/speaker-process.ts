/**
 * The speaker at work: `bun perf/ospf/speaker-process.ts NAMESPACE INTERFACE LSAS [KIND]`. Orders come in by standard input, a
 * line each: begin, refresh MILLISECONDS, change, counts; what happens goes out as lines of JSON with the time of day.
 */
import { readSync, writeSync } from "node:fs";
import { Poller } from "#sys/poll";
import type { Kind } from "./area";
import { Exchange } from "./exchange";
import { Speaker } from "./speaker";
import { Station } from "./station";
import { PRACTICE } from "./world";

const [namespace, name, lsas, kind] = process.argv.slice(2) as [string, string, string, Kind];
/**
 * LSAs and times of what it does for itself at first, over a link of its own: whoever is measured must neither wait for its
 * compiling nor share the processors with it.
 */
const [REHEARSED, TIMES] = [1316, 40] as const;
const [teller, learner] = PRACTICE.map((end) => new Station(namespace, end)) as [Station, Station];
for (let i = 0; i < TIMES; i++) new Exchange(REHEARSED, "area", { teller, learner }).run();

const station = new Station(namespace, name);
const { socket, linkLocal } = station;
const say = (event: object): void => {
  writeSync(1, `${JSON.stringify({ at: Date.now(), ...event })}\n`);
};
const send = (destination: Uint8Array, octets: Uint8Array): void => station.send(destination, octets);
const speaker = new Speaker({ linkLocal, lsas: Number(lsas), kind, send, say });

function obey(line: string): void {
  const [word, argument] = line.split(" ");
  const now = performance.now();
  if (word === "begin") speaker.begin();
  else if (word === "refresh") speaker.refresh(Number(argument), now);
  else if (word === "change") speaker.change(now);
  say({ event: word, ...speaker.counts, unsent: station.unsent, drops: socket.drops() });
}

const poller = new Poller(2);
poller.set(0, 0);
poller.set(1, socket.fd);
const input = Buffer.alloc(4096);
for (let ended = false; !ended; ) {
  const wait = Math.ceil(Math.min(1000, speaker.deadline() - performance.now()));
  poller.wait(Math.max(0, wait));
  if (poller.ready(1))
    station.receive(({ source, destination, octets }) =>
      speaker.receive(source, destination, octets, performance.now()),
    );
  speaker.timer(performance.now());
  if (!poller.ready(0)) continue;
  const length = readSync(0, input);
  ended = length === 0;
  for (const line of input.toString("latin1", 0, length).split("\n").filter(Boolean)) obey(line);
}
