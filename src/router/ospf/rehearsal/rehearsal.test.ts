import { expect, test } from "bun:test";
import { Malformed } from "#base/reader";
import { lsaChecksumHolds } from "#ospf/packet/lsa";
import { lsaHeaderAt } from "#ospf/packet/lsa-header";
import { readLsaBody } from "#ospf/packet/lsa-reader";
import { areaOf } from "#router/ospf/rehearsal/area";
import { rehearse } from "#router/ospf/rehearsal/rehearsal";

test("every LSA of the made-up area is sound, and there are six for each router", () => {
  const lsas = [...areaOf(7, { routerId: 99, interfaceId: 1 })].map((octets) => ({
    header: lsaHeaderAt(octets, 0),
    octets,
  }));
  expect(lsas).toHaveLength(42);
  for (const lsa of lsas) {
    expect(lsaChecksumHolds(lsa)).toBe(true);
    expect(readLsaBody(lsa)).not.toBeInstanceOf(Malformed);
  }
  const identities = lsas.map(
    ({ header: { type, linkStateId, advertisingRouter } }) => `${type} ${linkStateId} ${advertisingRouter}`,
  );
  expect(new Set(identities).size).toBe(42);
});

test("a rehearsal ends with the whole area learnt by an exchange, and routes to all of its prefixes", () => {
  for (const routers of [2, 50]) {
    const rehearsal = rehearse(routers);
    let steps = 0;
    let step = rehearsal.next();
    for (; !step.done; step = rehearsal.next()) steps++;
    expect(step.value.routes).toBe(4 * routers);
    expect(step.value.learnt).toBeGreaterThan(6 * routers);
    expect(steps).toBeLessThan(200);
  }
});
