/** Values that commands take, as the routers know them now: for completion, which never waits long for them. */
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { call } from "#cli/client";
import { surroundings, within } from "#cli/surroundings";
import { LabFiles, listLabs } from "#lab/state";

/** Milliseconds that a router has to answer. */
const PATIENCE = 400;
/** Milliseconds that an answer is good for. */
const FRESH = 3000;

/** Where values are looked for. */
export interface Place {
  /** Routers that can be named: name → socket. */
  readonly routers: ReadonlyMap<string, string>;
  /** API sockets of those that are asked. */
  readonly sockets: readonly string[];
  /** The command's arguments before this one. */
  readonly before: readonly string[];
  /** What has been typed of the value. */
  readonly typed: string;
}

type Row = Readonly<Record<string, unknown>>;

/** Asks routers; keeps answers for some seconds. */
export class LiveValues {
  readonly #kept = new Map<string, { readonly at: number; readonly rows: Promise<readonly Row[]> }>();

  /** Values of a kind, as arguments and options name them: `vm`, `port` … Empty for a kind that nobody can list. */
  async of(kind: string, place: Place): Promise<string[]> {
    const values = KINDS[kind];
    if (values === undefined) return [];
    return [...new Set(await values(place, (path) => this.#rows(place.sockets, path)))].sort();
  }

  /** Of all that are asked, one after the other's. Those that do not answer in time have none. */
  async #rows(sockets: readonly string[], path: string): Promise<readonly Row[]> {
    return (await Promise.all(sockets.map((socket) => this.#ask(socket, path)))).flat();
  }

  #ask(socket: string, path: string): Promise<readonly Row[]> {
    const key = `${socket} ${path}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined && performance.now() - kept.at < FRESH) return kept.rows;
    const signal = AbortSignal.timeout(PATIENCE);
    const answer = within({ ...surroundings(), signal, writeError: () => {} }, () => call(socket, "GET", path));
    const rows = answer.then(
      (view) => (Array.isArray(view) ? (view as Row[]) : [view as Row]),
      // A router that is down, or busy: completion is not the place to say so.
      () => [],
    );
    this.#kept.set(key, { at: performance.now(), rows });
    return rows;
  }
}

type Ask = (path: string) => Promise<readonly Row[]>;
type Values = (place: Place, ask: Ask) => Promise<string[]> | string[];

const column = (path: string, ...names: string[]): Values => {
  return async (_, ask) =>
    (await ask(path)).flatMap((row) => names.flatMap((name) => (typeof row[name] === "string" ? [row[name]] : [])));
};

const networks: Values = column("show/networks", "name");

/** VMs, and their addresses. */
const hosts: Values = async (_, ask) => (await ask("vm")).flatMap((row) => [`${row.name}`, ...addressesOf(row)]);

const KINDS: Readonly<Record<string, Values>> = {
  vm: column("vm", "name"),
  port: column("show/ports", "name"),
  interface: column("show/ports", "interface"),
  network: networks,
  "tenant/network": networks,
  neighbor: column("show/neighbors", "address"),
  prefix: column("show/routes", "prefix"),
  hypervisor: column("show/homes", "hypervisor", "prefix"),
  address: async (_, ask) => (await ask("vm")).flatMap(addressesOf),
  source: hosts,
  destination: hosts,
  "router-id": async (_, ask) => (await ask("show/ospf/database")).flatMap(routerIdsOf),
  router: ({ routers }) => [...routers.keys()],
  lab: () => listLabs(),
  node: ({ before }) => nodesOf(before[0]),
  file: ({ typed }) => filesAt(typed),
  "node.yaml": ({ typed }) => filesAt(typed),
  path: ({ typed }) => filesAt(typed),
};

const addressesOf = ({ addresses }: Row): string[] =>
  (addresses as readonly { readonly address: string }[]).map(({ address }) => address);

const routerIdsOf = ({ lsas }: Row): string[] =>
  (lsas as readonly { readonly advertisingRouter: string }[]).map(({ advertisingRouter }) => advertisingRouter);

function nodesOf(lab: string | undefined): string[] {
  if (lab === undefined || !listLabs().includes(lab)) return [];
  return Object.keys(new LabFiles(lab).read()?.nodes ?? {});
}

/** Folders end in a slash. */
function filesAt(typed: string): string[] {
  const folder = typed.endsWith("/") ? typed : `${dirname(typed)}/`;
  const shown = typed.includes("/") ? folder : "";
  try {
    return readdirSync(folder === "./" ? "." : folder, { withFileTypes: true })
      .filter(({ name }) => !name.startsWith("."))
      .map((entry) => join(shown, entry.name) + (entry.isDirectory() ? "/" : ""));
  } catch {
    return []; // no such folder, or not ours to look into
  }
}
