/** The routers that a shell can ask: one, all of this machine, or those of a lab. */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { ClientError, localRouters } from "#cli/client";
import { Failure, MISUSED } from "#cli/failure";
import { labName, requireLab } from "#cli/lab-target";
import { LabFiles, listLabs } from "#lab/state";

export interface Fleet {
  /** What the prompt begins with; "": nothing, there is but one router. */
  readonly title: string;
  /** Name → API socket, as of now. */
  routers(): ReadonlyMap<string, string>;
  /** The router that is meant at first where none is named. */
  readonly first: string | undefined;
}

/** Stands for every router of a fleet. */
export const ALL = "all";

/**
 * @param where a router's name or socket, a lab's name or topology file, `LAB/NODE`; undefined: AIN_SOCKET, or what runs
 * here. Throws ClientError or Failure.
 */
export function fleetAt(where: string | undefined): Fleet {
  if (where === undefined) return whateverRuns();
  if (where.endsWith(".sock")) return single(where);
  const router = localRouters().get(where);
  if (router !== undefined) return single(router);
  if (listLabs().includes(where) || /\.ya?ml$/.test(where)) return ofLab(labName(where), undefined);
  const [lab, node, ...rest] = where.split("/");
  if (node !== undefined && rest.length === 0 && listLabs().includes(lab!)) return ofLab(lab!, node);
  const known = [...localRouters().keys(), ...listLabs()];
  throw new ClientError(`neither a router nor a lab is called ${where} (here: ${known.join(", ") || "none"})`);
}

function whateverRuns(): Fleet {
  const { AIN_SOCKET } = process.env;
  if (AIN_SOCKET !== undefined && existsSync(AIN_SOCKET)) return single(AIN_SOCKET);
  const [routers, labs] = [localRouters(), listLabs()];
  if (routers.size === 1) return single([...routers.values()][0]!);
  if (routers.size > 1) return { title: "", routers: localRouters, first: undefined };
  if (labs.length === 1) return ofLab(labs[0]!, undefined);
  if (labs.length > 1) throw new Failure(`several labs are up: say which (${labs.join(", ")})`, MISUSED);
  throw new ClientError("no router runs here and no lab is up (ain run node.yaml, or ain lab up FILE)");
}

function single(socket: string): Fleet {
  const name = basename(socket, ".sock");
  const routers = new Map([[name, socket]]);
  return { title: "", routers: () => routers, first: name };
}

/** Its nodes may change while the shell runs. */
function ofLab(lab: string, node: string | undefined): Fleet {
  const routers = (): ReadonlyMap<string, string> => {
    const files = new LabFiles(lab);
    const nodes = Object.entries(files.read()?.nodes ?? {}).filter(([, { role }]) => role === "router");
    return new Map(nodes.map(([name]) => [name, files.socket(name)]));
  };
  requireLab(lab);
  if (node !== undefined) select(routers(), node);
  return { title: lab, routers, first: node };
}

/**
 * Names of the routers that are meant: `hv1`, `hv1,hv2`, `hv*`, `all`. Throws Failure for what is none.
 * @param target without the `@`.
 */
export function select(routers: ReadonlyMap<string, string>, target: string): string[] {
  const names = [...routers.keys()];
  const chosen = new Set(target.split(",").flatMap((part) => matching(names, part)));
  return names.filter((name) => chosen.has(name));
}

function matching(names: readonly string[], part: string): string[] {
  if (names.includes(part)) return [part];
  if (part === ALL) return [...names];
  const pattern = part.includes("*") ? new Bun.Glob(part) : undefined;
  const found = names.filter((name) => pattern?.match(name));
  if (found.length > 0) return found;
  throw new Failure(
    `no router is called ${part === "" ? '""' : part} (there are ${names.join(", ") || "none"})`,
    MISUSED,
  );
}
