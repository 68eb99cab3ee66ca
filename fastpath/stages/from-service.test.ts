/** The metadata service, as far as the forwarder sees it: VMs reach it under their own addresses, and it reaches only them. */
import { describe, expect, test } from "bun:test";
import { parseIpv4, parseIpv6 } from "#base/address";
import { build4, build6, counting, framed, type Ip6, type Upper } from "#fastpath/testing/packet";
import {
  GATEWAY_MAC,
  REMOTE,
  ROUTER_ADDRESS,
  SERVICE_MAC,
  SmallRouter,
  type SmallRouterOptions,
  type SmallVm,
  UPLINK_MAC,
  VM_A,
  VM_B,
  VM_C,
} from "#fastpath/testing/small-router";

const METADATA = parseIpv4("169.254.169.254")!;
const SERVICE = parseIpv6("2001:db8:a1:1::a9fe:a9fe")!;
const SERVICE_PORT = 4;
const upper: Upper = { kind: "tcp", data: counting(20), source: 40000, destination: 80 };
const answer: Upper = { kind: "tcp", data: counting(20), source: 80, destination: 40000 };

const asks = (vm: SmallVm): Uint8Array =>
  framed(build4({ source: vm.ipv4, destination: METADATA, upper }), GATEWAY_MAC, vm.mac);
const answers = (more: Partial<Ip6> = {}, to = GATEWAY_MAC): Uint8Array =>
  framed(build6({ source: SERVICE, destination: VM_A.address, upper: answer, ...more }), to, SERVICE_MAC);
const router = (options: SmallRouterOptions = {}) => new SmallRouter({ metadata: true, ...options });
const ending = (r: SmallRouter, port: number, octets: Uint8Array): string[] => {
  r.offer(port, octets);
  return Object.keys(r.endings(port));
};

describe("a VM's packet for 169.254.169.254", () => {
  for (const [name, vm] of [
    ["blue", VM_A],
    ["red, which has the same address", VM_C],
  ] as const) {
    test(`goes to the service as IPv6 from the VM's network address: ${name}`, () => {
      const r = router();
      for (let i = 0; i < 2; i++) {
        const [sent] = r.offer(vm.port, asks(vm)); // the second from the flow cache
        expect(sent?.port).toBe(SERVICE_PORT);
        expect(sent?.octets).toEqual(
          framed(
            build6({ source: vm.address, destination: SERVICE, upper, hopLimit: 63, flowLabel: labelOf(sent!.octets) }),
            SERVICE_MAC,
            GATEWAY_MAC,
          ),
        );
      }
    });
  }

  test("leads nowhere in a network without the service, or on a router without", () => {
    expect(ending(new SmallRouter({ metadata: false }), 1, asks(VM_A))).toEqual(["no-network-route"]);
  });
});

const labelOf = (octets: Uint8Array): number => ((octets[15]! & 15) << 16) | (octets[16]! << 8) | octets[17]!;

describe("what leaves the service", () => {
  test("reaches the VM that asked, from 169.254.169.254", () => {
    const r = router();
    const [sent] = r.offer(SERVICE_PORT, answers());
    expect(sent?.port).toBe(1);
    expect([...sent!.octets.slice(26, 34)]).toEqual([...METADATA, ...VM_A.ipv4]);
    expect(Object.keys(r.endings(SERVICE_PORT))).toEqual(["to-vm"]);
  });

  for (const [title, octets, how] of [
    ["from another address", answers({ source: VM_B.address }), "service-stray"],
    ["from the router's address", answers({ source: ROUTER_ADDRESS }), "service-stray"],
    ["for another MAC address", answers({}, UPLINK_MAC), "service-stray"],
    ["for the fabric", answers({ destination: REMOTE }), "service-stray"],
    [
      "as IPv4",
      framed(build4({ source: METADATA, destination: VM_A.ipv4, upper }), GATEWAY_MAC, SERVICE_MAC),
      "service-stray",
    ],
  ] as const) {
    test(`${title} ends as ${how}`, () => {
      const r = router();
      expect(ending(r, SERVICE_PORT, octets)).toEqual([how]);
      expect(r.sent).toEqual([]);
    });
  }
});

test("the service does not reach the router itself, nor hears why", () => {
  const r = router();
  expect(ending(r, SERVICE_PORT, answers({ destination: ROUTER_ADDRESS }))).toEqual(["no-route", "no-such-vm"]);
  expect(r.sent).toEqual([]);
});

test("nobody reaches the service from the fabric, and nobody poses as it there", () => {
  const fromFabric = (more: Partial<Ip6>) =>
    ending(
      router(),
      0,
      framed(build6({ source: REMOTE, destination: SERVICE, upper, ...more }), UPLINK_MAC, SERVICE_MAC),
    );
  expect(fromFabric({})).toEqual(["no-rule"]);
  expect(fromFabric({ source: SERVICE, destination: VM_A.address })).toEqual(["infrastructure-source"]);
});
