/** Speaks to a router by its API socket (src/router/api/server.ts). */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { VmFailure } from "#router/api/vm-routes";
import type { ConfigError } from "#runtime/document/config-error";

/** Where routers put their sockets unless told otherwise. */
export const SOCKET_DIRECTORY = "/run/ain";
/** Milliseconds; the API answers in a few. */
const PATIENCE = 10_000;

/** The router cannot be reached, or refuses: the message is for the operator as it is. */
export class ClientError extends Error {
  override readonly name = "ClientError";
}

/** The socket to speak to: the one named, else AIN_SOCKET, else the only one there is. Throws ClientError. */
export function findSocket(given: string | undefined): string {
  if (given !== undefined) return given.includes("/") ? given : join(SOCKET_DIRECTORY, `${given}.sock`);
  const { AIN_SOCKET } = process.env; // what `ain lab exec` sets
  if (AIN_SOCKET !== undefined && existsSync(AIN_SOCKET)) return AIN_SOCKET;
  const names = existsSync(SOCKET_DIRECTORY) ? readdirSync(SOCKET_DIRECTORY).filter((n) => n.endsWith(".sock")) : [];
  if (names.length === 1) return join(SOCKET_DIRECTORY, names[0]!);
  if (names.length === 0)
    throw new ClientError(`no router runs here: no socket in ${SOCKET_DIRECTORY} (start one with "ain run node.yaml")`);
  const routers = names.map((name) => name.slice(0, -".sock".length)).join(", ");
  throw new ClientError(`${names.length} routers run here: say which with --router NAME (${routers})`);
}

/** The router has refused. */
export class Refusal extends ClientError {
  /** 400, 404, 409 or 500. */
  readonly status: number;
  /** What is wrong with what it was given; paths begin in that. */
  readonly errors: readonly ConfigError[];

  constructor(status: number, { error, errors = [] }: Partial<VmFailure>) {
    super(error ?? `the router answered ${status}`);
    this.status = status;
    this.errors = errors;
  }
}

/** One call. `path` such as `show/ports`, `body` to be sent as JSON. Throws ClientError, with the router's own words a Refusal. */
export async function call(socket: string, method: "GET" | "POST", path: string, body?: unknown): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(`http://ain/v1/${path}`, {
      ...{ method, unix: socket, signal: AbortSignal.timeout(PATIENCE) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ClientError(`no router answers on ${socket}: ${existsSync(socket) ? reason : "there is no such socket"}`);
  }
  const answer: unknown = await response.json();
  if (response.ok || isReloadAnswer(answer)) return answer;
  throw new Refusal(response.status, answer as Partial<VmFailure>);
}

/** A reload that was refused is an answer, which says why. */
const isReloadAnswer = (answer: unknown): boolean =>
  typeof answer === "object" && answer !== null && "changes" in answer && "errors" in answer;
