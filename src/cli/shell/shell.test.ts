import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { runScript } from "#cli/shell/script";
import type { Output } from "#cli/shell/shell";
import { capture, TestFleet } from "#cli/testing/fleet";

const neighbor = (address: string) => ({ port: "eth1", address, mac: null, state: "reachable" });
const fleet = new TestFleet();
fleet.add("hv1", { "show/neighbors": [neighbor("fe80::1"), neighbor("fe80::2")], "show/homes": [] });
fleet.add("hv2", { "show/neighbors": [neighbor("fe80::3")] });
afterAll(() => fleet.stop());

async function lines(text: string, more: { keepsGoing?: true } & Partial<Output> = {}) {
  const { keepsGoing = false, ...rest } = more;
  const captured = capture(rest);
  const manner = { output: captured.output, keepsGoing, isNumbered: true };
  const status = await runScript(fleet.shell(), text.split("\n"), manner);
  return { status, out: captured.out(), err: captured.err() };
}

test("a command is asked of the router behind @, or of the one in use", async () => {
  expect(await lines("@hv2 show neighbors | grep fe80 | count")).toEqual({ status: 0, out: "1\n", err: "" });
  expect(await lines("use hv1\nshow neighbors | grep fe80 | count")).toEqual({ status: 0, out: "2\n", err: "" });
  expect(await lines("use hv1\nuse")).toMatchObject({ out: "* hv1\n  hv2\n" });
});

test("where it is not clear which router is meant, 2 and what to say", async () => {
  expect(await lines("show neighbors")).toMatchObject({
    status: 2,
    err: "ain: say which router: @hv1 …, @all …, or use NAME (hv1, hv2)\nline 1 failed: show neighbors\n",
  });
  expect((await lines("@hv9 show neighbors")).err).toContain("no router is called hv9 (there are hv1, hv2)");
  expect((await lines("use hv9")).status).toBe(2);
  expect((await lines("@hv1 check x")).err).toContain("found @hv1, expected it before commands that ask a router");
});

test("@all asks every router: each answer under its name, in order", async () => {
  expect((await lines("@all show neighbors | grep fe80")).out.replace(/─+$/gm, "─")).toBe(
    [
      "── hv1 ─",
      "eth1  fe80::1  -    reachable",
      "eth1  fe80::2  -    reachable",
      "── hv2 ─",
      "eth1  fe80::3  -    reachable",
      "",
    ].join("\n"),
  );
  expect((await lines("@hv* show neighbors | grep ::3")).out).not.toContain("hv1");
});

test("@all with JSON is one document, by router, and a failure of one is told beside it", async () => {
  const { status, out, err } = await lines("@all show homes | json");
  expect(JSON.parse(out)).toEqual({ hv1: [] });
  expect(status).toBe(4);
  expect(err).toContain('hv2: ain: nothing is called "show/homes"');
  expect(JSON.parse((await lines("@all show neighbors --json")).out)).toMatchObject({ hv1: [{}, {}], hv2: [{}] });
  expect(JSON.parse((await lines("@all show neighbors | json | count")).out)).toEqual({ hv1: 2, hv2: 1 });
});

test("a script ends at the first line that fails, with its exit status; --keep-going at the last", async () => {
  const script = "# a comment\n\n@hv1 show nothing\n@hv1 show homes | json\n@hv2 show homes";
  expect(await lines(script)).toMatchObject({ status: 2, out: "" });
  const all = await lines(script, { keepsGoing: true });
  expect(all).toMatchObject({ status: 2, out: "[]\n" });
  expect(all.err).toContain("line 3 failed");
  expect(all.err).toContain("line 5 failed");
  expect(await lines("exit\n@hv1 show nothing")).toEqual({ status: 0, out: "", err: "" });
});

test("mistakes are told before anything is asked", async () => {
  const { asked } = fleet.add("hv3", {});
  expect((await lines("@hv3 show neighbors | nonsense")).status).toBe(2);
  expect((await lines("@hv3 show neighbors | grep (")).err).toContain("expected a regular expression");
  expect((await lines("@hv3 show neighbors |")).err).toContain("expected a filter");
  expect((await lines("@hv3 show neighbors 'x")).err).toContain("is not closed");
  expect((await lines("@hv3 @hv1 show neighbors")).err).toContain("found @hv3 and @hv1");
  expect((await lines("@hv3")).err).toContain("found no command");
  expect((await lines("@hv3 stop | json")).err).toContain("stop has no JSON");
  expect((await lines("watch show neighbors")).err).toContain("watch needs a terminal");
  expect(asked).toEqual([]);
});

test("one row of a table can be asked for; 1 when there is none", async () => {
  expect((await lines("@hv1 show neighbors fe80::2 | grep fe80")).out).toBe("eth1  fe80::2  -    reachable\n");
  expect(await lines("@hv1 show neighbors fe80::9")).toMatchObject({
    status: 1,
    err: expect.stringContaining("ain: no neighbors of fe80::9"),
  });
});

test("a router that is down, busy or none at all: 3, and what is the matter", async () => {
  const dead = fleet.addDead("dead");
  expect(await lines("@dead show neighbors")).toMatchObject({
    status: 3,
    err: expect.stringContaining("no such socket"),
  });
  const deaf = Bun.listen({ unix: dead, socket: { data: (socket) => void socket.end("no HTTP") } });
  expect((await lines("@dead show neighbors")).status).toBe(3);
  deaf.stop(true);
  writeFileSync(dead, "");
  expect((await lines("@dead show neighbors")).status).toBe(3);
});

test("a command that the operator does not want any more ends with 130, and says nothing further", async () => {
  const slow = new TestFleet("slow");
  const asked = Promise.withResolvers<void>();
  slow.add("slow", {
    "show/homes": () => {
      asked.resolve();
      return new Promise(() => {});
    },
  });
  const ended = new AbortController();
  const { output, out, err } = capture({ signal: ended.signal });
  const shell = slow.shell();
  const status = shell.run(shell.read("show homes")!, output);
  await asked.promise;
  ended.abort();
  expect(await status).toBe(130);
  expect([out(), err()]).toEqual(["", ""]);
  await slow.stop();
});

test("a table is as wide as the terminal, but not in front of filters and as JSON", async () => {
  const wide = { ...neighbor("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"), state: "reachable, and more than that" };
  fleet.add("wide", { "show/neighbors": [wide] });
  const shown = (await lines("@wide show neighbors", { width: 60 })).out.trimEnd().split("\n");
  expect(shown.filter((line) => Bun.stringWidth(line) > 60)).toEqual([]);
  expect((await lines("@wide show neighbors | tail 1", { width: 60 })).out).toContain("eeee:ffff  -    reachable, and");
  expect((await lines("@wide show neighbors --json", { width: 60 })).out).toContain(wide.address);
});

test("a router of another version is told of, and answers all the same", async () => {
  fleet.add("old", { "show/homes": [] }, { version: "0.0.1" });
  const { status, out, err } = await lines("@old show homes | json");
  expect({ status, out }).toEqual({ status: 0, out: "[]\n" });
  expect(err).toMatch(/^note: the router runs AIN 0\.0\.1, this is \d/);
});
