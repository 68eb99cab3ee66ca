/** What every command that speaks to a router takes. */

export interface RouterChoice {
  /** Name or socket path. */
  readonly router?: string;
}

export const ROUTER_OPTION = ["--router <router>", "the router's name, or the path of its API socket"] as const;
