/** What follows from the configuration: who is at home where, which addresses are whose. Made anew when it changes. */
import { contains, type Prefix } from "#base/address";
import { type HomePlan, homeFinder, tenantHomeOf } from "#base/home-hash";
import type { MobilityConfig } from "#pmip/config";
import type { AddressHex, Subject } from "#pmip/events";
import { hex32, octetsOf } from "#pmip/hex";
import type { Authenticator } from "#pmip/packet/authentication";
import { authenticators } from "#pmip/packet/mac";
import { ipv4Digits, isIpv4 } from "#pmip/subject";

export interface Home {
  /** Address of its local mobility anchor. */
  readonly lma: AddressHex;
  /** It is this router. */
  readonly isOwn: boolean;
  /** What stands for the subject in the fabric: its Home Network Prefix, all 128 bits. */
  readonly networkAddress: AddressHex;
  /** Packets to it cannot be routed as they are, not even to its home. */
  readonly isTenants: boolean;
}

const PREFIX_DIGITS = 16;
/** Tags 0: the infrastructure's addresses. */
const INFRASTRUCTURE = "00000000";
/** Interface identifier of a hypervisor's own address. */
const HYPERVISOR = "0000000000000001";

export class Plan {
  /** Ours: as gateway, correspondent and anchor. */
  readonly addresses: ReadonlySet<AddressHex>;
  /** Undefined: nothing is signed. */
  readonly authenticator: Authenticator | undefined;
  readonly #config: MobilityConfig;
  readonly #hash: HomePlan;
  readonly #homeOfIpv4: (tags: number, ipv4: number) => number;
  readonly #own: ReadonlySet<string>;
  readonly #fabric: readonly Prefix[];

  constructor(config: MobilityConfig) {
    const { address, homes, own, fabric, authentication } = config;
    this.#config = config;
    this.#hash = { key: octetsOf(config.hashKey), homes };
    this.#homeOfIpv4 = homeFinder(this.#hash);
    this.#own = new Set(own.map((index) => homes[index]!));
    this.#fabric = fabric.map(({ address: octets, length }) => ({ address: octetsOf(octets), length }));
    this.addresses = new Set([address, ...own.map((index) => homes[index]! + HYPERVISOR)]);
    this.authenticator =
      authentication &&
      authenticators(
        authentication.keys.map(({ spi, secret }) => ({ spi, algorithm: "hmac-sha-256-128", key: octetsOf(secret) })),
      );
  }

  homeOf(subject: Subject): Home {
    const { tags, address } = subject;
    if (isIpv4(subject)) {
      const host = ipv4Digits(subject);
      const prefix = this.#config.homes[this.#homeOfIpv4(tags, Number.parseInt(host, 16))]!;
      return this.#home(prefix, prefix + hex32(tags) + host, false);
    }
    const octets = octetsOf(address);
    const isTenants = !this.#fabric.some((prefix) => contains(prefix, octets));
    if (!isTenants) return this.#home(address.slice(0, PREFIX_DIGITS), address, false);
    return this.#home(this.#config.homes[tenantHomeOf(this.#hash, tags, octets)]!, address, true);
  }

  /** Of a router of the fabric. */
  isInfrastructure(address: AddressHex): boolean {
    if (!address.startsWith(INFRASTRUCTURE, PREFIX_DIGITS)) return false;
    const octets = octetsOf(address);
    return this.#fabric.some((prefix) => contains(prefix, octets));
  }

  /** Of a hypervisor: where a VM may be hosted. */
  isHypervisor(address: AddressHex): boolean {
    return address.endsWith(HYPERVISOR) && this.isInfrastructure(address);
  }

  #home(prefix: string, networkAddress: AddressHex, isTenants: boolean): Home {
    return { lma: prefix + HYPERVISOR, isOwn: this.#own.has(prefix), networkAddress, isTenants };
  }
}
