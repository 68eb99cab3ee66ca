import { expect, test } from "bun:test";
import { segmentsText } from "#cli/segments-text";

const HV2 = { address: "2001:db8:a1:2::1", hypervisor: "hv2" };
const NAMELESS = { address: "2001:db8:a1:9::1", hypervisor: null };

test("segments have their members, what these listen to, and who knows of them", () => {
  expect(
    segmentsText({
      segments: [
        {
          ...{ network: "blue/prod", prefix: "10.0.0.0/24" },
          here: {
            vms: [{ vm: "web", address: "10.0.0.2", state: "active", groups: ["239.1.1.1", "ff05::fb"] }],
            members: [
              { ...HV2, groups: "all" },
              { ...NAMELESS, groups: [] },
            ],
            rendezvous: [
              { ...HV2, state: "registered", since: 12, status: null },
              { ...NAMELESS, state: "refused", since: null, status: 153 },
            ],
            replication: { now: "multicast", configured: "auto", group: "ff38::8000:401", listens: true },
          },
          registered: null,
        },
        { network: null, prefix: "10.0.1.0/24", here: null, registered: [{ ...HV2, groups: [], untold: 2 }] },
      ],
      uplinks: [{ uplink: "eth1", isRouted: true, asked: 2 }],
      routes: [{ source: "2001:db8:a1:1::1", group: "ff38::8000:401", from: "eth1", to: ["eth2", "eth3"] }],
      counters: [{ name: "vms reports", count: 7 }],
    }),
  ).toBe(`segment 10.0.0.0/24 of blue/prod
  MEMBER            ADDRESS           STATE      GROUPS
  web               10.0.0.2          active     239.1.1.1 ff05::fb
  hv2               2001:db8:a1:2::1  elsewhere  all
  2001:db8:a1:9::1  2001:db8:a1:9::1  elsewhere  -
  registered at hv2 (registered), 2001:db8:a1:9::1 (refused, status 153)
  frames go by multicast (auto), group ff38::8000:401, which is listened to

segment 10.0.1.0/24 of no known network
  rendezvous of hv2 (2 untold)

SOURCE            GROUP           FROM  TO
2001:db8:a1:1::1  ff38::8000:401  eth1  eth2 eth3

UPLINK  MULTICAST ROUTER  ASKED FOR
eth1    yes                       2

COUNTER      COUNT
vms reports      7`);
});
