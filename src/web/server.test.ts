/** The whole server against fake routers on unix sockets: no root, no browser. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { shownWords } from "#cli/shown-text";
import { ShowRouter } from "#cli/testing/show-router";
import { parseListen } from "#web/listen-address";
import type { Fabric } from "#web/model";
import type { Pace } from "#web/pace";
import { WebServer } from "#web/server";
import { closViews } from "#web/testing/clos";
import type { Target } from "#web/watcher";

const VERSION = "0.1.0";
const HURRY: Pace = {
  line: { patience: 500, largest: 2 ** 22, waiting: 16 },
  ...{ slowness: 0.05, retry: 50, modelEvery: 20, fleetEvery: 50, introduction: 1000, mostWaiting: 100_000 },
};
/** Milliseconds that anything may take on a busy machine. */
const PATIENCE = 15_000;

let folder: string;
let targets: Map<string, Target>;
let stops: (() => unknown)[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ain-web-"));
  targets = new Map();
  stops = [];
});
afterEach(async () => {
  for (const stop of stops) await stop();
  rmSync(folder, { recursive: true });
});

const socketOf = (name: string): string => join(folder, `${name}.sock`);

function router(name: string, views?: Record<string, unknown>, version = VERSION): ShowRouter | undefined {
  targets.set(name, { socket: socketOf(name), shown: name });
  if (views === undefined) return undefined;
  const made = new ShowRouter(socketOf(name), views, { version });
  stops.push(() => made.stop());
  return made;
}

function serve(): WebServer {
  const server = new WebServer({
    listen: parseListen("127.0.0.1:0")!,
    fleet: { title: "test", routers: () => targets, wires: () => [] },
    ...{ version: VERSION, linkSpeed: null, shown: shownWords, pace: HURRY },
  });
  stops.unshift(() => server.stop());
  return server;
}

async function until<T>(look: () => Promise<T> | T, isIt: (value: T) => boolean, patience = PATIENCE): Promise<T> {
  const deadline = performance.now() + patience;
  for (;;) {
    const value = await look();
    if (isIt(value)) return value;
    if (performance.now() > deadline) throw new Error(`waited in vain, last: ${JSON.stringify(value)?.slice(0, 2000)}`);
    await Bun.sleep(20);
  }
}

const get = async (server: WebServer, path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`http://127.0.0.1:${server.port}${path}`, init);
const json = async <T>(response: Response): Promise<T> => (await response.json()) as T;
const fabric = async (server: WebServer): Promise<Fabric> => json<Fabric>(await get(server, "/api/fabric"));
const small = () => closViews({ pods: 1, hypervisors: 1, vms: 2 }).get("hv1-1")!;

test("a router that is down, one that is slow, one of another version and rubbish hold up neither the page nor others", async () => {
  router("up", small());
  router("down");
  router("slow", { "show/status": () => Bun.sleep(60_000) });
  router("old", small(), "0.0.1");
  router("rubbish", { "show/status": { hello: "world" } });
  const server = serve();
  const { nodes } = await until(
    () => fabric(server),
    ({ nodes }) => nodes.slow?.state === "unreachable",
  );
  expect(nodes.up).toMatchObject({ state: "up", role: "hypervisor" });
  expect(nodes.down).toMatchObject({ state: "unreachable", reason: "there is no such socket: it does not run" });
  expect(nodes.slow).toMatchObject({ reason: "nothing came within 0.5 s" });
  expect(nodes.old).toMatchObject({ state: "other-version", version: "0.0.1" });
  expect(nodes.rubbish?.reason).toStartWith(
    "what answers there is no AIN router: what it says of status cannot be read",
  );
}, 30_000);

test("a view that an older version lacks, or tells otherwise, takes nothing from the others", async () => {
  const { "show/tunnels": _, ...views } = small();
  router("old", { ...views, "show/vms": [{ name: "web", network: 7 }] }, "0.0.1");
  const server = serve();
  const { nodes } = await until(
    () => fabric(server),
    ({ nodes }) => nodes.old?.state === "other-version",
  );
  expect(nodes.old?.lacks.tunnels).toBe('nothing is called "show/tunnels"');
  expect(nodes.old?.lacks.vms).toStartWith("what it says of vms cannot be read: 0.network: ");
  expect(nodes.old?.role).toBe("hypervisor");
});

