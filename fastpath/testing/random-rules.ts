/** Rules that overlap in every way, and packets near their edges: for tests that compare the compiled rules with others. */
import { nextBelow, nextU32, type Random } from "#base/random";
import { K_PORTS, K_PROTOCOL, KEY_WORDS, PORTS_UNKNOWN } from "#fastpath/tables/rule-layout";
import type { Iid, IidPrefix, Packet, PortRange, Rule } from "#policy/rules";
import { hasPorts, PROTOCOL_ICMP4, PROTOCOL_ICMP6, PROTOCOL_TCP, PROTOCOL_UDP } from "#wire/protocol";

const PROTOCOLS = [PROTOCOL_TCP, PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP4, PROTOCOL_ICMP6, 132, 47, 0, 255];
const PORTS = [0, 1, 22, 23, 79, 80, 81, 255, 256, 8000, 8001, 0x8000, 65534, 65535];
const LENGTHS = [0, 1, 8, 16, 16, 24, 31, 32, 32, 32, 33, 40, 48, 56, 63, 64, 64];

const any = <T>(random: Random, of: readonly T[]): T => of[nextBelow(random, of.length)]!;

/** Few tenants, networks and hosts, so that most ends are related. */
function nearIid(random: Random): Iid {
  const tags = ((1 + nextBelow(random, 3)) << 16) | nextBelow(random, 3);
  const host = 0x0a00_0000 | (nextBelow(random, 3) << 8) | any(random, [0, 1, 2, 127, 128, 255]);
  const bit = 1 << nextBelow(random, 32);
  const turn = nextBelow(random, 12);
  return { tags: (turn === 0 ? tags ^ bit : tags) >>> 0, host: (turn === 1 ? host ^ bit : host) >>> 0 };
}

const prefix = (random: Random): IidPrefix => ({ ...nearIid(random), length: any(random, LENGTHS) });

function ranges(random: Random): PortRange[] {
  return Array.from({ length: 1 + nextBelow(random, 3) }, () => {
    const first = any(random, PORTS);
    const last = nextBelow(random, 2) === 0 ? first : any(random, PORTS);
    return nextBelow(random, 16) === 0
      ? { first, last }
      : { first: Math.min(first, last), last: Math.max(first, last) };
  });
}

export function randomRule(random: Random, name: string): Rule {
  const protocol = nextBelow(random, 3) === 0 ? undefined : any(random, PROTOCOLS);
  const icmp =
    protocol === PROTOCOL_ICMP4 || protocol === PROTOCOL_ICMP6 ? nextBelow(random, 2) : nextBelow(random, 40);
  const type = any(random, [0, 3, 8]);
  return {
    name,
    priority: nextBelow(random, 4),
    source: Array.from({ length: any(random, [0, 1, 1, 1, 1, 2, 3]) }, () => prefix(random)),
    destination: Array.from({ length: any(random, [1, 1, 1, 2, 5]) }, () => prefix(random)),
    ...(protocol === undefined ? {} : { protocol }),
    ...(nextBelow(random, 4) === 0 ? { sourcePorts: ranges(random) } : {}),
    ...(nextBelow(random, 2) === 0 ? { destinationPorts: ranges(random) } : {}),
    ...(icmp === 0 ? { icmp: nextBelow(random, 2) ? { type } : { type, code: nextBelow(random, 2) } } : {}),
    action: nextBelow(random, 2) ? "allow" : "deny",
    stateful: nextBelow(random, 2) === 0,
    log: nextBelow(random, 2) === 0,
  };
}

export const randomRules = (random: Random, count: number): Rule[] =>
  Array.from({ length: count }, (_, i) => randomRule(random, `rule ${i}`));

const nearPort = (random: Random): number => (any(random, PORTS) + nextBelow(random, 3) - 1) & 0xffff;

export function randomPacket(random: Random): Packet {
  const protocol = nextBelow(random, 8) === 0 ? nextBelow(random, 256) : any(random, PROTOCOLS);
  const ends = { source: nearIid(random), destination: nearIid(random), protocol };
  if (nextBelow(random, 5) === 0) return ends;
  if (hasPorts(protocol)) return { ...ends, ports: { source: nearPort(random), destination: nearPort(random) } };
  if (protocol !== PROTOCOL_ICMP4 && protocol !== PROTOCOL_ICMP6) return ends;
  return { ...ends, icmp: { type: any(random, [0, 3, 8, 9]), code: nextBelow(random, 3) } };
}

/** The packet as forwarders ask about it. What it does not show is noise, as in an arena. */
export function keyOf(packet: Packet, random: Random): Int32Array {
  const { source, destination, protocol, ports, icmp } = packet;
  const key = new Int32Array(KEY_WORDS);
  const octets = new DataView(key.buffer);
  [source.tags, source.host, destination.tags, destination.host].forEach((word, i) => {
    octets.setUint32(4 * i, word);
  });
  const at = 4 * K_PORTS;
  octets.setUint32(at, nextU32(random));
  if (ports !== undefined) octets.setUint32(at, ((ports.source << 16) | ports.destination) >>> 0);
  if (icmp !== undefined) octets.setUint16(at, (icmp.type << 8) | icmp.code);
  const later = ports === undefined && icmp === undefined && (hasPorts(protocol) || isIcmp(protocol));
  key[K_PROTOCOL] =
    protocol | (later || nextBelow(random, 2) * Number(ports === undefined && icmp === undefined) ? PORTS_UNKNOWN : 0);
  return key;
}

const isIcmp = (protocol: number): boolean => protocol === PROTOCOL_ICMP4 || protocol === PROTOCOL_ICMP6;
