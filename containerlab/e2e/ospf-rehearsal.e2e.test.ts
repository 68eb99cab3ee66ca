/** A router that hears nobody: it rehearses database exchanges with itself, to the end, and nobody hears of it. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { call } from "#cli/client";
import type { OspfRouteView, OspfStatusView } from "#router/ospf/views";
import type { CounterView } from "#router/views";
import { fabricYaml, TestLab } from "./test-lab";

setDefaultTimeout(60_000);

const lab = new TestLab("or");
const SWITCH = `name: sw
fabric: ./fabric.yaml
role: switch
address: "2001:db8:a1:ff::1"
uplinks: [{ interface: eth1 }]
ospf: { routerId: 10.9.9.9, defaults: { hello: 1s, dead: 4s } }
`;
const TOPOLOGY = `  nodes:
    sw: { kind: linux, labels: { ain-role: router, ain-config: sw.yaml } }
    nobody: { kind: linux }
  links:
    - { endpoints: ["sw:eth1", "nobody:eth1"], mtu: 1500 }
`;

const ospf = async <View>(what: string): Promise<View> =>
  (await call(lab.socket("sw"), "GET", `show/ospf/${what}`)) as View;

beforeAll(async () => {
  lab.write("fabric.yaml", fabricYaml(1));
  lab.write("sw.yaml", SWITCH);
  await lab.up(TOPOLOGY);
});
afterAll(() => lab.down());

test("it comes through every one of them, and leaves neither neighbors nor LSAs nor routes, and no frame that was counted", async () => {
  expect((await ospf<OspfStatusView>("status")).isRehearsing).toBe(true);
  const captured = lab.run("nobody", "timeout 3 tcpdump -c 100 -nn -i eth1 ip6 proto 89", 10);
  expect(captured.text).toContain("OSPFv3, Hello");
  expect(captured.text).not.toMatch(/OSPFv3, (?!Hello)/);
  await lab.until("it is over", async () => !(await ospf<OspfStatusView>("status")).isRehearsing, 40);
  const status = await ospf<OspfStatusView>("status");
  expect(status).toMatchObject({ rehearsed: 30, neighbors: 0, full: 0, waiting: 0, withoutRoom: 0 });
  expect(status.lsas).toBeLessThan(5);
  expect((await ospf<OspfRouteView[]>("routes")).filter(({ prefix }) => prefix !== "2001:db8:a1:ff::1/128")).toEqual(
    [],
  );
  const counters = (await lab.show("sw", "counters")) as readonly CounterView[];
  const isOurs = ({ ending }: CounterView): boolean => ending !== "multicast"; // the other end's kernel is a multicast listener
  expect(counters.filter((counter) => counter.fate === "dropped" && counter.frames > 0 && isOurs(counter))).toEqual([]);
  expect(lab.log("sw")).not.toContain("defect");
});
