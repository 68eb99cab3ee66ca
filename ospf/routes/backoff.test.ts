import { expect, test } from "bun:test";
import { NEVER } from "#base/time";
import { DEFAULT_SPF_DELAYS as DELAYS } from "#ospf/config";
import { Backoff } from "#ospf/routes/backoff";

/** Events at these times; what comes out: the times at which to compute, and the state at the end. */
function run(events: readonly number[], until: number): { computed: number[]; state: string } {
  const backoff = new Backoff();
  const computed: number[] = [];
  for (let now = 0; now <= until; now++) {
    if (backoff.expire(now, DELAYS)) computed.push(now);
    for (const at of events) if (at === now) backoff.event(now, DELAYS);
  }
  return { computed, state: backoff.state };
}

test("RFC 8405 §5.4 (1), (8): the first event is computed after the initial delay", () => {
  expect(run([0], 100)).toEqual({ computed: [50], state: "SHORT_WAIT" });
});

test("RFC 8405 §5.4 (1): SPF_TIMER that is running is not started again", () => {
  expect(run([0, 10, 49], 400).computed).toEqual([50]);
});

test("RFC 8405 §5.4 (2): later events of the same failure wait for the short delay", () => {
  expect(run([0, 60, 100, 270], 1000).computed).toEqual([50, 260, 470]);
});

test("RFC 8405 §5.4 (3), (4): events after TIME_TO_LEARN wait for the long delay", () => {
  expect(run([0, 499, 700, 5000], 6000)).toEqual({ computed: [50, 699, 5700], state: "LONG_WAIT" });
});

test("RFC 8405 §5.4 (5): HOLDDOWN after the last event it is quiet again", () => {
  expect(run([0, 700], 10_699).state).toBe("LONG_WAIT");
  expect(run([0, 700], 10_700).state).toBe("QUIET");
  expect(run([0, 700, 10_701], 11_000).computed).toEqual([50, 5700, 10_751]);
});

test("RFC 8405 §5.4 (6): a hold-down shorter than TIME_TO_LEARN leads from SHORT_WAIT to QUIET, and stops learning", () => {
  const delays = { ...DELAYS, holdDown: 300 };
  const backoff = new Backoff();
  backoff.event(0, delays);
  expect(backoff.expire(400, delays)).toBe(true);
  expect(backoff.state).toBe("QUIET");
  backoff.event(450, delays);
  expect(backoff.expire(520, delays)).toBe(true);
  expect(backoff.state).toBe("SHORT_WAIT");
});

test("RFC 8405 §5.4 (7): SPF_TIMER that outlives the hold-down computes in QUIET", () => {
  const delays = { ...DELAYS, long: 20_000 };
  const backoff = new Backoff();
  backoff.event(0, delays);
  backoff.expire(600, delays);
  backoff.event(600, delays);
  expect(backoff.deadline()).toBe(20_600);
  expect(backoff.expire(11_000, delays)).toBe(false);
  expect(backoff.state).toBe("QUIET");
  expect(backoff.expire(20_600, delays)).toBe(true);
  expect(backoff.deadline()).toBe(NEVER);
});

test("a late host finds the state that a punctual one would have", () => {
  const backoff = new Backoff();
  backoff.event(0, DELAYS);
  expect(backoff.expire(60_000, DELAYS)).toBe(true);
  expect(backoff.state).toBe("QUIET");
  expect(backoff.deadline()).toBe(NEVER);
});

test("the delay is what the computation waited for", () => {
  const backoff = new Backoff();
  backoff.event(0, DELAYS);
  expect(backoff.delay).toBe(50);
  backoff.expire(100, DELAYS);
  backoff.event(100, DELAYS);
  expect(backoff.delay).toBe(200);
});
