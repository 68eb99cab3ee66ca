import { expect, test } from "bun:test";
import { parseIpv4, parseIpv6 } from "#base/address";
import { multicastMac4 } from "#wire/ethernet";
import { isSnooped4, isSnooped6, isSolicitedNode } from "#wire/multicast";

test("IPv4 groups are snooped but for 224.0.0.0/24 (RFC 4541 §2.1.2)", () => {
  const snooped = ["224.0.1.0", "225.0.0.1", "232.1.1.1", "239.255.255.255"];
  const not = ["224.0.0.0", "224.0.0.251", "223.255.255.255", "240.0.0.1", "255.255.255.255", "10.0.0.1"];
  for (const text of snooped) expect([text, isSnooped4(parseIpv4(text)!, 0)]).toEqual([text, true]);
  for (const text of not) expect([text, isSnooped4(parseIpv4(text)!, 0)]).toEqual([text, false]);
});

test("IPv6 groups are snooped but for ff02::1 and scopes below the link (RFC 4541 §3)", () => {
  const snooped = ["ff02::2", "ff02::fb", "ff12::1", "ff02::1:0", "ff05::1", "ff02:0:0:0:0:1::1", "ff3e::8000:1"];
  const not = ["ff02::1", "ff00::1", "ff01::fb", "ff11::1234", "fe80::1", "2001:db8::1"];
  for (const text of snooped) expect([text, isSnooped6(parseIpv6(text)!, 0)]).toEqual([text, true]);
  for (const text of not) expect([text, isSnooped6(parseIpv6(text)!, 0)]).toEqual([text, false]);
});

test("solicited-node addresses are ff02::1:ff00:0/104 (RFC 4291 §2.7.1)", () => {
  const some = ["ff02::1:ff00:0", "ff02::1:ffab:cdef", "ff02::1:fe00:0", "ff02::2:ff00:0", "ff05::1:ff00:0"];
  expect(some.map((text) => isSolicitedNode(parseIpv6(text)!, 0))).toEqual([true, true, false, false, false]);
});

test("a group's MAC address has 23 of its bits (RFC 1112 §6.4)", () => {
  expect([...multicastMac4(parseIpv4("239.129.2.3")!)]).toEqual([0x01, 0x00, 0x5e, 0x01, 0x02, 0x03]);
  expect([...multicastMac4(parseIpv4("224.1.2.3")!)]).toEqual([0x01, 0x00, 0x5e, 0x01, 0x02, 0x03]);
});
