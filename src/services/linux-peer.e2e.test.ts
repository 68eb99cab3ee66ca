/** The services against Linux at the other end of a TAP. Needs root. */
import { afterAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { formatIpv4, formatIpv6, linkLocalFromMac, parseIpv4, parseMac } from "#base/address";
import { Malformed } from "#base/reader";
import { type ArpEffect, VmArp } from "#services/arp";
import { echoReply4, echoReply6 } from "#services/echo";
import { Neighbors } from "#services/neighbors";
import type { NeighborEffect } from "#services/neighbors/events";
import { LINUX_MAC, TapHost } from "#services/testing/tap-host";
import * as ethernet from "#wire/ethernet";
import { readNd } from "#wire/nd";

const PORT = 1;
const OUR_MAC = parseMac("02:aa:00:00:00:01")!;
const OURS = linkLocalFromMac(OUR_MAC);
const LINUX = linkLocalFromMac(LINUX_MAC);

setDefaultTimeout(20_000);
const host = new TapHost("svc");
beforeEach(() => host.renew());
afterAll(() => host.end());

/** The neighbor cache on the TAP, and ping. */
class Uplink {
  readonly cache = new Neighbors(1, {
    maxDetectionDelay: 0,
    retransTimer: 200,
    failedTime: 200,
    delayFirstProbeTime: 50,
  });
  readonly effects: NeighborEffect[] = [];

  start(): void {
    this.carryOut(
      this.cache.handle(
        { type: "linkUp", port: PORT, mac: OUR_MAC, linkLocal: OURS, addresses: [] },
        performance.now(),
      ),
    );
  }

  readonly turn = (frame?: Uint8Array): void => {
    if (!frame) {
      this.carryOut(this.cache.handle({ type: "timer" }, performance.now()));
      return;
    }
    const packet = readNd(frame, ethernet.SIZE, frame.length);
    if (!(packet instanceof Malformed)) {
      const linkSource = ethernet.source(frame, 0);
      this.carryOut(this.cache.handle({ type: "packet", port: PORT, packet, linkSource }, performance.now()));
      return;
    }
    const reply = echoReply6(frame, OURS);
    if (reply) host.send(reply);
  };

  carryOut(effects: readonly NeighborEffect[]): void {
    this.effects.push(...effects);
    for (const effect of effects) if (effect.type === "send") host.send(effect.frame);
  }

  saw(type: NeighborEffect["type"]): boolean {
    return this.effects.some((effect) => effect.type === type);
  }
}

test("Linux and the neighbor cache resolve each other, and Linux gets its ping answered (RFC 4861 §7.2)", async () => {
  await host.ip("link", "set", "t0", "up");
  const uplink = new Uplink();
  uplink.start();
  await host.until("address of our own", (frame) => {
    uplink.turn(frame);
    return uplink.saw("preferred");
  });
  // Linux detects duplicates too, for about a second, and answers only then: senders go on trying.
  await host.until("answer to our solicitation", (frame) => {
    uplink.turn(frame);
    uplink.carryOut(uplink.cache.handle({ type: "resolve", port: PORT, address: LINUX }, performance.now()));
    return uplink.cache.entries()[0]?.state === "REACHABLE";
  });
  expect(uplink.cache.entries()[0]).toMatchObject({ mac: LINUX_MAC, isRouter: false });
  await host.ip("-6", "neigh", "flush", "dev", "t0"); // so that it has to ask for us
  let answered: boolean | undefined;
  void host.ping(`${formatIpv6(OURS)}%t0`).then((result) => {
    answered = result;
  });
  await host.until("end of ping", (frame) => {
    uplink.turn(frame);
    return answered !== undefined;
  });
  expect(answered).toBe(true);
  const neighbors = await host.ip("-6", "neigh", "show", "dev", "t0");
  expect(neighbors).toContain(`${formatIpv6(OURS)} lladdr 02:aa:00:00:00:01 router`);
});

test("an address that Linux has already is found to be a duplicate (RFC 4862 §5.4.4)", async () => {
  await host.ip("-6", "addr", "add", `${formatIpv6(OURS)}/64`, "dev", "t0", "nodad");
  await host.ip("link", "set", "t0", "up");
  const uplink = new Uplink();
  await host.until("Linux's own traffic", (frame) => frame !== undefined);
  uplink.start();
  await host.until("duplicate", (frame) => {
    uplink.turn(frame);
    return uplink.saw("duplicate") || uplink.saw("preferred");
  });
  expect(uplink.effects.find((e) => e.type === "duplicate")).toMatchObject({ mac: LINUX_MAC, disabled: true });
});

test("a host with a /32 address reaches every address through proxy ARP, and pings its gateway (RFC 1027)", async () => {
  await host.ip("addr", "add", "10.0.0.2/32", "dev", "t0");
  await host.ip("link", "set", "t0", "up");
  await host.ip("route", "add", "default", "dev", "t0");
  const core = new VmArp();
  const carryOut = (effects: readonly ArpEffect[]) => {
    for (const effect of effects) if (effect.type === "send") host.send(effect.frame);
  };
  const [address, gateway] = [parseIpv4("10.0.0.2")!, parseIpv4("10.0.0.1")!];
  carryOut(core.handle({ type: "attach", port: PORT, address, gateway, gatewayMac: OUR_MAC }, performance.now()));
  const turn = (frame?: Uint8Array) => {
    const isArp = frame && ethernet.etherType(frame, 0) === ethernet.ETHERTYPE_ARP;
    if (!frame) carryOut(core.handle({ type: "timer" }, performance.now()));
    else if (isArp) carryOut(core.handle({ type: "frame", port: PORT, frame }, performance.now()));
    else {
      const reply = echoReply4(frame);
      if (reply) host.send(reply);
    }
  };
  await host.until("answer to our ARP request", (frame) => {
    turn(frame);
    return core.macOf(PORT) !== undefined;
  });
  expect(core.macOf(PORT)).toEqual(LINUX_MAC);
  for (const target of [gateway, parseIpv4("192.0.2.9")!]) {
    let answered: boolean | undefined;
    void host.ping(formatIpv4(target)).then((result) => {
      answered = result;
    });
    await host.until("end of ping", (frame) => {
      turn(frame);
      return answered !== undefined;
    });
    expect(answered).toBe(true);
  }
  expect(core.counters).toMatchObject({ malformed: 0, spoofedMac: 0, spoofedAddress: 0 });
});
