import { describe, expect, test } from "bun:test";
import { nextBelow } from "#base/random";
import { abandonTurn, enterTurn, Grace, leaveTurn } from "#fastpath/tables/grace";
import { withSeed } from "#fastpath/testing/with-seed";

function graceFor(forwarders: number): { turns: Int32Array; retire: (thing: number) => void; freed: () => number[] } {
  const turns = new Int32Array(new SharedArrayBuffer(4 * forwarders));
  const grace = new Grace(turns);
  const retire = (thing: number): void => grace.retire(thing);
  const freed = (): number[] => {
    const things: number[] = [];
    grace.reclaim((thing) => things.push(thing));
    return things;
  };
  return { turns, retire, freed };
}

describe("a grace period", () => {
  test("is over at once when no forwarder is inside a turn", () => {
    const { turns, retire, freed } = graceFor(2);
    enterTurn(turns, 0);
    leaveTurn(turns, 0);
    retire(5);
    expect(freed()).toEqual([5]);
  });

  test("waits for each turn that was under way, not for those that begin later", () => {
    const { turns, retire, freed } = graceFor(2);
    enterTurn(turns, 0);
    enterTurn(turns, 1);
    retire(5);
    expect(freed()).toEqual([]);
    leaveTurn(turns, 0);
    enterTurn(turns, 0); // the next one: it cannot find what was unpublished before
    expect(freed()).toEqual([]);
    leaveTurn(turns, 1);
    expect(freed()).toEqual([5]);
  });

  test("of what is retired later begins when the one before is over", () => {
    const { turns, retire, freed } = graceFor(1);
    enterTurn(turns, 0);
    retire(1);
    expect(freed()).toEqual([]);
    leaveTurn(turns, 0);
    enterTurn(turns, 0);
    retire(2); // perhaps found in the turn that is under way now
    expect(freed()).toEqual([1]);
    leaveTurn(turns, 0);
    expect(freed()).toEqual([2]);
  });

  test("does not wait for a forwarder that died inside its turn, once that is said", () => {
    const { turns, retire, freed } = graceFor(1);
    enterTurn(turns, 0);
    retire(1);
    expect(freed()).toEqual([]);
    abandonTurn(turns, 0);
    abandonTurn(turns, 0);
    expect(turns[0]! & 1).toBe(0);
    expect(freed()).toEqual([1]);
  });

  test("frees nothing that was retired during a turn still under way, and all of it in the end", () => {
    withSeed((random) => {
      const { turns, retire, freed } = graceFor(4);
      const holds = [0, 1, 2, 3].map(() => new Set<number>());
      const live = new Set<number>();
      for (let thing = 1; thing < 3000; thing++) {
        const forwarder = nextBelow(random, 4);
        if (turns[forwarder]! & 1) {
          holds[forwarder]!.clear();
          leaveTurn(turns, forwarder);
        } else enterTurn(turns, forwarder);
        retire(thing);
        live.add(thing);
        holds.forEach((held, i) => {
          if (turns[i]! & 1) held.add(thing);
        });
        for (const gone of freed()) {
          expect(live.delete(gone)).toBe(true);
          expect(holds.some((held) => held.has(gone))).toBe(false);
        }
      }
      for (let i = 0; i < 4; i++) abandonTurn(turns, i);
      for (const gone of freed()) live.delete(gone);
      expect(live.size).toBe(0);
    });
  });
});
