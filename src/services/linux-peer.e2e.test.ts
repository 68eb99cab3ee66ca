/** The services against Linux at the other end of a TAP. Needs root. */
import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { readSync, writeSync } from "node:fs";
import { formatIpv4, formatIpv6, linkLocalFromMac, parseIpv4, parseMac } from "#base/address";
import { Malformed } from "#base/reader";
import { type ArpEffect, VmArp } from "#services/arp";
import { echoReply4, echoReply6 } from "#services/echo";
import { Neighbors } from "#services/neighbors";
import type { NeighborEffect } from "#services/neighbors/events";
import { closeDescriptor } from "#sys/descriptor";
import { createNamespace, deleteNamespace, inNamespace } from "#sys/namespace";
import { openTap } from "#sys/tap";
import * as ethernet from "#wire/ethernet";
import { readNd } from "#wire/nd";

const NAMESPACE = `svc${process.pid}`;
/** Of the virtio_net_hdr before each frame; all zeros: nothing to finish. */
const OFFLOAD = 10;
const PORT = 1;
const OUR_MAC = parseMac("02:aa:00:00:00:01")!;
const LINUX_MAC = parseMac("02:aa:00:00:00:02")!;
const OURS = linkLocalFromMac(OUR_MAC);
const LINUX = linkLocalFromMac(LINUX_MAC);
let fd = -1;

setDefaultTimeout(20_000);

async function ip(...words: string[]): Promise<string> {
  const child = Bun.spawn(["ip", "-n", NAMESPACE, ...words], { stdout: "pipe", stderr: "pipe" });
  const [text, errors] = [await new Response(child.stdout).text(), await new Response(child.stderr).text()];
  if ((await child.exited) !== 0) throw new Error(`ip ${words.join(" ")}: ${errors}`);
  return text;
}

/** Starts `ping -c1`; resolves to whether it was answered. */
async function ping(address: string): Promise<boolean> {
  const child = Bun.spawn(["ip", "netns", "exec", NAMESPACE, "ping", "-c1", "-W2", address], { stdout: "ignore" });
  return (await child.exited) === 0;
}

function send(frame: Uint8Array): void {
  const b = new Uint8Array(OFFLOAD + frame.length);
  b.set(frame, OFFLOAD);
  writeSync(fd, b);
}

/** The next frame from Linux, if there is one. */
function receive(): Uint8Array | undefined {
  const b = new Uint8Array(2000);
  try {
    return b.slice(OFFLOAD, readSync(fd, b));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return undefined;
    throw error;
  }
}

/** Runs `turn` for each frame and each millisecond until it says so, or throws after five seconds. */
async function until(what: string, turn: (frame?: Uint8Array) => boolean): Promise<void> {
  for (const end = performance.now() + 5000; performance.now() < end; await Bun.sleep(1)) {
    for (let frame = receive(); frame; frame = receive()) if (turn(frame)) return;
    if (turn()) return;
  }
  throw new Error(`no ${what} within 5 s`);
}

beforeAll(() => createNamespace(NAMESPACE));
afterAll(() => {
  if (fd >= 0) closeDescriptor(fd);
  deleteNamespace(NAMESPACE);
});

beforeEach(async () => {
  if (fd >= 0) closeDescriptor(fd);
  fd = inNamespace(NAMESPACE, () => openTap({ name: "t0", offload: false })).descriptors[0]!;
  await ip("link", "set", "lo", "up");
  await ip("link", "set", "t0", "address", "02:aa:00:00:00:02");
});

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
    if (reply) send(reply);
  };

  carryOut(effects: readonly NeighborEffect[]): void {
    this.effects.push(...effects);
    for (const effect of effects) if (effect.type === "send") send(effect.frame);
  }

  saw(type: NeighborEffect["type"]): boolean {
    return this.effects.some((effect) => effect.type === type);
  }
}

test("Linux and the neighbor cache resolve each other, and Linux gets its ping answered (RFC 4861 §7.2)", async () => {
  await ip("link", "set", "t0", "up");
  const uplink = new Uplink();
  uplink.start();
  await until("address of our own", (frame) => {
    uplink.turn(frame);
    return uplink.saw("preferred");
  });
  // Linux detects duplicates too, for about a second, and answers only then: senders go on trying.
  await until("answer to our solicitation", (frame) => {
    uplink.turn(frame);
    uplink.carryOut(uplink.cache.handle({ type: "resolve", port: PORT, address: LINUX }, performance.now()));
    return uplink.cache.entries()[0]?.state === "REACHABLE";
  });
  expect(uplink.cache.entries()[0]).toMatchObject({ mac: LINUX_MAC, isRouter: false });
  await ip("-6", "neigh", "flush", "dev", "t0"); // so that it has to ask for us
  let answered: boolean | undefined;
  void ping(`${formatIpv6(OURS)}%t0`).then((result) => {
    answered = result;
  });
  await until("end of ping", (frame) => {
    uplink.turn(frame);
    return answered !== undefined;
  });
  expect(answered).toBe(true);
  const neighbors = await ip("-6", "neigh", "show", "dev", "t0");
  expect(neighbors).toContain(`${formatIpv6(OURS)} lladdr 02:aa:00:00:00:01 router`);
});

test("an address that Linux has already is found to be a duplicate (RFC 4862 §5.4.4)", async () => {
  await ip("-6", "addr", "add", `${formatIpv6(OURS)}/64`, "dev", "t0", "nodad");
  await ip("link", "set", "t0", "up");
  const uplink = new Uplink();
  await until("Linux's own traffic", (frame) => frame !== undefined);
  uplink.start();
  await until("duplicate", (frame) => {
    uplink.turn(frame);
    return uplink.saw("duplicate") || uplink.saw("preferred");
  });
  expect(uplink.effects.find((e) => e.type === "duplicate")).toMatchObject({ mac: LINUX_MAC, disabled: true });
});

test("a host with a /32 address reaches every address through proxy ARP, and pings its gateway (RFC 1027)", async () => {
  await ip("addr", "add", "10.0.0.2/32", "dev", "t0");
  await ip("link", "set", "t0", "up");
  await ip("route", "add", "default", "dev", "t0");
  const core = new VmArp();
  const carryOut = (effects: readonly ArpEffect[]) => {
    for (const effect of effects) if (effect.type === "send") send(effect.frame);
  };
  const [address, gateway] = [parseIpv4("10.0.0.2")!, parseIpv4("10.0.0.1")!];
  carryOut(core.handle({ type: "attach", port: PORT, address, gateway, gatewayMac: OUR_MAC }, performance.now()));
  const turn = (frame?: Uint8Array) => {
    const isArp = frame && ethernet.etherType(frame, 0) === ethernet.ETHERTYPE_ARP;
    if (!frame) carryOut(core.handle({ type: "timer" }, performance.now()));
    else if (isArp) carryOut(core.handle({ type: "frame", port: PORT, frame }, performance.now()));
    else {
      const reply = echoReply4(frame);
      if (reply) send(reply);
    }
  };
  await until("answer to our ARP request", (frame) => {
    turn(frame);
    return core.macOf(PORT) !== undefined;
  });
  expect(core.macOf(PORT)).toEqual(LINUX_MAC);
  for (const target of [gateway, parseIpv4("192.0.2.9")!]) {
    let answered: boolean | undefined;
    void ping(formatIpv4(target)).then((result) => {
      answered = result;
    });
    await until("end of ping", (frame) => {
      turn(frame);
      return answered !== undefined;
    });
    expect(answered).toBe(true);
  }
  expect(core.counters).toMatchObject({ malformed: 0, spoofedMac: 0, spoofedAddress: 0 });
});
