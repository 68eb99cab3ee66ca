/** A router's API that answers what it was told to, for commands that only look. */
import type { Server } from "bun";
import { VERSION_HEADER } from "#router/api/server";

export class ShowRouter {
  /** Paths behind /v1/ that were asked, in order. */
  readonly asked: string[] = [];
  readonly #server: Server<undefined>;

  /** `views`: path, as `show/ports`, → what is answered; a function is asked each time. */
  constructor(socket: string, views: Readonly<Record<string, unknown>>, { version }: { version?: string } = {}) {
    this.#server = Bun.serve({
      unix: socket,
      fetch: async (request) => {
        const path = new URL(request.url).pathname.slice("/v1/".length);
        this.asked.push(path);
        const view = views[path];
        if (view === undefined) return Response.json({ error: `nothing is called "${path}"` }, { status: 404 });
        const headers = version === undefined ? {} : { [VERSION_HEADER]: version };
        return Response.json(typeof view === "function" ? await view() : view, { headers });
      },
    });
  }

  stop(): Promise<void> {
    return this.#server.stop(true);
  }
}
