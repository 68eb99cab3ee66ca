import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ShowRouter } from "#cli/testing/show-router";
import { type LineLimits, RouterLine } from "#web/router-line";

let folder: string;
let socket: string;
const stops: (() => unknown)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ain-line-"));
  socket = join(folder, "hv1.sock");
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  rmSync(folder, { recursive: true });
});

const LIMITS: LineLimits = { patience: 300, largest: 10_000, waiting: 3 };
function line(): RouterLine {
  const made = new RouterLine(socket, LIMITS);
  stops.push(() => made.close());
  return made;
}
function serve(views: Record<string, unknown>, version?: string): ShowRouter {
  const router = new ShowRouter(socket, views, version === undefined ? {} : { version });
  stops.push(() => router.stop());
  return router;
}
/** Answers every connection with these octets, and no more. */
async function serveRaw(octets: string): Promise<Server> {
  const server = createServer((connection) => {
    connection.on("error", () => {}); // the other end hangs up
    connection.write(octets);
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  stops.push(() => server.close());
  return server;
}

test("what a router tells comes with its version", async () => {
  serve({ "show/ports": [1] }, "0.0.9");
  expect(await line().ask("ports")).toEqual({ kind: "told", json: [1], version: "0.0.9" });
});

test("a view that it has not is refused in its own words", async () => {
  serve({});
  expect(await line().ask("ports")).toMatchObject({ kind: "refused", reason: 'nothing is called "show/ports"' });
});

test("who hangs up is asked once more: it was killed, or has begun anew", async () => {
  let asked = 0;
  const hangsUp = createServer((connection) => {
    connection.on("error", () => {});
    connection.once("data", () => {
      asked++;
      connection.destroy();
    });
  });
  await new Promise<void>((resolve) => hangsUp.listen(socket, resolve));
  expect(await line().ask("ports")).toEqual({ kind: "silent", reason: "it hung up before it had answered" });
  expect(asked).toBe(2);
  await new Promise((resolve) => hangsUp.close(resolve));

  const killed = createServer((connection) => {
    connection.on("error", () => {});
    connection.once("data", () => {
      killed.close();
      writeFileSync(socket, ""); // as a socket is that nobody listens at any more
      connection.destroy();
    });
  });
  await new Promise<void>((resolve) => killed.listen(socket, resolve));
  expect(await line().ask("ports")).toEqual({ kind: "silent", reason: "its process is gone" });
});

test("one question at a time, in their order; of too many those that come last are not asked", async () => {
  const order: string[] = [];
  let inFlight = 0;
  const slow = (name: string) => async () => {
    expect(++inFlight).toBe(1);
    await Bun.sleep(20);
    inFlight--;
    order.push(name);
    return name;
  };
  serve({ "show/a": slow("a"), "show/b": slow("b"), "show/c": slow("c") });
  const asking = line();
  const answers = await Promise.all(["a", "b", "c", "d"].map((path) => asking.ask(path)));
  expect(order).toEqual(["a", "b", "c"]);
  expect(answers.map(({ kind }) => kind)).toEqual(["told", "told", "told", "busy"]);
});

test("silence has its reason: no socket, a dead one, nothing in time, too much, no router", async () => {
  const reason = async () => {
    const answer = await line().ask("ports");
    return answer.kind === "silent" ? answer.reason : answer;
  };
  expect(await reason()).toBe("there is no such socket: it does not run");
  const dead = createServer();
  await new Promise<void>((resolve) => dead.listen(socket, resolve));
  await new Promise((resolve) => dead.close(resolve));
  writeFileSync(socket, ""); // a file that is no socket is as dead
  expect(await reason()).not.toBe("");
  rmSync(socket);
  const never = serve({ "show/ports": () => Bun.sleep(3000) });
  expect(await reason()).toBe("nothing came within 0.3 s");
  await never.stop();
  const long = serve({ "show/ports": "x".repeat(20_000) });
  expect(await reason()).toBe("its answer about ports is longer than 10000 octets");
  await long.stop();
});

test("what answers with rubbish is no router", async () => {
  await serveRaw("220 mail.example ESMTP\r\n");
  expect(await line().ask("ports")).toMatchObject({ kind: "silent" });
});

test("what answers in HTTP, but not in JSON, is no router", async () => {
  await serveRaw("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
  expect(await line().ask("ports")).toEqual({ kind: "silent", reason: "what answers there is no AIN router" });
});

test("an answer that begins and does not end is given up", async () => {
  await serveRaw("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n[1,");
  expect(await line().ask("ports")).toMatchObject({ kind: "silent", reason: "nothing came within 0.3 s" });
});
