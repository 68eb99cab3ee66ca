/** Routers of a test, and a shell that speaks to them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Fleet } from "#cli/shell/fleet";
import { type Output, Shell } from "#cli/shell/shell";
import { ShowRouter } from "#cli/testing/show-router";

/** What a command wrote. */
export interface Captured {
  readonly output: Output;
  out(): string;
  err(): string;
}

export function capture(more: Partial<Output> = {}): Captured {
  const written = { out: "", err: "" };
  const output: Output = {
    write: (text) => {
      written.out += text;
    },
    writeError: (text) => {
      written.err += text;
    },
    ...{ isColored: false, isErrorColored: false },
    ...more,
  };
  return { output, out: () => written.out, err: () => written.err };
}

export class TestFleet implements Fleet {
  readonly title = "lab";
  readonly first: string | undefined;
  readonly #directory = mkdtempSync(join(tmpdir(), "ain-fleet-"));
  readonly #routers = new Map<string, string>();
  readonly #servers: ShowRouter[] = [];

  constructor(first?: string) {
    this.first = first;
  }

  add(name: string, views: Readonly<Record<string, unknown>>, more: { version?: string } = {}): ShowRouter {
    const server = new ShowRouter(this.addDead(name), views, more);
    this.#servers.push(server);
    return server;
  }

  /** A router that does not run. @returns its socket. */
  addDead(name: string): string {
    const socket = join(this.#directory, `${name}.sock`);
    this.#routers.set(name, socket);
    return socket;
  }

  routers(): ReadonlyMap<string, string> {
    return this.#routers;
  }

  shell(): Shell {
    return new Shell(this, { hasInput: false });
  }

  async stop(): Promise<void> {
    for (const server of this.#servers) await server.stop();
    rmSync(this.#directory, { recursive: true });
  }
}
