import { expect, test } from "bun:test";
import { NEVER } from "#base/time";
import { MAX_AGE } from "#ospf/constants";
import { Expiry } from "#ospf/database/expiry";
import type { Entry } from "#ospf/database/store";
import type { Scope } from "#ospf/scope";
import { entryOf } from "#ospf/testing/instances";

const AS: Scope = { kind: "as" };
const entryAt = (installedAt: number, age: number): Entry => ({
  ...entryOf({ kind: "unknown", type: 0xa123, octets: new Uint8Array() }, { advertisingRouter: 1, age }),
  installedAt,
});

test("an LSA is due when it reaches MaxAge, and not before (RFC 2328 §14)", () => {
  const expiry = new Expiry();
  const [old, young] = [entryAt(10_000, 3000), entryAt(10_000, 0)];
  expiry.add(young, AS);
  expiry.add(old, AS);
  expect(expiry.deadline()).toBe(610_000);
  expect(expiry.due(609_999)).toEqual([]);
  expect(expiry.due(610_000)).toEqual([{ entry: old, scope: AS }]);
  expect(expiry.deadline()).toBe(10_000 + 1000 * MAX_AGE);
});

test("what has MaxAge already never becomes due", () => {
  const expiry = new Expiry();
  expiry.add(entryAt(0, MAX_AGE), AS);
  expect([expiry.size, expiry.deadline()]).toEqual([0, NEVER]);
});

test("an LSA that is replaced again and again leaves nothing behind", () => {
  const expiry = new Expiry();
  let last: Entry | undefined;
  for (let second = 0; second < 5000; second++) {
    if (last !== undefined) expiry.remove(last);
    last = entryAt(1000 * second, second % 7);
    expiry.add(last, AS);
    expect(expiry.due(1000 * second)).toEqual([]);
  }
  expect(expiry.size).toBe(1);
});
