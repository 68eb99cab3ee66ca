/**
 * Metrics by TCP, for Prometheus: `GET /metrics` and nothing else, to whoever reaches the address. Where that is not there yet, or taken,
 * it is tried again.
 */
import type { Server } from "bun";
import type { Listen } from "#router/config/watching-schema";
import type { Log } from "#router/log";

const RETRY = 5000; // milliseconds

export interface MetricsServerOptions {
  readonly listen: Listen;
  readonly log: Log;
  readonly answer: (accept: string | null) => Promise<Response>;
  /** Milliseconds between attempts. Default 5000. */
  readonly retry?: number;
}

export class MetricsServer {
  readonly #options: MetricsServerOptions;
  #server: Server<undefined> | undefined;
  #retry: Timer | undefined;
  #trouble: string | undefined;

  constructor(options: MetricsServerOptions) {
    this.#options = options;
    this.#open();
  }

  async close(): Promise<void> {
    clearTimeout(this.#retry);
    await this.#server?.stop(true);
    this.#server = undefined;
  }

  #open(): void {
    const { listen, log, retry = RETRY } = this.#options;
    const { host: hostname, port, text } = listen;
    try {
      this.#server = Bun.serve({
        ...{ hostname, port },
        fetch: (request) => this.#take(request),
        error: (error) => new Response(`${error.message}\n`, { status: 500 }),
      });
      log.info(`metrics: http://${text}/metrics`, "metrics");
    } catch (error) {
      const trouble = error instanceof Error ? error.message : String(error);
      if (trouble !== this.#trouble) log.error(`metrics: cannot listen on ${text}: ${trouble}`, "metrics");
      this.#trouble = trouble;
      this.#retry = setTimeout(() => this.#open(), retry);
      this.#retry.unref();
    }
  }

  async #take(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname !== "/metrics") return new Response("this router tells /metrics\n", { status: 404 });
    if (request.method !== "GET" && request.method !== "HEAD")
      return new Response("GET only\n", { status: 405, headers: { allow: "GET, HEAD" } });
    return this.#options.answer(request.headers.get("accept"));
  }
}
