import { expect, test } from "bun:test";
import { Malformed } from "#base/reader";
import { lsaChecksumHolds } from "#ospf/packet/lsa";
import { lsaHeaderAt } from "#ospf/packet/lsa-header";
import { readLsaBody } from "#ospf/packet/lsa-reader";
import { areaOf } from "#router/ospf/rehearsal/area";
import { Rehearsal } from "#router/ospf/rehearsal/rehearsal";

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

test("a rehearsal ends with the whole area learnt by an exchange, and routes to all of its prefixes", async () => {
  for (const routers of [2, 50]) {
    const failures: string[] = [];
    const sent: Uint8Array[] = [];
    const rehearsal = new Rehearsal({
      routers,
      send: (octets) => sent.push(octets),
      failed: (text) => failures.push(text),
    });
    for (let beats = 0; !rehearsal.goOn(); beats++) {
      if (beats > 5000) throw new Error(`${routers} routers: no end`);
      for (const octets of sent.splice(0)) rehearsal.take(octets);
      await Bun.sleep(1);
    }
    rehearsal.stop();
    expect(rehearsal.learnt).toBeGreaterThanOrEqual(6 * routers);
    expect(failures).toEqual([]);
  }
});
