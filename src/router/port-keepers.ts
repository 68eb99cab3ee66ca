/** What a port of each kind means to the rest of the router. */

import type { Configuration } from "#router/config/model";
import type { Log } from "#router/log";
import type { MetadataService } from "#router/metadata/metadata-service";
import type { RouterOspf } from "#router/ospf/router-ospf";
import type { OutsideSide } from "#router/outside-side";
import type { PortKeeper } from "#router/port-life";
import type { PortState, Ports } from "#router/ports";
import type { UplinkNeighbors } from "#router/uplink-neighbors";
import type { VmNeighbors } from "#router/vm-neighbors";

export interface KeptParts {
  readonly vmNeighbors: VmNeighbors;
  readonly uplinkNeighbors: UplinkNeighbors;
  readonly outside: OutsideSide;
  readonly metadata: MetadataService;
  readonly ospf: RouterOspf;
  readonly ports: Ports;
  readonly log: Log;
  /** What holds now. */
  readonly configuration: () => Configuration;
  /** Resolves when what was injected before has been sent. */
  readonly settle: () => Promise<void>;
  /** True: the VM at the port is yet to come, and nobody is to be spoken to. */
  readonly isExpected: (port: PortState) => boolean;
  /** False: the VM at the port goes on elsewhere, or never was here, and its link is the same there. */
  readonly isLeft: (port: PortState) => boolean;
}

export function portKeepers(parts: KeptParts): Record<PortState["kind"], PortKeeper> {
  const { outside, metadata, configuration } = parts;
  return {
    uplink: uplinkKeeper(parts),
    vm: vmKeeper(parts),
    outside: {
      added: (port) => outside.add(port),
      opened: (port) => outside.opened(port, configuration()),
      closed: () => outside.closed(),
      carrier: (_, there) => outside.carrier(there, configuration()),
    },
    service: { opening: (port) => metadata.opened(port), closed: () => metadata.closed() },
  };
}

const uplinkKeeper = ({ uplinkNeighbors, ospf, log }: KeptParts): PortKeeper => ({
  added: (port) => uplinkNeighbors.add(port),
  opened: (port) => {
    uplinkNeighbors.opened(port);
    ospf.opened(port);
  },
  closed: (port) => {
    uplinkNeighbors.closed(port);
    ospf.closed(port);
  },
  removed: (port) => uplinkNeighbors.remove(port),
  // A dead link shows long before its neighbours' silence does.
  carrier: (port, there) => {
    if (!uplinkNeighbors.carrier(port, there)) return;
    if (there) ospf.opened(port);
    else ospf.closed(port);
    log[there ? "info" : "warn"](`port ${port.name}: ${there ? "has" : "no"} carrier`, "port-carrier", {
      port: port.name,
    });
  },
});

/** A VM's carrier is left alone: its VM may be asleep. */
const vmKeeper = ({ vmNeighbors, ports, configuration, settle, isExpected, isLeft }: KeptParts): PortKeeper => ({
  added: (port) => vmNeighbors.add(port),
  opened: (port) => {
    if (isExpected(port)) return;
    vmNeighbors.opened(port);
    vmNeighbors.refresh(configuration(), ports);
  },
  closed: (port) => vmNeighbors.closed(port),
  leaving: async (port) => {
    if (isLeft(port) && !hasNextVm(configuration(), port) && vmNeighbors.cease(port)) await settle();
  },
  removed: (port) => vmNeighbors.remove(port),
});

/** True when what is behind the port is a VM with IPv6 addresses in the new configuration too. */
const hasNextVm = ({ node }: Configuration, { interface: name }: PortState): boolean =>
  node.vms.some(({ attachment, ipv6 }) => attachment.interface === name && ipv6.length > 0);
