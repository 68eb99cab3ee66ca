/** A router's configuration → what the mobility core is told. */
import { toHex } from "#base/bytes";
import { DEFAULT_LIMITS, DEFAULT_TIMERS } from "#pmip/config";
import type { Configuration } from "#router/config/model";
import type { HostedConfig } from "#router/mobility/mobility-host";

export function hostedConfig({ node, fabric }: Configuration): HostedConfig {
  const { auth, lifetime, grace, heartbeat, idle, bindings, correspondents } = fabric.mobility;
  const formerLongest = Math.max(DEFAULT_TIMERS.formerLongest, grace);
  return {
    address: toHex(node.address.bytes),
    hashKey: toHex(fabric.key),
    homes: fabric.homes.map(({ prefix }) => toHex(prefix.address).slice(0, 16)),
    own: [...node.homes],
    fabric: fabric.prefixes.map(({ address, length }) => ({ address: toHex(address), length })),
    ...(auth !== undefined && {
      authentication: {
        send: auth.send,
        keys: auth.keys.map(({ id, secret }) => ({ spi: id, secret: toHex(secret) })),
      },
    }),
    timers: { ...DEFAULT_TIMERS, lifetime, grace, heartbeat, idle, formerLongest },
    limits: { ...DEFAULT_LIMITS, bindings, subjects: bindings, correspondents },
  };
}

/**
 * Addresses at which this router is a local mobility anchor, beside its own: interface identifier 1 of each of its homes.
 * 16 octets each.
 */
export function anchorAddresses({ node, fabric }: Configuration): Uint8Array[] {
  return node.homes.map((home) => {
    const address = Uint8Array.from(fabric.homes[home]!.prefix.address);
    address[15] = 1;
    return address;
  });
}
