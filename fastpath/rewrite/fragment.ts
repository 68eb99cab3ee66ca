/** Cuts an IPv4 packet with DF clear into fragments. RFC 791 §3.2, RFC 7915 §4.1, §5.1. */
import { copy, put16, u16 } from "#base/bytes";
import { finish, sum } from "#base/checksum";
import { type Frame, UNUSUAL_FRAGMENT, UNUSUAL_ZERO_CHECKSUM } from "#fastpath/frame";
import { completeChecksum, computeUdpChecksum } from "#fastpath/rewrite/transport";
import type { Scratch } from "#fastpath/scratch";
import type { Tables } from "#fastpath/tables/tables";
import { PROTOCOL_UDP } from "#wire/protocol";

const MORE = 0x2000;
const ETHERNET = 14;

/**
 * Prepares `f` for cutting: a checksum covers the whole datagram, so it must be there before. Fragments of a datagram
 * without UDP checksum cannot be translated, so that is computed first.
 */
export function prepareFragments(f: Frame, b: Uint8Array): void {
  completeChecksum(f, b);
  if ((f.unusual & UNUSUAL_ZERO_CHECKSUM) !== 0 && (f.unusual & UNUSUAL_FRAGMENT) === 0)
    computeUdpChecksum(f, b, sum(b, f.l3 + 12, 8) + PROTOCOL_UDP);
}

/** Payload octets of each fragment when packets may have `most` octets and the header takes `header`. ≥ 8, or 0. */
export const fragmentPayload = (most: number, header: number): number => Math.max(0, (most - header) & ~7);

/**
 * Writes the fragment that starts `done` payload octets into `f` to scratch memory and describes it in `out`; `chunk`
 * octets long, or what is left. The caller loops until `done` reaches the payload's end.
 */
export function cutFragment(f: Frame, t: Tables, scratch: Scratch, out: Frame, done: number, chunk: number): void {
  const b = t.bytes;
  const header = f.payload - f.l3;
  const left = f.end - f.payload - done;
  const length = Math.min(chunk, left);
  const at = scratch.take(ETHERNET + header + length);
  const l3 = at + ETHERNET;
  copy(b, at, b, f.at, ETHERNET + header);
  b.copyWithin(l3 + header, f.payload + done, f.payload + done + length);
  if (done > 0 || (f.fragment & 0x1fff) !== 0) dropUncopiedOptions(b, l3, header);
  const more = length < left ? MORE : f.fragment & MORE;
  const offset = (f.fragment & 0x1fff) + (done >> 3);
  put16(b, l3 + 2, header + length);
  put16(b, l3 + 6, more | offset);
  put16(b, l3 + 10, 0);
  put16(b, l3 + 10, finish(sum(b, l3, header)));
  describe(f, out, at, header, length);
  out.fragment = u16(b, l3 + 6);
  out.l4 = offset === 0 ? out.payload : 0;
}

/** An option without the copied flag stays in the first fragment only; here it becomes no-operation. RFC 791 §3.1. */
function dropUncopiedOptions(b: Uint8Array, l3: number, header: number): void {
  for (let at = l3 + 20; at < l3 + header && b[at] !== 0; ) {
    const length = b[at] === 1 ? 1 : b[at + 1]!;
    if ((b[at]! & 0x80) === 0) b.fill(1, at, at + length);
    at += length;
  }
}

function describe(f: Frame, out: Frame, at: number, header: number, length: number): void {
  out.port = f.port;
  out.at = at;
  out.l3 = at + ETHERNET;
  out.payload = out.l3 + header;
  out.end = out.payload + length;
  out.partial = false;
  out.gsoType = 0;
  out.kind = f.kind;
  out.protocol = f.protocol;
  out.ipLength = header + length;
  out.ports = f.ports;
  out.unusual = f.unusual | UNUSUAL_FRAGMENT;
  out.fragmentHeader = 0;
  out.trafficClass = f.trafficClass;
  out.hopLimit = f.hopLimit;
  out.identification = f.identification;
  out.flowHash = f.flowHash;
  out.place = f.place;
  out.tunnelKey = f.tunnelKey;
  out.tunnelFlow = f.tunnelFlow;
}
