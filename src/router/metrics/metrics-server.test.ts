import { afterEach, expect, test } from "bun:test";
import { Log } from "#router/log";
import { MetricsServer } from "#router/metrics/metrics-server";

let lines: string[] = [];
let server: MetricsServer | undefined;
afterEach(async () => {
  await server?.close();
  lines = [];
});

/** A server at a port of its own; `before` runs while somebody else has it. */
async function listening(before?: (port: number) => Promise<void>): Promise<string> {
  const holder = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("another") });
  const port = holder.port!;
  if (before === undefined) await holder.stop(true);
  server = new MetricsServer({
    listen: { text: `127.0.0.1:${port}`, host: "127.0.0.1", port },
    log: new Log("info", (line) => lines.push(line.replace(/^\S+ /, ""))),
    answer: async (accept) => new Response(`metrics for ${accept}`),
    retry: 20,
  });
  await before?.(port);
  await holder.stop(true);
  return `http://127.0.0.1:${port}`;
}

test("/metrics is answered, in the format that is asked for, and nothing else is", async () => {
  const at = await listening();
  const get = async (path: string, more: RequestInit = {}): Promise<[number, string]> => {
    const answer = await fetch(at + path, more);
    return [answer.status, await answer.text()];
  };
  expect(await get("/metrics", { headers: { accept: "text/plain" } })).toEqual([200, "metrics for text/plain"]);
  expect(await get("/metrics?x=1", { headers: { accept: "x" } })).toEqual([200, "metrics for x"]);
  expect((await get("/"))[0]).toBe(404);
  expect((await get("/v1/stop", { method: "POST" }))[0]).toBe(404);
  expect((await get("/metrics", { method: "POST" }))[0]).toBe(405);
  expect(lines).toHaveLength(1);
});

test("an address that is taken is told once, and tried until it is free", async () => {
  const at = await listening(() => Bun.sleep(100));
  for (let i = 0; i < 100 && lines.length < 2; i++) await Bun.sleep(20);
  expect(lines.map((line) => line.slice(0, 23))).toEqual(["error metrics: cannot l", "info metrics: http://12"]);
  expect((await fetch(`${at}/metrics`)).status).toBe(200);
});
