import { expect, test } from "bun:test";
import { parseIpv4, parsePrefix4 } from "#base/address";
import { connectionTicks } from "#fastpath/tables/connection-states";
import { Connections } from "#fastpath/tables/connections";
import { Nat } from "#fastpath/tables/nat";
import { out, remote } from "#fastpath/testing/nat-world";
import type { Fabric, OutsideLink } from "#router/config/model";
import { Log } from "#router/log";
import { RouterNat } from "#router/nat";
import { monotonicNanos } from "#sys/clock";

const address = { text: "198.51.100.2", bytes: parseIpv4("198.51.100.2")!, prefixLength: 24 };
const LINK: OutsideLink = {
  ...{ interface: "out", address, nextHop: address, offload: true, capture: false },
  pool: [{ ...parsePrefix4("203.0.113.16/31")!, text: "203.0.113.16/31" }],
  ...{ portBlock: 64, portsPerVm: 128, entries: 1024, shares: [] },
};
const FABRIC = { networks: [{ name: "blue/prod", tags: 0x401 }] } as unknown as Fabric;
/** Raw: 10.0.0.5 of blue/prod, and of a network that is no more. */
const [BLUE, GONE] = [0x0104_0000, 0x0108_0000];
const HOST = 0x0500_000a;

test("blocks that are given are logged with whose they are, bindings and blocks shown: RFC 6888 §4", () => {
  const nat = new RouterNat(LINK);
  const { table, sessions } = nat.buffers;
  // A forwarder's view of the same memory.
  const forwarder = new Nat(table, new Connections(sessions), { filtering: "address-and-port-dependent", seed: 5 });
  const now = connectionTicks(monotonicNanos());
  for (const tags of [BLUE, GONE]) {
    const inside = { address: [0, 0, tags, HOST] as const, port: 4000 };
    expect(out(forwarder, { inside, remote: remote(0x0909_0909, 53), protocol: 17 }, now).result).toBeGreaterThan(0);
  }
  const lines: string[] = [];
  const log = new Log("info", (line) => lines.push(line.replace(/^\S+ /, "")));
  nat.look(log, FABRIC);
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/^info NAT: 203\.0\.113\.1[67] ports \d+-\d+ allocated to blue\/prod 10\.0\.0\.5$/);
  expect(lines[1]).toMatch(/allocated to 10\.0\.0\.5$/);
  nat.look(log, FABRIC);
  expect(lines).toHaveLength(2);
  const view = nat.view(FABRIC);
  expect(view).toMatchObject({
    sessions: 2,
    blocks: [
      { ports: 64, used: 1 },
      { ports: 64, used: 1 },
    ],
  });
  expect(view.bindings.find(({ inside }) => inside.network === "blue/prod")).toMatchObject({
    ...{ protocol: "udp", inside: { address: "10.0.0.5", port: 4000 }, sessions: 1 },
  });
  const { firstPort } = view.blocks[0]!;
  expect(firstPort % 64).toBe(0);
  expect(firstPort).toBeGreaterThanOrEqual(1024);
});
