import { describe, expect, test } from "bun:test";
import { linkLocalFromMac, parseIpv6, parseMac } from "#base/address";
import type { BfdChange, BfdNeighbor, BfdSession, BfdTimers } from "#router/bfd/bfd-session";
import { type BfdSessions, BfdWatch } from "#router/ospf/bfd-watch";
import type { PortState } from "#router/ports";
import { SysError } from "#sys/errno";

const MAC = parseMac("02:00:00:00:00:01")!;
const [NEAR, FAR] = [parseMac("02:00:00:00:00:02")!, parseMac("02:00:00:00:00:03")!];
const PEER = parseIpv6("fe80::2")!;
const port = (index: number, name: string): PortState => ({
  index,
  name,
  kind: "uplink",
  interface: name,
  attachment: "packet",
  trouble: undefined,
  mac: MAC,
  mtu: 1500,
  interfaceIndex: index + 10,
  descriptors: [],
});
const UP1 = port(1, "up1");

/** Writes down what it is told. */
class FakeSessions implements BfdSessions {
  readonly calls: string[] = [];
  tell: (change: BfdChange) => void = () => {};
  broken = false;

  add({ port: index, desiredMinTx, multiplier, local, remoteMac }: BfdSession): void {
    if (this.broken) throw new SysError("socket", 19, "up1");
    expect(local).toEqual(linkLocalFromMac(MAC));
    this.calls.push(`add ${index} ${desiredMinTx}x${multiplier} ${remoteMac.at(-1)}`);
  }

  remove({ port: index }: BfdNeighbor): void {
    this.calls.push(`remove ${index}`);
  }

  change({ port: index }: BfdNeighbor, { requiredMinRx, multiplier }: BfdTimers): void {
    this.calls.push(`change ${index} ${requiredMinRx}x${multiplier}`);
  }

  setMac({ port: index }: BfdNeighbor, remoteMac: Uint8Array): void {
    this.calls.push(`mac ${index} ${remoteMac.at(-1)}`);
  }

  onState(listener: (change: BfdChange) => void): void {
    this.tell = listener;
  }
}

function bench() {
  const sessions = new FakeSessions();
  const { promise, resolve } = Promise.withResolvers<BfdSessions | undefined>();
  const seen = { starts: 0, changes: [] as string[], warnings: [] as string[] };
  const watch = new BfdWatch({
    start: () => {
      seen.starts++;
      return promise;
    },
    changed: (uplink, { up }) => seen.changes.push(`${uplink} ${up ? "up" : "down"}`),
    warn: (text) => seen.warnings.push(text),
  });
  watch.configure(new Map([["up1", { interval: 100, multiplier: 3 }]]));
  const start = async (): Promise<void> => {
    resolve(sessions);
    await promise;
  };
  return { sessions, seen, watch, start };
}

describe("neighbors to be watched", () => {
  test("have their sessions once the thread runs, which is started once, for the first of them", async () => {
    const { sessions, seen, watch, start } = bench();
    expect(seen.starts).toBe(0);
    watch.watch(UP1, PEER, NEAR);
    watch.watch(UP1, PEER, NEAR);
    watch.watch(UP1, parseIpv6("fe80::9")!, FAR);
    watch.unwatch(UP1, parseIpv6("fe80::9")!);
    expect([seen.starts, sessions.calls]).toEqual([1, []]);
    await start();
    expect(sessions.calls).toEqual(["add 1 100x3 2"]);
    watch.unwatch(UP1, PEER);
    watch.unwatch(UP1, PEER);
    expect(sessions.calls.slice(1)).toEqual(["remove 1"]);
  });

  test("are followed to another MAC address, and by new timers", async () => {
    const { sessions, watch, start } = bench();
    watch.watch(UP1, PEER, NEAR);
    await start();
    watch.heard(UP1, PEER, NEAR);
    watch.heard(UP1, PEER, FAR);
    watch.heard(UP1, parseIpv6("fe80::9")!, FAR);
    const settings = new Map([["up1", { interval: 50, multiplier: 5 }]]);
    watch.configure(settings);
    watch.configure(settings);
    expect(sessions.calls.slice(1)).toEqual(["mac 1 3", "change 1 50x5"]);
  });

  test("are told of by the uplink's name, as long as they are watched", async () => {
    const { sessions, seen, watch, start } = bench();
    watch.watch(UP1, PEER, NEAR);
    await start();
    const change = { port: 1, remote: PEER, up: true, reason: "", administrative: false };
    sessions.tell(change);
    sessions.tell({ ...change, up: false });
    sessions.tell({ ...change, port: 2 });
    watch.closed(UP1);
    sessions.tell(change);
    expect(seen.changes).toEqual(["up1 up", "up1 down"]);
    expect(sessions.calls.at(-1)).toBe("remove 1");
  });

  test("on an interface that goes away just then go unwatched, with a word in the log", async () => {
    const { sessions, seen, watch, start } = bench();
    sessions.broken = true;
    watch.watch(UP1, PEER, NEAR);
    await start();
    expect(seen.warnings).toHaveLength(1);
    watch.unwatchAll();
    expect(sessions.calls).toEqual([]);
  });
});
