/** How NAT addresses and ports are shared out. */
import { expect, test } from "bun:test";
import { parseIpv4, parsePrefix4 } from "#base/address";
import { nextBelow, seeded } from "#base/random";
import { createNatTable } from "#fastpath/tables/nat-layout";
import type { Fabric, OutsideLink, OutsideShare } from "#router/config/model";
import { addressesOf } from "#router/config/outside-link";
import { natShares, sharesOf } from "#router/nat-shares";

const prefix = (text: string) => ({ ...parsePrefix4(text)!, text });
const address = { text: "198.51.100.2", bytes: parseIpv4("198.51.100.2")!, prefixLength: 24 };
const link = (shares: OutsideShare[], pool = "203.0.113.16/30"): OutsideLink => ({
  ...{ interface: "out", address, nextHop: address, offload: true, capture: false, pool: [prefix(pool)] },
  ...{ portBlock: 64, portsPerVm: 128, entries: 1024, shares },
});
const share = (tenants: string[], pool: string, more: Partial<OutsideShare> = {}): OutsideShare => ({
  ...{ tenants, pool: [prefix(pool)], portsPerVm: 256 },
  ...more,
});

test("what no share has is everybody else's: whole addresses, and the rest of an address's ports", () => {
  const [common, blue, red] = natShares(
    link([
      share(["blue"], "203.0.113.16/31"),
      share(["red"], "203.0.113.18/32", { ports: { first: 8192, last: 16383 } }),
    ]),
  );
  expect(blue).toEqual({
    ranges: [
      { address: 0, firstPort: 1024, ports: 64512 },
      { address: 1, firstPort: 1024, ports: 64512 },
    ],
    blocksEach: 4,
  });
  expect(red!.ranges).toEqual([{ address: 2, firstPort: 8192, ports: 8192 }]);
  expect(common).toEqual({
    ranges: [
      { address: 2, firstPort: 1024, ports: 7168 },
      { address: 2, firstPort: 16384, ports: 49152 },
      { address: 3, firstPort: 1024, ports: 64512 },
    ],
    blocksEach: 2,
  });
});

test("networks have their tenant's share, those of others the common one", () => {
  const networks = ["blue/a", "blue/b", "bluer/a", "red/a"].map((name, i) => ({ name, tags: i + 1 }));
  const shares = [share(["red"], "203.0.113.16/32"), share(["blue", "green"], "203.0.113.17/32")];
  expect(sharesOf(link(shares), { networks } as unknown as Fabric)).toEqual([
    { tags: 1, share: 2 },
    { tags: 2, share: 2 },
    { tags: 4, share: 1 },
  ]);
});

test("any disjoint shares make a table in which each port from 1024 on is in one of them (from a seed)", () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const random = seeded(seed);
  for (let i = 0; i < 50; i++) {
    // One share for each of some addresses, with some of its blocks.
    const shares = [0, 1, 2, 3]
      .filter(() => nextBelow(random, 3) > 0)
      .map((host) => {
        const first = 16 + nextBelow(random, 500);
        const last = first + nextBelow(random, 1024 - first);
        const ports = { first: 64 * first, last: 64 * last + 63 };
        return share(["x"], `203.0.113.${16 + host}/32`, nextBelow(random, 2) > 0 ? { ports } : {});
      });
    const of = link(shares);
    const made = natShares(of);
    const total = made.flatMap(({ ranges }) => ranges).reduce((sum, { ports }) => sum + ports, 0);
    expect(total, `seed ${seed}`).toBe(4 * (65536 - 1024));
    const sizes = { blockSize: 64, bindings: 16, subscribers: 16, logged: 16, key: Int32Array.of(1, 2) };
    createNatTable({ addresses: of.pool.flatMap(addressesOf), shares: made, ...sizes }); // refuses overlaps
  }
});
