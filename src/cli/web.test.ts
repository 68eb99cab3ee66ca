import { expect, test } from "bun:test";
import { MISUSED, UNREACHABLE } from "#cli/failure";
import { program, runIn } from "#cli/program";
import { within } from "#cli/surroundings";
import { capture, TestFleet } from "#cli/testing/fleet";

async function web(words: readonly string[], more = {}): Promise<{ status: number; out: string; err: string }> {
  const captured = capture();
  const status = await within({ ...captured.output, ...more }, () => runIn(program(), ["web", ...words]));
  return { status, out: captured.out(), err: captured.err() };
}

test("what cannot be meant is refused before anything is served", async () => {
  expect(await web(["--listen", "everywhere"])).toMatchObject({
    status: MISUSED,
    err: expect.stringContaining("--listen: found everywhere, expected an address and a port"),
  });
  expect(await web(["--router", "/none.sock", "--link-speed", "fast"])).toMatchObject({
    status: MISUSED,
    err: expect.stringContaining("--link-speed: found fast, expected bits a second"),
  });
  expect(await web(["no-such-lab"])).toMatchObject({
    status: UNREACHABLE,
    err: expect.stringContaining("neither a router nor a lab is called no-such-lab"),
  });
});

test("it tells where it serves and whose routers, and ends when it is to; beyond this machine with a warning", async () => {
  const fleet = new TestFleet();
  const socket = fleet.addDead("hv1");
  for (const [listen, hasWarning] of [
    ["127.0.0.1:0", false],
    ["0.0.0.0:0", true],
  ] as const) {
    const ending = new AbortController();
    setTimeout(() => ending.abort(), 50);
    const { status, out, err } = await web(["--router", socket, "--listen", listen], { signal: ending.signal });
    expect(status).toBe(0);
    expect(out).toMatch(/^http:\/\/[0-9.]+:\d+\/ {2}\(hv1; Ctrl-C ends it\)\n$/);
    expect(err.includes("whoever reaches 0.0.0.0:0 can read")).toBe(hasWarning);
  }
  await fleet.stop();
});
