/**
 * The API's part about VMs. `GET /v1/vm` and `/v1/vm/<name>` read; `POST /v1/vm/attach` and `/v1/vm/prepare` take a
 * definition, as an element of node.yaml's `vms`, as JSON (`prepare?after=`: the VM's `claim` where it comes from); `POST /v1/vm/<name>/attach|activate|hold|resume|detach` act. `GET
 * /v1/vm/<name>/connections` gives what goes with it to another router, which takes it by POST to the same path there.
 * Errors are `{error}`, and for a definition also `{errors}`, with status 400, 404 or 409.
 */
import { RouterError } from "#router/router-error";
import { type CarriedConnection, readCarried } from "#router/vms/carried-connections";
import type { RegisteredVmView, VmDetailView } from "#router/vms/views";
import { UnknownVmError, VmDefinitionError } from "#router/vms/vm-errors";
import type { ConfigError } from "#runtime/document/config-error";

export const VM_VERBS = ["attach", "activate", "hold", "resume", "detach"] as const;
export type VmVerb = (typeof VM_VERBS)[number];

/** What the API asks of the VMs' registry. All reject with what vm-errors.ts has. */
export interface VmTarget {
  list(): readonly RegisteredVmView[];
  /** Throws UnknownVmError. */
  show(name: string): VmDetailView;
  attach(definition: unknown): Promise<void>;
  prepare(definition: unknown, after?: number): Promise<void>;
  /** `attach`: a VM of the node's file that is away. */
  act(name: string, verb: VmVerb): Promise<void>;
  /** Throws UnknownVmError. */
  connections(name: string): readonly CarriedConnection[];
  /** Throws UnknownVmError, or VmStateError for a VM that has no port here. @returns how many were taken, some perhaps in the place of others of its. */
  takeOver(name: string, connections: readonly CarriedConnection[]): number;
}

/** Body of an error. */
export interface VmFailure {
  readonly error: string;
  /** What is wrong with a definition; paths begin in it. */
  readonly errors?: readonly ConfigError[];
}

/** `path`: what follows `/v1/vm`. */
export async function answerVm(request: Request, path: readonly string[], target: VmTarget): Promise<Response> {
  try {
    if (request.method === "GET") return read(path, target);
    return await act(request, path, target);
  } catch (error) {
    if (error instanceof VmDefinitionError) return failure(400, error.message, error.errors);
    if (error instanceof UnknownVmError) return failure(404, error.message);
    if (error instanceof RouterError) return failure(409, error.message);
    throw error;
  }
}

function read(path: readonly string[], target: VmTarget): Response {
  const [name, what, ...rest] = path;
  if (name !== undefined && what === "connections" && rest.length === 0) return Response.json(target.connections(name));
  if (what !== undefined)
    return failure(404, `nothing to GET at /v1/vm/${path.join("/")}: /v1/vm, /v1/vm/<name>, /v1/vm/<name>/connections`);
  return Response.json(name === undefined ? target.list() : target.show(name));
}

async function act(request: Request, path: readonly string[], target: VmTarget): Promise<Response> {
  const [name = "", verb, ...rest] = path;
  if (verb === undefined && (name === "attach" || name === "prepare")) return define(request, name, target);
  if (verb === "connections" && rest.length === 0) return takeOver(request, name, target);
  if (!isVerb(verb) || rest.length > 0) {
    const known = `attach, prepare, <name>/${[...VM_VERBS, "connections"].join(", <name>/")}`;
    return failure(404, `no POST /v1/vm/${path.join("/")}: ${known}`);
  }
  await target.act(name, verb);
  return Response.json(verb === "detach" ? {} : target.show(name));
}

async function define(request: Request, verb: "attach" | "prepare", target: VmTarget): Promise<Response> {
  let definition: unknown;
  try {
    definition = await request.json();
  } catch {
    return failure(400, "found no JSON, expected a VM: a mapping as in node.yaml's vms");
  }
  const after = new URL(request.url).searchParams.get("after");
  if (after !== null && (verb === "attach" || !/^\d{1,16}(\.\d+)?$/.test(after)))
    return failure(400, `after: found "${after}", expected the claim of a VM to be prepared, Unix milliseconds`);
  if (verb === "attach") await target.attach(definition);
  else await target.prepare(definition, after === null ? undefined : Number(after));
  return Response.json(target.show((definition as { name: string }).name));
}

async function takeOver(request: Request, name: string, target: VmTarget): Promise<Response> {
  const connections = readCarried(await request.json().catch(() => undefined));
  if (connections === undefined)
    return failure(400, `found no list of connections, expected what GET /v1/vm/${name}/connections gives elsewhere`);
  return Response.json({ taken: target.takeOver(name, connections) });
}

const isVerb = (word: string | undefined): word is VmVerb => VM_VERBS.some((verb) => verb === word);

const failure = (status: number, error: string, errors?: readonly ConfigError[]): Response =>
  Response.json({ error, ...(errors !== undefined && { errors }) } satisfies VmFailure, { status });
