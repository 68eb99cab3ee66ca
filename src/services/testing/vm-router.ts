/** For tests: a VM's IPv6 services at the router's end of a TAP, with Linux or its programs for the VM. Needs root. */
import { expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseIpv6, parseMac } from "#base/address";
import { Dhcp6Server } from "#services/dhcp6";
import type { Dhcp6Effect, Dhcp6Settings } from "#services/dhcp6/events";
import { echoReply6 } from "#services/echo";
import { INTERFACE, TapHost } from "#services/testing/tap-host";
import { VmLink6 } from "#services/vm-link6";
import type { VmLink6Effect, VmLink6Settings } from "#services/vm-link6/events";
import * as ethernet from "#wire/ethernet";
import * as icmp6 from "#wire/icmp6";
import * as ipv6 from "#wire/ipv6";
import { isNeighborDiscovery } from "#wire/nd";
import { writePcap } from "#wire/pcap";
import { PROTOCOL_ICMP6, PROTOCOL_UDP } from "#wire/protocol";

export const PORT = 1;
export const ip = (text: string) => parseIpv6(text)!;
/** The VM's addresses, and the link-local one of its interface. */
export const VM = ["2001:db8:1::2", "2001:db8:1::3"] as const;
export const LINK_LOCAL = "fe80::aa:ff:fe00:2";

const told = {
  addresses: VM.map(ip),
  gateway: ip("fe80::1"),
  gatewayMac: parseMac("02:41:49:4e:00:01")!,
  dnsServers: [ip("2001:db8::53"), ip("2001:db8::54")],
  domains: ["blue.example", "lab.example"],
};
export const LINK: VmLink6Settings = { ...told, mtu: 1430, managed: true };
/** Leases end soon: clients renew while a test waits. */
export const LEASE: Dhcp6Settings = { ...told, leaseTime: 12, ntpServers: [ip("2001:db8::123")] };

type Effect = VmLink6Effect | Dhcp6Effect;

/** Both cores, and ping: whoever is pinged answers. */
export class VmRouter {
  readonly host: TapHost;
  /** For files of the test's. */
  readonly folder = mkdtempSync(join(tmpdir(), "ain-vm-router-"));
  readonly sent: Uint8Array[] = [];
  effects: Effect[] = [];
  link = new VmLink6(1);
  dhcp = new Dhcp6Server();

  constructor(name: string) {
    this.host = new TapHost(name);
  }

  /** A new link and new cores. */
  async renew(): Promise<void> {
    await this.host.renew();
    await this.host.ip("link", "set", INTERFACE, "up");
    this.effects = [];
    this.link = new VmLink6(1);
    this.dhcp = new Dhcp6Server();
    this.carryOut(this.link.handle({ type: "attach", port: PORT, settings: LINK }, performance.now()));
    this.carryOut(this.dhcp.handle({ type: "serve", port: PORT, settings: LEASE }, performance.now()));
  }

  end(): void {
    this.host.end();
    rmSync(this.folder, { recursive: true });
  }

  carryOut(effects: readonly Effect[]): void {
    this.effects.push(...effects);
    for (const effect of effects) {
      if (effect.type !== "send") continue;
      this.sent.push(effect.frame);
      this.host.send(effect.frame);
    }
  }

  #turn(frame?: Uint8Array): void {
    const now = performance.now();
    if (frame === undefined) {
      if (this.link.deadline() <= now) this.carryOut(this.link.handle({ type: "timer" }, now));
      if (this.dhcp.deadline() <= now) this.carryOut(this.dhcp.handle({ type: "timer" }, now));
    } else if (ethernet.etherType(frame, 0) === ethernet.ETHERTYPE_IPV6) this.#packet(frame, now);
  }

  #packet(frame: Uint8Array, now: number): void {
    const next = ipv6.nextHeader(frame, 14);
    if (next === PROTOCOL_UDP) {
      this.carryOut(this.dhcp.handle({ type: "frame", port: PORT, frame, unfinished: false }, now));
    } else if (next === PROTOCOL_ICMP6 && isNeighborDiscovery(icmp6.type(frame, 54))) {
      this.carryOut(this.link.handle({ type: "frame", port: PORT, frame }, now));
    } else if (next === PROTOCOL_ICMP6 && icmp6.type(frame, 54) === icmp6.ECHO_REQUEST) {
      const reply = echoReply6(frame, LINK.gateway);
      if (reply) this.host.send(reply);
    }
  }

  /** Routes on until `done` says so; asks it every 50 ms. */
  async until(what: string, done: () => boolean | Promise<boolean>, patience?: number): Promise<void> {
    let answer = false;
    let asking = false;
    let fault: unknown;
    const ask = async () => {
      asking = true;
      answer = await done();
      await Bun.sleep(50);
      asking = false;
    };
    const turn = (frame?: Uint8Array): boolean => {
      this.#turn(frame);
      if (fault !== undefined) throw fault;
      if (!asking && !answer) ask().catch((error) => (fault = error));
      return answer;
    };
    await this.host.until(what, turn, patience);
  }

  /** Routes on while a program of the VM's runs; what it wrote. */
  async output(...words: string[]): Promise<string> {
    const child = this.host.run(...words);
    await this.until(`end of ${words[0]}`, () => child.exitCode !== null, 30_000);
    return new Response(child.stdout).text();
  }

  /** `ip -6` in the VM. */
  ip6(...words: string[]): Promise<string> {
    return this.host.ip("-6", ...words);
  }

  addresses(...words: string[]): Promise<string> {
    return this.ip6("-o", "addr", "show", "dev", INTERFACE, ...words);
  }

  /** The VM has the addresses, and knows that nobody else has them. */
  async has(...addresses: string[]): Promise<boolean> {
    const [all, tentative] = [await this.addresses(), await this.addresses("tentative")];
    return addresses.every((address) => all.includes(` ${address}/`) && !tentative.includes(` ${address}/`));
  }

  /** Expects that tshark finds nothing wrong in all that was sent, and packets by each of the filters. */
  expectTsharkAgrees(...filters: string[]): void {
    const file = join(this.folder, "sent.pcap");
    writeFileSync(file, writePcap(this.sent.map((octets, i) => ({ seconds: i, nanos: 0, octets }))));
    const read = (...words: string[]): string[] => {
      const checks = ["-o", "udp.check_checksum:TRUE"];
      const result = spawnSync("tshark", ["-r", file, ...checks, ...words], { encoding: "utf8", timeout: 30_000 });
      expect(result.status).toBe(0);
      return result.stdout.split("\n").filter((line) => line !== "");
    };
    const fields = ["-T", "fields", "-e", "_ws.col.Info", "-e", "_ws.expert.message"];
    expect(read("-Y", "_ws.malformed || _ws.expert.severity >= 0x600000", ...fields)).toEqual([]);
    expect(read("-Y", "icmpv6.checksum.status == 0 || udp.checksum.status == 0")).toEqual([]);
    for (const filter of filters) expect([filter, read("-Y", filter).length > 0]).toEqual([filter, true]);
  }
}
