/**
 * A VM that has moved gets, octet for octet, what it would get at home: whatever VM a sends goes through two routers natively,
 * and through two others in a tunnel whose path takes as much more as the tunnel needs.
 */
import { describe as suite, test } from "bun:test";
import { GSO_NONE, GSO_UDP_L4 } from "#fastpath/frame";
import { TUNNEL_HEADERS } from "#fastpath/tables/tunnels";
import { type Choices, chance, fromSeed, fromTape, pick, shrink } from "#fastpath/testing/choices";
import { describe } from "#fastpath/testing/describe";
import { generate4 } from "#fastpath/testing/generate";
import { generateOffloaded } from "#fastpath/testing/generate-offload";
import { framed } from "#fastpath/testing/packet";
import {
  BLUE,
  GATEWAY_MAC,
  MAG,
  type Offload,
  REMOTE_IPV4,
  REMOTE_VM,
  type Sent,
  SmallRouter,
  VM_A,
} from "#fastpath/testing/small-router";
import { native } from "#fastpath/testing/tunnel-packets";
import { masked } from "./masked";
import { same } from "./oracle/octets";
import { finished, segments } from "./oracle/segment";
import { HOSTS } from "./small-world";

const SEED = Number(process.env.SEED ?? Date.now() >>> 0);
const RUNS = Number(process.env.RUNS ?? 700);
const FABRIC_MTU = 1500;
const hosts = { ...HOSTS, peers: HOSTS.peers.slice(0, 1) };

interface Drawn {
  readonly packet: Uint8Array;
  readonly offload: Offload;
}

function draw(c: Choices): Drawn {
  const wish = { hosts, mtu: FABRIC_MTU - 20, broken: pick(c, [0, 0, 5]) };
  return chance(c, 50) ? generateOffloaded(c, wish, false) : { packet: generate4(c, wish), offload: {} };
}

interface Settings {
  readonly cacheEntries: number;
  readonly offload: boolean;
}

/** Where VM a is, and where the remote VM is. */
class Journey {
  readonly #sender: SmallRouter;
  readonly #receiver: SmallRouter;

  constructor({ cacheEntries, offload }: Settings, isTunnel: boolean) {
    const common = {
      cacheEntries,
      offload,
      uplinkMtu: FABRIC_MTU + (isTunnel ? TUNNEL_HEADERS : 0),
      vmMtu: FABRIC_MTU,
    };
    this.#sender = new SmallRouter(common);
    this.#receiver = new SmallRouter({ ...common, guest: REMOTE_VM, address: MAG });
    if (isTunnel) this.#sender.bind(BLUE, REMOTE_IPV4);
  }

  /** What is delivered to the remote VM, and what VM a is told. */
  take({ packet, offload }: Drawn): { readonly delivered: Sent[]; readonly told: Sent[] } {
    this.#sender.engine.tick(); // errors are limited in number
    const sent = this.#sender.offer(1, framed(packet, GATEWAY_MAC, VM_A.mac), offload);
    const passed = sent.filter(({ port }) => port === 0);
    const delivered = this.#receiver
      .offerBurst(
        0,
        passed.map(({ octets, ...offload }) => ({ octets: native(octets.slice(14)), offload })),
      )
      .filter(({ port }) => port === REMOTE_VM.port);
    return { delivered, told: sent.filter(({ port }) => port === 1) };
  }
}

/** The finished packets that were delivered. DF and identification follow a super-packet's size (decisions.md). */
const meant = ({ octets, gsoType, gsoSize, partial }: Sent, isSuper: boolean): string[] => {
  const packet = octets.slice(14);
  const all = gsoType !== GSO_NONE ? segments(packet, gsoSize) : [partial ? finished(packet) : packet];
  return all.map((each) => {
    const copy = masked(each, true); // identifications are counted by router
    if (isSuper) copy[6]! &= ~0x40;
    return `${octets.subarray(0, 14).toHex()} ${copy.toHex()}`;
  });
};

const tcpHeader = (packet: Uint8Array): number => (packet[20 + 12]! >> 4) << 2;

function disagreement(plain: Journey, tunnel: Journey, drawn: Drawn): string | undefined {
  const { gsoType = GSO_NONE, gsoSize = 0 } = drawn.offload;
  const isSuper = gsoType !== GSO_NONE;
  if (!same(drawn.packet.slice(16, 20), REMOTE_IPV4)) return undefined; // another's link is another's affair
  // Segments that are too big are refused or cut to fragments natively; in a tunnel they are made smaller.
  if (isSuper && gsoType !== GSO_UDP_L4 && 40 + tcpHeader(drawn.packet) + gsoSize > FABRIC_MTU) return undefined;
  const [wanted, got] = [plain.take(drawn), tunnel.take(drawn)];
  const texts = [wanted, got].map(({ delivered, told }) => [
    ...delivered.flatMap((each) => meant(each, isSuper)),
    ...told.flatMap((each) => meant(each, false)),
  ]);
  if (texts[0]!.join("\n") === texts[1]!.join("\n")) return undefined;
  return [
    describe(drawn.packet),
    JSON.stringify(drawn.offload),
    ...texts.flatMap((each, i) => [
      i === 0 ? "  natively:" : "  in a tunnel:",
      ...each.map((text) => `    ${describe(Buffer.from(text.split(" ")[1]!, "hex"))}`),
    ]),
  ].join("\n");
}

const journeys = (settings: Settings): [Journey, Journey] => [
  new Journey(settings, false),
  new Journey(settings, true),
];

suite("out of a tunnel comes what would have come natively", () => {
  for (const cacheEntries of [0, 256]) {
    for (const offload of [true, false]) {
      const cache = cacheEntries === 0 ? "without" : "with";
      test(`ports that ${offload ? "can" : "cannot"} finish packets, ${cache} a flow cache`, () => {
        const both = journeys({ cacheEntries, offload });
        for (let i = 0; i < RUNS; i++) {
          const c = fromSeed(SEED + i);
          const difference = disagreement(...both, draw(c));
          if (difference === undefined) continue;
          const fails = (tape: readonly number[]): string | undefined =>
            disagreement(...journeys({ cacheEntries, offload }), draw(fromTape(tape)));
          const least = fails(c.tape) === undefined ? difference : fails(shrink(c.tape, (t) => fails(t) !== undefined));
          throw new Error(`SEED=${SEED + i}\n${least}`);
        }
      });
    }
  }
});
