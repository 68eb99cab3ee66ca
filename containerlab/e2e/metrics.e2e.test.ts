/** Metrics of hypervisors, switches and gateways that speak OSPF, BFD and Proxy Mobile IPv6, and translate. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { FAMILIES } from "#router/metrics/families";
import { type ParsedFamily, parseExposition } from "#router/metrics/testing/strict-parser";
import { build, HOST } from "./gateway/world";
import { TestLab } from "./test-lab";

setDefaultTimeout(90_000);
const lab = new TestLab("me");
const ROUTERS = ["hv1", "hv2", "sw", "gw1", "gw2"] as const;

async function scrape(router: string, accept = "text/plain"): Promise<ParsedFamily[]> {
  const answer = await fetch("http://ain/metrics", { unix: lab.socket(router), headers: { accept } });
  return parseExposition(await answer.text(), accept === "text/plain" ? "prometheus" : "openmetrics");
}

/** The value of a family's sample with these labels among its own. */
async function value(router: string, name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
  const family = (await scrape(router)).find((each) => each.name === name);
  const sample = family?.samples.find((each) =>
    Object.entries(labels).every(([key, text]) => each.labels[key] === text),
  );
  return sample?.value ?? Number.NaN;
}

beforeAll(async () => {
  await build(lab);
  await lab.until("ba reaches the outside", () => lab.run("ba", `ping -c 1 -W 1 ${HOST}`).status === 0, 40);
});
afterAll(() => lab.down());

test("are what the formats allow at each router, in both, and no family that there is not", async () => {
  const known = new Set(FAMILIES.map(({ name }) => name));
  const seen = new Set<string>();
  for (const router of ROUTERS) {
    await scrape(router, "application/openmetrics-text");
    for (const { name } of await scrape(router)) {
      expect(known.has(name)).toBeTrue();
      seen.add(name);
    }
  }
  // Of the rest there is nothing to tell: nobody has moved.
  expect([...known].filter((name) => !seen.has(name))).toEqual(["ain_flow_log_records_total", "ain_flights"]);
});

test("tell of OSPF what `show ospf` does: neighbors, databases, routes, computations", async () => {
  await lab.until("all are adjacent", async () => (await value("sw", "ain_ospf_neighbors", { state: "Full" })) === 4);
  expect(await value("hv1", "ain_ospf_neighbors", { state: "Full" })).toBe(1);
  expect(await value("hv1", "ain_ospf_interfaces_up")).toBe(1);
  expect(await value("hv1", "ain_ospf_lsas")).toBeGreaterThan(5);
  expect(await value("hv1", "ain_ospf_lsas_limit")).toBeGreaterThan(1000);
  expect(await value("hv1", "ain_ospf_routes")).toBeGreaterThan(3);
  const spf = (await scrape("hv1")).find(({ name }) => name === "ain_ospf_spf_seconds")!.samples;
  const count = spf.find((each) => each.name.endsWith("_count") && each.labels.kind === "full")!.value;
  expect(count).toBeGreaterThan(0);
  expect(count).toBeLessThan(200); // each once, however often it is asked
});

test("tell of BFD its sessions, of NAT its tables, where there are any", async () => {
  await lab.until("BFD is up", async () => (await value("sw", "ain_bfd_sessions", { state: "Up" })) === 4);
  const sent = await value("sw", "ain_bfd_session_events", { event: "sent" });
  await lab.until(
    "packets are sent",
    async () => (await value("sw", "ain_bfd_session_events", { event: "sent" })) > sent,
  );
  const sessions = await Promise.all(["gw1", "gw2"].map((gateway) => value(gateway, "ain_nat_sessions")));
  expect(sessions[0]! + sessions[1]!).toBeGreaterThan(0);
  expect(await value("hv1", "ain_nat_sessions")).toBeNaN();
});

test("tell of VMs that are away from home: bindings at the home, tunnels, messages", async () => {
  expect(await value("hv1", "ain_mobility_bindings", { role: "attached" })).toBe(1);
  expect(await value("hv2", "ain_mobility_bindings", { role: "home" })).toBe(1);
  expect(await value("hv2", "ain_tunnels")).toBe(1);
  expect(await value("hv1", "ain_mobility_peers_answering")).toBe(1);
  const events = (await scrape("hv1")).find(({ name }) => name === "ain_mobility_events_total")!.samples;
  expect(events.length).toBeGreaterThan(1);
  expect(await value("sw", "ain_mobility_bindings")).toBeNaN();
});

test("count what is forwarded, how busy forwarders are, and by which rules", async () => {
  const before = await value("hv1", "ain_frames_total", { ending: "to-fabric" });
  lab.run("ba", `ping -c 20 -i 0.01 -W 1 ${HOST}`);
  expect(await value("hv1", "ain_frames_total", { ending: "to-fabric" })).toBeGreaterThanOrEqual(before + 20);
  expect(await value("hv1", "ain_forwarder_busy_seconds_total", { forwarder: "0" })).toBeGreaterThan(0);
  expect(await value("gw1", "ain_forwarder_turns_total", { forwarder: "1" })).toBeGreaterThan(0);
  expect(await value("hv1", "ain_rule_decisions_total", { side: "out" })).toBeGreaterThan(0);
});
