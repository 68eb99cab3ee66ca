/**
 * DHCPv6 with dhclient and dhcpcd at the other end of a TAP; tshark reads what we send. Needs root.
 * Runs beside others.
 */
import { afterAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { INTERFACE } from "#services/testing/tap-host";
import { LINK_LOCAL, VM, VmRouter } from "#services/testing/vm-router";
import { readDhcp6 } from "#wire/dhcp6";
import * as ipv6 from "#wire/ipv6";
import { PROTOCOL_UDP } from "#wire/protocol";

setDefaultTimeout(60_000);
const router = new VmRouter("v6d");
beforeEach(() => router.renew());
afterAll(() => router.end());

/** Keeps what dhclient says, and does what is asked. */
const SCRIPT = `#!/bin/sh
env > "${router.folder}/$reason"
[ -z "$new_ip6_address$old_ip6_address" ] && exit 0
case $reason in
  BOUND6|RENEW6|REBIND6) ip -6 addr replace "$new_ip6_address/$new_ip6_prefixlen" dev "$interface" \\
    valid_lft "$new_max_life" preferred_lft "$new_preferred_life" ;;
  RELEASE6|EXPIRE6|STOP6) ip -6 addr del "$old_ip6_address/$old_ip6_prefixlen" dev "$interface" ;;
esac
`;
const said = (reason: string, name: string): string | undefined => {
  const file = join(router.folder, reason);
  return new RegExp(`^${name}=(.*)$`, "m").exec(readFileSync(file, "utf8"))?.[1];
};

const forget = (): void => {
  for (const reason of ["BOUND6", "RENEW6"]) rmSync(join(router.folder, reason), { force: true });
};
const isBound = (): boolean => existsSync(join(router.folder, "BOUND6"));

/** Words to start it with; `configuration` is its own language's. */
function dhclient(configuration: string, ...more: string[]): string[] {
  forget();
  const script = join(router.folder, "script");
  writeFileSync(script, SCRIPT, { mode: 0o755 });
  writeFileSync(join(router.folder, "conf"), configuration);
  const file = (name: string): string => join(router.folder, name);
  const files = [...["-cf", file("conf")], ...["-lf", file("leases")], ...["-pf", file("pid")]];
  return ["timeout", "40", "dhclient", "-6", "-d", "-v", ...files, "-sf", script, ...more, INTERFACE];
}

test("dhclient gets both addresses, DNS and search list, renews, and releases them (RFC 8415 §18)", async () => {
  await router.until("link-local address", () => router.has(LINK_LOCAL));
  const conf = "request dhcp6.name-servers, dhcp6.domain-search;";
  const client = router.host.run(...dhclient(conf));
  await router.until("both addresses", () => router.has(...VM), 20_000);
  expect(await router.addresses("scope", "global")).toMatch(/2001:db8:1::2\/128 .*valid_lft \d+sec/);
  expect(said("BOUND6", "new_dhcp6_name_servers")).toBe("2001:db8::53 2001:db8::54");
  expect(said("BOUND6", "new_dhcp6_domain_search")).toMatch(/^blue\.example\.? lab\.example\.?$/);
  expect(said("BOUND6", "new_dhcp6_server_id")).toBe("0:3:0:1:2:41:49:4e:0:1");
  expect(router.dhcp.counters).toMatchObject({ malformed: 0, otherServer: 0, foreignClient: 0 });
  await router.until("renewal", () => router.dhcp.counters.renews > 0, 20_000);
  const now = () => [...router.dhcp.clients()].flatMap(({ leases }) => leases.map(({ state }) => state));
  expect(now()).toEqual(["bound", "bound"]);
  client.kill();
  await client.exited;
  await router.output(...dhclient(conf, "-r"));
  expect(now()).toEqual(["released", "released"]);
  expect(await router.addresses("scope", "global")).toBe("");
  rmSync(join(router.folder, "leases"));
});

test("dhclient is told that there are no prefixes and no temporary addresses (RFC 8415 §18.3.9)", async () => {
  await router.until("link-local address", () => router.has(LINK_LOCAL));
  const before = router.sent.length;
  const client = router.host.run(...dhclient("", "-N", "-T", "-P"));
  await router.until("its address", () => router.has(VM[0]), 20_000);
  client.kill();
  await client.exited;
  const answers = router.sent.slice(before).filter((frame) => ipv6.nextHeader(frame, 14) === PROTOCOL_UDP);
  expect(answers.length).toBeGreaterThanOrEqual(2);
  for (const answer of answers.map((frame) => readDhcp6(frame, 62)))
    expect(answer).toMatchObject({ options: { iaTa: [{ status: { code: 2 } }], iaPd: [{ status: { code: 6 } }] } });
  rmSync(join(router.folder, "leases"));
});

test("dhclient asks for settings only (RFC 8415 §18.3.6)", async () => {
  await router.until("link-local address", () => router.has(LINK_LOCAL));
  await router.output(...dhclient("also request dhcp6.name-servers;", "-S", "-1"));
  expect(said("RENEW6", "new_dhcp6_name_servers")).toBe("2001:db8::53 2001:db8::54");
  expect(router.dhcp.counters.informationRequests).toBeGreaterThan(0);
});

/** With state of its own: `ip netns exec` gives each program its own mounts. */
function dhcpcd(configuration: string): string[] {
  forget();
  const conf = join(router.folder, "dhcpcd.conf");
  writeFileSync(conf, configuration);
  const mounts = ["/run", "/var/lib/dhcpcd"].map((path) => `mkdir -p ${path} && mount -t tmpfs none ${path} && `);
  const words = `exec timeout 40 dhcpcd -6 -B -d -f ${conf} -c ${join(router.folder, "dhcpcd-script")} ${INTERFACE}`;
  return ["sh", "-c", mounts.join("") + words];
}

test("dhcpcd follows the advertisement to DHCPv6 and takes Rapid Commit (RFC 8415 §18.2.1, §21.14)", async () => {
  writeFileSync(join(router.folder, "dhcpcd-script"), `#!/bin/sh\nenv > "${router.folder}/$reason"\n`, { mode: 0o755 });
  const conf =
    "duid\nia_na\noption dhcp6_rapid_commit\noption dhcp6_name_servers, dhcp6_domain_search, dhcp6_ntp_server\n";
  const client = router.host.run(...dhcpcd(conf));
  await router.until("both addresses", async () => isBound() && (await router.has(...VM)), 20_000);
  client.kill();
  await client.exited;
  expect(router.dhcp.counters).toMatchObject({ advertises: 0, requests: 0 });
  expect(said("BOUND6", "new_dhcp6_name_servers")).toBe("2001:db8::53 2001:db8::54");
  expect(said("BOUND6", "new_dhcp6_domain_search")).toBe("blue.example lab.example");
  expect(said("BOUND6", "new_dhcp6_ntp_server_addr")).toBe("2001:db8::123"); // RFC 5908
  expect(said("BOUND6", "new_dhcp6_sol_max_rt")).toBe("60");
});

test("tshark has nothing to object to in all that was sent", () =>
  router.expectTsharkAgrees("dhcpv6.msgtype == 2", "dhcpv6.msgtype == 7"));
