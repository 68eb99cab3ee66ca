/** `ain move` and `ain vm` against two routers that are nothing but their API. */
import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "#cli/program";
import { ApiRouter } from "#cli/testing/api-router";

let folder = "";
let source: ApiRouter;
let target: ApiRouter;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ain-move-"));
  source = new ApiRouter(join(folder, "hv1.sock"));
  target = new ApiRouter(join(folder, "hv2.sock"));
  source.add("web", "active");
});
afterEach(async () => {
  await source.stop();
  await target.stop();
  rmSync(folder, { recursive: true });
});

/** `%` in a word stands for the folder. */
async function ain(...words: string[]): Promise<{ status: number; out: string; err: string }> {
  const written = { out: [] as string[], err: [] as string[] };
  const said = (texts: string[]): string => texts.join("").replaceAll(folder, "%");
  const stdout = spyOn(process.stdout, "write").mockImplementation((text) => written.out.push(String(text)) > 0);
  const stderr = spyOn(process.stderr, "write").mockImplementation((text) => written.err.push(String(text)) > 0);
  try {
    const status = await run(words.map((word) => word.replaceAll("%", folder)));
    return { status, out: said(written.out), err: said(written.err) };
  } finally {
    stdout.mockRestore();
    stderr.mockRestore();
  }
}

const move = (...more: string[]) => ain("move", "web", "--from", "%/hv1.sock", "--to", "%/hv2.sock", ...more);

describe("ain move", () => {
  test("prepares, holds, runs the hook, activates, waits, and reports", async () => {
    target.onActivate = () => source.set("web", "away");
    const { status, out } = await move("--hook", 'echo "$AIN_VM $AIN_FROM $AIN_TO" > %/hook');
    expect(status).toBe(0);
    expect(await Bun.file(join(folder, "hook")).text()).toBe(`web ${folder}/hv1.sock ${folder}/hv2.sock\n`);
    expect(target.asked).toEqual(["prepare", "web/activate"]);
    expect(source.asked).toEqual(["web/hold"]);
    expect([source.connections, target.connections]).toEqual([
      ["GET", "GET"],
      ["POST", "POST"],
    ]); // before the hook, and after
    expect(out).toStartWith("web: hv1 → hv2, done");
  });

  test("is content with a first frame that has activated the VM already", async () => {
    target.onPrepare = () => {
      target.set("web", "active");
      source.set("web", "away");
    };
    expect((await move("--no-hold")).status).toBe(0);
    expect(source.asked).toEqual([]);
  });

  test("gives the target's own interface, the one it had there before, or the one that is named", async () => {
    target.onActivate = () => source.set("web", "away");
    await move("--interface", "vnet7");
    expect(target.definitions[0]).toMatchObject({ name: "web", interface: "vnet7", address: "10.0.0.2" });
    source.set("web", "active");
    target.set("web", "away");
    await move();
    expect(target.definitions[1]).toEqual(target.definitions[0]!);
    source.set("web", "active");
    target.set("web", "away");
    await move("--tap", "tap1");
    expect(target.definitions[2]).toMatchObject({ tap: "tap1" });
    expect(target.definitions[2]).not.toHaveProperty("interface");
  });

  test("takes all back when the hook fails, and says so", async () => {
    const { status, err } = await move("--hook", "exit 3");
    expect(status).toBe(1);
    expect(err).toBe(
      "ain: the hook ended with status 3\nVM web stays: resumed at %/hv1.sock, detached at %/hv2.sock\n",
    );
    expect([source.state("web"), target.state("web")]).toEqual(["active", undefined]);
  });

  test("takes all back when the source does not hold", async () => {
    source.refuse = "hold";
    const { status, err } = await move();
    expect(status).toBe(1);
    expect(err).toContain("no hold today\nVM web stays: detached at %/hv2.sock");
  });

  test("ends with 1 when the source does not hear of it, or the budget is exceeded", async () => {
    expect(await move("--timeout", "20ms")).toMatchObject({ status: 1, err: expect.stringContaining("still held at") });
    source.set("web", "active");
    target.set("web", "away");
    target.onActivate = () => source.set("web", "away");
    const { status, out, err } = await move("--budget", "7ms");
    expect(out).toStartWith("web: hv1 → hv2, done");
    expect([status, err]).toEqual([1, "ain: packets did not reach the VM for 8.0 ms, the budget is 7 ms\n"]);
    source.set("web", "active");
    target.set("web", "away");
    expect((await move("--budget", "8ms")).status).toBe(0);
  });

  test("refuses what is no VM here, and nonsense", async () => {
    source.set("web", "held");
    expect(await move()).toMatchObject({ status: 1, err: expect.stringContaining("found it held") });
    expect((await move("--budget", "soon")).status).toBe(2);
    expect((await ain("move", "nobody", "--from", "%/hv1.sock", "--to", "%/hv2.sock")).err).toContain(
      "no VM is called",
    );
    expect(target.asked).toEqual([]);
  });
});

describe("ain vm", () => {
  const vm = (...words: string[]) => ain("vm", ...words, "--router", "%/hv1.sock");

  test("lists and shows", async () => {
    expect((await vm("list")).out).toBe(
      "VM   NETWORK    STATE   FROM      ADDRESS   HOME                      PORT\n" +
        "web  blue/prod  active  run time  10.0.0.2  2001:db8:a1:1::/64 (hv1)  v\n",
    );
    expect((await vm("show", "web")).out).toMatch(
      /^web\n {2}state {7}active, for \d+\.\d s\n {2}network {5}blue\/prod\n/,
    );
    expect(JSON.parse((await vm("show", "web", "--json")).out).definition.name).toBe("web");
    expect(await vm("show", "nobody")).toMatchObject({ status: 4, err: "ain: no VM here is called nobody\n" });
  });

  test("hands a file over, user data and all, and shows what is wrong in it where it is", async () => {
    writeFileSync(
      join(folder, "new.yaml"),
      "name: new\nnetwork: blue/prod\naddress: 10.0.0.9\nuserData: {file: data}\ntap: t\n",
    );
    writeFileSync(join(folder, "data"), Uint8Array.of(0xff, 1));
    expect((await vm("attach", "%/new.yaml")).status).toBe(0);
    expect(source.definitions).toEqual([
      { name: "new", network: "blue/prod", address: "10.0.0.9", userData: { base64: "/wE=" }, tap: "t" },
    ]);
    source.faults = [
      { path: "userData.base64", found: "x", expected: "y" },
      { path: "ipv6[0]", found: "u", expected: "v" },
    ];
    expect(await vm("prepare", "%/new.yaml")).toEqual({
      status: 2,
      out: "",
      err:
        "error %/new.yaml:4:11: userData.base64: found x, expected y\n" +
        "error %/new.yaml:1:1: ipv6[0]: found u, expected v\nain: nothing was changed\n",
    });
    expect((await vm("attach", "%/none.yaml")).err).toContain("no such file");
  });

  test("takes a word that is no file for the name of a VM that is away", async () => {
    source.set("web", "away");
    expect((await vm("attach", "web")).status).toBe(0);
    expect(source.asked).toEqual(["web/attach"]);
  });
});
