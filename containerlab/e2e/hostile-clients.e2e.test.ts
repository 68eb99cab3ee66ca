/**
 * Clients of a router's API that do not behave, and routers that do not: a hundred shells at once; connections on which nothing
 * comes, half a request, rubbish, or too much; readers that never read. Packets pass meanwhile, others are answered, and the
 * router's memory stays what it was. A router that is gone, busy, of another version or none at all is told of clearly, with
 * the exit status that docs/cli.md promises.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { nextBelow, nextOctets, seeded } from "#base/random";
import { call } from "#cli/client";
import { Probe } from "#lab/probe/probe";
import { reportOn } from "#lab/probe/report";
import type { StatusView } from "#router/views";
import { addressesAt, BLUE, fabricYaml, hypervisorYaml, switchYaml, TestLab } from "./test-lab";

setDefaultTimeout(240_000);
const AIN = fileURLToPath(new URL("../../bin/ain", import.meta.url));
const SEED = Number(process.env.SEED ?? 20261126);
const lab = new TestLab("hc");
const [A, B] = [0, 1].map((home) => addressesAt(2, home, BLUE, 1)[0]!) as [string, string];
const PORT = 7007;
/** Octets that a router may have more than before, whatever clients do, when its collector has been round. */
const MORE = 256 << 20;

let probe: Probe;

beforeAll(async () => {
  const vm = (name: string, address: string) =>
    `{ name: ${name}, network: blue/prod, address: ${address}, interface: ${name} }`;
  lab.write("fabric.yaml", fabricYaml(2));
  lab.write("sw.yaml", switchYaml(2));
  lab.write("hv1.yaml", hypervisorYaml({ index: 1, vms: [vm("a", A)] }));
  lab.write("hv2.yaml", hypervisorYaml({ index: 2, vms: [vm("b", B)] }));
  const host = (name: string, address: string) =>
    `    ${name}: { kind: linux, labels: { ain-role: vm, ain-address: ${address}/32, ain-gateway: 10.0.0.1 } }`;
  await lab.up(`  nodes:
${["sw", "hv1", "hv2"].map((name) => `    ${name}: { kind: linux, labels: { ain-role: router, ain-config: ${name}.yaml } }`).join("\n")}
${host("a", A)}
${host("b", B)}
  links:
${[1, 2].map((i) => `    - { endpoints: ["sw:eth${i}", "hv${i}:eth1"], mtu: 1500 }`).join("\n")}
    - { endpoints: ["hv1:a", "a:eth1"], mtu: 1500 }
    - { endpoints: ["hv2:b", "b:eth1"], mtu: 1500 }
`);
  await lab.until("a reaches b", () => lab.run("a", `ping -c 1 -W 1 ${B}`).status === 0, 20);
  probe = await Probe.start({
    ...{ rate: 500, size: 400 },
    ends: [
      { namespace: lab.namespace("a"), address: A, port: PORT },
      { namespace: lab.namespace("b"), address: B, port: PORT },
    ],
    flows: [
      { name: "a to b", from: 0, to: [1] },
      { name: "b to a", from: 1, to: [0] },
    ],
  });
});
afterAll(async () => {
  await probe?.kill();
  await lab.down();
});

interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** `ain` with these words, to its end; others go on meanwhile, and go before it: it is its questions that are looked at. */
function ain(words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const child = spawn("nice", ["-n", "5", AIN, ...words], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  const parts = { out: "", err: "" };
  child.stdout.on("data", (octets: Buffer) => {
    parts.out += octets.toString();
  });
  child.stderr.on("data", (octets: Buffer) => {
    parts.err += octets.toString();
  });
  const late = setTimeout(() => child.kill("SIGKILL"), 200_000);
  return new Promise((resolve) =>
    child.on("close", (status) => {
      clearTimeout(late);
      resolve({ status, ...parts });
    }),
  );
}

const socket = (): string => lab.socket("hv1");
const status = async (): Promise<StatusView> => (await call(socket(), "GET", "show/status")) as StatusView;

/** Octets of the router that are in memory. */
function memoryOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) * 1024;
}

/** A connection, on which what is given is sent; what comes is not read. */
function connection(first: string | Uint8Array = ""): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const made = createConnection({ path: socket() }, () => {
      made.pause();
      if (first.length > 0) made.write(first);
      resolve(made);
    });
    made.on("error", reject);
  });
}

