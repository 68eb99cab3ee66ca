/**
 * The page's server: HTTP on TCP, GET and HEAD only. It has files that are part of the program, the model of the fabric,
 * its changes as server-sent events, and what routers `show`, asked one question at a time. Nothing that comes in by it can
 * change anything.
 */
import type { Server } from "bun";
import { BrowserStream } from "#web/browser-stream";
import { isOurHost, type ListenAddress, urlOf } from "#web/listen-address";
import { PAGE_FILES } from "#web/page-files";
import { wholeOf } from "#web/patch";
import { type Fleet, type Told, Watcher, type WatchSettings } from "#web/watcher";

/** Makes text of what a router shows, as the command line does. */
export interface Shown {
  /** Behind `/v1/show/`. */
  readonly path: string;
  /** `ain show ospf neighbors`, without the router. */
  readonly command: string;
  /** Throws Error when what came cannot be made text of, with the reason. */
  readonly text: (view: unknown) => { readonly text: string; readonly json: unknown };
}

export interface WebSettings extends WatchSettings {
  readonly listen: ListenAddress;
  readonly fleet: Fleet;
  /** Undefined: there is no such thing to show. */
  readonly shown: (words: readonly string[]) => Shown | undefined;
}

/** Browsers that may listen at once. */
const MOST_BROWSERS = 64;
/** Milliseconds between signs of life. */
const HEARTBEAT = 10_000;

const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-store",
};

export class WebServer {
  readonly #settings: WebSettings;
  readonly #watcher: Watcher;
  readonly #browsers = new Set<BrowserStream>();
  readonly #server: Server<undefined>;
  readonly #heartbeat: ReturnType<typeof setInterval>;

  /** Throws Error when it cannot listen there. */
  constructor(settings: WebSettings) {
    this.#settings = settings;
    this.#server = Bun.serve({
      hostname: settings.listen.host,
      port: settings.listen.port,
      fetch: async (request, server) => {
        if (new URL(request.url).pathname === "/api/events") server.timeout(request, 0);
        const response = await this.#answer(request);
        for (const [name, value] of Object.entries(HEADERS)) response.headers.set(name, value);
        return request.method === "HEAD" ? new Response(null, response) : response;
      },
      error: () => failure(500, "a fault of this server's own"),
    });
    this.#watcher = new Watcher(settings.fleet, settings, (told) => this.#broadcast(told));
    this.#heartbeat = setInterval(() => {
      for (const browser of this.#browsers) browser.comment("still here");
    }, HEARTBEAT);
  }

  get port(): number {
    return this.#server.port!;
  }

  get url(): string {
    return urlOf(this.#settings.listen.host, this.port);
  }

  /** Browsers that listen. */
  get browsers(): number {
    return this.#browsers.size;
  }

  async stop(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#watcher.stop();
    for (const browser of this.#browsers) browser.end();
    await this.#server.stop(true);
  }

  #broadcast(told: Told): void {
    for (const browser of this.#browsers) browser.send("patch", told);
  }

  async #answer(request: Request): Promise<Response> {
    if (!isOurHost(request.headers.get("host"), this.#settings.listen, this.port))
      return failure(421, "ask for this page by the address that `ain web` printed");
    if (request.method !== "GET" && request.method !== "HEAD") {
      const response = failure(405, `${request.method}: this page only reads`);
      response.headers.set("allow", "GET, HEAD");
      return response;
    }
    const { pathname } = new URL(request.url);
    const file = PAGE_FILES[pathname];
    if (file !== undefined) return new Response(file.text, { headers: { "content-type": file.type } });
    if (pathname === "/api/fabric") return Response.json(this.#watcher.fabric);
    if (pathname === "/api/events") return request.method === "HEAD" ? stream(null) : this.#listen();
    if (pathname.startsWith("/api/show/")) return this.#show(pathname.slice("/api/show/".length));
    return failure(404, `nothing is here: ${pathname}`);
  }

  #listen(): Response {
    if (this.#browsers.size >= MOST_BROWSERS) return failure(503, `${MOST_BROWSERS} browsers listen already`);
    const browser = new BrowserStream(() => this.#browsers.delete(browser), this.#settings.pace.mostWaiting);
    this.#browsers.add(browser);
    const { fabric, events } = this.#watcher;
    browser.send("whole", { patch: wholeOf(fabric), events });
    return stream(browser.body);
  }

  async #show(path: string): Promise<Response> {
    let words: string[];
    try {
      words = path.split("/").map(decodeURIComponent);
    } catch {
      return failure(400, "the path is no text"); // a % without two digits behind it
    }
    const [router = "", ...what] = words;
    const shown = this.#settings.shown(what);
    if (shown === undefined) return failure(404, `nothing is called "${what.join(" ")}"`);
    const target = this.#settings.fleet.routers().get(router);
    const answer = await this.#watcher.ask(router, shown.path);
    if (answer === undefined || target === undefined) return failure(404, `no router is called "${router}"`);
    if (answer.kind === "busy") return failure(503, `${router}: ${answer.reason}`);
    if (answer.kind === "silent") return failure(504, `${router} does not answer: ${answer.reason}`);
    if (answer.kind === "refused") return failure(404, `${router}: ${answer.reason}`);
    const command = `${shown.command} --router ${target.shown}`;
    try {
      return Response.json({ ...shown.text(answer.json), command });
    } catch (error) {
      // Another version's view, or what was asked for is not in it.
      const reason = error instanceof Error ? error.message : String(error);
      return Response.json({ error: `${router}: ${reason}`, json: answer.json, command }, { status: 502 });
    }
  }
}

const stream = (body: ReadableStream<Uint8Array> | null): Response =>
  new Response(body, { headers: { "content-type": "text/event-stream; charset=utf-8" } });

const failure = (status: number, error: string): Response => Response.json({ error }, { status });
