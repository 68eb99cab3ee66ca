/** Why something does not work, as operators are told. */
import { expect, test } from "bun:test";
import { Ospf } from "#ospf/ospf";
import { area, config, on, prefix, stub } from "#ospf/testing/configs";
import { Bench, linkLocal, Peer } from "#ospf/testing/scripted-peer";
import { areasView, neighborsView } from "#router/ospf/show-ospf";

test("whose packets were refused is told for two minutes after the last one, and counted anew after that", () => {
  const bench = new Bench();
  const peer = new Peer(bench);
  const refused = () => neighborsView(bench.core, bench.now).refused.map(({ packets, reason }) => [packets, reason]);
  const reason = "hello interval 2 s, ours is 1 s";
  for (let i = 0; i < 3; i++) {
    peer.hello({ helloInterval: 2 });
    bench.pass(100_000);
    expect(refused()).toEqual([[i + 1, reason]]);
  }
  bench.pass(20_000);
  expect(refused()).toEqual([]);
  peer.hello({ helloInterval: 2 });
  expect(refused()).toEqual([[1, reason]]);
});

test("a router inside an NSSA that has no address to forward to says that it tells no external prefixes (RFC 3101 §2.3)", () => {
  const external = [{ prefix: prefix("2001:db8:e::/48"), metric: 1, metricType: 2 as const }];
  const trouble = (kind: "nssa" | "normal", prefixes = [stub("2001:db8::1/128", { area: 1 })]) => {
    const areas = [area(1, { kind })];
    const core = new Ospf({
      config: config(1, { areas, interfaces: [on("up0", { area: 1 })], prefixes, external }),
      seed: 1,
      clockOffset: 0,
    });
    core.handle({ type: "interfaceUp", interface: "up0", interfaceId: 1, linkLocal: linkLocal(1), mtu: 1500 }, 0);
    return areasView(core).map((view) => view.trouble);
  };
  expect(trouble("nssa", [])).toEqual([expect.stringContaining("RFC 3101")]);
  expect(trouble("nssa")).toEqual([""]);
  expect(trouble("normal", [])).toEqual([""]);
});