/** With so many of them open, another client is answered as ever. Closes them. */
async function besides(connections: readonly Socket[], meanwhile: () => Promise<void> = async () => {}): Promise<void> {
  const { pid } = await status();
  const before = memoryOf(pid);
  await meanwhile();
  for (let i = 0; i < 20; i++) expect((await status()).name).toBe("hv1");
  await lab.until("its memory is what it was", () => memoryOf(pid) - before < MORE, 60);
  for (const each of connections) each.destroy();
  expect((await status()).pid).toBe(pid);
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: ain\r\n\r\n`;
const post = (path: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: ain\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const many = <T>(count: number, make: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => make(i)));

describe("clients that do not behave", () => {
  test("a hundred shells at once: each gets its answers", async () => {
    const before = memoryOf((await status()).pid);
    const words = ["shell", `${lab.name}/hv1`, "-c", "show vms | json | count", "-c", "@all show status"];
    const ended = await many(100, () => ain(words));
    for (const each of ended) expect([each.status, each.out.slice(0, 2), each.err]).toEqual([0, "1\n", ""]);
    const { pid } = await status();
    await lab.until("its memory is what it was", () => memoryOf(pid) - before < MORE, 60);
  });

  test("two hundred connections on which nothing comes", async () => {
    await besides(await many(200, () => connection()));
  });

  test("two hundred with half a request", async () => {
    const whole = post("/v1/why", '{"from":"a","to":"10.0.0.9"}');
    await besides(await many(200, (i) => connection(whole.slice(0, 1 + ((i * 7) % (whole.length - 1))))));
  });

  test(`rubbish, and what is almost HTTP (SEED=${SEED})`, async () => {
    const random = seeded(SEED);
    const almost = (): Uint8Array => {
      const octets = new TextEncoder().encode(post("/v1/trace", '{"filter":"tcp"}'));
      for (let i = 0; i < 3; i++) octets[nextBelow(random, octets.length)] = nextBelow(random, 256);
      return octets;
    };
    await besides(
      await many(200, (i) => connection(i % 2 === 0 ? almost() : nextOctets(random, nextBelow(random, 5000)))),
    );
  });

  test("a header, a path and a body of many megabytes", async () => {
    const long = "x".repeat(20 << 20);
    const wall = [
      `GET /v1/show/status HTTP/1.1\r\nHost: ain\r\nX: ${long}\r\n\r\n`,
      get(`/v1/show/${long}`),
      post("/v1/vm/attach", JSON.stringify({ name: long })),
      post("/v1/why", JSON.stringify({ frame: long })),
    ];
    await besides(await many(wall.length, (i) => connection(wall[i]!)), () => Bun.sleep(500));
  });

  test("readers that never read: traces, captures, and answer upon answer", async () => {
    const asked = [
      ...Array.from({ length: 4 }, () => post("/v1/trace", '{"rate":10000}')),
      ...Array.from({ length: 4 }, () => post("/v1/capture", '{"port":"any"}')),
      ...Array.from({ length: 10 }, () => get("/metrics").repeat(2000)),
      ...Array.from({ length: 10 }, () => get("/v1/show/counters").repeat(2000)),
    ];
    const connections = await many(asked.length, (i) => connection(asked[i]!));
    // If it were all kept, two gigabytes.
    await besides(connections, async () => {
      await lab.until("they are told", async () => (await watches()) === 8);
      expect(lab.run("a", `ping -q -f -c 20000 -s 1000 ${B}`, 60).text).toContain(" 0% packet loss");
    });
    await lab.until("nobody is told any more", async () => (await watches()) === 0);
  });

  test("of all packets meanwhile none was lost, and the router has seen no defect", async () => {
    const traces = await probe.stop();
    for (const [i, trace] of traces.entries()) {
      const { sent, lost, duplicated } = reportOn(trace);
      expect(sent).toBeGreaterThan(3000);
      expect([trace.name, lost - unread(i === 0 ? "b" : "a"), duplicated]).toEqual([trace.name, 0, 0]);
    }
    expect(lab.log("hv1")).not.toContain("defect");
  });
});

/** Traces and captures that go on at hv1: of sixteen, those that cannot be had. */
async function watches(): Promise<number> {
  const controller = new AbortController();
  const answers = await many(16, () =>
    fetch("http://ain/v1/trace", { method: "POST", unix: socket(), body: "{}", signal: controller.signal }),
  );
  controller.abort();
  return answers.filter((answer) => answer.status === 409).length;
}

/** Datagrams that had come to a VM, and found its kernel's buffer full: the prober had no time. */
const unread = (vm: string): number =>
  Number(/UdpRcvbufErrors\s+(\d+)/.exec(lab.run(vm, "nstat -az UdpRcvbufErrors").text)?.[1] ?? Number.NaN);

/** Each command that asks a router, to be asked of the one behind a socket. */
const COMMANDS: Readonly<Record<string, (socket: string) => readonly string[]>> = {
  show: (path) => ["show", "ports", "--router", path],
  shell: (path) => ["shell", path, "-c", "show ports"],
  why: (path) => ["why", "a", B, "--router", path],
  trace: (path) => ["trace", "tcp", "-c", "1", "--router", path],
  capture: (path) => ["capture", "any", "--router", path, "-w", join(lab.folder, "none.pcapng")],
  vm: (path) => ["vm", "list", "--router", path],
};

/** All of them at once, and how each ended. */
async function each(path: string): Promise<Record<string, Ended>> {
  const ended = await Promise.all(Object.values(COMMANDS).map((words) => ain(words(path))));
  return Object.fromEntries(Object.keys(COMMANDS).map((name, i) => [name, ended[i]!]));
}

function expectAll(ended: Record<string, Ended>, code: number, message: RegExp): void {
  for (const [name, { status: ending, err }] of Object.entries(ended)) {
    expect([name, ending, err]).toEqual([name, code, expect.stringMatching(message)]);
    expect(err).not.toMatch(/\n\s+at /); // no stack
  }
}

describe("routers that do not behave", () => {
  test("one that is not there: said so, with 3", async () => {
    expectAll(await each(lab.socket("hv9")), 3, /no router answers on .*hv9\.sock: there is no such socket/);
  });

  test("one whose process is gone: said so, with 3", async () => {
    const path = join(lab.folder, "gone.sock");
    const child = spawn("python3", [
      "-c",
      `import socket; socket.socket(socket.AF_UNIX).bind(${JSON.stringify(path)})`,
    ]);
    await new Promise((resolve) => child.on("exit", resolve));
    expectAll(await each(path), 3, /no router answers on .*gone\.sock: its process is gone/);
  });

  test("one that has no time: said so, with 3, and what is asked of it later it answers", async () => {
    const { pid } = await status();
    process.kill(pid, "SIGSTOP");
    try {
      expectAll(await each(socket()), 3, /no router answers on .*hv1\.sock: nothing came within 10 s/);
    } finally {
      process.kill(pid, "SIGCONT");
    }
    expect((await status()).pid).toBe(pid);
  });

  test("one that is no AIN router: said so, with 3", async () => {
    const path = join(lab.folder, "other.sock");
    const server = Bun.serve({ unix: path, fetch: () => new Response("hello") });
    try {
      const { trace: _, capture, ...ended } = await each(path);
      expectAll(ended, 3, /what answers there is no AIN router/);
    } finally {
      await server.stop(true);
    }
  });

  test("one of another version, which does not know what is asked: both are told, with 4", async () => {
    const path = join(lab.folder, "newer.sock");
    const headers = { "ain-version": "9.9.9" };
    const server = Bun.serve({
      unix: path,
      fetch: () => Response.json({ error: 'no API version "v1": this router speaks v2' }, { status: 404, headers }),
    });
    try {
      expectAll(await each(path), 4, /the router runs AIN 9\.9\.9, this is [\s\S]*this router speaks v2/);
    } finally {
      await server.stop(true);
    }
  });

  test("a filter with a typo: what was found, what was expected, and a mark under the place", async () => {
    for (const [filter, place] of [
      ["hots 10.0.0.1", "hots 10.0.0.1\n  ^"],
      ["tcp and port http", "tcp and port http\n               ^"],
      ["( vm a or icmp", "( vm a or icmp\n                ^"],
      ["vm nobody", "vm nobody\n     ^"],
    ] as const) {
      const { status: code, err } = await ain(["trace", ...filter.split(" "), "--router", socket()]);
      expect([filter, code]).toEqual([filter, 4]);
      expect(err).toContain(place);
      expect(err).toMatch(/found .*, expected /);
    }
  });
});
