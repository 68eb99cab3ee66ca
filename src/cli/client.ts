/** Speaks to a router by its API socket (src/router/api/server.ts). */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Failure, INTERRUPTED, MISUSED } from "#cli/failure";
import { printError } from "#cli/output";
import { surroundings } from "#cli/surroundings";
import { VERSION_HEADER } from "#router/api/server";
import type { VmFailure } from "#router/api/vm-routes";
import type { ConfigError } from "#runtime/document/config-error";
import packageJson from "../../package.json";

/** Where routers put their sockets unless told otherwise. */
export const SOCKET_DIRECTORY = "/run/ain";
/** Milliseconds; the API answers in a few. */
const PATIENCE = 10_000;

/** The router cannot be reached, or refuses: the message is for the operator as it is. */
export class ClientError extends Error {
  override readonly name: string = "ClientError";
}

/**
 * The socket to speak to: the one named, else the one that the command's surroundings mean, else AIN_SOCKET, else the only
 * one there is. Throws ClientError, or Failure when it has to be said which.
 */
export function findSocket(given: string | undefined): string {
  const { socket, routers } = surroundings();
  if (given !== undefined) {
    if (given.includes("/")) return given;
    return routers?.get(given) ?? join(SOCKET_DIRECTORY, `${given}.sock`);
  }
  if (socket !== undefined) return socket;
  if (routers !== undefined) {
    const names = [...routers.keys()];
    throw new Failure(`say which router: @${names[0] ?? "NAME"} …, @all …, or use NAME (${names.join(", ")})`, MISUSED);
  }
  const { AIN_SOCKET } = process.env; // what `ain lab exec` sets
  if (AIN_SOCKET !== undefined && existsSync(AIN_SOCKET)) return AIN_SOCKET;
  const names = [...localRouters().keys()];
  if (names.length === 1) return join(SOCKET_DIRECTORY, `${names[0]}.sock`);
  if (names.length === 0)
    throw new ClientError(`no router runs here: no socket in ${SOCKET_DIRECTORY} (start one with "ain run node.yaml")`);
  throw new Failure(`${names.length} routers run here: say which with --router NAME (${names.join(", ")})`, MISUSED);
}

/** Routers with a socket in /run/ain: name → socket. A socket may be a dead router's. */
export function localRouters(): ReadonlyMap<string, string> {
  const files = existsSync(SOCKET_DIRECTORY) ? readdirSync(SOCKET_DIRECTORY).sort() : [];
  const sockets = files.filter((file) => file.endsWith(".sock"));
  return new Map(sockets.map((file) => [file.slice(0, -".sock".length), join(SOCKET_DIRECTORY, file)]));
}

/** The router has refused. */
export class Refusal extends ClientError {
  override readonly name = "Refusal";
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

/**
 * One call. `path` such as `show/ports`, `body` to be sent as JSON. Throws ClientError, with the router's own words a
 * Refusal, and Failure when the operator ended it.
 */
export async function call(socket: string, method: "GET" | "POST", path: string, body?: unknown): Promise<unknown> {
  const { signal } = surroundings();
  const patience = AbortSignal.timeout(PATIENCE);
  let answer: unknown;
  let response: Response;
  try {
    response = await fetch(`http://ain/v1/${path}`, {
      ...{ method, unix: socket, signal: signal === undefined ? patience : AbortSignal.any([signal, patience]) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    answer = await response.json();
  } catch (error) {
    if (signal?.aborted) throw new Failure("", INTERRUPTED);
    throw new ClientError(`no router answers on ${socket}: ${reasonOf(error, socket)}`);
  }
  warnOfVersion(response.headers.get(VERSION_HEADER));
  if (response.ok || isReloadAnswer(answer)) return answer;
  throw new Refusal(response.status, answer as Partial<VmFailure>);
}

/** What a router of another version says may look odd, or lack what is asked for. */
export function warnOfVersion(theirs: string | null): void {
  if (theirs === null || theirs === packageJson.version) return;
  printError(`note: the router runs AIN ${theirs}, this is ${packageJson.version}`);
}

/** Why nobody has answered there, for the operator. */
export function reasonOf(error: unknown, socket: string): string {
  if (!existsSync(socket)) return "there is no such socket";
  if (error instanceof SyntaxError) return "what answers there is no AIN router";
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `nothing came within ${PATIENCE / 1000} s`;
  return /ECONNREFUSED|FailedToOpenSocket|ConnectionRefused/.test(
    `${error.message} ${String(Reflect.get(error, "code"))}`,
  )
    ? "its process is gone"
    : error.message;
}

/** A reload that was refused is an answer, which says why. */
const isReloadAnswer = (answer: unknown): boolean =>
  typeof answer === "object" && answer !== null && "changes" in answer && "errors" in answer;
