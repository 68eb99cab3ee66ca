/** What `ain why` says of a packet, as what has to arrive where and which counters have to go up: all of it, hop by hop. */
import { fromHex } from "#base/bytes";
import { type FabricView, type KnownRouter, uplinkWith } from "#cli/why/fabric-view";
import { type Walk, walk } from "#cli/why/walk";
import type { SentView, WhyAnswer, WhyQuestion } from "#router/why/views";
import { type Arrival, isCounted, serialOf } from "./observation";
import { ENDS } from "./world";

/** A frame that goes on at another router, of which the packet's own prediction says nothing: later pieces, ICMP errors. */
interface Loose {
  readonly sent: SentView;
  readonly isError: boolean;
}

export interface Prediction {
  readonly walk: Walk;
  readonly arrivals: Arrival[];
  /** By `<router> <port> <ending>`. */
  readonly counts: Map<string, number>;
  readonly loose: Loose[];
}

export const answersOf = ({ hops }: Walk): readonly WhyAnswer[] =>
  hops.flatMap((hop) => (hop.kind === "router" ? [hop.answer] : []));

/** Asks as `ain why` does, with a frame or with words. */
export async function predict(view: FabricView, from: KnownRouter, question: WhyQuestion): Promise<Prediction> {
  const walked = await walk(view, from, question).catch((error: unknown) => {
    throw new Error(`${from.name} cannot say: ${error}: ${JSON.stringify(question)}`);
  });
  const prediction: Prediction = { walk: walked, arrivals: [], counts: new Map(), loose: [] };
  take(prediction, walked);
  return prediction;
}

/**
 * What is to be added for what the packet has become beside the one frame that was followed. To be asked when that one has
 * passed: a piece goes the way of its first one, and an error passes by the connection that the packet has begun.
 */
export async function predictLoose(view: FabricView, prediction: Prediction): Promise<void> {
  for (let each = prediction.loose.shift(); each !== undefined; each = prediction.loose.shift()) {
    const { sent } = each;
    const next = uplinkWith(view, sent.mac);
    if (next === undefined) throw new Error(`nobody has the MAC address ${sent.mac} that a frame is to be sent to`);
    take(prediction, await walk(view, next.router, { port: next.port.name, frame: sent.packet.octets }));
  }
}

function take({ arrivals, counts, loose }: Prediction, walked: Walk): void {
  for (const { router, port, ending, sent, errors } of answersOf(walked)) {
    if (isCounted(port, ending.name)) {
      const name = `${router} ${port} ${ending.name}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    for (const [i, each] of [...sent, ...errors].entries()) {
      if (each.kind === "service") continue; // the router's own namespace, where nobody looks
      const at = ENDS.get(`${router} ${each.port}`);
      if (at === undefined) throw new Error(`${router} has no port ${each.port} here`);
      const frame = fromHex(each.packet.octets)!;
      if (serialOf(frame) !== undefined) arrivals.push({ at, frame }); // a last piece may be too short to tell whose it is
      const isFollowed = i === 0 && sent.length > 0 && ending.fate === "forwarded";
      if (!isFollowed && each.kind === "uplink") loose.push({ sent: each, isError: i >= sent.length });
    }
  }
}

/** True when a router on the way asks the packet's home where it is: what it does with the next packet may differ. */
export const asksHome = ({ walk: { hops } }: Prediction): boolean =>
  answersOf({ hops } as Walk).some(({ stages }) => stages.some(({ facts }) => facts.asksHome === true));

/** True when its port at a NAT is one that no prediction knows. */
export const isNatted = ({ walk: walked }: Prediction): boolean =>
  answersOf(walked).some(({ stages }) => stages.some(({ stage, facts }) => stage === "mapOut" && facts.nat === true));
