/** What a hypervisor makes of IPv6 hosts outside the data centre, and of public addresses: by route, by rule. */
import { describe, expect, test } from "bun:test";
import { tenantHomeOf } from "#base/home-hash";
import { ending, fromVm, icmp, ip, udp } from "#fastpath/testing/ipv6-vms";
import { build6, counting, type Upper } from "#fastpath/testing/packet";
import {
  BLUE,
  FABRIC_ROUTER,
  HOMES,
  hostAddress,
  KEY,
  MAG,
  PUBLIC_TENANT_HOST,
  RED,
  SmallRouter,
  type SmallRouterOptions,
  type SmallVm6,
  VM_D,
  VM_F,
} from "#fastpath/testing/small-router";
import { AWAY_6, innerOf, native, OTHER_MAG, only, part, tunnelFrame } from "#fastpath/testing/tunnel-packets";
import { OUTSIDE, type Rule } from "#policy/rules";

const HOST = ip("2001:db8:cafe::9");
const OTHER = ip("2001:db8:cafe::10");
const MINE = ip("2001:db8:70::1");
const PRIVATELY = ip("fd00:77::1");
/** Blue's, with addresses that it brought, a public and a private one. */
const GUEST: SmallVm6 = { ...{ tags: BLUE, port: 8, mac: Uint8Array.of(2, 0, 0, 0, 1, 8) }, ipv6: [MINE, PRIVATELY] };
const D = VM_D.ipv6[0]!;
/** Blue's and public, at the other home. */
const homedElsewhere = (): Uint8Array => {
  for (let i = 1; ; i++) {
    const address = ip(`2001:db8:70::${i.toString(16)}`);
    if (tenantHomeOf({ key: KEY, homes: HOMES }, BLUE, address) === 1) return address;
  }
};
const EVERYTHING = [{ tags: 0, host: 0, length: 0 }];
const allow = (more: Partial<Rule>): Rule => ({
  ...{
    name: "rule",
    priority: 1,
    source: EVERYTHING,
    destination: EVERYTHING,
    action: "allow",
    stateful: true,
    log: false,
  },
  ...more,
});
const outward = allow({ destination: [OUTSIDE] });
const router = (options: SmallRouterOptions & { readonly only?: readonly Rule[] } = {}): SmallRouter => {
  const rules = (options.only ?? [outward]).map((rule) => ({ rule, owner: undefined }));
  return new SmallRouter({ guest: GUEST, tenants: true, outside6: true, rules, ...options });
};
const asks = udp({ source: 7, destination: 53 });
const answers = udp({ source: 53, destination: 7 });
const comes = (r: SmallRouter, destination: Uint8Array, upper: Upper = answers, source = HOST): string =>
  ending(r, 0, native(build6({ source, destination, upper })));
const inTunnel = (destination: Uint8Array, upper: Upper = answers, source = HOST): Uint8Array =>
  tunnelFrame(build6({ source, destination, upper }), { key: BLUE });

describe.each([1024, 0])("flow cache of %i", (cacheEntries) => {
  test("a VM with a public address of the fabric's sends natively, and answers alone come back", () => {
    const r = router({ cacheEntries });
    for (let i = 0; i < 2; i++) {
      const sent = only(r.offer(5, fromVm(VM_D, asks, { destination: HOST })));
      expect(part(sent, 14)).toEqual(build6({ source: D, destination: HOST, upper: asks, hopLimit: 63 }));
      expect(comes(r, D)).toBe("to-vm");
      expect(comes(r, D, udp({ source: 53, destination: 8 }))).toBe("no-rule");
      expect(comes(r, D, answers, OTHER)).toBe("no-rule");
      expect(comes(r, VM_D.ipv6[1]!)).toBe("no-rule");
    }
    expect(r.wanted).toEqual([]); // nobody is asked where an outside host is
  });

  test("one with a public address that its tenant brought sends natively too, and is answered in a tunnel", () => {
    const r = router({ cacheEntries });
    for (let i = 0; i < 2; i++) {
      const sent = only(r.offer(8, fromVm(GUEST, asks, { destination: HOST })));
      expect(part(sent, 14)).toEqual(build6({ source: MINE, destination: HOST, upper: asks, hopLimit: 63 }));
      const got = only(r.offer(0, inTunnel(MINE)));
      expect(part(got, 14)).toEqual(build6({ source: HOST, destination: MINE, upper: answers, hopLimit: 63 }));
      expect(ending(r, 0, inTunnel(MINE, udp({ source: 53, destination: 8 })))).toBe("no-rule");
    }
    expect(comes(r, MINE)).not.toBe("to-vm"); // natively nothing comes to it
  });

  test("private addresses neither leave nor are reached (paper §2.4)", () => {
    const r = router({ cacheEntries, only: [outward, allow({ source: [OUTSIDE] })] });
    expect(ending(r, 7, fromVm(VM_F, asks, { destination: HOST }))).toBe("private-source");
    expect(ending(r, 8, fromVm(GUEST, asks, { source: PRIVATELY, destination: HOST }))).toBe("private-source");
    const told = only(r.offer(7, fromVm(VM_F, asks, { destination: HOST })));
    expect<unknown[]>([told[54], told[55]]).toEqual([1, 5]); // RFC 4443 §3.1: ingress or egress policy
  });

  test("a home sends on what comes from outside for a VM that has moved, and its host takes it", () => {
    const r = router({ cacheEntries, only: [allow({ source: [OUTSIDE] })] });
    expect(comes(r, AWAY_6)).toBe("no-such-vm");
    r.bind(BLUE, AWAY_6, MAG);
    for (let i = 0; i < 2; i++) {
      const sent = only(r.offer(0, native(build6({ source: HOST, destination: AWAY_6, upper: answers }))));
      expect<unknown[]>([part(sent, 38, 54), innerOf(sent)]).toEqual([
        MAG,
        build6({ source: HOST, destination: AWAY_6, upper: answers, hopLimit: 63 }),
      ]);
      expect(ending(r, 0, inTunnel(D))).toBe("to-vm");
    }
  });

  test("errors about what comes from outside go there natively, out of a tunnel as well (RFC 4443 §2.4)", () => {
    const r = router({ cacheEntries, only: [allow({ source: [OUTSIDE] })] });
    for (const [destination, frame] of [
      [D, (hopLimit: number) => native(build6({ source: HOST, destination: D, upper: asks, hopLimit }))],
      [
        MINE,
        (hopLimit: number) =>
          tunnelFrame(build6({ source: HOST, destination: MINE, upper: asks, hopLimit }), { key: BLUE }),
      ],
    ] as const) {
      expect(ending(r, 0, frame(64))).toBe("to-vm");
      const told = only(r.offer(0, frame(1)));
      expect<unknown[]>([part(told, 38, 54), told[54]]).toEqual([HOST, 3]);
      expect(part(told, 62)).toEqual(build6({ source: HOST, destination, upper: asks, hopLimit: 1 }));
    }
  });
});

