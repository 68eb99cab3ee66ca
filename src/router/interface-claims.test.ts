import { expect, test } from "bun:test";
import { InterfaceClaims } from "#router/interface-claims";
import { holdName } from "#sys/abstract-name";
import { closeDescriptor } from "#sys/descriptor";

/** No interface has such an index. */
const INDEX = 2_000_000_000 + process.pid;
const eth1 = { name: "eth1", index: INDEX };

test("an interface has one router; another is told who", () => {
  const first = new InterfaceClaims("hv1");
  const second = new InterfaceClaims("hv2");
  first.take(eth1);
  first.take(eth1); // its own, again
  expect(() => second.take(eth1)).toThrow(
    `interface eth1 is in use by router hv1, process ${process.pid}: one router an interface`,
  );
  expect([first.isTaken(eth1), second.isTaken(eth1)]).toEqual([false, true]);
  first.release("eth1");
  second.take(eth1);
  expect([first.isTaken(eth1), second.isTaken(eth1)]).toEqual([true, false]);
  second.releaseAll();
  expect(first.isTaken(eth1)).toBe(false);
});

test("an interface that was made anew under its name is another one", () => {
  const claims = new InterfaceClaims("hv1");
  const other = new InterfaceClaims("hv2");
  claims.take(eth1);
  claims.take({ name: "eth1", index: INDEX + 1 });
  other.take(eth1);
  claims.releaseAll();
  other.releaseAll();
});

test("the longest router names still leave the claim readable", () => {
  const claims = new InterfaceClaims("x".repeat(200));
  claims.take(eth1);
  expect(() => new InterfaceClaims("hv2").take(eth1)).toThrow(/in use by router x{30,}/);
  claims.releaseAll();
});

test("a claim that is no router's is respected, too", () => {
  const fd = holdName(`ain if ${INDEX}`)!;
  expect(() => new InterfaceClaims("hv1").take(eth1)).toThrow("in use by another process");
  closeDescriptor(fd);
});
