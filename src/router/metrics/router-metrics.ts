/** A router's metrics: what is measured all the time, and what is gathered when somebody asks. */
import { EventLoopLag } from "#router/metrics/event-loop";
import { CONTENT_TYPES, expose, formatFor } from "#router/metrics/exposition";
import { FAMILIES } from "#router/metrics/families";
import { type Beside, gather } from "#router/metrics/gather";
import type { MetricsInput } from "#router/metrics/input";
import { SpfTimes } from "#router/metrics/spf-times";
import type { Router } from "#router/router";
import packageJson from "../../../package.json";

/** Milliseconds between looks at what is kept for a while only. */
const LOOK = 1000;

export interface RouterMetricsOptions {
  readonly router: Router;
  readonly log: () => Beside["log"];
  readonly flowLog: () => Beside["flowLog"];
}

export class RouterMetrics {
  readonly #options: RouterMetricsOptions;
  readonly #lag = new EventLoopLag();
  readonly #spf = new SpfTimes();
  readonly #timer: Timer;
  /** Several who ask at once get the same. */
  #gathering: Promise<MetricsInput> | undefined;

  constructor(options: RouterMetricsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#spf.look(options.router.ospf), LOOK);
    this.#timer.unref();
  }

  /** `accept`: what the asking program takes, as its header says. */
  async answer(accept: string | null): Promise<Response> {
    const format = formatFor(accept);
    const body = expose(FAMILIES, await this.gather(), format);
    return new Response(body, { headers: { "content-type": CONTENT_TYPES[format] } });
  }

  gather(): Promise<MetricsInput> {
    this.#gathering ??= this.#gather().finally(() => {
      this.#gathering = undefined;
    });
    return this.#gathering;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#lag.stop();
  }

  #gather(): Promise<MetricsInput> {
    const { router, log, flowLog } = this.#options;
    this.#spf.look(router.ospf);
    return gather(router, {
      ...{ version: packageJson.version, spf: this.#spf.samples(), eventLoopLag: this.#lag.lag.sample() },
      ...{ log: log(), flowLog: flowLog() },
    });
  }
}
