/**
 * The configuration as the core keeps it: copies whose properties come in one order, whoever built the original. The
 * engine compiles the core for the layout of the objects it has seen; one that was read from a file and the one that the
 * rehearsal makes up (router/ospf/rehearsal) must not differ in that, or the code has to be compiled again just
 * when a neighbor has a thousand LSAs to tell.
 */
import type { AreaConfig, InterfaceConfig, OspfConfig } from "#ospf/config";

/** Equal to `config`, and made here. */
export const ownConfig = (config: OspfConfig): OspfConfig => ({
  routerId: config.routerId,
  areas: config.areas.map(ownArea),
  interfaces: config.interfaces.map(ownInterface),
  prefixes: config.prefixes,
  external: config.external,
  spf: ownDelays(config.spf),
  gracefulRestart: { period: config.gracefulRestart.period, helper: config.gracefulRestart.helper },
  maxPaths: config.maxPaths,
  maxLsas: config.maxLsas,
});

const ownArea = (area: AreaConfig): AreaConfig => ({
  id: area.id,
  kind: area.kind,
  summaries: area.summaries,
  defaultCost: area.defaultCost,
  ranges: area.ranges,
  translate: area.translate,
});

const ownInterface = (one: InterfaceConfig): InterfaceConfig => ({
  name: one.name,
  area: one.area,
  kind: one.kind,
  cost: one.cost,
  helloInterval: one.helloInterval,
  deadInterval: one.deadInterval,
  retransmitInterval: one.retransmitInterval,
  transmitDelay: one.transmitDelay,
  priority: one.priority,
  passive: one.passive,
  mtuIgnore: one.mtuIgnore,
  instanceId: one.instanceId,
  prefixes: one.prefixes,
  bfd: one.bfd,
  authentication: one.authentication,
});

const ownDelays = ({ initial, short, long, timeToLearn, holdDown }: OspfConfig["spf"]): OspfConfig["spf"] => ({
  initial,
  short,
  long,
  timeToLearn,
  holdDown,
});
