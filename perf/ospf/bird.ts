/** BIRD 2. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Contestant } from "./contestant";
import { KernelRoutes } from "./kernel-routes";
import { neighborOn, SINK_PREFIX, until, type World } from "./world";

const config = (log: string): string => `log "${log}" all;
timeformat log iso long ms;
router id 0.0.0.1;
protocol device { scan time 10; }
protocol kernel { ipv6 { export all; import none; }; }
protocol ospf v3 main {
  debug { states, events };
  ipv6 { import all; };
  area 0 { interface "eth1" { type ptp; cost 10; hello 1; dead 40; }; };
}
`;

/** `2025-11-25 19:57:03.123 <TRACE> main: …`, local time. */
const at = (line: string): number => new Date(line.slice(0, 23).replace(" ", "T")).getTime();
const FULL = /Neighbor 128\.0\.0\.0 on eth1 changed state from Loading to Full/;

export const bird: Contestant = {
  name: "bird",
  async start(world: World, folder: string) {
    const [log, socket] = [join(folder, "bird.log"), join(folder, "bird.ctl")];
    writeFileSync(join(folder, "bird.conf"), config(log));
    const routes = new KernelRoutes(world, folder);
    world.ip("router", `-6 route add ${SINK_PREFIX} via ${neighborOn(2)} dev eth3`);
    const words = ["/usr/sbin/bird", "-f", "-c", join(folder, "bird.conf"), "-s", socket];
    const child = world.daemon("router", join(folder, "out.log"), ...words);
    await until("bird", 10, () => existsSync(socket) || undefined);
    const lines = (): string[] => readFileSync(log, "utf8").split("\n");
    return {
      pids: [child.pid],
      fullAt() {
        const line = lines().find((each) => FULL.test(each));
        return line === undefined ? undefined : at(line);
      },
      async routesAt(expected) {
        return routes.cameAt(expected);
      },
      async spf() {
        return undefined; // the times in its log stand still while it computes
      },
      async stop() {
        await world.end(child);
        await routes.stop();
      },
    };
  },
};
