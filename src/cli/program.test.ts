import { expect, spyOn, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClientError, Refusal } from "#cli/client";
import { EXIT_STATUSES, Failure } from "#cli/failure";
import { run, tell } from "#cli/program";
import { within } from "#cli/surroundings";
import { capture } from "#cli/testing/fleet";
import { LabError } from "#lab/lab-error";
import { RouterError } from "#router/router-error";
import { RecordingError } from "#runtime/recording/reader";
import { SysError } from "#sys/errno";

const FABRIC = `name: demo
key: 000102030405060708090a0b0c0d0e0f
prefixes: [2001:db8:a1::/48]
homes: [2001:db8:a1:1::/64, 2001:db8:a1:2::/64]
tenants: {blue: {id: 1, networks: {prod: {id: 1, prefixes: [10.0.0.0/16], tenantPrefixes: ["fd00:1::/32"]}}}}
`;

const NODE = `name: hv
fabric: fabric.yaml
role: hypervisor
prefix: 2001:db8:a1:1::/64
vms: [{name: web, network: blue/prod, address: 10.0.0.2, ipv6: 2001:db8:a1:1:0:401::1, tap: t}]
`;

/** Runs a command with FABRIC in `fabric.yaml` of a folder of its own, which `%` in the words stands for. */
async function ain(line: string): Promise<{ status: number; out: string; err: string }> {
  const directory = mkdtempSync(join(tmpdir(), "ain-cli-"));
  const written = { out: [] as string[], err: [] as string[] };
  const said = (texts: string[]): string => texts.join("").replaceAll(directory, "%");
  const stdout = spyOn(process.stdout, "write").mockImplementation((text) => written.out.push(String(text)) > 0);
  const stderr = spyOn(process.stderr, "write").mockImplementation((text) => written.err.push(String(text)) > 0);
  try {
    writeFileSync(join(directory, "fabric.yaml"), FABRIC, { mode: 0o600 });
    writeFileSync(join(directory, "hv.yaml"), NODE);
    const status = await run(
      line
        .split(" ")
        .filter(Boolean)
        .map((word) => word.replace("%", directory)),
    );
    return { status, out: said(written.out), err: said(written.err) };
  } finally {
    stdout.mockRestore();
    stderr.mockRestore();
    rmSync(directory, { recursive: true });
  }
}

