/** What the operator says about OSPF, already checked by the router's configuration: plain data, equal means unchanged. */
import type { Prefix } from "#base/address";
import type { Millis } from "#base/time";

export interface OspfConfig {
  /** 1 … 2^32 − 1. */
  readonly routerId: number;
  readonly areas: readonly AreaConfig[];
  readonly interfaces: readonly InterfaceConfig[];
  /** Prefixes of this router itself, on no link: a hypervisor's homes. */
  readonly prefixes: readonly StubPrefix[];
  /** Prefixes to be advertised as AS-external, or as NSSA LSAs inside NSSAs. Any makes this router an ASBR. */
  readonly external: readonly ExternalPrefix[];
  readonly spf: SpfDelays;
  readonly gracefulRestart: GracefulRestartConfig;
  /** Next hops of a route, 1 … 64. */
  readonly maxPaths: number;
  /** Most LSAs held over all databases; those of other routers above it are refused and counted. */
  readonly maxLsas: number;
}

export interface AreaConfig {
  readonly id: number;
  readonly kind: "normal" | "stub" | "nssa";
  /** False in a totally stubby area: its border routers tell it the default route only. Stub areas and NSSAs. */
  readonly summaries: boolean;
  /** Metric of the default that border routers tell a stub area or NSSA, 0 … 2^24 − 2. */
  readonly defaultCost: number;
  /** Border routers tell the other areas these in place of what lies inside. */
  readonly ranges: readonly AreaRange[];
  /** NSSA: does this border router translate type 7 to type 5? "candidate": when it has the greatest router id (RFC 3101 §3.1). */
  readonly translate: "candidate" | "always" | "never";
}

export interface AreaRange {
  readonly prefix: Prefix;
  readonly advertise: boolean;
  /** In place of the greatest cost inside. */
  readonly cost?: number;
}

export interface InterfaceConfig {
  /** Name of the uplink. */
  readonly name: string;
  readonly area: number;
  readonly kind: "point-to-point" | "broadcast";
  /** 1 … 65535. */
  readonly cost: number;
  readonly helloInterval: Millis;
  readonly deadInterval: Millis;
  readonly retransmitInterval: Millis;
  /** Seconds that an LSA ages on the way out, at least 1 (InfTransDelay). */
  readonly transmitDelay: number;
  /** 0: never designated router. */
  readonly priority: number;
  /** Its prefixes are advertised, but it speaks with nobody. */
  readonly passive: boolean;
  readonly mtuIgnore: boolean;
  /** 0 … 255. */
  readonly instanceId: number;
  /** Global prefixes of the link, advertised with its cost. */
  readonly prefixes: readonly Prefix[];
  readonly bfd: boolean;
  /** Undefined: no authentication trailer. */
  readonly authentication?: AuthenticationConfig | undefined;
}

/** RFC 7166. Received packets may use any key that is not yet over; sent ones use the last that has begun. */
export interface AuthenticationConfig {
  readonly keys: readonly AuthenticationKey[];
}

export interface AuthenticationKey {
  /** Security association id, 0 … 65535. */
  readonly id: number;
  readonly secret: Uint8Array;
  /** Unix milliseconds; undefined: always. */
  readonly sendFrom?: number;
  readonly acceptUntil?: number;
  /** As old FRR has it: see SecurityAssociation. */
  readonly swapsProtocolId?: boolean;
}

export interface StubPrefix {
  readonly prefix: Prefix;
  readonly area: number;
  readonly cost: number;
}

export interface ExternalPrefix {
  readonly prefix: Prefix;
  readonly metric: number;
  readonly metricType: 1 | 2;
  readonly tag?: number;
}

/** RFC 8405 §3 and §5. */
export interface SpfDelays {
  readonly initial: Millis;
  readonly short: Millis;
  readonly long: Millis;
  readonly timeToLearn: Millis;
  readonly holdDown: Millis;
}

export interface GracefulRestartConfig {
  /** Seconds that neighbors are asked to keep us, 1 … 1800. */
  readonly period: number;
  /** Help neighbors that restart (RFC 3623 §3). */
  readonly helper: boolean;
}

export const DEFAULT_SPF_DELAYS: SpfDelays = {
  initial: 50,
  short: 200,
  long: 5000,
  timeToLearn: 500,
  holdDown: 10_000,
};
