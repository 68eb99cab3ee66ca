import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatIpv4, parsePrefix4, parsePrefix6 } from "#base/address";
import { ConnectionEntries } from "#fastpath/tables/connection-entries";
import { connectionTicks } from "#fastpath/tables/connection-states";
import { build6, counting } from "#fastpath/testing/packet";
import { udp4 } from "#fastpath/testing/small-packets";
import { BLUE, RED, REMOTE, REMOTE_IPV4, SmallRouter, VM_A } from "#fastpath/testing/small-router";
import { native, tunnelFrame } from "#fastpath/testing/tunnel-packets";
import { CONTINUE, NO_RULE } from "#fastpath/verdicts";
import type { OwnedRule } from "#policy/sides";
import type { Fabric } from "#router/config/model";
import { RouterFlows } from "#router/flows/router-flows";
import type { PortState, Ports } from "#router/ports";
import { monotonicNanos } from "#sys/clock";

const folder = mkdtempSync(join(tmpdir(), "ain-flows-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

const network = (name: string, tags: number, sample?: number) => ({
  ...{ name, tags, prefixes: [parsePrefix4("10.0.0.0/24")!], publicPrefixes: [], tenantPrefixes: [], routes: [] },
  ...(sample !== undefined && { flowLog: { sample } }),
});
const [from, to] = [formatIpv4(VM_A.ipv4), formatIpv4(REMOTE_IPV4)];

const everything = [{ tags: 0, host: 0, length: 0 }];
const STATEFUL: OwnedRule = {
  owner: undefined,
  rule: {
    name: "it",
    priority: 1,
    action: "allow",
    stateful: true,
    log: false,
    source: everything,
    destination: everything,
  },
};
const reply = native(
  build6({
    ...{ source: REMOTE, destination: VM_A.address },
    upper: { kind: "udp", source: 7, destination: 5000, data: counting(20) },
  }),
);

/** A forwarder with its table, and the log of it. */
function world(blue: number | undefined, red?: number) {
  const networks = [network("blue/prod", BLUE, blue), network("red/prod", RED, red)];
  const fabric = { networks, prefixes: [parsePrefix6("2001:db8:a1::/48")!] } as unknown as Fabric;
  const router = new SmallRouter({ flowSamples: [blue ?? 0, red ?? 0], rules: [STATEFUL] });
  const entries = new ConnectionEntries(router.shared.connections);
  const port = {
    index: VM_A.port,
    name: "web1",
    kind: "vm",
    vm: { name: "web1", network: networks[0] },
  } as unknown as PortState;
  const file = join(folder, `${files++}`);
  const flows = new RouterFlows({
    ...{ node: "hv1", entries, fabric: () => fabric },
    file: { file, limit: 1e6, keep: 1, trouble: () => {} },
    ports: { all: new Map([[port.index, port]]) } as unknown as Ports,
    rules: { rule: (side, number) => (number === 0 ? ({ name: `${side}-rule` } as never) : undefined) },
  });
  const records = (): Record<string, unknown>[] =>
    readFileSync(file, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  /** The whole table. */
  const look = (): void => {
    for (let i = 0; i < 2; i++) flows.look();
  };
  router.engine.tables.now = connectionTicks(monotonicNanos());
  return { router, flows, records, look, entries, port };
}

test("a connection is logged when it begins and when it ends, with what it carried, by keys that stay", () => {
  const { router, flows, records, look, entries } = world(100);
  for (let i = 0; i < 3; i++) router.offer(VM_A.port, udp4(VM_A, REMOTE_IPV4, 20));
  look();
  look();
  router.offer(0, reply);
  look();
  for (let entry = 1; entry <= entries.slots; entry++) entries.remove(entry, entries.version(entry));
  look();
  look();
  flows.stop();
  const [begin, end, ...more] = records();
  expect(more).toEqual([]);
  expect(Object.keys(begin!)).toEqual([
    ...["time", "event", "node", "tenant", "network", "vm", "rule", "protocol"],
    ...["sourceNetwork", "sourceAddress", "sourcePort", "destinationNetwork", "destinationAddress", "destinationPort"],
  ]);
  expect(begin).toMatchObject({
    ...{ event: "begin", node: "hv1", tenant: "blue", network: "blue/prod", vm: "web1", protocol: "udp" },
    ...{ sourceNetwork: "blue/prod", sourceAddress: from, sourcePort: 5000 },
    ...{ destinationNetwork: "blue/prod", destinationAddress: to, destinationPort: 7 },
  });
  expect(Object.keys(end!).slice(14)).toEqual([
    ...["began", "seconds", "state", "packets", "octets", "packetsBack", "octetsBack"],
  ]);
  expect(end).toMatchObject({
    ...{ event: "end", began: begin!.time, sourcePort: 5000, state: "udp-replied" },
    ...{ packets: 3, octets: 144, packetsBack: 1, octetsBack: 68 },
  });
  expect([...flows.records]).toEqual([
    ["begin", 1],
    ["end", 1],
  ]);
});

test("connections that there are when the router stops end in its log", () => {
  const { router, flows, records, look } = world(100);
  router.offer(VM_A.port, udp4(VM_A, REMOTE_IPV4, 20));
  look();
  flows.stop();
  expect(records().map(({ event }) => event)).toEqual(["begin", "end"]);
});

test("a slot's next connection ends the one before", () => {
  const { router, flows, records, look, entries } = world(100);
  for (let i = 0; i < 3; i++) {
    router.offer(VM_A.port, udp4(VM_A, REMOTE_IPV4, 20, { sourcePort: 1000 + i }));
    look();
    for (let entry = 1; entry <= entries.slots; entry++) entries.remove(entry, entries.version(entry));
  }
  flows.stop();
  const seen = records().map(({ event, sourcePort }) => `${event} ${sourcePort}`);
  expect(seen.toSorted()).toEqual(["begin 1000", "begin 1001", "begin 1002", "end 1000", "end 1001", "end 1002"]);
});

test("of networks that want no log there is none, and no file", () => {
  const { router, flows, records, look } = world(undefined, 5);
  router.offer(VM_A.port, udp4(VM_A, REMOTE_IPV4, 20));
  look();
  flows.stop();
  expect(records).toThrow("ENOENT");
});

test("a sample of another flow tells what was decided, by which rule, and how many it stands for", () => {
  const { flows, records, port } = world(7);
  const rule0 = (verdict: number, side: number): number => verdict | (1 << 8) | (side << 23);
  flows.shown(port, { octets: udp4(VM_A, REMOTE_IPV4, 20), adjacency: rule0(CONTINUE, 0) });
  flows.shown({ index: 0, kind: "uplink" } as PortState, {
    octets: reply,
    adjacency: rule0(NO_RULE, 1),
  });
  flows.shown(port, { octets: udp4(VM_A, REMOTE_IPV4, 20).subarray(0, 30), adjacency: 0 });
  flows.stop();
  expect(records()).toMatchObject([
    {
      ...{ event: "sample", vm: "web1", network: "blue/prod", rule: "out-rule", sampling: 7, reason: null },
      ...{ sourceNetwork: "blue/prod", sourceAddress: from, sourcePort: 5000 },
      ...{ destinationNetwork: "blue/prod", destinationAddress: to, destinationPort: 7 },
    },
    {
      ...{ event: "refused", vm: null, rule: "in-rule", reason: "no-rule", sourceAddress: to, sourcePort: 7 },
      ...{ destinationAddress: from, destinationPort: 5000 },
    },
  ]);
});

test("octets that are no packet are no record", () => {
  const { flows, records, port } = world(1);
  const frame = tunnelFrame(new Uint8Array(60), { key: BLUE });
  for (let length = 0; length <= frame.length; length++)
    flows.shown(port, { octets: frame.subarray(0, length), adjacency: 0 });
  flows.stop();
  expect(records).toThrow("ENOENT");
});

test("records are bounded in a second, and what is over is counted", () => {
  const { flows, port } = world(1);
  for (let i = 0; i < 15_000; i++) flows.shown(port, { octets: udp4(VM_A, REMOTE_IPV4, 20), adjacency: 0 });
  flows.stop();
  expect(flows.lost).toBeGreaterThanOrEqual(4000);
  expect(flows.records.get("sample")! + flows.lost).toBe(15_000);
});
