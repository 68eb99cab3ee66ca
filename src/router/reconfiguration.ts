/** A running router takes over another configuration; what did not change loses no packet. */
import type { Configuration } from "#router/config/model";
import { type Change, needsAnotherPort } from "#router/config/plan";
import { wantsMetadata } from "#router/metadata/metadata-service";
import type { RouterOspf } from "#router/ospf/router-ospf";
import type { OutsideSide } from "#router/outside-side";
import type { PortLife } from "#router/port-life";
import type { PortState, Ports } from "#router/ports";
import type { Rib } from "#router/rib";
import type { StaticRoutes } from "#router/static-routes";

/** Name of the metadata service's port, the only one that no file names. */
const METADATA_PORT = "metadata";

export interface ChangedParts {
  readonly ports: Ports;
  readonly portLife: PortLife;
  readonly rib: Rib;
  readonly staticRoutes: StaticRoutes;
  readonly outside: OutsideSide;
  readonly ospf: RouterOspf;
  /** From now on this is the configuration. */
  readonly take: (configuration: Configuration) => void;
  /** Next hops that no route names any more. */
  readonly forgetHops: () => void;
  /** Has forwarders take over what configuration and ports are. */
  readonly adopt: () => Promise<void>;
}

export class Reconfiguration {
  readonly #parts: ChangedParts;

  constructor(parts: ChangedParts) {
    this.#parts = parts;
  }

  /** At the start: all that the configuration says, the ports not open yet. */
  async begin(configuration: Configuration): Promise<void> {
    const { node, fabric } = configuration;
    const { portLife, rib, staticRoutes, outside, ospf } = this.#parts;
    for (const uplink of node.uplinks) portLife.add({ uplink });
    for (const vm of node.vms) portLife.add({ vm });
    if (node.outside !== undefined) portLife.add({ outside: node.outside });
    if (wantsMetadata(configuration)) portLife.add({ service: METADATA_PORT });
    for (const home of node.homes) rib.set("local", fabric.homes[home]!.prefix, { kind: "local" });
    staticRoutes.configure(node.routes);
    outside.routes(configuration);
    await ospf.configure(outside.ospf(configuration));
  }

  /** New things first, then what points at them, then what is no longer pointed at. */
  async apply(before: Configuration, after: Configuration, changes: readonly Change[]): Promise<void> {
    const { ports, portLife, take, forgetHops, adopt } = this.#parts;
    const replaced = new Set<PortState>();
    const rewired = changes.filter((change) => !this.#changesServices(change));
    for (const change of rewired) {
      if (change.what !== "uplink" && change.what !== "vm") continue;
      const port = change.before && ports.find(change.what, change.name);
      if (port !== undefined) replaced.add(port);
    }
    const fresh: PortState[] = [];
    for (const change of rewired) {
      if (change.what === "uplink" && change.after) fresh.push(portLife.add({ uplink: change.after }));
      if (change.what === "vm" && change.after) fresh.push(portLife.add({ vm: change.after }));
    }
    if (wantsMetadata(after) && ports.find("service", METADATA_PORT) === undefined)
      fresh.push(portLife.add({ service: METADATA_PORT }));
    take(after);
    if (changes.some(({ what }) => what !== "vm")) await this.#applyRoutes(before, after);
    for (const port of replaced) await portLife.retire(port);
    for (const port of fresh) await portLife.open(port);
    forgetHops();
    await adopt();
  }

  /** True when a VM's services are all that changes, so that its port stays as it is. */
  #changesServices({ what, name, before, after }: Change): boolean {
    if (what !== "vm" || before === undefined || after === undefined || needsAnotherPort(before, after)) return false;
    const port = this.#parts.ports.find("vm", name);
    if (port === undefined) return false;
    port.vm = after;
    return true;
  }

  async #applyRoutes(before: Configuration, after: Configuration): Promise<void> {
    const { staticRoutes, outside, ospf } = this.#parts;
    this.#applyHomes(before, after);
    // All routes again: an uplink that was replaced has new adjacencies, and setting the same one costs nothing.
    staticRoutes.configure(after.node.routes);
    outside.refresh(after);
    outside.routes(after);
    ospf.refreshHops();
    await ospf.configure(outside.ospf(after));
  }

  #applyHomes(before: Configuration, after: Configuration): void {
    const { rib } = this.#parts;
    const prefixes = ({ node, fabric }: Configuration) =>
      new Map(node.homes.map((i) => [fabric.homes[i]!.prefix.text, fabric.homes[i]!.prefix]));
    const [were, are] = [prefixes(before), prefixes(after)];
    for (const text of were.keys()) if (!are.has(text)) rib.remove("local", text);
    for (const prefix of are.values()) rib.set("local", prefix, { kind: "local" });
  }
}
