/**
 * Answers to a VM's neighbor solicitations (RFC 4861 §7.2.3, §7.2.4): for the gateway, and as a proxy for whoever is behind
 * it (§7.2.8), as a VM whose system thinks that others are on its link would find nobody else.
 */
import { isLinkLocal6, isUnspecified, sameAddress } from "#base/address";
import { advertise, advertiseToAll, frameOf } from "#services/neighbors/messages";
import { belongsTo } from "#services/vm-link6/checks";
import type { Link, Turn, VmLink6Settings } from "#services/vm-link6/events";
import { NEIGHBOR_ADVERTISEMENT } from "#wire/icmp6";
import { ALL_NODES } from "#wire/nd";

/** Who asks: the source of the packet, perhaps unspecified, and of the frame. */
export interface Asker {
  readonly address: Uint8Array;
  readonly mac: Uint8Array;
}

export function answer({ port, settings }: Link, target: Uint8Array, asker: Asker, turn: Turn): void {
  const { counters, effects } = turn;
  const forGateway = sameAddress(target, settings.gateway);
  if (belongsTo(settings, target) && (!isLinkLocal6(target) || isUnspecified(asker.address))) counters.probes++;
  else if (!forGateway && !canBeBehind(target)) counters.impossible++;
  else {
    // Who takes an address that is not its own would be cut off: better that it hears of it now (RFC 4862 §5.4.4).
    if (isUnspecified(asker.address)) counters.defended++;
    else counters.answered++;
    effects.push({
      type: "send",
      port,
      frame: forGateway ? asGateway(settings, asker) : asProxy(settings, target, asker),
    });
  }
}

/** ::/96 has the unspecified and the loopback address and no host's (RFC 4291 §2.5); link-local ones are on this link. */
const canBeBehind = (target: Uint8Array): boolean => !isLinkLocal6(target) && !isUnspecified(target.subarray(0, 12));

function asGateway({ gateway, gatewayMac }: VmLink6Settings, asker: Asker): Uint8Array {
  const own = { address: gateway, mac: gatewayMac };
  return isUnspecified(asker.address) ? advertiseToAll(own) : advertise(own, asker.address, asker.mac);
}

/** Without the Override flag (§7.2.8): a node with that address would come first. */
function asProxy({ gateway, gatewayMac }: VmLink6Settings, target: Uint8Array, asker: Asker): Uint8Array {
  const toAll = isUnspecified(asker.address);
  const message = {
    type: NEIGHBOR_ADVERTISEMENT,
    router: true,
    solicited: !toAll,
    override: false,
    target,
    options: { targetLinkLayer: gatewayMac },
  } as const;
  const destination = toAll ? ALL_NODES : asker.address;
  return frameOf(gatewayMac, { source: gateway, destination, message }, toAll ? undefined : asker.mac);
}
