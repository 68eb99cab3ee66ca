/** BFD with other people's: FRR's bfdd and BIRD, in namespaces. Needs root. */
import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatIpv6 } from "#base/address";
import type { BfdChange } from "#router/bfd/bfd-session";
import { BfdThread } from "#router/bfd/bfd-thread";
import { Bench, eventually, INTERFACE, ITS, ITS_MAC, OUR_MAC, OURS } from "#router/bfd/testing/bench";
import { Bird, Frr, type Peer } from "#router/bfd/testing/peer";
import { Log } from "#router/log";

setDefaultTimeout(60_000);

const NEIGHBOR = { port: 1, remote: ITS };
const TIMERS = { desiredMinTx: 100, requiredMinRx: 100, multiplier: 3 };
const ITS_TIMERS = { transmit: 100, receive: 100, multiplier: 3 };

const peers: readonly (readonly [string, (bench: Bench) => Peer])[] = [
  ["FRR's bfdd", (bench) => new Frr(bench)],
  ["BIRD", (bench) => new Bird(bench)],
];

describe.each(peers)("with %s", (_, make) => {
  const bench = new Bench();
  const folder = mkdtempSync(join(tmpdir(), "ain-bfd-"));
  const changes: BfdChange[] = [];
  let peer: Peer;
  let thread: BfdThread;

  const ours = async () => (await thread.sessions())[0];
  const untilOurs = (what: string, isIt: (view: Awaited<ReturnType<typeof ours>>) => boolean) =>
    eventually(what, ours, isIt, 20);
  const untilItsState = (...states: readonly string[]) =>
    eventually(
      `state ${states.join(" or ")} there`,
      () => peer.session()?.state ?? "none",
      (state) => states.includes(state),
      20,
    );
  const untilUp = () => Promise.all([untilOurs("session", (view) => view?.state === "Up"), untilItsState("up")]);

  beforeAll(async () => {
    bench.up();
    peer = make(bench);
    await peer.start(ITS_TIMERS);
    thread = await BfdThread.start(new Log("error"), { namespace: bench.ours });
    thread.onState((change) => changes.push(change));
    const macs = { localMac: OUR_MAC, remoteMac: ITS_MAC };
    thread.add({ ...NEIGHBOR, interface: INTERFACE, ...macs, local: OURS, ...TIMERS });
  });

  afterAll(async () => {
    await thread?.stop();
    await peer?.stop();
    bench.down();
    rmSync(folder, { recursive: true, force: true });
  });

  beforeEach(async () => {
    await untilUp();
    changes.length = 0;
  });

  test("the session is Up on both sides, 100 ms × 3 negotiated (RFC 5880 §6.8.2)", async () => {
    const view = await untilOurs("negotiated timers", (seen) => seen?.transmitInterval === 100 && !seen.polling);
    expect(view).toMatchObject({ remoteState: "Up", detectionTime: 300, multiplier: 3, remoteMultiplier: 3 });
    await eventually(
      "negotiated timers there",
      () => peer.session(),
      (seen) => seen?.timeout === 300,
    );
    expect(peer.session()).toEqual({ state: "up", interval: 100, timeout: 300 });
    expect((await thread.status()).refused).toEqual({});
  });

  test("a link cut in silence is noticed on both sides, and they find each other again (§6.8.4)", async () => {
    bench.join(false);
    await Promise.all([untilOurs("silence", (view) => view?.state === "Down"), untilItsState("down")]);
    expect(changes).toMatchObject([{ up: false, reason: "control detection time expired", administrative: false }]);
    bench.join(true);
    await untilUp();
  });

  test("our operator's will is understood there, as theirs is here (§6.8.16)", async () => {
    thread.setAdminDown(NEIGHBOR, true);
    await untilItsState("down");
    thread.setAdminDown(NEIGHBOR, false);
    await untilUp();
    changes.length = 0;
    peer.setAdminDown(true);
    await untilOurs("end", (view) => view?.state === "Down");
    const reason = peer.saysAdminDown ? "neighbor signaled session down" : "control detection time expired";
    expect(changes).toMatchObject([{ up: false, reason, administrative: peer.saysAdminDown }]);
    peer.setAdminDown(false);
    await untilUp();
  });

  test("timers that we change are acknowledged by a Poll Sequence, without a flap (§6.8.3)", async () => {
    thread.change(NEIGHBOR, { desiredMinTx: 300, requiredMinRx: 200, multiplier: 4 });
    await untilOurs("end of polling", (seen) => seen?.transmitInterval === 300 && !seen.polling);
    await eventually(
      "our timers there",
      () => peer.session(),
      (seen) => seen?.timeout === 1200 && seen.interval === 200,
    );
    expect((await ours())?.detectionTime).toBe(600);
    thread.change(NEIGHBOR, TIMERS);
    await untilOurs("end of polling", (seen) => seen?.transmitInterval === 100 && !seen.polling);
    await eventually(
      "our timers there",
      () => peer.session(),
      (seen) => seen?.timeout === 300 && seen.interval === 100,
    );
    expect(changes).toEqual([]);
  });

  test("timers that the neighbor changes are taken over, without a flap (§6.8.3)", async () => {
    peer.change({ transmit: 400, receive: 250, multiplier: 5 });
    await untilOurs("its timers", (seen) => seen?.detectionTime === 2000 && seen.transmitInterval === 250);
    peer.change(ITS_TIMERS);
    await untilOurs("its timers", (seen) => seen?.detectionTime === 300 && seen.transmitInterval === 100);
    await Bun.sleep(1000); // several Detection Times
    expect(changes).toEqual([]);
    expect(peer.session()?.state).toBe("up");
  });

  test("what we send is dissected by tshark without complaint (RFC 5880 §4.1, RFC 5881 §4, §5)", async () => {
    const file = join(folder, "sent.pcap");
    const capture = spawn(
      "ip",
      [
        "netns",
        "exec",
        bench.its,
        "tcpdump",
        "-i",
        INTERFACE,
        "-U",
        "-w",
        file,
        "-c",
        "20",
        "ip6",
        "src",
        formatIpv6(OURS),
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    await new Promise((resolve) => capture.stderr.once("data", resolve)); // "listening on …"
    thread.change(NEIGHBOR, { ...TIMERS, multiplier: 5, requiredMinRx: 90 }); // a Poll Sequence among them
    thread.change(NEIGHBOR, TIMERS);
    await new Promise((resolve) => capture.once("exit", resolve));
    const rows = dissect(file);
    expect(rows.length).toBe(20);
    for (const [checksum, hopLimit, port, version, state, length, expert, malformed] of rows)
      expect([checksum, hopLimit, port, version, state, length, expert, malformed]).toEqual([
        ...["1", "255", "3784", "1", "0x03", "24", "", ""],
      ]);
  });
});

/** Per packet: UDP checksum status (1: good), hop limit, port, BFD version, state, length, expert remarks, malformed. */
function dissect(file: string): string[][] {
  const fields = ["udp.checksum.status", "ipv6.hlim", "udp.dstport", "bfd.version", "bfd.sta", "bfd.message_length"];
  const words = [...fields, "_ws.expert.message", "_ws.malformed"].flatMap((field) => ["-e", field]);
  const result = spawnSync("tshark", ["-r", file, "-o", "udp.check_checksum:TRUE", "-T", "fields", ...words], {
    encoding: "utf8",
    timeout: 30_000,
  });
  if (result.status !== 0) throw new Error(`tshark: ${result.stderr}`);
  return result.stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split("\t"));
}
