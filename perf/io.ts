/**
 * Compares ways of moving frames in and out of this process: veth to veth through network namespaces, one thread.
 *
 *     bin/bun perf/io.ts [rounds] [seconds] [way,way…] [cost|flood|stream]
 *
 * Prints a table of medians over interleaved rounds. What was found is in io.md. Needs root, iperf3 and taskset.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { closingAfter } from "#sys/descriptor";
import { createNamespace, deleteNamespace, inNamespace, openNamespace } from "#sys/namespace";
import { Rtnetlink } from "#sys/rtnetlink";
import { writeSysctl } from "#sys/sysctl";

const [SOURCE, MIDDLE, SINK] = ["ioG", "ioF", "ioS"] as const;
const rounds = Number(process.argv[2] ?? 3);
const seconds = Number(process.argv[3] ?? 2);
const only = process.argv[4];
/** "cost" (quick, and steady on a busy machine), "flood" or "stream": measure this alone. */
const alone = process.argv[5];

const WAYS = [
  "read+write",
  "recvmmsg+sendmmsg",
  "v2x2k+sendmmsg",
  "v2x2k+sendmmsg+bypass",
  "v2x2k+sendmmsg+bypass+drop",
  "v2x2kx512+sendmmsg+bypass+drop",
  "v2x4k+sendmmsg+bypass",
  "v2x128k+sendmmsg+bypass",
  "v3+sendmmsg+bypass",
  "v2x2k+txring",
  "v2x2k+xdptx",
  "v2x2kx512+xdptx+drop",
  "xdp+xdp",
  "packet port slow",
  "packet port",
  "packet port x512",
].filter((way) => only === undefined || only === "all" || only.split(",").includes(way));

interface Figures {
  /** Frames that reached the sink, per second. */
  rate: number;
  /** The same, per second of the forwarder's processor time. */
  ratePerCpu: number;
  /** Processor time of the forwarder a frame, ns, when nothing disturbs it. */
  nanos: number;
  latencyP50: number;
  latencyP99: number;
  /** Gbit/s of one TCP stream, and of one per second of processor time. */
  stream: number;
  streamPerCpu: number;
}

function receivedBySink(): number {
  const text = inNamespace(SINK, () => readFileSync("/proc/thread-self/net/dev", "latin1"));
  return Number(/s1:\s*\d+\s+(\d+)/.exec(text)?.[1]);
}

const start = (cpu: number, ...args: string[]): ChildProcess =>
  spawn("taskset", ["-c", `${cpu}`, process.execPath, `${import.meta.dir}/io-thread.ts`, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });

