import { expect, test } from "bun:test";
import { type Candidate, electAs } from "#ospf/interface/election";

/** Priority 1 and no claims unless said. */
const router = (routerId: number, claims: Partial<Candidate> = {}): Candidate => ({
  routerId,
  priority: 1,
  designatedRouter: 0,
  backupDesignatedRouter: 0,
  ...claims,
});

test("of two routers without claims the greater router id becomes DR, the other Backup (RFC 2328 §9.4)", () => {
  const greater = electAs(router(2), [router(1)]);
  expect(greater).toEqual({ designatedRouter: 2, backupDesignatedRouter: 1 });
  // The lesser one takes no part before the greater one has said which is its own.
  const lesser = electAs(router(1), [router(2)]);
  expect(lesser).toEqual({ designatedRouter: 2, backupDesignatedRouter: 2 });
  expect(electAs(router(1, lesser), [router(2, greater)])).toEqual(greater);
});

test("who waits is not made DR by one that waits no longer: no part is taken of a router that claims none (§9.2, §9.4)", () => {
  const { designatedRouter, backupDesignatedRouter } = electAs(router(1), [router(2)]);
  expect([designatedRouter, backupDesignatedRouter]).not.toContain(1);
});

test("a router alone becomes DR, and there is no Backup (§9.4 steps 3 and 4)", () => {
  expect(electAs(router(7), [])).toEqual({ designatedRouter: 7, backupDesignatedRouter: 0 });
});

test("priority comes before router id (§9.4)", () => {
  const elected = electAs(router(9), [router(2, { priority: 5 })]);
  expect(elected).toEqual({ designatedRouter: 2, backupDesignatedRouter: 2 });
  expect(electAs(router(2, { priority: 5 }), [router(9)])).toEqual({ designatedRouter: 2, backupDesignatedRouter: 9 });
});

test("a router of priority 0 is never elected, itself or others (§9.4 step 1)", () => {
  expect(electAs(router(9, { priority: 0 }), [router(2)])).toEqual({ designatedRouter: 2, backupDesignatedRouter: 2 });
  expect(electAs(router(1), [router(2, { priority: 0 })])).toEqual({ designatedRouter: 1, backupDesignatedRouter: 0 });
  expect(electAs(router(1, { priority: 0 }), [router(2, { priority: 0 })])).toEqual({
    designatedRouter: 0,
    backupDesignatedRouter: 0,
  });
});

test("who is DR or Backup stays so when a better router comes (§9.4: claims count first)", () => {
  const established = { designatedRouter: 1, backupDesignatedRouter: 2 };
  const elected = electAs(router(9, { ...established, priority: 200 }), [
    router(1, established),
    router(2, established),
  ]);
  expect(elected).toEqual(established);
});

test("when the DR is gone the Backup takes its place, and another becomes Backup (§9.4 step 4)", () => {
  const before = { designatedRouter: 9, backupDesignatedRouter: 2 };
  expect(electAs(router(2, before), [router(1, before)])).toEqual({ designatedRouter: 2, backupDesignatedRouter: 1 });
});

test("two that claim to be DR: the one of greater priority, then router id, stays (§9.4 step 3)", () => {
  const elected = electAs(router(3, { designatedRouter: 3 }), [router(5, { designatedRouter: 5 }), router(4)]);
  expect(elected.designatedRouter).toBe(5);
  expect(elected.backupDesignatedRouter).toBe(4);
});

test("no router makes itself DR and Backup at once, whatever is claimed (§9.4 step 4)", () => {
  const ids = [1, 2, 3];
  const claims = [0, ...ids];
  for (const dr of claims) {
    for (const backup of claims) {
      for (const self of ids) {
        const others = ids.filter((id) => id !== self).map((id) => router(id));
        const elected = electAs(router(self, { designatedRouter: dr, backupDesignatedRouter: backup }), others);
        expect(elected.designatedRouter).not.toBe(0);
        expect([elected.designatedRouter, elected.backupDesignatedRouter]).not.toEqual([self, self]);
      }
    }
  }
});
