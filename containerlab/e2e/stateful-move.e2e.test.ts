/**
 * A VM moves whose connections only a stateful rule lets through: they go with it. The hard case is a download: all that
 * the VM sends are acknowledgments of what no rule lets in by itself.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { locationOf } from "#lab/move";
import { inNamespace } from "#sys/namespace";
import { A, B, build } from "./mobility/world";
import { TestLab } from "./test-lab";

setDefaultTimeout(60_000);
const lab = new TestLab("sm");
const AIN = fileURLToPath(new URL("../../bin/ain", import.meta.url));
const SERVICE = 7080;

/** In blue's network nobody reaches anybody, but for one service. */
const RULES = `rules:
  - { name: service, from: blue/prod, to: blue/prod, protocol: tcp, ports: ${SERVICE}, action: allow, priority: 10 }
  - { name: closed, from: blue/prod, to: blue/prod, action: deny, priority: 20 }
`;

beforeAll(() => build(lab, RULES));
afterAll(() => lab.down());

/** By `ain move`; the lab's part of it is the hook. */
function move(vm: string, to: string): void {
  const from = locationOf(lab.state, vm)!;
  const hook = `${AIN} lab move ${lab.name} ${vm} ${to}`;
  const words = ["move", vm, "--from", lab.socket(from), "--to", lab.socket(to), "--hook", hook];
  const { status, stdout, stderr } = spawnSync(AIN, words, { encoding: "utf8", timeout: 20_000 });
  expect(status, `${stdout}${stderr}`).toBe(0);
}

interface Iperf {
  readonly intervals: readonly { readonly sum: { readonly start: number; readonly bytes: number } }[];
  readonly end: { readonly sum_received: { readonly bytes: number } };
  readonly error?: string;
}

/** Octets in each half second of a transfer between a and b during which `during` happens; "-R": b sends. */
async function transfer(words: readonly string[], during: () => Promise<void>): Promise<number[]> {
  const server = inNamespace(lab.namespace("b"), () =>
    spawn("iperf3", ["-s", "-1", "-p", `${SERVICE}`], { stdio: "ignore" }),
  );
  try {
    await lab.until("the server listens", () => lab.run("b", "ss -ltn").text.includes(`:${SERVICE}`));
    const about = ["-c", B, "-p", `${SERVICE}`, "-t", "5", "-i", "0.5", "-b", "50M", "-J", ...words];
    const client = inNamespace(lab.namespace("a"), () =>
      spawn("iperf3", about, { stdio: ["ignore", "pipe", "inherit"] }),
    );
    const text: Buffer[] = [];
    client.stdout!.on("data", (octets: Buffer) => text.push(octets));
    const ended = once(client, "exit");
    await Bun.sleep(1000);
    await during();
    await ended;
    const report = JSON.parse(Buffer.concat(text).toString()) as Iperf;
    expect(report.error).toBeUndefined();
    return report.intervals.map(({ sum }) => sum.bytes);
  } finally {
    const gone = server.exitCode !== null || server.signalCode !== null ? undefined : once(server, "exit");
    server.kill();
    await gone; // or the next one finds its port taken
  }
}

test("nothing else than the service is reached, nor anybody from it", async () => {
  expect(lab.run("a", `ping -c 1 -W 1 ${B}`).status).not.toBe(0);
  expect(lab.run("b", `ping -c 1 -W 1 ${A}`).status).not.toBe(0);
  expect(await lab.counted("hv1", "a", "rule-denied")).toBeGreaterThan(0);
});

test("a download goes on while the VM that it is for moves, twice", async () => {
  const octets = await transfer(["-R"], async () => {
    move("a", "hv2");
    await Bun.sleep(1200);
    move("a", "hv3");
  });
  expect(Math.min(...octets.slice(-3))).toBeGreaterThan(100_000); // it goes on at its pace: 3 MB each half second
});

test("an upload to a VM that moves goes on", async () => {
  const octets = await transfer([], async () => move("b", "hv2"));
  expect(Math.min(...octets.slice(-3))).toBeGreaterThan(100_000);
});

test("the rules are asked there as everywhere: who may not begin may not", async () => {
  expect(lab.run("a", `ping -c 1 -W 1 ${B}`).status).not.toBe(0);
  const { connections } = await lab.show("hv3", "connections");
  expect(connections.some(({ vm, protocol }) => vm === "a" && protocol === "tcp")).toBe(true);
});
