import { expect, test } from "bun:test";
import { waitMicros } from "#sys/wait";

test("waits at least as long as asked, also beyond a second's fraction", () => {
  for (const micros of [0, 1, 300, 2_000]) {
    const begin = Bun.nanoseconds();
    waitMicros(micros);
    expect(Bun.nanoseconds() - begin).toBeGreaterThanOrEqual(micros * 1000);
  }
});

test("a time that is over already is no wait", () => {
  waitMicros(-5);
});
