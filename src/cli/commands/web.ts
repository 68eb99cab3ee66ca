/** `ain web [WHERE]`: a live map of the fabric in a browser, from what its routers' APIs tell. */
import { Command } from "commander";
import { DENIED, Failure, MISUSED } from "#cli/failure";
import { colorsFor, print, printError } from "#cli/output";
import { shownWords } from "#cli/shown-text";
import { untilStopped } from "#cli/streams";
import { surroundings } from "#cli/surroundings";
import { webFleet } from "#cli/web-fleet";
import { type ListenAddress, parseListen } from "#web/listen-address";
import { PACE } from "#web/pace";
import { WebServer, type WebSettings } from "#web/server";
import packageJson from "../../../package.json";

interface Options {
  readonly router?: readonly string[];
  readonly listen: string;
  readonly linkSpeed?: string;
}

const LISTEN = "127.0.0.1:7080";

export const webCommand = (): Command =>
  new Command("web")
    .description("serve a live map of the fabric to browsers, read-only, until Ctrl-C")
    .argument("[where]", "a lab's name or topology file, a router's name or API socket; default: what runs here")
    .option("--router <router...>", "of these routers (names or API sockets)")
    .option("--listen <address:port>", "where; port 0: any that is free", LISTEN)
    .option("--link-speed <bits>", "of the fabric's links, a second, as in 10G: loads are told as a share of it")
    .action(web);

async function web(where: string | undefined, { router, listen, linkSpeed }: Options): Promise<void> {
  const address = parseListen(listen);
  if (address === undefined)
    throw new Failure(
      `--listen: found ${listen}, expected an address and a port, such as ${LISTEN} or [::1]:7080`,
      MISUSED,
    );
  const fleet = webFleet(where, router);
  const speed = linkSpeed === undefined ? null : bitsIn(linkSpeed);
  const server = serve({
    ...{ listen: address, fleet, linkSpeed: speed, pace: PACE },
    ...{ version: packageJson.version, shown: shownWords },
  });
  const { signal, stop } = untilStopped(surroundings().signal);
  if (!address.isLoopback) {
    const { yellow } = colorsFor(process.stderr);
    printError(
      `${yellow("warning")} whoever reaches ${listen} can read all that these routers show: addresses, VMs, rules`,
    );
  }
  print(`${server.url}  (${[...fleet.routers().keys()].join(", ") || "no router yet"}; Ctrl-C ends it)`);
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  stop();
  await server.stop();
}

function serve(settings: WebSettings): WebServer {
  try {
    return new WebServer(settings);
  } catch (error) {
    throw new Failure(reasonOf(error, settings.listen), DENIED);
  }
}

function reasonOf(error: unknown, { host, port }: ListenAddress): string {
  const code = error instanceof Error ? Reflect.get(error, "code") : undefined;
  const where = `${host}:${port}`;
  if (code === "EADDRINUSE") return `${where} is in use: another --listen, or port 0 for any that is free`;
  if (code === "EADDRNOTAVAIL") return `${where} is no address of this machine`;
  return `cannot listen on ${where}: ${error instanceof Error ? error.message : error}`;
}

const UNITS: Readonly<Record<string, number>> = { "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12 };

function bitsIn(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)([kMGT]?)$/.exec(text) ?? [];
  const bits = Number(digits) * (UNITS[unit ?? ""] ?? Number.NaN);
  if (!(bits > 0))
    throw new Failure(`--link-speed: found ${text}, expected bits a second, such as 10G or 400M`, MISUSED);
  return bits;
}