test("help and version end with 0", async () => {
  expect((await ain("--help")).status).toBe(0);
  expect((await ain("check --help")).out).toContain("Usage: ain check");
  expect(await ain("--version")).toMatchObject({ status: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

test("a wrong command line ends with 2 and a guess of what was meant", async () => {
  expect(await ain("chek")).toMatchObject({ status: 2, out: "", err: expect.stringContaining("Did you mean check?") });
  expect((await ain("check")).status).toBe(2);
  expect((await ain("check --nope x")).status).toBe(2);
});

test("ain check says ok with 0, shows what is wrong with 2, plain in a pipe", async () => {
  expect(await ain("check %/fabric.yaml")).toEqual({
    status: 0,
    out: "%/fabric.yaml: ok: fabric demo, 2 homes, 1 network\n",
    err: "",
  });
  expect(await ain("check %/none.yaml %/fabric.yaml")).toEqual({
    status: 2,
    out: "%/none.yaml: 1 error\n%/fabric.yaml: ok: fabric demo, 2 homes, 1 network\n",
    err: "error %/none.yaml: found no such file, expected a readable YAML file\n",
  });
});

test("ain check --json is for programs", async () => {
  const { status, out } = await ain("check --json %/none.yaml %/fabric.yaml");
  expect(status).toBe(2);
  expect(JSON.parse(out)).toMatchObject({
    ok: false,
    files: [{ errors: [{ found: "no such file" }] }, { kind: "fabric", errors: [], warnings: [] }],
  });
});

test("ain home explains the way from an address to its home (§2.1)", async () => {
  const { status, out } = await ain("home 10.0.0.2 -n blue/prod -f %/fabric.yaml --json");
  expect(status).toBe(0);
  expect(JSON.parse(out)).toEqual([
    {
      address: "10.0.0.2",
      network: "blue/prod",
      tenantId: 1,
      networkId: 1,
      tags: "00000401",
      identifier: "000004010a000002",
      hash: "3e63abd0a33c1a78",
      index: 0,
      homes: 2,
      prefix: "2001:db8:a1:1::/64",
      networkAddress: "2001:db8:a1:1:0:401:a00:2",
    },
  ]);
  expect((await ain("home 10.0.0.2 -n blue/prod -f %/fabric.yaml")).out).toContain("number 0 of 0 … 1 (jump hash)");
});

test("ain home knows the fabric's IPv6 addresses by their prefix, and tenants' own by their hash", async () => {
  const { out } = await ain("home 2001:db8:a1:2:0:401::7 fd00:1::7 -n blue/prod -f %/fabric.yaml --json");
  const [own, brought] = JSON.parse(out) as Record<string, unknown>[];
  expect(own).toMatchObject({ index: 1, prefix: "2001:db8:a1:2::/64", networkAddress: "2001:db8:a1:2:0:401:0:7" });
  expect(own).not.toHaveProperty("hash");
  expect(brought).toMatchObject({ identifier: "00000401fd000001000000000000000000000007" });
  expect(brought!.hash).toMatch(/^[0-9a-f]{16}$/);
  expect(brought).not.toHaveProperty("networkAddress");
  const text = (await ain("home 2001:db8:a1:2:0:401::7 fd00:1::7 -n blue/prod -f %/fabric.yaml")).out;
  expect(text).toContain("number 1 of 0 … 1, the address's own prefix");
  expect(text).toContain("the tenant's own: reached in tunnels alone");
  expect((await ain("home 2001:db8:a1:2:0:402::7 -n blue/prod -f %/fabric.yaml")).err).toContain(
    "has the tags 00000402",
  );
  expect((await ain("home fd00:2::7 -n blue/prod -f %/fabric.yaml")).err).toContain("none of the tenantPrefixes");
});

test("ain alloc finds addresses that are at home at a hypervisor, leaving out those that are taken", async () => {
  const alloc = (more: string) => ain(`alloc -n blue/prod --near 2001:db8:a1:1::/64 -f %/fabric.yaml ${more}`);
  expect(await alloc("--count 3")).toEqual({ status: 0, out: "10.0.0.2\n10.0.0.4\n10.0.0.8\n", err: "" });
  expect((await alloc("--count 2 --node %/hv.yaml --json")).out.replace(/\s/g, "")).toBe('["10.0.0.4","10.0.0.8"]');
  expect((await alloc("-6 -c 2 --node %/hv.yaml")).out).toBe("2001:db8:a1:1:0:401:0:2\n2001:db8:a1:1:0:401:0:3\n");
  for (const address of (await alloc("--count 20")).out.trim().split("\n")) {
    const [{ prefix }] = JSON.parse((await ain(`home ${address} -n blue/prod -f %/fabric.yaml --json`)).out);
    expect(prefix).toBe("2001:db8:a1:1::/64");
  }
  expect(await alloc("--count 0")).toMatchObject({ status: 2, err: expect.stringContaining("expected 1 … 99999") });
  expect((await ain("alloc -n blue/prod --near hv9 -f %/fabric.yaml")).err).toContain('gives no home to "hv9"');
});

test("ain home refuses what has no home with 2", async () => {
  expect(await ain("home 10.0.0.2 -n blue/prd -f %/fabric.yaml")).toMatchObject({
    status: 2,
    err: 'ain: %/fabric.yaml has no network "blue/prd" (it has blue/prod); did you mean blue/prod?\n',
  });
  expect((await ain("home 10.1.0.2 -n blue/prod -f %/fabric.yaml")).err).toContain("in none of the prefixes");
  expect((await ain("home ten -n blue/prod -f %/fabric.yaml")).err).toBe('ain: found "ten", expected an IP address\n');
  expect((await ain("home 10.0.0.2 -n blue/prod -f %/none.yaml")).status).toBe(2);
});

test("ain verify computes who reaches whom; 1 when nobody can, 2 for what is wrong", async () => {
  expect(await ain("verify -f %/fabric.yaml")).toMatchObject({
    status: 0,
    out: expect.stringMatching(/blue\/prod +blue\/prod +everything +default inside blue\/prod +yes/),
  });
  const within = await ain("verify -f %/fabric.yaml --from blue/prod:10.0.0.1 --to blue/prod --json");
  expect(JSON.parse(within.out)).toMatchObject([{ from: "blue/prod 10.0.0.1", verdict: "yes", routed: "all" }]);
  expect(await ain("verify -f %/fabric.yaml --from blue/prod --to blue/prod --protocol icmp --port 7")).toMatchObject({
    status: 2,
    err: "ain: --port beside --protocol icmp, which has none\n",
  });
  expect((await ain("verify -f %/fabric.yaml --from blue/prod:10.1.0.1/8 --to blue/prod")).status).toBe(2);
  expect((await ain("verify -f %/fabric.yaml --from blue/prd --to blue/prod")).err).toContain(
    "did you mean blue/prod?",
  );
});

test("ain ospf replay refuses what is no recording, and words that mean nothing", async () => {
  expect(await ain("ospf replay %/none")).toMatchObject({ status: 2, err: expect.stringContaining("no such file") });
  expect(await ain("ospf replay %/fabric.yaml")).toMatchObject({
    status: 2,
    err: expect.stringMatching(/^ain: %\/fabric\.yaml:1:1: found "name: demo", expected JSON/),
  });
  expect((await ain("ospf replay --until soon %/none")).status).toBe(2);
  expect((await ain("ospf replay --show nothing %/none")).status).toBe(2);
});

test("the exit status tells whose fault it is; a defect comes with its place in the code", () => {
  const told = (error: unknown): [number, string] => {
    const { output, err } = capture();
    return [within(output, () => tell(error)), err()];
  };
  expect(told(new Failure("no"))).toEqual([1, "ain: no\n"]);
  expect(told(new Failure("", 130))).toEqual([130, ""]);
  expect(told(new LabError("x"))[0]).toBe(1);
  expect(told(new RouterError("x"))[0]).toBe(1);
  expect(told(new RecordingError("x"))[0]).toBe(2);
  expect(told(new ClientError("x"))).toEqual([3, "ain: x\n"]);
  expect(told(new Refusal(409, { error: "x" }))).toEqual([4, "ain: x\n"]);
  expect(told(new SysError("open", 1))[0]).toBe(5);
  const [status, text] = told(new TypeError("x is undefined"));
  expect(status).toBe(70);
  expect(text).toContain("program.test.ts");
  expect(EXIT_STATUSES.map((each) => each.status)).toEqual([0, 1, 2, 3, 4, 5, 70, 130]);
});
