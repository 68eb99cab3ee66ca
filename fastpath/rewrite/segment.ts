/**
 * Cuts a super-packet into segments with whole checksums, for ports that cannot (and for tunnels, which no
 * virtio_net_hdr can describe). TCP: RFC 9293; UDP: the same datagram boundaries the sender asked for (UDP_SEGMENT).
 */
import { copy, put16, put32, u16, u32 } from "#base/bytes";
import { finish, sum } from "#base/checksum";
import { type Frame, GSO_NONE, KIND_IPV4 } from "#fastpath/frame";
import { LEAST_SEGMENT, type Scratch } from "#fastpath/scratch";
import type { Tables } from "#fastpath/tables/tables";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "#wire/protocol";

const FIN_PSH = 0x09;
const CWR = 0x80;

/** True when `f` can be cut: segments of sane size. */
export const canSegment = (f: Frame): boolean =>
  f.gsoSize >= LEAST_SEGMENT || f.end - f.at - f.headerLength <= f.gsoSize;

/** Writes the segment whose payload starts at `done` to scratch memory and describes it in `out`. */
export function cutSegment(f: Frame, t: Tables, scratch: Scratch, out: Frame, done: number): void {
  const b = t.bytes;
  const headers = f.headerLength;
  const payload = f.at + headers;
  const left = f.end - payload - done;
  const length = Math.min(f.gsoSize, left);
  const at = scratch.take(headers + length);
  copy(b, at, b, f.at, headers);
  b.copyWithin(at + headers, payload + done, payload + done + length);
  const l3 = at + 14;
  const l4 = at + (f.l4 - f.at);
  fixNetwork(f, b, l3, headers - 14 + length, Math.floor(done / f.gsoSize));
  if (f.protocol === PROTOCOL_TCP) {
    put32(b, l4 + 4, (u32(b, l4 + 4) + done) >>> 0);
    let flags = b[l4 + 13]!;
    if (length < left) flags &= ~FIN_PSH;
    if (done > 0) flags &= ~CWR;
    b[l4 + 13] = flags;
  } else {
    put16(b, l4 + 4, at + headers + length - l4);
  }
  fixChecksum(f, b, l3, l4, at + headers + length);
  describe(f, out, at, at + headers + length);
}

/** IP length; IPv4 also identification (one more each segment) and header checksum. */
function fixNetwork(f: Frame, b: Uint8Array, l3: number, length: number, index: number): void {
  if (f.kind !== KIND_IPV4) {
    put16(b, l3 + 4, length - 40);
    return;
  }
  put16(b, l3 + 2, length);
  put16(b, l3 + 4, (u16(b, l3 + 4) + index) & 0xffff);
  put16(b, l3 + 10, 0);
  put16(b, l3 + 10, finish(sum(b, l3, (b[l3]! & 15) << 2)));
}

function fixChecksum(f: Frame, b: Uint8Array, l3: number, l4: number, end: number): void {
  const udp = f.protocol === PROTOCOL_UDP;
  const field = l4 + (udp ? 6 : 16);
  const addresses = f.kind === KIND_IPV4 ? sum(b, l3 + 12, 8) : sum(b, l3 + 8, 32);
  put16(b, field, 0);
  const checksum = finish(sum(b, l4, end - l4, addresses + f.protocol + end - l4));
  put16(b, field, udp && checksum === 0 ? 0xffff : checksum);
}

function describe(f: Frame, out: Frame, at: number, end: number): void {
  out.port = f.port;
  out.at = at;
  out.end = end;
  out.l3 = at + 14;
  out.l4 = at + (f.l4 - f.at);
  out.kind = f.kind;
  out.protocol = f.protocol;
  out.partial = false;
  out.gsoType = GSO_NONE;
}
