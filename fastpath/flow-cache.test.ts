import { expect, test } from "bun:test";
import { udp4 } from "#fastpath/testing/small-packets";
import { REMOTE_IPV4, SmallRouter, VM_A } from "#fastpath/testing/small-router";

const flows = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ octets: udp4(VM_A, REMOTE_IPV4, 32, { sourcePort: 5000 + i }) }));

test("it is crowded while more flows than its crowd are at work, however many packets they send", () => {
  const router = new SmallRouter({ crowd: 10 });
  const said = (count: number, rounds = 1): boolean => {
    for (let i = 0; i < rounds; i++) router.offerBurst(VM_A.port, flows(count));
    router.engine.cacheTick();
    return router.cache!.isCrowded;
  };
  expect(router.cache!.isCrowded).toBe(false);
  expect(said(11)).toBe(true); // they begin
  expect(said(11)).toBe(true); // they go on
  expect(said(10, 50)).toBe(false);
  expect(said(0)).toBe(false);
});

test("and while as many flows come that it knows nothing of", () => {
  const router = new SmallRouter({ crowd: 10, cacheEntries: 2 });
  router.offerBurst(VM_A.port, flows(40));
  router.engine.cacheTick();
  expect(router.cache!.isCrowded).toBe(true);
});
