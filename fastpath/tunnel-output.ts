/**
 * Out of a port into a tunnel, or on in somebody else's: one packet, or a super-packet, whole where the port takes those in
 * tunnels and in segments where it does not.
 */
import { Frame, GSO_NONE } from "#fastpath/frame";
import { HOME_TUNNEL, tunnelOf } from "#fastpath/place";
import type { Port } from "#fastpath/ports/port";
import type { Send } from "#fastpath/rewrite/coalesce";
import { writeEthernet, writeEtherType } from "#fastpath/rewrite/link";
import { completeChecksum } from "#fastpath/rewrite/transport";
import { wrap } from "#fastpath/rewrite/tunnel";
import { TunnelSegments } from "#fastpath/rewrite/tunnel-segments";
import type { Scratch } from "#fastpath/scratch";
import type { Tables } from "#fastpath/tables/tables";

/** Octets of an IPv6 packet, so that a tunnel's outer length can say what it adds up to with GRE's header. */
const LONGEST_TUNNELLED = 65_535 - 8;

export class TunnelOutput {
  readonly #tables: Tables;
  readonly #segments: TunnelSegments;
  readonly #segment = new Frame();
  readonly #send: Send;

  constructor(tables: Tables, scratch: Scratch, send: Send) {
    this.#tables = tables;
    this.#segments = new TunnelSegments(tables, scratch);
    this.#send = send;
  }

  /** Into the tunnel that the frame's place says, by the record at `base`. False: refused, in part at least. */
  into(f: Frame, base: number, port: Port): boolean {
    const t = this.#tables;
    const octets = f.end - f.l3;
    const isSuper = f.gsoType !== GSO_NONE;
    const isCut = isSuper && (!port.tunnels || octets > LONGEST_TUNNELLED);
    if (isCut) this.#segments.begin(f);
    else wrap(f, t);
    writeEthernet(t, f.at, base);
    writeEtherType(t, f.at, 6);
    if (!isSuper && !port.offload) completeChecksum(f, t.bytes);
    count(f, t, isSuper ? Math.ceil((f.end - f.at - f.headerLength) / f.gsoSize) : 1, octets);
    if (isCut) return this.#sendSegments(f, port);
    return isSuper ? this.#sendWhole(f, port) : this.#send(f, port.index);
  }

  /** A super-packet that is in a tunnel, and that `unwrap` let pass. */
  onward(f: Frame, port: Port): boolean {
    if (port.tunnels) return this.#sendWhole(f, port);
    this.#segments.resume(f);
    return this.#sendSegments(f, port);
  }

  #sendWhole(f: Frame, port: Port): boolean {
    f.isTunnelled = true;
    const sent = this.#send(f, port.index);
    f.isTunnelled = false;
    return sent;
  }

  #sendSegments(f: Frame, port: Port): boolean {
    const payload = f.end - f.at - f.headerLength;
    let sent = true;
    for (let done = 0; done < payload; done += f.gsoSize) {
      this.#segments.cut(f, this.#segment, done, port.offload);
      sent = this.#send(this.#segment, port.index) && sent;
    }
    return sent;
  }
}

function count(f: Frame, t: Tables, packets: number, octets: number): void {
  const tunnel = tunnelOf(f.place);
  if (tunnel !== HOME_TUNNEL) t.tunnels!.count(tunnel, packets, octets);
}
