/**
 * A network of OSPFv3 routers, told without saying in whose language: each router is rendered for the program that plays
 * it. So a test changes who is where by one word.
 */

export type Player = "ain" | "frr" | "bird";

export interface NetworkSpec {
  readonly routers: Readonly<Record<string, RouterSpec>>;
  /** Two ends each, as `a:eth1`; OSPF sees a point-to-point link unless the interfaces say otherwise. */
  readonly links?: readonly (readonly [string, string])[];
  /** Ends by the LAN's name. */
  readonly lans?: Readonly<Record<string, readonly string[]>>;
}

export interface RouterSpec {
  readonly by: Player;
  /** Dotted. */
  readonly id: string;
  /** By name; those of links and LANs that are not named here have the defaults. */
  readonly interfaces?: Readonly<Record<string, InterfaceSpec>>;
  /** By dotted id; those not named are normal areas. */
  readonly areas?: Readonly<Record<string, AreaSpec>>;
  /** Its own address on no link, advertised as /128 into the area. */
  readonly own?: { readonly address: string; readonly area: string };
  /** Static routes to nowhere that it redistributes; `::/0` among them. */
  readonly external?: readonly ExternalSpec[];
  /** Restarts gracefully, and helps neighbours that do (RFC 3623); FRR and BIRD only when told. */
  readonly gracefulRestart?: boolean;
  /** More lines for the program's file, in its own language. */
  readonly more?: string;
}

export interface InterfaceSpec {
  /** Dotted; the backbone by default. */
  readonly area?: string;
  readonly broadcast?: boolean;
  readonly cost?: number;
  readonly priority?: number;
  /** Global address with prefix length. */
  readonly address?: string;
  /** Seconds. */
  readonly hello?: number;
  readonly dead?: number;
  /** What it tells its neighbours; default: the link's 1500. */
  readonly mtu?: number;
  readonly mtuIgnore?: boolean;
  readonly bfd?: boolean;
  readonly instance?: number;
  /** RFC 7166, HMAC-SHA-256. */
  readonly key?: { readonly id: number; readonly secret: string | Uint8Array };
}

export interface AreaSpec {
  readonly kind: "normal" | "stub" | "nssa";
  /** False: totally stubby. */
  readonly summaries?: boolean;
  readonly defaultCost?: number;
  readonly ranges?: readonly { readonly prefix: string; readonly advertise?: boolean; readonly cost?: number }[];
}

export interface ExternalSpec {
  readonly prefix: string;
  readonly metric: number;
  readonly type: 1 | 2;
}

export const BACKBONE = "0.0.0.0";
/** What a router's own address costs by itself: FRR has no 0. */
export const OWN_COST: Readonly<Record<Player, number>> = {
  ain: 0,
  frr: 1,
  bird: 1,
};
/** Hello and dead interval of the tests, seconds: as fast as all three programs can. */
const [HELLO, DEAD] = [1, 4];

/** An interface with nothing left open, and where it leads. */
export interface Attachment extends InterfaceSpec {
  readonly router: string;
  readonly name: string;
  /** Name of the LAN, or `a–b` of a link. */
  readonly link: string;
  readonly mac: string;
  readonly linkLocal: string;
  readonly area: string;
  readonly broadcast: boolean;
  readonly cost: number;
  readonly priority: number;
  readonly hello: number;
  readonly dead: number;
}

/** All interfaces of the network; their addresses follow from the order in the spec. */
export function attachmentsOf(spec: NetworkSpec): Attachment[] {
  const routers = Object.keys(spec.routers);
  const links = [
    ...(spec.links ?? []).map((ends) => [linkName(ends), ends] as const),
    ...Object.entries(spec.lans ?? {}),
  ];
  return links.flatMap(([link, ends], l) =>
    ends.map((end): Attachment => {
      const [router, name] = end.split(":") as [string, string];
      const own = spec.routers[router]?.interfaces?.[name];
      const [r, i] = [routers.indexOf(router) + 1, l + 1].map((n) => n.toString(16).padStart(2, "0"));
      const defaults = { area: BACKBONE, broadcast: link in (spec.lans ?? {}), cost: 10, priority: 1 };
      const timers = { hello: HELLO, dead: DEAD };
      // The link-local address that everybody makes of the MAC (RFC 4291 appendix A).
      const addresses = {
        mac: `02:00:5e:00:${r}:${i}`,
        linkLocal: `fe80::5eff:fe00:${Number.parseInt(`${r}${i}`, 16).toString(16)}`,
      };
      return { ...defaults, ...timers, ...own, ...addresses, router, name, link };
    }),
  );
}

export const linkName = ([a, b]: readonly [string, string]): string => `${a.split(":")[0]}–${b.split(":")[0]}`;
