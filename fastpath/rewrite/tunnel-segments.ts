/**
 * Cuts a super-packet that goes into a tunnel: no virtio_net_hdr can describe that to the kernel. Every segment is written
 * once, outer headers and all; its payload is copied and not looked at again where the port takes partial checksums.
 */
import { put16, put32, u32 } from "#base/bytes";
import { finish, fold, sum } from "#base/checksum";
import { type Frame, GSO_NONE } from "#fastpath/frame";
import { wrap } from "#fastpath/rewrite/tunnel";
import type { Scratch } from "#fastpath/scratch";
import type { Tables } from "#fastpath/tables/tables";
import { TUNNEL_HEADERS } from "#fastpath/tables/tunnels";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "#wire/protocol";

const FIN_PSH = 0x09;
const CWR = 0x80;
const IPV6_HEADER = 40;
const GRE_HEADER = 8;
const ETHERNET = 14;

export class TunnelSegments {
  readonly #tables: Tables;
  readonly #scratch: Scratch;
  /** Sum of the inner pseudo-header without its length. */
  #pseudo = 0;
  #flags = 0;
  #sequence = 0;

  constructor(tables: Tables, scratch: Scratch) {
    this.#tables = tables;
    this.#scratch = scratch;
  }

  /** Wraps the super-packet's headers, of which every segment gets a copy. The Ethernet header is the caller's. */
  begin(f: Frame): void {
    wrap(f, this.#tables);
    this.#look(f);
  }

  /** Likewise of one that is in a tunnel, and that `unwrap` let pass; the frame describes the packet in it from now on. */
  resume(f: Frame): void {
    f.l3 += TUNNEL_HEADERS;
    f.l4 = f.l3 + IPV6_HEADER;
    f.protocol = this.#tables.bytes[f.l3 + 6]!;
    this.#look(f);
  }

  #look(f: Frame): void {
    const { bytes: b } = this.#tables;
    this.#pseudo = sum(b, f.l3 + 8, 32) + f.protocol;
    this.#flags = b[f.l4 + 13]!;
    this.#sequence = u32(b, f.l4 + 4);
  }

  /**
   * Writes the segment whose payload starts at `done` to scratch memory and describes it in `out`. `isPartial`: its checksum is
   * the port's to finish.
   */
  cut(f: Frame, out: Frame, done: number, isPartial: boolean): void {
    const { bytes: b, words } = this.#tables;
    const headers = f.headerLength;
    const payload = f.at + headers;
    const left = f.end - payload - done;
    const length = Math.min(f.gsoSize, left);
    const at = this.#scratch.take(headers + length);
    // Both frames begin 2 octets before a whole word, and headers end with one.
    copyWords(words, (at - 2) >> 2, (f.at - 2) >> 2, (headers + 2) >> 2);
    b.copyWithin(at + headers, payload + done, payload + done + length);
    const end = at + headers + length;
    const inner = at + f.l3 - f.at;
    const l4 = at + f.l4 - f.at;
    put16(b, at + ETHERNET + 4, end - inner + GRE_HEADER);
    put16(b, inner + 4, end - inner - IPV6_HEADER);
    this.#fixTransport(f, l4, end, { done, isLast: length === left, isPartial });
    out.at = at;
    out.end = end;
    out.port = f.port;
    out.partial = isPartial;
    out.csumStart = f.csumStart;
    out.csumOffset = f.csumOffset;
    out.gsoType = GSO_NONE;
  }

  #fixTransport(
    f: Frame,
    l4: number,
    end: number,
    { done, isLast, isPartial }: { readonly done: number; readonly isLast: boolean; readonly isPartial: boolean },
  ): void {
    const { bytes: b } = this.#tables;
    if (f.protocol === PROTOCOL_TCP) {
      put32(b, l4 + 4, (this.#sequence + done) >>> 0);
      let flags = this.#flags;
      if (!isLast) flags &= ~FIN_PSH;
      if (done > 0) flags &= ~CWR;
      b[l4 + 13] = flags;
    } else {
      put16(b, l4 + 4, end - l4);
    }
    const field = l4 + f.csumOffset;
    const pseudo = fold(this.#pseudo + end - l4);
    put16(b, field, pseudo);
    if (isPartial) return;
    const checksum = finish(sum(b, l4, end - l4));
    put16(b, field, checksum === 0 && f.protocol === PROTOCOL_UDP ? 0xffff : checksum);
  }
}

function copyWords(words: Int32Array, to: number, from: number, count: number): void {
  for (let i = 0; i < count; i++) words[to + i] = words[from + i]!;
}
