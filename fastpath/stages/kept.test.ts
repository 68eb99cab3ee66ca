/** Frames that control kept for a VM while it was held, and that go on now: the one exception to "never back". */
import { expect, test } from "bun:test";
import { Frame, HEADROOM } from "#fastpath/frame";
import { udp } from "#fastpath/testing/ipv6-vms";
import { build6 } from "#fastpath/testing/packet";
import { BLUE, MAG, REMOTE, REMOTE_IPV4, SmallRouter } from "#fastpath/testing/small-router";
import { only, PEER, part, tunnelFrame } from "#fastpath/testing/tunnel-packets";

/** As control injects it. */
function offerKept(r: SmallRouter, octets: Uint8Array) {
  const f = new Frame();
  f.at = HEADROOM + 2;
  r.bytes.set(octets, f.at);
  f.end = f.at + octets.length;
  f.port = 0;
  f.wasKept = true;
  const before = r.sent.length;
  r.engine.receive(f);
  r.engine.scratch.reset();
  return r.sent.slice(before);
}

test.each([1024, 0])(
  "what came in a tunnel from the VM's new host goes back there once; what follows it does not (cache: %d)",
  (cacheEntries) => {
    const r = new SmallRouter({ cacheEntries });
    const frame = tunnelFrame(build6({ source: PEER, destination: REMOTE, upper: udp(), hopLimit: 20 }), {
      key: BLUE,
      source: MAG,
    });
    r.bind(BLUE, REMOTE_IPV4, MAG);
    for (let i = 0; i < 2; i++) {
      expect(part(only(offerKept(r, frame)), 38, 54)).toEqual(MAG);
      expect(r.offer(0, frame)).toEqual([]);
    }
    expect(r.endings(0)).toMatchObject({ "tunnel-loop": 2, transit: 2 });
  },
);
