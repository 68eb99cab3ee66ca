/** Configurations for tests: defaults for everything that a test says nothing of. */
import { type Prefix, parsePrefix6 } from "#base/address";
import {
  type AreaConfig,
  DEFAULT_SPF_DELAYS,
  type InterfaceConfig,
  type OspfConfig,
  type StubPrefix,
} from "#ospf/config";

export const prefix = (text: string): Prefix => {
  const parsed = parsePrefix6(text);
  if (parsed === undefined) throw new Error(`no IPv6 prefix: ${text}`);
  return parsed;
};

export const area = (id: number, more: Partial<AreaConfig> = {}): AreaConfig => ({
  id,
  kind: "normal",
  summaries: true,
  defaultCost: 1,
  ranges: [],
  translate: "candidate",
  ...more,
});

/** Point-to-point in the backbone, hello every second, dead after four. */
export const on = (name: string, more: Partial<InterfaceConfig> = {}): InterfaceConfig => ({
  name,
  area: 0,
  kind: "point-to-point",
  cost: 10,
  helloInterval: 1000,
  deadInterval: 4000,
  retransmitInterval: 1000,
  transmitDelay: 1,
  priority: 1,
  passive: false,
  mtuIgnore: false,
  instanceId: 0,
  prefixes: [],
  bfd: false,
  ...more,
});

export const stub = (text: string, more: Partial<StubPrefix> = {}): StubPrefix => ({
  prefix: prefix(text),
  area: 0,
  cost: 0,
  ...more,
});

export function config(routerId: number, more: Partial<OspfConfig> = {}): OspfConfig {
  const interfaces = more.interfaces ?? [];
  const ids = new Set([...interfaces.map((each) => each.area), ...(more.prefixes ?? []).map((each) => each.area)]);
  return {
    routerId,
    areas: [...ids].map((id) => area(id)),
    interfaces,
    prefixes: [],
    external: [],
    spf: DEFAULT_SPF_DELAYS,
    gracefulRestart: { period: 60, helper: true },
    maxPaths: 64,
    maxLsas: 1_000_000,
    ...more,
  };
}
