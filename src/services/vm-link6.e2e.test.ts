/**
 * A VM's IPv6 link against Linux and rdisc6 at the other end of a TAP; tshark reads what we send. Needs root.
 * Runs beside others.
 */
import { afterAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { formatIpv6, linkLocalFromMac } from "#base/address";
import { INTERFACE, LINUX_MAC } from "#services/testing/tap-host";
import { ip, LINK, LINK_LOCAL, PORT, VM, VmRouter } from "#services/testing/vm-router";
import { VmLink6 } from "#services/vm-link6";

setDefaultTimeout(60_000);
const router = new VmRouter("v6l");
beforeEach(() => router.renew());
afterAll(() => router.end());

const defaultRoute = (): Promise<string> => router.ip6("route", "show", "default");
const pings = async (address: string): Promise<boolean> =>
  (await router.output("ping", "-c1", "-W2", address)).includes("1 received");

test("Linux takes router, MTU and hop limit from the advertisement, and makes no address of it (RFC 4861 §6.3.4)", async () => {
  await router.until("default route", async () => (await defaultRoute()).includes("fe80::1"));
  const route = await defaultRoute();
  expect(route).toMatch(/^default via fe80::1 dev t0 proto ra .*expires 1[78]\d\dsec.* hoplimit 64/);
  expect((await router.output("sysctl", "-n", "net.ipv6.conf.t0.mtu")).trim()).toBe("1430");
  const global = await router.addresses("scope", "global");
  expect(global).toBe("");
  expect(await router.ip6("route", "show", "table", "main")).not.toContain("2001:");
  router.carryOut(router.link.handle({ type: "cease", port: PORT }, performance.now()));
  await router.until("end of the route", async () => (await defaultRoute()) === ""); // §6.2.5
});

test("rdisc6 is told all by an answer of its own: DHCPv6, MTU, our MAC, DNS (RFC 8106)", async () => {
  await router.until("link-local address", () => router.has(LINK_LOCAL));
  const said = await router.output("rdisc6", "-1", "-r", "3", "-w", "2000", INTERFACE);
  for (const line of [
    /Stateful address conf\. +: +Yes/,
    /Stateful other conf\. +: +Yes/,
    /Router lifetime +: +1800 /,
    /MTU +: +1430 /,
    /Source link-layer address: 02:41:49:4E:00:01/,
    /Recursive DNS server +: 2001:db8::53\n.* 2001:db8::54\n/,
    /DNS servers lifetime +: +1800 /,
    /DNS search list +: blue\.example lab\.example/,
    /DNS search list lifetime: +1800 /,
    /from fe80::1/,
  ])
    expect(said).toMatch(line);
  expect(said).not.toContain("Prefix");
});

test("Linux and the gateway find each other; all that is not on the link is behind the gateway (RFC 4861 §7.2)", async () => {
  for (const address of VM) await router.ip6("addr", "add", `${address}/128`, "dev", INTERFACE);
  await router.until("addresses without duplicates", () => router.has(...VM)); // RFC 4862 §5.4
  await router.until("default route", async () => (await defaultRoute()).includes("fe80::1"));
  expect(await pings(`fe80::1%${INTERFACE}`)).toBe(true);
  expect(await pings("2001:db8:ffff::1")).toBe(true);
  await router.ip6("route", "add", "2001:db8:5::/64", "dev", INTERFACE); // it believes to have neighbors
  expect(await pings("2001:db8:5::7")).toBe(true);
  const neighbors = await router.ip6("neigh", "show", "dev", INTERFACE);
  expect(neighbors).toMatch(/fe80::1 lladdr 02:41:49:4e:00:01 router/);
  expect(neighbors).toMatch(/2001:db8:5::7 lladdr 02:41:49:4e:00:01/);
  const { malformed, spoofedMac, spoofedSource, spoofedTarget, rogueRouter } = router.link.counters;
  expect([malformed, spoofedMac, spoofedSource, spoofedTarget, rogueRouter]).toEqual([0, 0, 0, 0, 0]);
});

test("Linux answers for its addresses when a packet waits, and says where it is (RFC 4861 §7.2.2)", async () => {
  for (const address of VM) await router.ip6("addr", "add", `${address}/128`, "dev", INTERFACE, "nodad");
  const fresh = new VmLink6(2);
  router.carryOut(fresh.handle({ type: "attach", port: PORT, settings: LINK }, performance.now()));
  await router.until("quiet", () => router.has(LINK_LOCAL));
  router.link = fresh;
  router.carryOut(fresh.handle({ type: "resolve", port: PORT, address: ip(VM[1]), held: 7 }, performance.now()));
  await router.until("answer", () => fresh.macOf(PORT) !== undefined);
  expect(fresh.macOf(PORT)).toEqual(LINUX_MAC);
  expect(router.effects).toContainEqual({ type: "release", held: [7] });
});

test("Linux gives up an address that is the gateway's, or anybody else's (RFC 4862 §5.4.4)", async () => {
  await router.until("link-local address", () => router.has(LINK_LOCAL));
  await router.ip6("addr", "add", "fe80::1/64", "dev", INTERFACE);
  await router.ip6("addr", "add", "2001:db8:1::99/128", "dev", INTERFACE);
  await router.until(
    "two duplicates",
    async () => (await router.addresses("dadfailed")).trim().split("\n").length === 2,
  );
  expect(router.link.counters.defended).toBe(2);
});

test("tshark has nothing to object to in all that was sent", () => {
  expect(formatIpv6(linkLocalFromMac(LINUX_MAC))).toBe(LINK_LOCAL);
  router.expectTsharkAgrees("icmpv6.type == 134", "icmpv6.type == 135", "icmpv6.type == 136");
});
