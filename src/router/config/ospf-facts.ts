/** The parts of the OSPF configuration in words, as facts.ts has them of the others. */
import { formatPrefix } from "#base/address";
import {
  type AreaConfig,
  type AuthenticationKey,
  DEFAULT_SPF_DELAYS,
  type ExternalPrefix,
  type InterfaceConfig,
} from "#ospf/config";
import { formatRouterId } from "#ospf/text";
import type { Facts } from "#router/config/facts";
import type { BfdSettings, NodeOspf } from "#router/config/model";
import { formatSpan } from "#runtime/document/scalars";

/** An interface with what the host does for it. */
export interface OspfInterface {
  readonly config: InterfaceConfig;
  readonly bfd: BfdSettings | undefined;
}

/** All that is neither an area's nor an interface's; the router id is its name. */
export function ospfFacts({ config, record, alwaysDefault }: NodeOspf): Facts {
  const { prefixes, external, spf, gracefulRestart, maxPaths, maxLsas } = config;
  const own = prefixes.map(({ prefix, area }) => `${formatPrefix(prefix)} in ${formatRouterId(area)}`);
  const delays = `${formatSpan(spf.initial)} ${formatSpan(spf.short)} ${formatSpan(spf.long)}`;
  const windows = `${formatSpan(spf.timeToLearn)} ${formatSpan(spf.holdDown)}`;
  return {
    ...(own.length > 0 && { prefixes: own.join(" and ") }),
    ...(external.length > 0 && { redistributes: external.map(externalText).join(" and ") }),
    ...(alwaysDefault && { "default route": "always" }),
    ...(!sameDelays(spf) && { "spf delays": delays, "spf windows": windows }),
    ...(gracefulRestart.period !== 120 && { "restart period": formatSpan(1000 * gracefulRestart.period) }),
    ...(!gracefulRestart.helper && { "restart helper": "off" }),
    ...(maxPaths !== 64 && { "max paths": `${maxPaths}` }),
    ...(maxLsas !== 100_000 && { "max LSAs": `${maxLsas}` }),
    ...(record !== undefined && { record: `${record.file} up to ${record.limit / 2 ** 20} MiB` }),
  };
}

const sameDelays = (spf: NodeOspf["config"]["spf"]): boolean =>
  Object.entries(DEFAULT_SPF_DELAYS).every(([key, value]) => spf[key as keyof typeof spf] === value);

function externalText({ prefix, metric, metricType, tag }: ExternalPrefix): string {
  const words = `${formatPrefix(prefix)} metric ${metric} type ${metricType}`;
  return tag === undefined ? words : `${words} tag ${tag}`;
}

export function areaFacts({ kind, summaries, defaultCost, ranges, translate }: AreaConfig): Facts {
  const texts = ranges.map(({ prefix, advertise, cost }) => {
    const words = advertise ? "" : " hidden";
    return `${formatPrefix(prefix)}${words}${cost === undefined ? "" : ` cost ${cost}`}`;
  });
  return {
    kind: summaries ? kind : `totally ${kind === "stub" ? "stubby" : kind}`,
    ...(kind !== "normal" && { "default cost": `${defaultCost}` }),
    ...(translate !== "candidate" && { translate }),
    ...(texts.length > 0 && { ranges: texts.join(" and ") }),
  };
}

export function ospfInterfaceFacts({ config: c, bfd }: OspfInterface): Facts {
  return {
    area: formatRouterId(c.area),
    kind: c.kind,
    cost: `${c.cost}`,
    hello: formatSpan(c.helloInterval),
    dead: formatSpan(c.deadInterval),
    ...(c.retransmitInterval !== 5000 && { retransmit: formatSpan(c.retransmitInterval) }),
    ...(c.transmitDelay !== 1 && { "transmit delay": formatSpan(1000 * c.transmitDelay) }),
    ...(c.priority !== 1 && { priority: `${c.priority}` }),
    ...(c.passive && { passive: "on" }),
    ...(c.mtuIgnore && { "mtu ignore": "on" }),
    ...(c.instanceId !== 0 && { instance: `${c.instanceId}` }),
    ...(c.prefixes.length > 0 && { prefixes: c.prefixes.map(formatPrefix).join(" and ") }),
    ...(bfd !== undefined && { bfd: `${formatSpan(bfd.interval)} × ${bfd.multiplier}` }),
    ...(c.authentication !== undefined && { auth: c.authentication.keys.map(keyText).join(" and ") }),
  };
}

/** Another one in each run, so that what is printed of a secret tells it apart from the next, and nothing else. */
const SALT = crypto.getRandomValues(new BigUint64Array(1))[0]!;

function keyText({ id, secret, sendFrom, acceptUntil, swapsProtocolId }: AuthenticationKey): string {
  const mark = (Bun.hash.xxHash64(secret, SALT) & 0xffff_ffffn).toString(16).padStart(8, "0");
  const from = sendFrom === undefined ? "" : ` from ${new Date(sendFrom).toISOString()}`;
  const until = acceptUntil === undefined ? "" : ` until ${new Date(acceptUntil).toISOString()}`;
  const frr8 = swapsProtocolId === true ? " for FRR 8" : "";
  return `key ${id} #${mark}${from}${until}${frr8}`;
}
