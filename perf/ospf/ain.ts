/** `ain run` as a plain router. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { call } from "#cli/client";
import type { OspfSpfView, OspfStatusView } from "#router/ospf/views";
import type { CounterView, PortView } from "#router/views";
import type { Contestant } from "./contestant";
import { neighborOn, ROUTER_ADDRESS, SINK_PREFIX, until, type World } from "./world";

const MAIN = join(import.meta.dir, "../../src/main.ts");
const BUN = join(import.meta.dir, "../../node_modules/bun/bin/bun.exe");

const FABRIC = `name: perf
key: 000102030405060708090a0b0c0d0e0f
prefixes: ["2001:db8:a1::/48"]
homes: ["2001:db8:a1:1::/64"]
mtu: 1500
tenants: { perf: { id: 1, networks: { one: { id: 1, prefixes: [10.9.0.0/16], gateway: 169.254.1.1 } } } }
`;
const NODE = `name: tested
fabric: ./fabric.yaml
role: switch
address: "${ROUTER_ADDRESS}"
uplinks: [{ interface: eth1 }, { interface: eth2 }, { interface: eth3 }]
routes: [{ to: "${SINK_PREFIX}", via: [{ uplink: eth3, nextHop: "${neighborOn(2)}" }] }]
ospf:
  routerId: 0.0.0.1
  interfaces: { eth1: { hello: 1s, dead: 40s }, eth2: { passive: true }, eth3: { passive: true } }
`;
const FULL = /^(\S+) info OSPF: neighbor 128\.0\.0\.0 on eth1: Full/m;

export const ain: Contestant = {
  name: "ain",
  async start(world: World, folder: string) {
    writeFileSync(join(folder, "fabric.yaml"), FABRIC);
    writeFileSync(join(folder, "node.yaml"), NODE);
    const [socket, log] = [join(folder, "ain.sock"), join(folder, "ain.log")];
    const profile =
      process.env.AIN_PROFILE === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", process.env.AIN_PROFILE];
    const words = [BUN, ...profile, MAIN, "run", join(folder, "node.yaml"), "--socket", socket];
    const child = world.daemon("router", log, ...words);
    const show = async <View>(what: string): Promise<View> => (await call(socket, "GET", `show/ospf/${what}`)) as View;
    await until("ain answers", 20, () => show("status").catch(() => undefined));
    let routesAt: number | undefined;
    return {
      pids: [child.pid],
      fullAt: () => timeOf(FULL.exec(readFileSync(log, "utf8"))?.[1]),
      async routesAt(expected) {
        const { routes, waiting } = await show<OspfStatusView>("status");
        if (routes >= expected && waiting === 0) routesAt ??= Date.now();
        return routesAt;
      },
      async spf() {
        const { runs } = await show<OspfSpfView>("spf");
        return runs.find(({ kind }) => kind === "full")?.took;
      },
      async reasons() {
        const counters = (await call(socket, "GET", "show/counters")) as CounterView[];
        const ports = (await call(socket, "GET", "show/ports")) as PortView[];
        const dropped = counters.filter(({ fate, frames }) => fate === "dropped" && frames > 0);
        return [
          ...dropped.map(({ port, ending, frames }) => `${port} ${ending} ${frames}`),
          ...ports.map((port) => `${port.name} lost in the kernel ${port.receiveDrops} in, ${port.transmitErrors} out`),
        ].join("; ");
      },
      stop: () => world.end(child),
    };
  },
};

const timeOf = (text: string | undefined): number | undefined => (text === undefined ? undefined : Date.parse(text));
