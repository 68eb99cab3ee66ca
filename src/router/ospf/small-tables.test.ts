import { afterEach, describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseIpv6 } from "#base/address";
import { put32 } from "#base/bytes";
import { Failures } from "#router/ospf/failures";
import { MacTable } from "#router/ospf/mac-table";
import { leaveRestartWord, takeRestartWord } from "#router/ospf/restart-word";

describe("MAC addresses of neighbors", () => {
  const A = parseIpv6("fe80::a")!;
  const mac = (last: number): Uint8Array => Uint8Array.of(2, 0, 0, 0, 0, last);

  test("are the last they were heard from, by port", () => {
    const table = new MacTable();
    expect(table.of(1, A)).toBeUndefined();
    table.learn(1, A, mac(1));
    table.learn(11, A, mac(2));
    table.learn(1, A, mac(3));
    expect([table.of(1, A), table.of(11, A)]).toEqual([mac(3), mac(2)]);
    table.forget(1);
    expect([table.of(1, A), table.of(11, A)]).toEqual([undefined, mac(2)]);
  });

  test("are bounded: of too many the longest silent goes, not one that speaks", () => {
    const table = new MacTable();
    table.learn(1, A, mac(1));
    for (let i = 0; i < 5000; i++) {
      const address = new Uint8Array(16);
      put32(address, 0, 0xfe80_0000);
      put32(address, 12, 0x1000 + i);
      table.learn(2, address, mac(2));
      if (i % 100 === 0) table.learn(1, A, mac(1));
    }
    expect(table.of(1, A)).toEqual(mac(1));
    expect(table.of(2, parseIpv6("fe80::1000")!)).toBeUndefined();
  });
});

test("a core that fails again and again is replaced ever later, and gracefully the first time only", () => {
  const failures = new Failures();
  const notes = [0, 1000, 2000, 3000, 4000, 5000].map((at) => failures.note(at));
  expect(notes.map(({ delay }) => delay)).toEqual([100, 1000, 5000, 30_000, 120_000, 120_000]);
  expect(notes.map(({ isFirst }) => isFirst)).toEqual([true, false, false, false, false, false]);
  expect(failures.note(1_000_000)).toEqual({ delay: 100, isFirst: true });
});

describe("a word for the next run", () => {
  const file = join(tmpdir(), `ain-restart-${process.pid}`);
  afterEach(() => rmSync(file, { force: true }));

  test("is good once, for the same router, for as long as neighbors wait", () => {
    expect(takeRestartWord(file, 7, 120_000)).toBeUndefined();
    leaveRestartWord(file, 7, Date.now() + 100_000);
    expect(takeRestartWord(file, 7, 120_000)).toBeWithin(1, 100_001);
    expect(takeRestartWord(file, 7, 120_000)).toBeUndefined();
    leaveRestartWord(file, 8, Date.now() + 100_000);
    expect(takeRestartWord(file, 7, 120_000)).toBeUndefined();
  });

  test("that is late, says too much, or was cut off is none", () => {
    for (const until of [Date.now() - 1, Date.now() + 200_000]) {
      leaveRestartWord(file, 7, until);
      expect(takeRestartWord(file, 7, 120_000)).toBeUndefined();
    }
    for (const text of ["", '{"routerId":7,"un', "[]", "null", '{"routerId":7,"until":"soon"}']) {
      writeFileSync(file, text);
      expect(takeRestartWord(file, 7, 120_000)).toBeUndefined();
    }
  });
});
