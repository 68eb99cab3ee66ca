/** A packet through one of rewrite/nat.ts's functions, the record written as a gateway's stages would. */

import {
  identifierPorts,
  limits,
  R_CHECKSUM_DELTA,
  R_DESTINATION,
  R_FLOW_WORD,
  R_LIMITS,
  R_NEW_PORTS_4,
  R_NEW_PORTS_6,
  R_QUOTED_DESTINATION,
  R_QUOTED_SOURCE,
  R_SOURCE,
} from "#fastpath/decision";
import { Frame, HEADROOM } from "#fastpath/frame";
import { natFourToSix, natSixToFour, natSixToSix } from "#fastpath/rewrite/nat";
import { checksumDelta } from "#fastpath/stages/checksum-delta";
import { classify } from "#fastpath/stages/classify";
import type { Tables } from "#fastpath/tables/tables";
import { together } from "#fastpath/testing/packet";
import { SmallRouter } from "#fastpath/testing/small-router";
import { CONTINUE, type Verdict } from "#fastpath/verdicts";

export type Way = "6→4" | "4→6" | "6→6";

/** What a gateway decides about a packet. Addresses: 4 octets where the result is IPv4, else 16. */
export interface NatDecision {
  readonly way: Way;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** Source and destination port, or the identifier of an ICMP query; of an error's quoted packet. Absent: as they are. */
  readonly ports?: readonly [number, number] | undefined;
  readonly identifier?: number | undefined;
  /** For an ICMP error: source and destination of the packet that it quotes. */
  readonly quoted?: readonly [Uint8Array, Uint8Array];
  readonly flowLabel?: number;
  readonly partial?: boolean;
}

const raw = (port: number): number => ((port & 0xff) << 8) | (port >>> 8);
const words = (octets: Uint8Array): Int32Array => new Int32Array(octets.slice().buffer);

export class NatRewriter {
  readonly #tables: Tables;
  readonly #bytes: Uint8Array;
  readonly frame = new Frame();

  constructor() {
    const router = new SmallRouter({ cacheEntries: 0 });
    this.#tables = router.engine.tables;
    this.#bytes = router.bytes;
  }

  /** The packet afterwards, or why it is refused; then it must be as it came. */
  rewrite(packet: Uint8Array, decision: NatDecision): Uint8Array | Verdict {
    const f = this.frame;
    const t = this.#tables;
    const before = this.#receive(packet, decision.partial ?? false);
    const verdict = classify(f, t);
    if (verdict !== CONTINUE) throw new Error(`not classified: ${verdict}`);
    this.#decide(decision);
    const change = { "6→4": natSixToFour, "4→6": natFourToSix, "6→6": natSixToSix }[decision.way];
    const result = change(f, t, 0);
    if (result === CONTINUE) return this.#bytes.slice(f.l3, f.end);
    const after = this.#bytes.slice(before, before + packet.length);
    if (!after.every((octet, i) => octet === packet[i])) throw new Error(`refused by ${result}, but changed`);
    return result;
  }

  #receive(packet: Uint8Array, partial: boolean): number {
    const f = this.frame;
    const type = packet[0]! >> 4 === 6 ? [0x86, 0xdd] : [0x08, 0x00];
    f.at = HEADROOM + 2;
    this.#bytes.set(together(new Uint8Array(12), Uint8Array.from(type), packet), f.at);
    f.end = f.at + 14 + packet.length;
    f.port = 0;
    f.partial = partial;
    f.gsoType = 0;
    const header = type[0] === 0x86 ? 40 : 20;
    f.csumStart = 14 + header;
    f.csumOffset = packet[header === 40 ? 6 : 9] === 6 ? 16 : 6;
    return f.at + 14;
  }

  #decide({ way, source, destination, ports, identifier, quoted, flowLabel = 0 }: NatDecision): void {
    const f = this.frame;
    const r = this.#tables.records;
    const four = way === "6→4";
    r.fill(0, 0, 32);
    r.set(words(source), R_SOURCE);
    r.set(words(destination), R_DESTINATION);
    const [old, count] = way === "4→6" ? [(f.l3 + 12) >> 2, 2] : [(f.l3 + 8) >> 2, 8];
    const next = Int32Array.from([...words(source), ...words(destination)]);
    r[R_CHECKSUM_DELTA] = checksumDelta(this.#tables.words, old, count, next, 0, next.length);
    r[R_LIMITS] = limits(1500, 65535);
    if (way === "4→6") r[R_FLOW_WORD] = words(Uint8Array.of(0x60, flowLabel >> 16, flowLabel >> 8, flowLabel))[0]!;
    if (four && quoted !== undefined) {
      r[R_QUOTED_SOURCE] = words(quoted[0])[0]!;
      r[R_QUOTED_DESTINATION] = words(quoted[1])[0]!;
    }
    if (!four && quoted !== undefined) this.#tables.quoted.set([...words(quoted[0]), ...words(quoted[1])]);
    const at = four ? R_NEW_PORTS_6 : R_NEW_PORTS_4;
    if (ports !== undefined) r[at] = raw(ports[0]) | (raw(ports[1]) << 16);
    if (identifier !== undefined) r[at] = identifierPorts(raw(identifier));
  }
}
