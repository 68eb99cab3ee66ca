/**
 * The router's API: HTTP with JSON bodies on a unix socket, answered by the control thread. `GET /v1/show/<what>` reads;
 * `POST /v1/plan`, `/v1/reload`, `/v1/stop` act; vm-routes.ts has `/v1/vm`. `GET /metrics` is Prometheus'. Errors are `{error}` with status 400, 404, 409 or 500.
 *
 * The socket file belongs to root and its directory to nobody else: whoever may open it may steer the router.
 */
import { chmodSync, existsSync, mkdirSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import type { Server } from "bun";
import { answerDebug, type DebugTarget, isDebug } from "#router/api/debug-routes";
import { answerVm, type VmTarget } from "#router/api/vm-routes";
import { RouterError } from "#router/router-error";
import packageJson from "../../../package.json";

/** What the API asks of the router. */
export interface ApiTarget {
  /** Names of what can be shown. */
  readonly shows: readonly string[];
  /** Any JSON value; undefined when there is no such thing. Rejects with RouterError for what cannot be shown. */
  show(words: readonly string[]): Promise<unknown>;
  /** Reads the configuration files again and says what would change, or what is wrong with them. */
  plan(): Promise<ReloadAnswer>;
  reload(): Promise<ReloadAnswer>;
  /** `restart`: the router is to run again soon, and its neighbors are asked to wait. */
  stop(restart: boolean): void;
  /** `accept`: the header of that name. */
  metrics(accept: string | null): Promise<Response>;
  readonly vm: VmTarget;
  readonly debug: DebugTarget;
}

export interface ReloadAnswer {
  /** One line each; empty: nothing differs. */
  readonly changes: readonly string[];
  /** Why nothing was applied; absent when all is well. */
  readonly errors?: readonly string[];
}

/** Header of every answer: the version of AIN that the router runs. */
export const VERSION_HEADER = "ain-version";

/** The longest path the kernel takes for a unix socket, octets (unix(7)). */
const LONGEST_PATH = 107;

export class ApiServer {
  readonly path: string;
  private readonly server: Server<undefined>;

  /** Throws Error when another router answers on the socket, or the path cannot be used. A dead one's is taken over. */
  static async listen(path: string, target: ApiTarget): Promise<ApiServer> {
    if (Buffer.byteLength(path) > LONGEST_PATH)
      throw new RouterError(
        `socket path ${path} has ${Buffer.byteLength(path)} octets, a unix socket takes ${LONGEST_PATH}`,
      );
    mkdirSync(dirname(path), { recursive: true });
    if (existsSync(path)) {
      if (await answers(path))
        throw new RouterError(`another router answers on ${path}: stop it, or give this one a name of its own`);
      unlinkSync(path);
    }
    return new ApiServer(path, target);
  }

  private constructor(path: string, target: ApiTarget) {
    this.path = path;
    this.server = Bun.serve({
      unix: path,
      fetch: async (request, server) => {
        // What is streamed may have nothing to say for long.
        if (isDebug(request)) server.timeout(request, 0);
        const response = await answer(request, target);
        response.headers.set(VERSION_HEADER, packageJson.version);
        return response;
      },
      error: (error) => Response.json({ error: error.message }, { status: 500 }),
    });
    chmodSync(path, 0o600);
  }

  async close(): Promise<void> {
    await this.server.stop(true);
    if (existsSync(this.path)) unlinkSync(this.path);
  }
}

async function answers(path: string): Promise<boolean> {
  try {
    await fetch("http://ain/v1/show/status", { unix: path, signal: AbortSignal.timeout(1000) });
    return true;
  } catch {
    return false; // refused: its process is gone
  }
}

async function answer(request: Request, target: ApiTarget): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const path = pathname.split("/").filter((part) => part !== "");
  if (pathname === "/metrics" && request.method === "GET") return target.metrics(request.headers.get("accept"));
  if (path[0] !== "v1") return failure(404, `no API version "${path[0] ?? ""}": this router speaks v1`);
  if (request.method === "GET" && path[1] === "show") return show(path.slice(2), target);
  const isKnown = request.method === "GET" || request.method === "POST";
  if (path[1] === "vm" && isKnown) return answerVm(request, path.slice(2), target.vm);
  if (isDebug(request)) return answerDebug(request, path[1]!, target.debug);
  if (request.method !== "POST") return failure(404, `no ${request.method} ${request.url}`);
  switch (path[1]) {
    case "plan":
      return reloaded(await target.plan());
    case "reload":
      return reloaded(await target.reload());
    case "stop":
      setTimeout(() => target.stop(searchParams.has("restart")), 50); // the answer goes first
      return Response.json({});
    default:
      return failure(404, `no POST /v1/${path[1] ?? ""}: plan, reload, stop, vm`);
  }
}

async function show(words: readonly string[], target: ApiTarget): Promise<Response> {
  let shown: unknown;
  try {
    shown = await target.show(words);
  } catch (error) {
    if (!(error instanceof RouterError)) throw error;
    return failure(404, error.message);
  }
  return shown === undefined
    ? failure(404, `nothing is called "${words.join(" ")}": ${target.shows.join(", ")}`)
    : Response.json(shown);
}

const reloaded = (answer: ReloadAnswer): Response =>
  Response.json(answer, { status: answer.errors === undefined ? 200 : 409 });

const failure = (status: number, error: string): Response => Response.json({ error }, { status });
