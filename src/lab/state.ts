/**
 * What is known of a lab that is up, in `<labs>/<lab>/state.json`. It is written *before* a thing is created, so that
 * whatever a killed `ain lab up` left behind can be found and taken down.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { LabError } from "#lab/lab-error";

/** Where labs keep their state unless told otherwise. */
export const LABS_DIRECTORY = "/run/ain/labs";

const processSchema = z.object({
  pid: z.int(),
  /** Clock ticks after boot: with the pid it names one process for good. */
  startTime: z.int(),
});

const nodeSchema = z.object({
  namespace: z.string(),
  /** The namespace's inode, once it is there: another one of that name is somebody else's. */
  inode: z.int().optional(),
  role: z.enum(["plain", "router", "frr", "vm"]),
  /** A router's file. */
  config: z.string().optional(),
  /** Added to the environment of what runs in it. */
  env: z.record(z.string(), z.string()),
  /** Its commands have run (plain nodes). */
  done: z.boolean().optional(),
  /** What a VM's interface was given, to be taken away when the file says otherwise. */
  address: z.string().optional(),
  /** A VM that moves: the ends of its links, and its interface. */
  ports: z.array(z.string()).optional(),
  interface: z.string().optional(),
  process: processSchema.optional(),
  /** FRR's. */
  daemons: z.array(processSchema).optional(),
});

const linkEnd = z.object({ node: z.string(), interface: z.string() });

const stateSchema = z.object({
  version: z.literal(1),
  name: z.string(),
  /** Absolute path of the topology file. */
  file: z.string(),
  nodes: z.record(z.string(), nodeSchema),
  links: z.array(z.tuple([linkEnd, linkEnd])),
});

export type ProcessIdentity = z.output<typeof processSchema>;
export type NodeState = z.output<typeof nodeSchema>;
export type LinkState = z.output<typeof stateSchema>["links"][number];
export type LabState = z.output<typeof stateSchema>;

/** How vtysh is told commands: an option for each. */
export const vtyshOptions = (commands: readonly string[]): string[] => commands.flatMap((one) => ["-c", one]);

/** The files of one lab. */
export class LabFiles {
  readonly directory: string;

  /** @param labs the directory of all labs. Throws LabError for what no lab can be called. */
  constructor(name: string, labs = LABS_DIRECTORY) {
    // Taking a lab down removes its directory: the name must not lead anywhere else.
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) throw new LabError(`no lab can be called "${name}"`);
    this.directory = join(labs, name);
  }

  get lock(): string {
    return join(this.directory, "lock");
  }

  /** The API socket of a router. */
  socket(node: string): string {
    return join(this.directory, `${node}.sock`);
  }

  /** What a router, or the commands of a plain node, print. */
  log(node: string): string {
    return join(this.directory, `${node}.log`);
  }

  /** FRR's own /run and /var/tmp. */
  frr(node: string): string {
    return join(this.directory, `${node}.frr`);
  }

  /** What vtysh calls its vty_socket. */
  frrSockets(node: string): string {
    return join(this.frr(node), "run/frr");
  }

  /** Words of a command that has a node's FRR carry out others. */
  vtysh(node: string, commands: readonly string[]): string[] {
    return ["vtysh", "--vty_socket", this.frrSockets(node), ...vtyshOptions(commands)];
  }

  /** undefined: no such lab. Throws LabError for a file that is not ours to understand. */
  read(): LabState | undefined {
    if (!existsSync(this.#state)) return undefined;
    const text = readFileSync(this.#state, "utf8");
    try {
      return stateSchema.parse(JSON.parse(text));
    } catch {
      throw new LabError(`${this.#state} is damaged or of another version: remove the lab's namespaces and it by hand`);
    }
  }

  /** All or nothing: a reader never sees half a file. */
  write(state: LabState): void {
    mkdirSync(this.directory, { recursive: true });
    const draft = `${this.#state}.new`;
    writeFileSync(draft, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
    renameSync(draft, this.#state);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  get #state(): string {
    return join(this.directory, "state.json");
  }
}

/** Names of the labs that are up, or were when their `ain lab` was killed. */
export function listLabs(labs = LABS_DIRECTORY): string[] {
  if (!existsSync(labs)) return [];
  return readdirSync(labs)
    .filter((name) => existsSync(join(labs, name, "state.json")))
    .sort();
}
