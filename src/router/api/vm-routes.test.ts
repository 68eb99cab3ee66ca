/** The API's part about VMs: what it asks of the registry, and the status of each answer. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { answerVm, type VmTarget } from "#router/api/vm-routes";
import { definition, FakeRouter, vmText } from "#router/vms/testing/fake-router";
import { detailOf, viewOf } from "#router/vms/views";
import { UnknownVmError } from "#router/vms/vm-errors";

let router: FakeRouter;
beforeEach(() => {
  router = new FakeRouter(vmText("a", 2), vmText("away", 3));
});
afterEach(() => router.end());

function target(): VmTarget {
  const { vms } = router;
  const parts = {
    ...{ ...vms.configuration, ports: { all: new Map() } as never, vmNeighbors: { macOf: () => undefined } },
    claimOf: (vm: string) => (vm === "a" ? 1_700_000_000_000 : undefined),
  };
  return {
    list: () => vms.entries().map((entry) => viewOf(entry, parts)),
    show: (name) => {
      const entry = vms.find(name);
      if (entry === undefined) throw new UnknownVmError(name);
      return detailOf(entry, parts);
    },
    attach: async (given) => void (await vms.attach(given)),
    prepare: async (given, after) => void (await vms.prepare(given, after)),
    connections: (name) => {
      if (vms.find(name) === undefined) throw new UnknownVmError(name);
      return [];
    },
    takeOver: (name, connections) => {
      if (vms.find(name) === undefined) throw new UnknownVmError(name);
      return connections.length;
    },
    act: async (name, verb) => {
      const acts = {
        attach: vms.attachAgain,
        activate: vms.activate,
        hold: vms.hold,
        resume: vms.resume,
        detach: vms.detach,
      };
      await acts[verb](name);
    },
  };
}

async function ask(method: string, path: string, body?: unknown): Promise<[status: number, answer: unknown]> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const request = new Request(`http://ain/v1/vm${path}`, { method, ...(body !== undefined && { body: text }) });
  const response = await answerVm(request, path.split("?")[0]!.split("/").filter(Boolean), target());
  return [response.status, await response.json()];
}

test("whoever prepares a VM may say since when it is attached where it comes from, which its activation then tells", async () => {
  expect((await ask("GET", "/a"))[1]).toMatchObject({ claim: 1_700_000_000_000 });
  expect((await ask("GET", "/away"))[1]).toMatchObject({ claim: null });
  for (const wrong of ["", "yesterday", "-1", "1e9"])
    expect(await ask("POST", `/prepare?after=${wrong}`, definition("w", 4))).toMatchObject([
      400,
      { error: `after: found "${wrong}", expected the claim of a VM to be prepared, Unix milliseconds` },
    ]);
  expect((await ask("POST", "/attach?after=1", definition("w", 4)))[0]).toBe(400);
  expect((await ask("POST", "/prepare?after=1700000000000.25", definition("w", 4)))[0]).toBe(200);
  expect((await ask("POST", "/w/activate"))[0]).toBe(200);
  expect(router.take()).toContain("onActive w handoff after 1700000000000.25");
});

test("a VM's connections are given and taken, and nothing else is", async () => {
  expect(await ask("GET", "/a/connections")).toEqual([200, []]);
  expect(await ask("POST", "/a/connections", [])).toEqual([200, { taken: 0 }]);
  expect((await ask("GET", "/nobody/connections"))[0]).toBe(404);
  expect(await ask("POST", "/a/connections", "{")).toMatchObject([
    400,
    { error: "found no list of connections, expected what GET /v1/vm/a/connections gives elsewhere" },
  ]);
  expect((await ask("POST", "/a/connections", [{}]))[0]).toBe(400);
});

test("VMs are listed and shown with states, homes and definition", async () => {
  const [status, list] = await ask("GET", "");
  expect([status, (list as { name: string }[]).map(({ name }) => name)]).toEqual([200, ["a", "away"]]);
  expect(await ask("GET", "/away")).toMatchObject([
    200,
    {
      ...{ name: "away", network: "blue/prod", state: "active", source: "file", held: null, mac: null },
      addresses: [
        { address: "10.0.0.3", isFabrics: true, home: "2001:db8:a1:2::/64", hypervisor: "hv2", isAtHome: false },
      ],
      definition: definition("away", 3),
    },
  ]);
});

test("verbs change states and answer with what has become of the VM", async () => {
  expect(await ask("POST", "/prepare", definition("w", 9))).toMatchObject([200, { name: "w", state: "prepared" }]);
  expect(await ask("POST", "/w/activate")).toMatchObject([200, { state: "active", source: "runtime" }]);
  expect(await ask("POST", "/w/hold")).toMatchObject([200, { state: "held", held: { kept: 0 } }]);
  expect(await ask("POST", "/w/resume")).toMatchObject([200, { state: "active" }]);
  expect(await ask("POST", "/w/detach")).toEqual([200, {}]);
  expect(await ask("POST", "/attach", definition("w", 9))).toMatchObject([200, { state: "active" }]);
  await router.vms.released("away");
  expect(await ask("POST", "/away/attach")).toMatchObject([200, { state: "active" }]);
});

test("400: what it was given is wrong, with paths", async () => {
  expect(await ask("POST", "/attach", "{")).toMatchObject([400, { error: expect.stringContaining("found no JSON") }]);
  expect(await ask("POST", "/attach")).toMatchObject([400, { error: expect.stringContaining("found no JSON") }]);
  expect(await ask("POST", "/prepare", { ...definition("w", 2), mtu: 1 })).toMatchObject([
    400,
    { error: "VM: mtu: found 1, expected a whole number 576 … 65535", errors: [{ path: "mtu", found: "1" }] },
  ]);
});

test("404: there is no such VM, or nothing of that kind to ask", async () => {
  for (const [method, path] of [
    ["GET", "/nobody"],
    ["POST", "/nobody/hold"],
    ["GET", "/a/definition"],
    ["POST", "/a/dance"],
    ["POST", "/a/hold/now"],
    ["POST", "/a"],
    ["POST", ""],
  ] as const) {
    expect((await ask(method, path))[0]).toBe(404);
  }
});

test("409: the VM is in no state for it", async () => {
  expect(await ask("POST", "/a/activate")).toEqual([409, { error: "VM a: found it active, expected it prepared" }]);
  expect((await ask("POST", "/attach", definition("a", 2)))[0]).toBe(409);
});
