/**
 * Where it takes place: four network namespaces, the router under test in the middle.
 *
 * ```
 *   speaker eth0 ── eth1 router eth2 ── eth0 source     traffic from source to sink by static routes,
 *                            eth3 ── eth0 sink          while the router learns what the speaker says
 * ```
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatIpv6, linkLocalFromMac, parseMac } from "#base/address";

export type Place = "speaker" | "router" | "source" | "sink";
const PLACES: readonly Place[] = ["speaker", "router", "source", "sink"];
export const BUN = join(import.meta.dir, "../../bin/bun");

export type Child = Bun.Subprocess<"pipe", "pipe", "inherit">;

/** Interfaces of the router, and who is at the other end. */
const LINKS = [
  ["eth1", "speaker"],
  ["eth2", "source"],
  ["eth3", "sink"],
] as const;

/** Ends of a link within the speaker's place, over which it rehearses. */
export const PRACTICE = ["practice0", "practice1"] as const;

export const SINK = "2001:db8:a1:e::2";
export const SINK_PREFIX = "2001:db8:a1:e::/64";
export const ROUTER_ADDRESS = "2001:db8:a1:ff::1";
const SOURCE = "2001:db8:a1:f::2";

const macOf = (end: "router" | "other", link: number): string =>
  `02:05:bf:0${end === "router" ? 1 : 2}:00:0${link + 1}`;
/** Link-local address of the neighbor on the router's eth1 … eth3. */
export const neighborOn = (link: number): string => linkLocal(macOf("other", link));
const linkLocal = (mac: string): string => formatIpv6(linkLocalFromMac(parseMac(mac)!));

export class World {
  readonly folder = mkdtempSync(join(tmpdir(), "ain-ospf-"));
  readonly #children = new Set<Bun.Subprocess>();

  name(place: Place): string {
    return `ain-ospf-${process.pid}-${place}`;
  }

  up(): void {
    for (const place of PLACES) {
      run("ip", "netns", "add", this.name(place));
      this.ip(place, "link set lo up");
      this.exec(place, "sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0");
    }
    this.exec("router", "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1");
    this.exec("router", "sysctl", "-qw", "net.ipv6.route.max_size=1000000");
    for (const [link, [on, place]] of LINKS.entries()) {
      const [mac, other] = [macOf("router", link), macOf("other", link)];
      const peer = `peer name eth0 address ${other} netns ${this.name(place)}`;
      this.ip("router", `link add ${on} address ${mac} mtu 1500 type veth ${peer}`);
      this.ip("router", `link set ${on} up`);
      this.ip(place, "link set eth0 up");
    }
    const [one, other] = PRACTICE;
    this.ip("speaker", `link add ${one} type veth peer name ${other}`, `link set ${one} up`, `link set ${other} up`);
    this.ip(
      "source",
      `addr add ${SOURCE}/64 dev eth0`,
      `route add default via ${linkLocal(macOf("router", 1))} dev eth0`,
    );
    this.ip("sink", `addr add ${SINK}/64 dev eth0`, `route add default via ${linkLocal(macOf("router", 2))} dev eth0`);
  }

  /** A folder of its own for each contestant's turn. */
  turn(name: string): string {
    const folder = join(this.folder, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  ip(place: Place, ...commands: readonly string[]): void {
    for (const command of commands) run("ip", "-n", this.name(place), ...command.split(" "));
  }

  exec(place: Place, ...words: readonly string[]): string {
    return run("ip", "netns", "exec", this.name(place), ...words);
  }

  /** A program that is spoken with; ended with the world at the latest. */
  talk(place: Place, ...words: readonly string[]): Child {
    const child = Bun.spawn(this.#inside(place, words), { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    this.#children.add(child);
    return child;
  }

  /** A program whose output goes to a file. */
  daemon(place: Place, file: string, ...words: readonly string[]): Bun.Subprocess {
    const output = Bun.file(file);
    const child = Bun.spawn(this.#inside(place, words), { stdin: "ignore", stdout: output, stderr: output });
    this.#children.add(child);
    return child;
  }

  async end(...children: readonly Bun.Subprocess[]): Promise<void> {
    for (const child of children) child.kill();
    await Promise.race([Promise.all(children.map(({ exited }) => exited)), Bun.sleep(5000)]);
    for (const child of children) {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      this.#children.delete(child);
    }
  }

  async down(): Promise<void> {
    await this.end(...this.#children);
    for (const place of PLACES) spawnSync("ip", ["netns", "delete", this.name(place)]);
    if (process.env.AIN_KEEP === undefined) rmSync(this.folder, { recursive: true, force: true });
  }

  #inside(place: Place, words: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.name(place), ...words];
  }
}

/** Standard output; throws with what was said when it fails. */
export function run(...[program, ...words]: [string, ...string[]]): string {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: "utf8", maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${program} ${words.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

/** Asks until the answer is no longer undefined, each 50 ms or as told. Throws when the time is over. */
export async function until<T>(
  what: string,
  seconds: number,
  ask: () => T | undefined | Promise<T | undefined>,
  pause = 50,
): Promise<T> {
  for (const end = Date.now() + 1000 * seconds; Date.now() < end; await Bun.sleep(pause)) {
    const answer = await ask();
    if (answer !== undefined) return answer;
  }
  throw new Error(`${what}: not within ${seconds} s`);
}
