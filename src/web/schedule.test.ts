import { expect, test } from "bun:test";
import { newKnowledge, refused } from "#web/knowledge";
import { VIEW_PATHS, type ViewPath } from "#web/router-views";
import { checksumsOf, nextDue } from "#web/schedule";
import { knows } from "#web/testing/knowing";

const NEW = newKnowledge("hv1", "hv1");
const area = (checksum: number) => ({ area: "0.0.0.0", kind: "normal", summaries: true, borderRouters: [], checksum });
const all = (at: number) => new Map<ViewPath, number>(VIEW_PATHS.map((path) => [path, at]));
const ALONE = { checksums: "", routers: 1, slowness: 1, isSpokesman: true };

test("a view that was never asked for is due at once, status first", () => {
  expect(nextDue(NEW, new Map(), ALONE)).toEqual({ path: "status", at: 0 });
});

test("VMs and flights are looked at more often than what changes seldom", () => {
  const asked = all(1000);
  expect(["vms", "flights"]).toContain(nextDue(NEW, asked, ALONE).path);
  for (const path of ["vms", "flights"] as const) asked.set(path, 100_000);
  expect(nextDue(NEW, asked, ALONE)).toMatchObject({ at: 3000 });
});

test("router LSAs are asked for when their area's checksum is another one, by one router of the area", () => {
  const known = knows("hv1", { "ospf/areas": [area(7)] });
  const asked = all(1e9);
  asked.set("ospf/database/router", 0);
  expect(nextDue(known, asked, ALONE).path).toBe("ospf/database/router");
  expect(nextDue(known, asked, { ...ALONE, checksums: checksumsOf(known) }).path).not.toBe("ospf/database/router");
  expect(nextDue(known, asked, { ...ALONE, isSpokesman: false }).path).not.toBe("ospf/database/router");
});

test("a view that was refused is asked for seldom, and of many routers each is asked less", () => {
  const asked = all(1e9);
  asked.set("vms", 0);
  expect(nextDue(NEW, asked, ALONE)).toEqual({ path: "vms", at: 1000 });
  expect(nextDue(refused(NEW, "vms", "no"), asked, ALONE)).toEqual({ path: "vms", at: 10_000 });
  expect(nextDue(NEW, asked, { ...ALONE, routers: 200 })).toEqual({ path: "vms", at: 5000 });
});