test("a router that comes back is up again, and both are told as they happen", async () => {
  const first = router("hv1", small())!;
  const server = serve();
  const events = await listen(server);
  await until(
    () => fabric(server),
    ({ nodes }) => nodes.hv1?.state === "up",
  );
  await first.stop();
  await until(
    () => events.text(),
    (text) => text.includes("hv1 does not answer: "),
  );
  router("hv1", small());
  await until(
    () => events.text(),
    (text) => text.includes("hv1 answers again"),
  );
});

test("a move over which nobody had yet spoken to the VM is asked about again, and its downtime shows when it is known", async () => {
  const base = { vm: "web", began: 1000, outcome: "done" };
  const flight = (side: string) => ({ ...base, id: 1, side, took: 20, downtime: null, held: 0, lost: 0 });
  const packets = { held: 0, reinjected: 0, givenUp: 0, stragglers: 0, dropped: {} };
  const marks = { firstFromVm: null, lastFromVm: null, firstToVm: null, lastToVm: null };
  const report = (name: string, side: string, more: object) => ({
    ...{ ...flight(side), router: name, ended: 1020, events: [], packets, marks: { ...marks, ...more } },
  });
  let asked = 0;
  router("hv1", {
    ...small(),
    "show/flights": { flights: [flight("source")] },
    "show/flights/web": report("hv1", "source", { lastToVm: 1001 }),
  });
  router("hv2", {
    ...closViews({ pods: 1, hypervisors: 2, vms: 2 }).get("hv1-2")!,
    "show/flights": { flights: [flight("target")] },
    "show/flights/web": () => report("hv2", "target", { firstFromVm: 1011, firstToVm: ++asked > 2 ? 1019 : null }),
  });
  const server = serve();
  const { moves } = await until(
    () => fabric(server),
    ({ moves }) => Object.values(moves)[0]?.network === 8,
  );
  expect(Object.values(moves)).toMatchObject([{ downtime: 18, still: 10, network: 8 }]);
  await Bun.sleep(5 * HURRY.retry);
  expect(asked).toBe(3); // and not once it is known
});

test("a router that was late once is not given up: it may have been busy", async () => {
  let looks = 0;
  const vms = async (): Promise<unknown[]> => {
    if (++looks === 3) await Bun.sleep(700);
    return [];
  };
  router("hv1", { ...small(), "show/vms": vms });
  const server = serve();
  const events = await listen(server);
  await until(
    () => looks,
    (count) => count > 6,
  );
  expect((await fabric(server)).nodes.hv1?.state).toBe("up");
  expect(events.text()).not.toContain("does not answer");
});

test("routers that come and go in the lab come and go on the map", async () => {
  router("hv1", small());
  const server = serve();
  await until(
    () => fabric(server),
    ({ nodes }) => nodes.hv1 !== undefined,
  );
  targets.delete("hv1");
  router("hv2", small());
  await until(
    () => fabric(server),
    ({ nodes }) => nodes.hv1 === undefined && nodes.hv2?.state === "up",
  );
});

test("what a router shows is the command line's text, its JSON, and how to have the same there", async () => {
  const ports = [
    {
      ...{ index: 0, name: "eth1", kind: "uplink", interface: "eth1", attachment: "packet", state: "up", mtu: 1500 },
      ...{ mac: "02:00:00:00:00:01", offload: true, rxFrames: 1, rxOctets: 2, txFrames: 3, txOctets: 4, dropped: 0 },
      ...{ receiveDrops: 0, transmitErrors: 0, interfaceReceiveDrops: 0, interfaceTransmitDrops: 0 },
      ...{ errorsSent: 0, errorsLimited: 0 },
    },
  ];
  router("hv1", { ...small(), "show/ports": ports });
  const server = serve();
  const shown = await json<Record<string, unknown>>(await get(server, "/api/show/hv1/ports/eth1"));
  expect(shown).toMatchObject({ json: ports, command: "ain show ports eth1 --router hv1" });
  expect(shown.text).toStartWith("PORT  KIND    INTERFACE  STATE");
  const none = await get(server, "/api/show/hv1/ports/eth9");
  expect([none.status, (await json<{ error: string }>(none)).error]).toEqual([502, "hv1: no ports of eth9"]);
});

