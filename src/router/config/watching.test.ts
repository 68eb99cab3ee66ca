import { expect, test } from "bun:test";
import { checkFabric } from "#router/config/fabric";
import { networkFacts } from "#router/config/facts";
import { checkNode } from "#router/config/node";
import { describeChange, planChange } from "#router/config/plan";
import { formatConfigError } from "#runtime/document/config-error";
import { parseSource, type Source } from "#runtime/document/source";

const FABRIC = (tenant: string, network: string): string => `name: demo
key: 000102030405060708090a0b0c0d0e0f
prefixes: [2001:db8:a1::/48]
homes: [2001:db8:a1:1::/64]
tenants:
  blue: {id: 1, ${tenant} networks: {prod: {id: 1, prefixes: [10.0.0.0/16]${network}}}}
`;
const NODE = "name: hv1\nfabric: fabric.yaml\nrole: hypervisor\nprefix: 2001:db8:a1:1::/64\n";

function source(file: string, text: string): Source {
  const result = parseSource(file, text);
  if ("errors" in result) throw new Error("bad YAML in a test");
  return result.source;
}

const check = (node: string, tenant = "", network = "") =>
  checkNode(source("/etc/ain/node.yaml", NODE + node), checkFabric(source("fabric.yaml", FABRIC(tenant, network))));

function configuration(...texts: Parameters<typeof check>) {
  const result = check(...texts);
  if (!result.ok) throw new Error(result.errors.map(formatConfigError).join("\n"));
  return result;
}

const errors = (...texts: Parameters<typeof check>): string[] => {
  const result = check(...texts);
  return result.ok ? [] : result.errors.map((error) => formatConfigError(error).replace(/^\S+ /, ""));
};

const sampleOf = (tenant: string, network = ""): number | undefined =>
  configuration("", tenant, network).fabric.networks[0]!.flowLog?.sample;

test("a tenant's flows are logged when it, or the network, says so; the network goes before", () => {
  expect(sampleOf("")).toBeUndefined();
  expect(sampleOf("flowLog: {},")).toBe(100);
  expect(sampleOf("flowLog: {sample: 7},")).toBe(7);
  expect(sampleOf("flowLog: {sample: 7},", ", flowLog: {sample: 1}")).toBe(1);
  expect(sampleOf("flowLog: {sample: 7},", ", flowLog: false")).toBeUndefined();
  expect(networkFacts(configuration("", "flowLog: {},").fabric.networks[0]!)["flow log"]).toBe("sample 1 in 100");
});

test("metrics are served at an address and port of either family", () => {
  const listen = (text: string) => configuration(`metrics: {listen: "${text}"}`).node.metrics;
  expect(listen("[::1]:9464")).toEqual({ text: "[::1]:9464", host: "::1", port: 9464 });
  expect(listen("127.0.0.1:1")).toEqual({ text: "127.0.0.1:1", host: "127.0.0.1", port: 1 });
  for (const wrong of [
    "9464",
    "::1:9464",
    "[::1]",
    "[::1]:0",
    "[::1]:65536",
    "localhost:9464",
    "[10.0.0.1]:1",
    "300.0.0.1:1",
  ])
    expect(errors(`metrics: {listen: "${wrong}"}`)).toEqual([
      `metrics.listen: found "${wrong}", expected an address and a port, as in [::1]:9464 or 127.0.0.1:9464`,
    ]);
});

test("the log's format and level, and the flow log's files", () => {
  const { node } = configuration("log: {format: json}\nflowLog: {file: flows/x.jsonl, limit: 1, keep: 9}");
  expect([node.log, node.flowLog]).toEqual([
    { format: "json" },
    { file: "/etc/ain/flows/x.jsonl", limit: 2 ** 20, keep: 9 },
  ]);
  expect(errors("log: {format: xml}")).toEqual(['log.format: found "xml", expected text or json']);
});

test("what a running router cannot change of it is said", () => {
  const changes = planChange(configuration(""), configuration('metrics: {listen: "[::1]:9464"}'));
  expect(changes.map(describeChange)).toEqual([
    "~ metrics: off → [::1]:9464 (needs a restart: it is laid out when the router starts)",
  ]);
});
