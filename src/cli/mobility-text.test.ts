import { expect, test } from "bun:test";
import { bindingsText, mobilityText, tunnelsText } from "#cli/mobility-text";

const HV2 = { address: "2001:db8:a1:2::1", hypervisor: "hv2" };
const NAMELESS = { address: "2001:db8:a1:9::1", hypervisor: null };

test("bindings name networks and hypervisors where they are known", () => {
  const bound = { role: "home", state: "bound", packets: 2, octets: 168 } as const;
  expect(
    bindingsText({
      bindings: [
        { ...bound, network: "blue/prod", address: "10.0.0.5", peer: HV2, lifetime: 299.4, idle: 1.25 },
        { ...bound, network: null, address: "2001:db8:cafe::5", peer: NAMELESS, lifetime: null, idle: null },
        {
          ...{ network: "blue/prod", address: "10.0.0.6", role: "correspondent", peer: null, state: "native" },
          ...{ lifetime: 5, packets: 0, octets: 0, idle: null },
        },
      ],
      ...{ size: 3, room: 128 },
    }),
  ).toBe(`NETWORK    ADDRESS           ROLE           WITH              STATE   LIFETIME  PACKETS  OCTETS  IDLE
blue/prod  10.0.0.5          home           hv2               bound       299s        2     168  1.3s
-          2001:db8:cafe::5  home           2001:db8:a1:9::1  bound          -        2     168     -
blue/prod  10.0.0.6          correspondent  -                 native      5.0s        0       0     -
3 of 128 entries in use`);
});

test("tunnels come with the shares of ways that packets took", () => {
  const counted = { packets: 100, octets: 14800, users: 2, tooBig: 1, unreachable: 0 };
  expect(
    tunnelsText({
      tunnels: [{ end: HV2, mtu: null, ...counted }],
      shares: { native: 10, direct: 80, relayed: 10, hairpin: 0 },
    }),
  ).toBe(`TO   ADDRESS           MTU  PACKETS  OCTETS  USERS  TOO BIG  UNREACHABLE
hv2  2001:db8:a1:2::1    -      100   14800      2        1            0

packets to VMs: 10.0 % native, 80.0 % direct by tunnel, 10.0 % relayed for others, 0.0 % between VMs here`);
  expect(tunnelsText({ tunnels: [], shares: { native: 0, direct: 0, relayed: 0, hairpin: 0 } })).toContain(
    ": 0 % native",
  );
});

test("mobility has peers, counters, and which keys, of which no secret is known here", () => {
  expect(
    mobilityText({
      ...{ address: "2001:db8:a1:1::1", sendKey: 1000, keys: [1000, 1001], restarts: 7 },
      bindings: { home: 1, attached: 2, correspondent: 3, former: 0 },
      peers: [
        { ...HV2, bindings: 2, heard: 0.5, restarts: 3, answers: true },
        { ...NAMELESS, bindings: 1, heard: null, restarts: null, answers: false },
      ],
      counters: [{ name: "pbu-sent", count: 4 }],
    }),
  ).toBe(`2001:db8:a1:1::1, restart counter 7, signed with key 1000, keys 1000 1001 are accepted
bindings: 1 as home, 2 of VMs here, 3 as correspondent, 0 of VMs that have left

PEER              ADDRESS           BINDINGS     HEARD  RESTARTS  HEARTBEAT
hv2               2001:db8:a1:2::1         2  0.5s ago         3  answers
2001:db8:a1:9::1  2001:db8:a1:9::1         1     never         -  silent

COUNTER   COUNT
pbu-sent      4`);
});
