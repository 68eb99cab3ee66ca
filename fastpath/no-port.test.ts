/** Frames that have come by no port, as the router's own rehearsal injects them (INJECT_REHEARSE). */
import { expect, test } from "bun:test";
import { parseIpv6, parseMac } from "#base/address";
import { NO_PORT, portCounters } from "#fastpath/counters";
import { build6, framed } from "#fastpath/testing/packet";
import { SmallRouter } from "#fastpath/testing/small-router";
import { ENDINGS, PUNT_LOCAL } from "#fastpath/verdicts";
import { PROTOCOL_OSPF } from "#wire/protocol";

test("for a group that this router is in they are handed to control, and no port that is counts them", () => {
  const router = new SmallRouter();
  const packet = build6({
    ...{ source: parseIpv6("fe80::1")!, destination: parseIpv6("ff02::1")!, hopLimit: 1 },
    upper: { kind: "raw", protocol: PROTOCOL_OSPF, data: new Uint8Array(44) },
  });
  const frame = framed(packet, parseMac("33:33:00:00:00:01")!, parseMac("02:41:49:4e:ff:00")!);
  expect(router.offer(NO_PORT, frame)).toEqual([]);
  expect(router.punted).toEqual([{ verdict: PUNT_LOCAL, octets: frame }]);
  expect(router.endings(NO_PORT)).toEqual({ [ENDINGS[PUNT_LOCAL]!.name]: 1 });
  const ofOthers = router.counters.subarray(portCounters(0), portCounters(NO_PORT));
  expect(ofOthers.every((count) => count === 0)).toBeTrue();
});
