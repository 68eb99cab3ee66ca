/**
 * Partial checksums and super-packets (virtio 1.2 §5.1.6.2): whatever a router passes on unfinished must mean the same
 * packets as when everything is finished first and each packet translated alone.
 */
import { expect, describe as suite, test } from "bun:test";
import { GSO_NONE } from "#fastpath/frame";
import { type Choices, fromSeed, fromTape, pick, shrink } from "#fastpath/testing/choices";
import { describe } from "#fastpath/testing/describe";
import { generateOffloaded, type Offloaded } from "#fastpath/testing/generate-offload";
import { type Sent, SmallRouter } from "#fastpath/testing/small-router";
import { type Direction, oracleSays, packetsOf, routerDoes } from "./against-router";
import { masked } from "./masked";
import { finished, segments } from "./oracle/segment";
import { HOSTS, type Mtus } from "./small-world";

const SEED = Number(process.env.SEED ?? Date.now() >>> 0);
const RUNS = Number(process.env.RUNS ?? 500);

const LINKS: readonly Mtus[] = [
  { fabricMtu: 1500, vmMtu: 1500 },
  { fabricMtu: 9000, vmMtu: 1500 },
  { fabricMtu: 1500, vmMtu: 9000 },
];

interface Drawn extends Offloaded {
  readonly mtus: Mtus;
  readonly direction: Direction;
}

function draw(c: Choices): Drawn {
  const mtus = pick(c, LINKS);
  const direction = pick(c, ["out", "in"] as const);
  const mtu = direction === "out" ? mtus.vmMtu : mtus.fabricMtu;
  return { ...generateOffloaded(c, { hosts: HOSTS, mtu, broken: 0 }, direction === "in"), mtus, direction };
}

/** The finished packets that an unfinished one stands for. */
const meant = (packet: Uint8Array, gsoType: number, gsoSize: number, partial: boolean): Uint8Array[] =>
  gsoType !== GSO_NONE ? segments(packet, gsoSize) : [partial ? finished(packet) : packet];

const meantBySent = ({ octets, gsoType, gsoSize, partial }: Sent): Uint8Array[] =>
  meant(octets.slice(14), gsoType, gsoSize, partial);

/** DF and identification follow the super-packet's size (decisions.md), which no segment knows. */
function comparable(packet: Uint8Array, direction: Direction): string {
  const copy = masked(packet, direction === "in");
  if (direction === "in") copy[6]! &= ~0x40;
  return Buffer.from(copy).toString("hex");
}

/** Type, code and MTU of an ICMP error; what it quotes is the unfinished packet. */
const gist = (p: Uint8Array): string =>
  Buffer.from(p.slice(...(p[0]! >> 4 === 4 ? [20, 28] : [40, 48]))).toString("hex");
const gistOf = (p: Uint8Array): string => gist(p).replace(/^(....)..../, "$1");

function disagreement({ packet, offload, mtus, direction }: Drawn, offloadingPorts: boolean): string | undefined {
  const router = new SmallRouter({
    uplinkMtu: mtus.fabricMtu,
    vmMtu: mtus.vmMtu,
    cacheEntries: 64,
    offload: offloadingPorts,
  });
  const { sent } = routerDoes(router, packet, direction, offload);
  const inputs = meant(packet, offload.gsoType, offload.gsoSize, offload.partial);
  const outcomes = inputs.map((input) => oracleSays(input, direction, mtus));
  const answered = outcomes.findIndex(({ kind }) => kind === "answered");
  let got = sent.flatMap(meantBySent).map((p) => comparable(p, direction));
  let wanted = outcomes.flatMap((o, i) => packetsOf(o, inputs[i]!, direction)).map((p) => comparable(p, direction));
  if (answered >= 0) {
    // One answer for all segments.
    wanted = packetsOf(outcomes[answered]!, inputs[answered]!, direction).map(gistOf);
    got = sent.map(({ octets }) => gistOf(octets.slice(14)));
  }
  if (!offloadingPorts && sent.some(({ partial, gsoType }) => partial || gsoType !== GSO_NONE))
    return "an unfinished packet left by a port that cannot finish it";
  if (got.length === wanted.length && got.every((p, i) => p === wanted[i])) return undefined;
  return [
    `${direction} ${JSON.stringify(mtus)} ${JSON.stringify(offload)} ${describe(packet)}`,
    `  oracle: ${wanted.length} packets, ${outcomes[0]!.kind}`,
    ...wanted.slice(0, 3).map((p) => `    ${describe(Buffer.from(p, "hex"))}`),
    `  router: ${got.length} packets`,
    ...got.slice(0, 3).map((p) => `    ${describe(Buffer.from(p, "hex"))}`),
  ].join("\n");
}

suite("unfinished packets mean the same before and after translation", () => {
  for (const offloadingPorts of [true, false]) {
    test(`when ports ${offloadingPorts ? "can" : "cannot"} finish them`, () => {
      for (let i = 0; i < RUNS; i++) {
        const c = fromSeed(SEED + i);
        if (disagreement(draw(c), offloadingPorts) === undefined) continue;
        const least = shrink(c.tape, (tape) => disagreement(draw(fromTape(tape)), offloadingPorts) !== undefined);
        throw new Error(`SEED=${SEED + i}\n${disagreement(draw(fromTape(least)), offloadingPorts)}`);
      }
    });
  }

  test("a TCP super-packet stays one, and only its description changes (virtio 1.2 §5.1.6.2)", () => {
    for (let i = 0; i < 100; i++) {
      const drawn = draw(fromSeed(SEED + i));
      const { offload, packet, mtus, direction } = drawn;
      if (packet.length > 40000 || offload.gsoType === GSO_NONE) continue;
      const router = new SmallRouter({ uplinkMtu: 60000, vmMtu: 60000 });
      const { sent } = routerDoes(router, packet, direction, offload);
      if (sent.length !== 1 || sent[0]!.gsoType === GSO_NONE) continue; // hop limit
      const grown = direction === "out" ? 20 : -20;
      expect([mtus, sent[0]!.gsoSize]).toEqual([mtus, offload.gsoSize]);
      expect(sent[0]!.csumStart).toBe(offload.csumStart + grown);
      expect(sent[0]!.csumOffset).toBe(offload.csumOffset);
      expect(sent[0]!.octets.length).toBe(14 + packet.length + grown);
      const type = offload.gsoType & 0x7f;
      const turned = { 1: 4, 4: 1, 5: 5 }[type];
      expect(sent[0]!.gsoType).toBe(turned! | (offload.gsoType & 0x80));
    }
  });
});
