/**
 * Isolation (paper §2.4), end to end: every VM tries every other one in every way, and the answers are those of the
 * paper's words; a rule that changes under running flows; quotas.
 * Runs beside others.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { call } from "#cli/client";
import { inNamespace } from "#sys/namespace";
import { build, fabricWith, MACHINES, type Machine, named } from "./tenants/world";
import { TestLab } from "./test-lab";

setDefaultTimeout(90_000);
const lab = new TestLab("tn");
const TALK = fileURLToPath(new URL("tenants/talk.py", import.meta.url));
const KINDS = ["icmp", "tcp/22", "tcp/80", "udp/53"] as const;
type Kind = (typeof KINDS)[number];
type Told = "yes" | "silence" | "unreachable";

const servers: ChildProcess[] = [];
const told = new Map<Machine, Awaited<ReturnType<typeof asked>>>();

/** A process inside a VM; what it writes first says that it is ready. */
async function inside(vm: string, ...words: string[]): Promise<ChildProcess> {
  const child = inNamespace(lab.namespace(vm), () =>
    spawn("python3", [TALK, ...words], { stdio: ["pipe", "pipe", "inherit"] }),
  );
  servers.push(child);
  await new Promise((resolve, reject) => {
    child.stdout!.once("data", resolve);
    child.once("exit", (code) => reject(new Error(`talk.py in ${vm} ended with ${code}`)));
  });
  return child;
}

beforeAll(async () => {
  await build(lab, "action: allow");
  await Promise.all(MACHINES.map(({ name }) => inside(name, "serve")));
  // All at once: they share nothing, and most of it is waiting for silence.
  await Promise.all(MACHINES.map(async (from) => told.set(from, await asked(from, othersOf(from)))));
});
afterAll(async () => {
  for (const server of servers) server.kill("SIGKILL");
  await lab.down();
});

/** What a VM is told when it tries all others, by their names; in one go, as they share nothing. */
async function asked(from: Machine, others: readonly Machine[]): Promise<Record<string, Record<Kind, Told>>> {
  const child = inNamespace(lab.namespace(from.name), () =>
    spawn("python3", [TALK, "ask", ...new Set(others.map(({ address }) => address))], {
      stdio: ["ignore", "pipe", "inherit"],
    }),
  );
  let text = "";
  for await (const chunk of child.stdout!) text += chunk;
  const matrix = JSON.parse(text) as Record<string, Record<Kind, Told>>;
  return Object.fromEntries(others.map(({ name, address }) => [name, matrix[address]!]));
}

/**
 * The paper's words, and those of the rules. An address that is in no route of the sender's network is unreachable; one
 * that may not be talked to is silent.
 */
function expected(from: Machine, to: Machine, kind: Kind): Told {
  if (from.network === to.network) return "yes"; // one tenant network
  if (from.isPublic && to.isPublic) return to.name === "bpub" && kind === "tcp/22" ? "silence" : "yes";
  const routes = {
    "blue/prod": ["blue/dev", "red/dev"],
    "blue/dev": ["blue/prod"],
    "red/dev": ["blue/prod"],
    "red/prod": [],
    "red/web": [],
  };
  // A public address is routed to from everywhere, and so are peers' public ones as far as the route covers them.
  if (!to.isPublic && !(routes[from.network] as string[]).includes(to.network)) return "unreachable";
  const pair = `${from.network} > ${to.network} ${kind}`;
  return ["blue/prod > blue/dev tcp/80", "blue/prod > red/dev udp/53"].includes(pair) ? "yes" : "silence";
}

/** 10.0.0.0/24 is two networks': whose it is depends on who asks. */
function meansIt(from: Machine, to: Machine): boolean {
  if (to.network === "red/prod") return from.network === "red/prod" || from.network === "red/web";
  return from.network !== "red/prod" || !to.address.startsWith("10.0.0.");
}

const othersOf = (from: Machine): Machine[] => MACHINES.filter((to) => to !== from && meansIt(from, to));

