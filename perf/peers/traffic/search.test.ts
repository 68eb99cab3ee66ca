import { expect, test } from "bun:test";
import { type SearchOptions, searchLossFree, type Trial } from "./search";

const OPTIONS: SearchOptions = { tolerance: 0.001, firstRate: 50_000, precision: 0.04 };

/** A network that carries `capacity` datagrams a second and drops the rest, fed by a sender of limited speed. */
const network =
  (capacity: number, sender = Number.POSITIVE_INFINITY) =>
  async (wanted: number): Promise<Trial> => {
    const offered = Math.min(wanted, sender);
    return { wanted, offered, loss: Math.max(0, 1 - capacity / offered) };
  };

test.each([300, 12_345, 50_000, 777_777, 3_000_000])(
  "a network that carries %d/s is found within 4 percent",
  async (capacity) => {
    const found = await searchLossFree(network(capacity), OPTIONS);
    expect(found.rate).toBeLessThanOrEqual(capacity * 1.001);
    expect(found.rate).toBeGreaterThan(capacity * 0.95);
    expect(found.senderLimited).toBe(false);
  },
);

test("a sender slower than the network is named as the limit, with the rate it reached", async () => {
  const found = await searchLossFree(network(5_000_000, 600_000), OPTIONS);
  expect(found).toMatchObject({ rate: 600_000, senderLimited: true });
});

test("a network that carries nothing ends the search at rate 0", async () => {
  const found = await searchLossFree(async (wanted) => ({ wanted, offered: wanted, loss: 1 }), OPTIONS);
  expect(found.rate).toBe(0);
});

test("one unlucky trial does not fail its rate", async () => {
  const steady = network(400_000);
  let calls = 0;
  const hiccup = async (rate: number): Promise<Trial> => {
    const trial = await steady(rate);
    return ++calls === 2 ? { ...trial, loss: 0.02 } : trial;
  };
  expect((await searchLossFree(hiccup, OPTIONS)).rate).toBeGreaterThan(380_000);
});

test("a sender that falls behind once is asked again, and twice ends the search with the best it reached", async () => {
  let stalled = 0;
  const stalling = async (wanted: number): Promise<Trial> => {
    const offered = wanted >= 200_000 ? 90_000 - 10_000 * stalled++ : wanted;
    return { wanted, offered, loss: 0 };
  };
  const found = await searchLossFree(stalling, OPTIONS);
  expect(found).toMatchObject({ rate: 100_000, senderLimited: true });
  expect(found.trials).toHaveLength(4);
});