function output(child: ChildProcess): Promise<string> {
  let text = "";
  child.stdout!.on("data", (chunk) => {
    text += chunk;
  });
  return new Promise((resolve) => child.on("close", () => resolve(text)));
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function flood(way: string): Promise<Pick<Figures, "rate" | "ratePerCpu">> {
  const forwarder = start(1, "forward", way, `${seconds + 1.5}`);
  const forwarded = output(forwarder);
  await sleep(400);
  const generator = start(0, "generate", `${seconds + 0.6}`);
  await sleep(500);
  const before = receivedBySink();
  const from = performance.now();
  await sleep(seconds * 1000);
  const rate = (receivedBySink() - before) / ((performance.now() - from) / 1000);
  await output(generator);
  const { frames, cpu } = JSON.parse(await forwarded) as { frames: number; cpu: number };
  return { rate, ratePerCpu: frames / cpu };
}

const cost = async (way: string): Promise<Pick<Figures, "nanos">> => JSON.parse(await output(start(1, "cost", way)));

async function latency(way: string): Promise<Pick<Figures, "latencyP50" | "latencyP99">> {
  const forwarder = start(1, "forward", way, "2.5");
  const forwarded = output(forwarder);
  await sleep(500);
  const [p50, p99] = JSON.parse(await output(start(0, "ping", "1"))) as [number, number];
  await forwarded;
  return { latencyP50: p50, latencyP99: p99 };
}

async function stream(way: string): Promise<Pick<Figures, "stream" | "streamPerCpu">> {
  const forwarder = start(1, "forward", way, `${seconds + 2}`);
  const forwarded = output(forwarder);
  await sleep(400);
  const server = spawn("ip", ["netns", "exec", SINK, "iperf3", "-s", "-1"], { stdio: "ignore" });
  await sleep(300);
  const client = spawn("ip", ["netns", "exec", SOURCE, "iperf3", "-c", "10.9.0.2", "-t", `${seconds}`, "-J"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const report = JSON.parse(await output(client)) as {
    end?: { sum_received?: { bits_per_second: number; bytes: number } };
  };
  server.kill();
  const { cpu } = JSON.parse(await forwarded) as { cpu: number };
  const received = report.end?.sum_received; // absent when not even the connection came to be
  return { stream: (received?.bits_per_second ?? 0) / 1e9, streamPerCpu: ((received?.bytes ?? 0) * 8) / 1e9 / cpu };
}

function build(): void {
  for (const name of [SOURCE, MIDDLE, SINK]) {
    deleteNamespace(name);
    createNamespace(name);
  }
  const middle = new Rtnetlink(MIDDLE);
  for (const [inside, outside, namespace, host] of [
    ["f0", "g0", SOURCE, 1],
    ["f1", "s1", SINK, 2],
  ] as const) {
    closingAfter(openNamespace(namespace), (peerNamespaceFd) =>
      middle.addVeth({
        name: inside,
        peerName: outside,
        peerNamespaceFd,
        mac: Uint8Array.of(2, 0, 0, 0, 1, host),
        peerMac: Uint8Array.of(2, 0, 0, 0, 0, host),
      }),
    );
    writeSysctl(`net/ipv6/conf/${inside}/disable_ipv6`, 1, MIDDLE);
    middle.changeLink(middle.requireLink(inside).index, { up: true });
    const outer = new Rtnetlink(namespace);
    const { index } = outer.requireLink(outside);
    writeSysctl(`net/ipv6/conf/${outside}/disable_ipv6`, 1, namespace);
    outer.changeLink(index, { up: true });
    outer.addAddress(index, { address: Uint8Array.of(10, 9, 0, host), prefixLength: 24 });
    outer.setNeighbor(index, Uint8Array.of(10, 9, 0, 3 - host), Uint8Array.of(2, 0, 0, 0, 0, 3 - host));
    outer.close();
  }
  middle.close();
}

const NOTHING: Figures = { rate: 0, ratePerCpu: 0, nanos: 0, latencyP50: 0, latencyP99: 0, stream: 0, streamPerCpu: 0 };

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** Frames of AF_XDP and of a transmit ring cannot be super-packets: a stream over them would measure something else. */
async function measure(way: string): Promise<Figures> {
  if (alone === "cost") return { ...NOTHING, ...(await cost(way)) };
  if (alone === "flood") return { ...NOTHING, ...(await flood(way)) };
  const streaming = /xdp|txring/.test(way) ? {} : await stream(way);
  if (alone === "stream") return { ...NOTHING, ...streaming };
  return { ...NOTHING, ...(await flood(way)), ...(await cost(way)), ...(await latency(way)), ...streaming };
}

if (import.meta.main) {
  const all = new Map<string, Figures[]>(WAYS.map((way) => [way, []]));
  build();
  try {
    for (let round = 0; round < rounds; round++) {
      for (const way of WAYS) {
        const figures = await measure(way);
        all.get(way)!.push(figures);
        console.error(way, JSON.stringify(figures));
      }
    }
  } finally {
    for (const name of [SOURCE, MIDDLE, SINK]) deleteNamespace(name);
  }
  console.log(
    "| way | M frames/s | M frames per CPU second | CPU ns a frame | idle one way µs p50 | p99 | one TCP stream Gbit/s | Gbit per CPU second |",
  );
  console.log("|---|---|---|---|---|---|---|---|");
  for (const [way, runs] of all) {
    const of = (key: keyof Figures, scale = 1): string => (median(runs.map((run) => run[key])) / scale).toFixed(2);
    console.log(
      `| ${way} | ${of("rate", 1e6)} | ${of("ratePerCpu", 1e6)} | ${of("nanos")} | ${of("latencyP50")} | ${of("latencyP99")} | ${of("stream")} | ${of("streamPerCpu")} |`,
    );
  }
}