describe("who reaches whom", () => {
  for (const from of MACHINES) {
    test(`from ${from.name}, ${from.network}${from.isPublic ? ", public" : ""}`, () => {
      const words = (to: Machine) => Object.fromEntries(KINDS.map((kind) => [kind, expected(from, to, kind)]));
      expect<unknown>(told.get(from)).toEqual(Object.fromEntries(othersOf(from).map((to) => [to.name, words(to)])));
    });
  }

  test("what was refused is counted under its reason, and rules say how often they decided", async () => {
    expect(await lab.counted("hv1", "bp1", "no-rule")).toBeGreaterThan(0);
    expect(await lab.counted("hv1", "bp1", "no-network-route")).toBe(0); // it has a way to all but red/prod's, which is its own
    expect(await lab.counted("hv2", "bd", "no-network-route")).toBeGreaterThan(0);
    expect(await lab.counted("hv2", "rw", "rule-denied")).toBeGreaterThan(0);
    // blue lets it out, red does not let it in.
    expect(await lab.counted("hv1", "eth1", "no-rule")).toBeGreaterThan(0);
    const rules = await lab.show("hv1", "rules");
    expect(rules.find(({ side, name }) => side === "out" && name === "blue/alone")?.hits).toBeGreaterThan(0);
    expect(rules.find(({ side, name }) => side === "in" && name === "red/dns")?.hits).toBeGreaterThan(0);
    expect(lab.log("hv1")).toMatch(
      /rule red\/dns allows udp (blue\/prod )?10\.0\.0\.\d+:\d+ > (red\/dev )?10\.2\.0\.\d+:53/,
    );
  });

  test("connections of stateful rules are listed with both ends by name", async () => {
    const { connections } = await lab.show("hv2", "connections");
    const web = connections.find(({ vm, to }) => vm === "bd" && to.port === 80);
    expect(web).toMatchObject({
      protocol: "tcp",
      rule: "blue/web",
      from: { network: "blue/prod" },
      to: { network: "blue/dev" },
    });
  });
});

/** A line sent over a TCP connection of bp1 to bd, and back again: true when it came in time. */
class Line {
  readonly #child: ChildProcess;
  #heard = "";

  constructor() {
    const program = `import socket,sys
s=socket.create_connection(("${named("bd").address}",80))
print("ready",flush=True)
for line in sys.stdin:
  s.sendall(line.encode()); print(s.recv(100).decode().strip(),flush=True)`;
    this.#child = inNamespace(lab.namespace("bp1"), () =>
      spawn("python3", ["-c", program], { stdio: ["pipe", "pipe", "inherit"] }),
    );
    servers.push(this.#child);
    this.#child.stdout!.setEncoding("utf8").on("data", (text) => {
      this.#heard += text;
    });
  }

  has = (word: string): boolean => this.#heard.includes(word);

  say(word: string): void {
    this.#child.stdin!.write(`${word}\n`);
  }
}

describe("a rule changed by reload", () => {
  const reload = async (web: string): Promise<void> => {
    lab.write("fabric.yaml", fabricWith(web));
    for (const node of ["hv1", "hv2"]) await call(lab.socket(node), "POST", "reload");
  };

  test("takes effect on running connections: forbidden they stand still, allowed again they go on", async () => {
    const line = new Line();
    await lab.until("connected", () => line.has("ready"));
    line.say("one");
    await lab.until("it answers", () => line.has("one"));
    await reload("action: deny");
    const before = await lab.counted("hv1", "bp1", "rule-denied");
    line.say("two");
    await lab.until("it is refused", async () => (await lab.counted("hv1", "bp1", "rule-denied")) > before);
    expect(line.has("two")).toBe(false);
    await reload("action: allow");
    await lab.until("it goes on by itself (TCP sends again)", () => line.has("two"), 30);
    line.say("three");
    await lab.until("it answers", () => line.has("three"));
  });

  test("of others leaves them alone", async () => {
    const line = new Line();
    await lab.until("connected", () => line.has("ready"));
    await reload("action: allow, priority: 7");
    line.say("one");
    await lab.until("it answers", () => line.has("one"));
    await reload("action: allow");
  });
});

test("a VM that opens connections without end is held to its quota; its others and other VMs' go on", async () => {
  const line = new Line();
  await lab.until("connected", () => line.has("ready"));
  const flood = `import socket
held=[]
for i in range(300):
  s=socket.socket(); s.setblocking(False)
  try: s.connect(("${named("bd").address}",80))
  except BlockingIOError: pass
  held.append(s)
import time; time.sleep(1.5)`;
  expect(lab.run("bp2", "true").status).toBe(0);
  const child = inNamespace(lab.namespace("bp1"), () => spawn("python3", ["-c", flood], { stdio: "ignore" }));
  servers.push(child);
  await lab.until("the quota is met", async () => (await lab.counted("hv1", "bp1", "connection-quota")) > 0);
  line.say("one");
  await lab.until("the connection that was there answers", () => line.has("one"), 20);
  expect(await asked(named("bp2"), [named("bd")])).toMatchObject({ bd: { "tcp/80": "yes" } });
});
