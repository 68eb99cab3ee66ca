/** The tunnel table: an index is an address, for as long as control says. */
import { expect, test } from "bun:test";
import { parseIpv6 } from "#base/address";
import { raw } from "#fastpath/tables/snapshot";
import { createTunnelTable, Tunnels } from "#fastpath/tables/tunnels";

const MAG = parseIpv6("2001:db8:a1:7::1")!;
const OTHER = parseIpv6("2001:db8:a1:8::1")!;

function views(size?: number): [control: Tunnels, forwarder: Tunnels] {
  const buffer = createTunnelTable(size);
  return [new Tunnels(buffer), new Tunnels(buffer)];
}

test("one tunnel an address, seen by forwarders under its index", () => {
  const [control, forwarder] = views();
  const index = control.add(MAG);
  expect([control.add(MAG), control.find(MAG), control.find(OTHER)]).toEqual([index, index, -1]);
  expect(control.add(OTHER)).not.toBe(index);
  const at = forwarder.addressAt(index);
  expect([...forwarder.words.subarray(at, at + 4)]).toEqual([0, 4, 8, 12].map((k) => raw(MAG, k)));
  expect(forwarder.address(index)).toEqual(MAG);
});

test("a path MTU is what is known of it, and never less than IPv6's minimum (RFC 8201 §4)", () => {
  const [control, forwarder] = views();
  const index = control.add(MAG);
  expect(forwarder.mtu(index)).toBe(65_535);
  control.setMtu(index, 1400);
  expect(forwarder.mtu(index)).toBe(1400);
  control.setMtu(index, 576);
  expect(forwarder.mtu(index)).toBe(1280);
});

test("a removed tunnel's index rests before it is another's, who begins with nothing", () => {
  const [control, forwarder] = views(3);
  const index = control.add(MAG);
  forwarder.count(index, 2, 3000);
  control.setMtu(index, 1400);
  expect(control.counters(index)).toEqual({ packets: 2, octets: 3000 });
  control.remove(index);
  control.remove(index);
  expect([control.find(MAG), [...control.indexes()]]).toEqual([-1, []]);
  expect([control.add(OTHER), control.add(parseIpv6("2001:db8:a1:9::1")!)]).not.toContain(index);
  expect(control.add(MAG)).toBe(index);
  expect([control.mtu(index), control.counters(index)]).toEqual([65_535, { packets: 0, octets: 0 }]);
  expect(control.add(parseIpv6("2001:db8:a1:a::1")!)).toBe(-1);
});
