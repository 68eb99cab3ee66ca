/** Debian's FRR: zebra and ospf6d. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Contestant } from "./contestant";
import { KernelRoutes } from "./kernel-routes";
import { neighborOn, run, SINK_PREFIX, until, type World } from "./world";

const PROGRAMS = "/usr/lib/frr";

/** Its crash logs go to a /var/tmp of its own. Each program becomes the next: the pid stays. */
const ISOLATED = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o mode=1777 none /var/tmp && exec "$@"', "sh"];

const config = (log: string): string => `hostname tested
log file ${log}
log timestamp precision 3
debug ospf6 neighbor state
ipv6 forwarding
interface eth1
 ipv6 ospf6 network point-to-point
 ipv6 ospf6 cost 10
 ipv6 ospf6 hello-interval 1
 ipv6 ospf6 dead-interval 40
 ipv6 ospf6 area 0.0.0.0
exit
router ospf6
 ospf6 router-id 0.0.0.1
exit
`;

/** `2025/11/25 19:57:03.123 OSPF6: [H7F8X-…] …`, local time. */
const at = (line: string): number => {
  const [, day, time] = /^(\d{4}\/\d\d\/\d\d) (\d\d:\d\d:\d\d\.\d+)/.exec(line) ?? [];
  return new Date(`${day?.replaceAll("/", "-")}T${time}`).getTime();
};
const FULL = /128\.0\.0\.0.*\[?Loading\]?\s*->\s*\[?Full/;
const SPF = /Last SPF duration (\d+) sec (\d+) usec/;

export const frr: Contestant = {
  name: "frr",
  async start(world: World, folder: string) {
    const log = join(folder, "frr.log");
    writeFileSync(join(folder, "frr.conf"), config(log));
    writeFileSync(log, "");
    run("chmod", "755", world.folder);
    run("chown", "-R", "frr:frr", folder);
    const routes = new KernelRoutes(world, folder);
    world.ip("router", `-6 route add ${SINK_PREFIX} via ${neighborOn(2)} dev eth3`);
    const start = (name: string): Bun.Subprocess => {
      const files = ["-i", join(folder, `${name}.pid`), "-z", join(folder, "zserv.api"), "--vty_socket", folder];
      const words = [join(PROGRAMS, name), "-f", join(folder, "frr.conf"), ...files];
      return world.daemon("router", join(folder, `${name}.log`), ...ISOLATED, ...words);
    };
    const zebra = start("zebra");
    await until("zebra", 10, () => existsSync(join(folder, "zserv.api")) || undefined);
    await Bun.sleep(500);
    const ospf6d = start("ospf6d");
    await until("ospf6d", 10, () => existsSync(join(folder, "ospf6d.vty")) || undefined);
    const lines = (): string[] => readFileSync(log, "utf8").split("\n");
    return {
      pids: [zebra.pid, ospf6d.pid],
      fullAt() {
        const line = lines().find((each) => FULL.test(each));
        return line === undefined ? undefined : at(line);
      },
      async routesAt(expected) {
        return routes.cameAt(expected);
      },
      async spf() {
        const said = world.exec("router", "vtysh", "--vty_socket", folder, "-d", "ospf6d", "-c", "show ipv6 ospf6");
        const [, seconds, micros] = SPF.exec(said) ?? [];
        return seconds === undefined ? undefined : 1000 * Number(seconds) + Number(micros) / 1000;
      },
      async stop() {
        await world.end(ospf6d);
        await world.end(zebra);
        await routes.stop();
      },
    };
  },
};