test("an error that an outside router, or a fabric's, tells of a VM's packet comes to it; one about others' does not", () => {
  const r = router();
  only(r.offer(5, fromVm(VM_D, asks, { destination: HOST })));
  only(r.offer(8, fromVm(GUEST, asks, { destination: HOST })));
  const mine = (source: Uint8Array, destination = HOST): Uint8Array => build6({ source, destination, upper: asks });
  const tells = (source: Uint8Array, quoted: Uint8Array) => icmp(source === FABRIC_ROUTER ? 2 : 3, quoted);
  for (const teller of [OTHER, FABRIC_ROUTER]) {
    expect(comes(r, D, tells(teller, mine(D)), teller)).toBe("to-vm");
    expect(ending(r, 0, inTunnel(MINE, tells(teller, mine(MINE)), teller))).toBe("to-vm");
  }
  expect(comes(r, D, tells(OTHER, mine(VM_D.ipv6[1]!)), OTHER)).not.toBe("to-vm");
  expect(
    ending(
      r,
      5,
      fromVm(VM_D, icmp(1, build6({ source: HOST, destination: D, upper: answers })), { destination: HOST }),
    ),
  ).toBe("to-fabric");
});

test("from no address of the fabric's natively nothing comes but from where a route leads outside (RFC 3704 §2.2)", () => {
  const rules = [allow({ source: [OUTSIDE] })];
  expect(comes(router({ only: rules }), D, answers, MINE)).toBe("outside-source"); // a tenant's, which comes in a tunnel
  expect(comes(router({ only: rules }), D, answers, ip("fd00:99::1"))).toBe("outside-source");
  expect(comes(router({ only: rules, outside6: false }), D)).toBe("outside-source");
  expect(comes(router({ only: rules }), VM_F.ipv6[0]!)).toBe("to-vm"); // the gateway keeps it from private ones
});

describe("public addresses are reached by other networks", () => {
  test("which have no route to their network by name, if rules let it pass; and answers come back", () => {
    const r = router({ only: [allow({ source: [{ tags: RED, host: 0, length: 32 }] })] });
    const theirs = hostAddress(1, BLUE, 7);
    const sent = only(r.offer(7, fromVm(VM_F, asks, { destination: theirs })));
    expect(part(sent, 14)).toEqual(build6({ source: VM_F.ipv6[0]!, destination: theirs, upper: asks, hopLimit: 63 }));
    expect(comes(r, VM_F.ipv6[0]!, answers, theirs)).toBe("to-vm");
    const brought = homedElsewhere();
    const wrapped = only(r.offer(7, fromVm(VM_F, asks, { destination: brought })));
    expect<unknown[]>([wrapped[20], innerOf(wrapped).slice(24, 40)]).toEqual([47, brought]);
    const back = tunnelFrame(build6({ source: brought, destination: VM_F.ipv6[0]!, upper: answers }), { key: RED });
    expect(ending(r, 0, back)).toBe("to-vm");
    expect(ending(r, 5, fromVm(VM_D, asks, { destination: hostAddress(1, RED, 7) }))).toBe("no-network-route");
  });

  test("but not from a private address that a tenant brought: nobody there would know whose it is", () => {
    const guest: SmallVm6 = { ...GUEST, tags: RED, ipv6: [PRIVATELY] };
    const r = router({ guest, only: [allow({})] });
    for (const destination of [D, ip("2001:db8:70::77")])
      expect(ending(r, 8, fromVm(guest, asks, { destination }))).toBe("private-source");
  });
});

test("rules tell addresses that a tenant brought by the numbers of their prefixes", () => {
  const toPublic = allow({ source: [OUTSIDE], destination: [{ tags: BLUE, host: PUBLIC_TENANT_HOST, length: 64 }] });
  const r = router({ only: [toPublic] });
  expect(ending(r, 0, inTunnel(MINE))).toBe("to-vm");
  expect(comes(r, D)).toBe("no-rule");
  const peer = tunnelFrame(
    build6({ source: ip("2001:db8:70::9"), destination: D, upper: udp({ data: counting(3) }) }),
    {
      ...{ key: BLUE, source: OTHER_MAG },
    },
  );
  const denied = allow({ action: "deny", source: [{ tags: BLUE, host: PUBLIC_TENANT_HOST, length: 64 }] });
  expect(ending(router({ only: [denied] }), 0, peer)).toBe("rule-denied");
  expect(ending(router({ only: [] }), 0, peer)).toBe("to-vm");
});