test("what cannot be shown says why, and no words lead anywhere else in the router's API", async () => {
  const hv1 = router("hv1", small())!;
  router("down");
  const server = serve();
  const told = async (path: string) => {
    const response = await get(server, path);
    return `${response.status} ${(await json<{ error: string }>(response)).error}`;
  };
  expect(await told("/api/show/hv1/nothing")).toBe('404 nothing is called "nothing"');
  expect(await told("/api/show/hv1/..%2Fstop")).toBe('404 nothing is called "../stop"');
  expect(await told("/api/show/hv1/ports/..%2F..%2Fvm")).toBe("502 hv1: no ports of ../../vm");
  expect(await told("/api/show/hv9/ports")).toBe('404 no router is called "hv9"');
  expect(await told("/api/show/down/ports")).toStartWith("504 down does not answer: there is no such socket");
  expect(await told("/api/show/hv1/rules")).toBe('404 hv1: nothing is called "show/rules"');
  expect(await told("/api/show/%E0%A4%A/ports")).toBe("400 the path is no text");
  expect(hv1.asked.filter((path) => !path.startsWith("show/"))).toEqual([]);
});

test("only GET and HEAD: whatever else is refused", async () => {
  const server = serve();
  for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
    const response = await get(server, "/api/fabric", { method });
    expect([method, response.status, response.headers.get("allow")]).toEqual([method, 405, "GET, HEAD"]);
  }
  const head = await get(server, "/", { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
});

test("a page of another name that leads here (DNS rebinding) gets nothing", async () => {
  const server = serve();
  const asked = await get(server, "/api/fabric", { headers: { host: `evil.example:${server.port}` } });
  expect(asked.status).toBe(421);
  const ours = await get(server, "/api/fabric", { headers: { host: `localhost:${server.port}` } });
  expect(ours.status).toBe(200);
});

test("every answer forbids what the page does not need: scripts of others, frames, sniffing", async () => {
  const server = serve();
  for (const path of ["/", "/main.mjs", "/api/fabric", "/nothing"]) {
    const { headers } = await get(server, path);
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).not.toContain("unsafe");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("access-control-allow-origin")).toBeNull();
  }
  const page = await (await get(server, "/")).text();
  expect(page).not.toMatch(/<script>|style="| on\w+="|https?:\/\//);
});

test("every script and style that the page asks for is there", async () => {
  const server = serve();
  const seen = new Set<string>(["/main.mjs", "/icon.svg"]);
  const page = await (await get(server, "/")).text();
  for (const [, path] of page.matchAll(/href="(\/[\w-]+\.css)"/g)) seen.add(path!);
  for (const path of seen) {
    const response = await get(server, path);
    expect([path, response.status]).toEqual([path, 200]);
    const text = await response.text();
    for (const [, name] of text.matchAll(/^import .* from "\.(\/[\w-]+\.mjs)";$/gm)) seen.add(name!);
  }
  expect(seen.size).toBeGreaterThan(20);
});

test("a browser that stops reading is dropped; others, and the routers, notice nothing", async () => {
  let looks = 0;
  // Every look at the VMs gives another model of some 400 kB, which has to be told.
  const hv1 = router("hv1", { ...small(), "show/vms": () => manyVms(looks++) })!;
  const server = serve();
  await until(
    () => fabric(server),
    ({ nodes }) => nodes.hv1?.state === "up",
  );
  const reader = await listen(server);
  const stuck = connect(server.port, "127.0.0.1");
  stops.unshift(() => stuck.destroy());
  stuck.on("error", () => {}); // dropped: that is what is waited for
  stuck.write(`GET /api/events HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\n\r\n`);
  stuck.pause();
  await until(
    () => server.browsers,
    (browsers) => browsers === 2,
  );
  await until(
    () => server.browsers,
    (browsers) => browsers === 1,
    60_000,
  );
  const [asked, read] = [hv1.asked.length, reader.octets()];
  await until(
    () => hv1.asked.length,
    (now) => now > asked,
  );
  await until(
    () => reader.octets(),
    (now) => now > read,
  );
}, 120_000);

const manyVms = (look: number): unknown[] =>
  Array.from({ length: 500 }, (_, i) => ({
    ...{ name: `vm${i}-${look}-${"x".repeat(1000)}`, network: "blue/prod", address: `10.0.${i >> 8}.${i & 255}` },
    ...{ networkAddress: null, ipv6: [], port: "p", state: "up", mac: null },
  }));

const MOST_TEXT = 100_000;

/** Reads events as a browser does. */
async function listen(server: WebServer): Promise<{ text: () => string; octets: () => number }> {
  const response = await get(server, "/api/events");
  const reader = response.body!.getReader();
  stops.unshift(() => reader.cancel().catch(() => {})); // the server may have gone first
  let text = "";
  let octets = 0;
  const decoder = new TextDecoder();
  void (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      octets += value.length;
      text = (text + decoder.decode(value, { stream: true })).slice(-MOST_TEXT);
    }
  })().catch(() => {}); // ended with the server
  return { text: () => text, octets: () => octets };
}
