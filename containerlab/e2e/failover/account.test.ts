import { expect, test } from "bun:test";
import { accountOf, describe, type Packet } from "./account";

/** A packet a millisecond, two flows in turn. */
const stream = (...arrivals: readonly number[]): Packet[] =>
  arrivals.map((arrived, n) => ({ n, at: 100 + n, flow: n % 2, arrivals: arrived, places: ["x", "y"], rounds: 1 }));

test("a stream of which all comes is whole", () => {
  expect(accountOf(stream(1, 1, 1, 1))).toMatchObject({ packets: 4, lost: 0, outage: 0, longestGap: 2, duplicates: 0 });
});

test("an outage lasts from the first lost packet to the last, a gap from one that came to the next of its flow", () => {
  const account = accountOf(stream(1, 1, 0, 0, 1, 0, 1, 1));
  expect(account).toMatchObject({ lost: 3, outage: 3, longestGap: 6, lostAfter: { "x, y": 3 } });
  expect(describe(account)).toContain("3 after x, y");
});

test("packets that come twice, and those that pass a place twice, are told apart", () => {
  const packets = stream(1, 2, 1, 1, 1).map((packet) => ({ ...packet, rounds: packet.n < 3 ? 2 : 1 }));
  expect(accountOf(packets)).toMatchObject({ lost: 0, duplicates: 1, looped: 3, loopedFor: 2 });
});
