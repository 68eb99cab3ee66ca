/** Records of frames by chance, as forwarders' rings would have them, and a router that they can be explained of. */
import { nextBelow, nextOctets, type Random } from "#base/random";
import { STAGES } from "#fastpath/pipeline";
import { ST_LENGTH, ST_PORTS, ST_STAGE, ST_VERDICT, ST_VM, STEP_WORDS } from "#fastpath/steps";
import { CONTINUE, ENDINGS } from "#fastpath/verdicts";
import type { WatchRecord } from "#fastpath/watch/watch-record";
import type { TraceHop } from "#router/watch/trace-messages";
import type { Known } from "#router/why/known";

/** Its ports are called as `generation` says. */
export const knownAs = (generation: number): Known =>
  ({
    fabric: { networks: [], homes: [], prefixes: [] },
    tables: { vms: new Int32Array(64), adjacencies: { port: () => 2 }, tunnels: undefined, connections: undefined },
    port: (index: number) => (index === 5 ? undefined : { name: `p${index}.${generation}`, kind: "uplink" }),
    ...{ rule: () => undefined, hopAddress: () => undefined, route: () => undefined, members: () => [] },
  }) as unknown as Known;

export const hopAs = (generation: number, port: number, mac: Uint8Array): TraceHop => ({
  ...{ port: `p${port}.${generation}`, kind: "vm", vm: null, nextHop: port % 2 === 0 ? "2001:db8::1" : null },
  mac: Buffer.from(mac).toString("hex"),
});

/** One of a few ways: frames of a flow go the same one. */
export function someWay(random: Random): Pick<WatchRecord, "steps" | "stepCount" | "from" | "ending"> {
  const flow = nextBelow(random, 6);
  const stepCount = 1 + (flow % 4);
  const steps = new Int32Array(stepCount * STEP_WORDS);
  for (let i = 0; i < stepCount; i++) {
    steps[i * STEP_WORDS + ST_STAGE] = (7 * flow + i) % STAGES.length;
    steps[i * STEP_WORDS + ST_VERDICT] = CONTINUE;
    steps[i * STEP_WORDS + ST_PORTS] = flow;
    steps[i * STEP_WORDS + ST_VM] = -1;
    steps[i * STEP_WORDS + ST_LENGTH] = 100 + flow;
  }
  return { steps, stepCount, from: flow, ending: 1 + ((11 * flow) % (ENDINGS.length - 1)) };
}

/** `steps` are there, as of a way that was not told before. */
export function someRecord(random: Random): WatchRecord {
  const frame = (): { length: number; octets: Uint8Array } => {
    const octets = nextOctets(random, 20 + nextBelow(random, 100));
    octets.set(nextBelow(random, 2) === 0 ? [0x08, 0x00, 0x45] : [0x86, 0xdd, 0x60], 12);
    return { length: octets.length + nextBelow(random, 2) * 1400, octets };
  };
  const sent = Array.from({ length: nextBelow(random, 4) }, () => {
    const each = frame();
    each.octets.set([2, 0, 0, 0, 0, nextBelow(random, 3)]);
    return { port: nextBelow(random, 3), ...each };
  });
  return {
    ...{ kind: 1, port: 0, way: 0, ...frame(), ...someWay(random), sent, sentCount: sent.length },
    sentOwn: nextBelow(random, sent.length + 2), // of those that are not kept, too
    ...{ nanos: nextBelow(random, 2 ** 32) * 1e5, flags: nextBelow(random, 2) },
  };
}
