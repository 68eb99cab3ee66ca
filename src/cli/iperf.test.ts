/** What is read of iperf3's report. */
import { expect, test } from "bun:test";
import { readOutcome } from "#cli/iperf";

const report = (end: unknown): string => JSON.stringify({ start: {}, intervals: [], end });

test("TCP: what the receiver got, and what the sender sent again", () => {
  const end = { sum_sent: { bits_per_second: 5.1e9, retransmits: 12 }, sum_received: { bits_per_second: 5e9 } };
  expect(readOutcome(report(end))).toEqual({ bitsPerSecond: 5e9, lost: 0, retransmitted: 12 });
});

test("UDP: what came of what was sent", () => {
  const end = { sum: { bits_per_second: 1e9, lost_percent: 25, packets: 4, lost_packets: 1 } };
  expect(readOutcome(report(end))).toEqual({ bitsPerSecond: 0.75e9, lost: 0.25, retransmitted: 0 });
});

test("a failure is told in iperf3's words", () => {
  const refused = "error - unable to connect to server: Connection refused";
  expect(readOutcome(JSON.stringify({ end: {}, error: refused }))).toBe(refused);
  expect(readOutcome("iperf3: no such option\n")).toBe("iperf3: no such option");
  expect(readOutcome("")).toBe("it says nothing");
  expect(readOutcome(report({}))).toBe("its report has no end");
});
