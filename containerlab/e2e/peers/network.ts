/** A network of OSPFv3 routers in namespaces, each played by AIN, FRR or BIRD; built on a lab, so nothing stays behind. */
import { expect } from "bun:test";
import { isRunning } from "#lab/processes";
import { LabFiles } from "#lab/state";
import { TestLab } from "../test-lab";
import { Ain } from "./ain";
import { Bird } from "./bird";
import { Frr } from "./frr";
import { type Attachment, attachmentsOf, type NetworkSpec } from "./spec";
import { birdFile, configsOf, type Place, topologyOf } from "./topology";
import { byScope, hopText, instanceText, type Reader, type RouteView, routeText } from "./view";

/** Milliseconds. */
const QUIET = 6000;

interface KernelRoute {
  readonly dst: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly nexthops?: readonly { readonly gateway?: string; readonly dev?: string }[];
}

export class PeerNetwork {
  readonly spec: NetworkSpec;
  readonly lab: TestLab;
  readonly attachments: readonly Attachment[];

  /** `purpose`: a few letters, unlike those of other networks of the same test file. */
  constructor(purpose: string, spec: NetworkSpec) {
    this.spec = spec;
    this.lab = new TestLab(purpose);
    this.attachments = attachmentsOf(spec);
  }

  /** Resolves when all routers run and have their configuration. */
  async up(): Promise<void> {
    for (const [file, text] of configsOf(this.spec, this.#place)) this.lab.write(file, text);
    await this.lab.up(topologyOf(this.spec, this.#place));
  }

  /** Starts the routers of AIN's that have ended; the others stay as they are. */
  async startAgain(): Promise<void> {
    await this.lab.up(topologyOf(this.spec, this.#place));
  }

  /** Resolves when AIN's process is gone. */
  async hasEnded(router: string): Promise<void> {
    const { process } = new LabFiles(this.lab.name).read()!.nodes[router]!;
    await this.lab.until(`${router} has ended`, () => process === undefined || !isRunning(process));
  }

  async down(): Promise<void> {
    await this.lab.down();
  }

  get #place(): Place {
    return { folder: this.lab.folder, attachments: this.attachments };
  }

  own(router: string): Attachment[] {
    return this.attachments.filter((one) => one.router === router);
  }

  ain(router: string): Ain {
    return new Ain(this.lab.socket(router));
  }

  frr(router: string): Frr {
    return new Frr(new LabFiles(this.lab.name).frrSockets(router));
  }

  bird(router: string): Bird {
    return new Bird(birdFile(this.#place, router, "ctl"));
  }

  reader(router: string): Reader {
    return this[this.spec.routers[router]!.by](router);
  }

  /** Neighbours as `router state`, sorted; the network's names for the routers. */
  async neighbors(router: string): Promise<string[]> {
    const names = Object.entries(this.spec.routers);
    const neighbors = await this.reader(router).neighbors();
    return neighbors
      .map(({ routerId, state }) => `${names.find(([, { id }]) => id === routerId)?.[0] ?? routerId} ${state}`)
      .sort();
  }

  /** The routes that lead by other routers, one a line, in the network's names. */
  async routes(router: string): Promise<string[]> {
    const routes = await this.reader(router).routes();
    const leads = ({ nextHops }: RouteView): boolean => nextHops.some(({ address }) => address !== undefined);
    return routes
      .filter(leads)
      .map((route) => routeText(route, this.own(router), this.attachments))
      .sort();
  }

  /** Waits until the router's routes are these, in any order; fails with the difference. */
  async expectRoutes(router: string, expected: readonly string[], seconds = 20): Promise<void> {
    const sorted = [...expected].sort();
    const end = Date.now() + seconds * 1000;
    while (Date.now() < end && !Bun.deepEquals(await this.routes(router), sorted)) await Bun.sleep(100);
    expect(await this.routes(router), `routes of ${router}`).toEqual(sorted);
  }

  /** Waits until this is among the router's routes. */
  async expectRoute(router: string, expected: string, seconds = 20): Promise<void> {
    const end = Date.now() + seconds * 1000;
    while (Date.now() < end && !(await this.routes(router)).includes(expected)) await Bun.sleep(100);
    expect(await this.routes(router), `routes of ${router}`).toContain(expected);
  }

  /** What the kernel forwards by: `prefix next-hops`. Of FRR and BIRD. */
  kernelRoutes(router: string): string[] {
    const routes = JSON.parse(this.lab.run(router, "ip -6 -json route show table main").text) as KernelRoute[];
    return routes.map(({ dst, gateway, dev, nexthops }) => {
      const hops = (nexthops ?? [{ gateway, dev }]).map((hop) =>
        hopText({ address: hop.gateway, interface: hop.dev }, this.own(router), this.attachments),
      );
      return `${dst === "default" ? "::/0" : /\//.test(dst) ? dst : `${dst}/128`} ${hops.sort().join(" ")}`;
    });
  }

  /**
   * Where databases that should be the same are not: lines `scope: router lacks instance`. Empty: all routers that share a
   * scope hold the same instances in it.
   */
  async databaseDifferences(routers = Object.keys(this.spec.routers)): Promise<string[]> {
    const holdings: [string, Map<string, Set<string>>][] = [];
    for (const router of routers) {
      holdings.push([router, byScope(await this.reader(router).database(), this.own(router))]);
    }
    const scopes = new Set(holdings.flatMap(([, held]) => [...held.keys()]));
    return [...scopes].flatMap((scope) => {
      const sharing = holdings.filter(([router]) => this.#shares(router, scope));
      const all = new Set(sharing.flatMap(([, held]) => [...(held.get(scope) ?? [])]));
      const lacks = (held: Map<string, Set<string>>): string[] => [...all].filter((one) => !held.get(scope)?.has(one));
      return sharing.flatMap(([router, held]) => lacks(held).map((one) => `${scope}: ${router} lacks ${one}`));
    });
  }

  /** Waits until all that share a link are neighbours, adjacent where one is designated, and all databases agree. */
  async converged(seconds = 30): Promise<void> {
    let reasons: string[] = [];
    const settled = async (): Promise<boolean> => {
      reasons = [...(await this.#unsettled()), ...(await this.databaseDifferences())];
      return reasons.length === 0;
    };
    await this.lab.until("convergence", settled, seconds).catch(async (error: Error) => {
      throw new Error([`${error.message}:`, ...reasons, ...(await this.#state())].join("\n"));
    });
  }

  /** Waits until the databases stay as they are for longer than an LSA waits to be told anew (MinLSInterval). */
  async quiet(): Promise<void> {
    const all = async (): Promise<string> => {
      const lines = Object.keys(this.spec.routers).map(async (router) =>
        (await this.reader(router).database()).map(instanceText).sort(),
      );
      return JSON.stringify(await Promise.all(lines));
    };
    let [last, since] = [await all(), Date.now()];
    const isQuiet = async (): Promise<boolean> => {
      const now = await all();
      if (now !== last) [last, since] = [now, Date.now()];
      return Date.now() - since > QUIET;
    };
    await this.lab.until("quiet", isQuiet, 60);
  }

  /** Routers that do not see each neighbour of each of their links Full, or TwoWay among those that are not designated. */
  async #unsettled(): Promise<string[]> {
    const lines: string[] = [];
    for (const router of Object.keys(this.spec.routers)) {
      const seen = await this.reader(router).neighbors();
      for (const { name, link } of this.own(router)) {
        const others = this.attachments.filter((one) => one.link === link && one.router !== router);
        const settled = seen.filter((one) => one.interface === name && ["Full", "TwoWay"].includes(one.state));
        if (settled.length !== others.length) {
          lines.push(`${router} on ${link}: ${seen.map(({ routerId, state }) => `${routerId} ${state}`).join(", ")}`);
        }
      }
    }
    return lines;
  }

  /** What all routers say of their interfaces and neighbours, for a failure's message. */
  async #state(): Promise<string[]> {
    const lines: string[] = [];
    for (const [router, { by }] of Object.entries(this.spec.routers)) {
      const segments = (await this.reader(router).segments()).map(
        (s) => `${s.interface} ${s.state} ${s.designated} ${s.backup}`,
      );
      const neighbors = (await this.reader(router).neighbors()).map((n) => `${n.interface} ${n.routerId} ${n.state}`);
      lines.push(`${router} (${by}): ${[...segments, ...neighbors].join(", ")}`);
    }
    return lines;
  }

  #shares(router: string, scope: string): boolean {
    const own = this.own(router);
    if (scope.startsWith("link ")) return own.some(({ link }) => scope === `link ${link}`);
    if (scope.startsWith("area ")) return own.some(({ area }) => scope === `area ${area}`);
    const { areas = {} } = this.spec.routers[router]!;
    return own.some(({ area }) => (areas[area]?.kind ?? "normal") === "normal");
  }
}
