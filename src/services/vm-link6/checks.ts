/** Whether neighbor discovery may come from a VM as it says (paper §2.4: a VM speaks for itself only). */
import { isLinkLocal6, isUnspecified, sameAddress } from "#base/address";
import { Malformed } from "#base/reader";
import type { Link, Refusal, VmLink6Settings } from "#services/vm-link6/events";
import * as ethernet from "#wire/ethernet";
import { NEIGHBOR_ADVERTISEMENT, ROUTER_ADVERTISEMENT } from "#wire/icmp6";
import { type NdPacket, readNd } from "#wire/nd";
import type { NdOptions } from "#wire/nd-options";

/** A valid message (RFC 4861 §6.1, §7.1) that is the VM's to send, or why it is refused. */
export function packetIn({ settings }: Link, frame: Uint8Array): NdPacket | Refusal {
  if (!ethernet.fits(frame, 0, frame.length) || ethernet.etherType(frame, 0) !== ethernet.ETHERTYPE_IPV6)
    return "malformed";
  const packet = readNd(frame, ethernet.SIZE, frame.length);
  if (packet instanceof Malformed) return "malformed";
  const { source, message } = packet;
  if (!isMacOf(settings, frame, message.options)) return "spoofedMac";
  if (message.type === ROUTER_ADVERTISEMENT) return "rogueRouter";
  if (!isUnspecified(source) && !belongsTo(settings, source)) return "spoofedSource";
  const claims = message.type === NEIGHBOR_ADVERTISEMENT;
  return claims && !belongsTo(settings, message.target) ? "spoofedTarget" : packet;
}

/** One of the configured addresses, or a link-local one: the VM makes those itself, and nobody else is on the link but us. */
export const belongsTo = ({ addresses, gateway }: VmLink6Settings, address: Uint8Array): boolean =>
  isLinkLocal6(address) ? !sameAddress(address, gateway) : isConfigured(addresses, address);

const isConfigured = (addresses: readonly Uint8Array[], address: Uint8Array): boolean =>
  addresses.some((own) => sameAddress(own, address));

/** The frame's source is one network card's, the configured one if there is one, and what options say it is. */
function isMacOf({ mac }: VmLink6Settings, frame: Uint8Array, options: NdOptions): boolean {
  const source = ethernet.source(frame, 0);
  if (!isUnicastMac(source)) return false;
  return [mac, options.sourceLinkLayer, options.targetLinkLayer].every(
    (said) => said === undefined || sameAddress(said, source),
  );
}

/** A network card's: no group's, and not all zeros. */
export const isUnicastMac = (mac: Uint8Array): boolean => (mac[0]! & 1) === 0 && mac.some((octet) => octet !== 0);
