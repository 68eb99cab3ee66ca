/** What is known of routers after they have told these views, for tests of the model. */
import { answers, type Knowledge, newKnowledge, silent, told } from "#web/knowledge";
import { VIEW_PATHS, type ViewOf, type ViewPath } from "#web/router-views";

export type SomeViews = { readonly [P in ViewPath]?: ViewOf<P> };

/** @param at when it told them, Unix milliseconds. */
export function knows(
  name: string,
  views: SomeViews,
  { at = 0, from }: { at?: number; from?: Knowledge } = {},
): Knowledge {
  const first = answers(from ?? newKnowledge(name, name), "0.1.0");
  return VIEW_PATHS.reduce(
    (known, path) =>
      views[path] === undefined ? known : told(known, path, { at, value: views[path] as ViewOf<typeof path> }),
    first,
  );
}

/** @param served path behind `/v1/` → view, as a fake router serves them. */
export function knowsServed(name: string, served: Readonly<Record<string, unknown>>): Knowledge {
  const views = VIEW_PATHS.flatMap((path) => {
    const view = served[`show/${path}`];
    return view === undefined ? [] : [[path, typeof view === "function" ? view() : view]];
  });
  return knows(name, Object.fromEntries(views) as SomeViews);
}

export { silent };

export const vm = (name: string, network: string, address: string, more: Partial<ViewOf<"vms">[number]> = {}) => ({
  ...{ name, network, address, networkAddress: null, ipv6: [], port: name, state: "up", mac: null },
  ...more,
});

export const status = (name: string, role = "hypervisor", more: Partial<ViewOf<"status">> = {}): ViewOf<"status"> => ({
  ...{ name, role, address: "2001:db8::1", version: "0.1.0", uptime: 10, forwarders: [] },
  ...more,
});
