/** Whole frames for {@link SmallRouter}: from its VMs, and back from the fabric. */
import { put16, put32 } from "#base/bytes";
import { finish, sum } from "#base/checksum";
import { GATEWAY_MAC, SmallRouter, type SmallVm, UPLINK_MAC } from "#fastpath/testing/small-router";

export interface Udp4Options {
  readonly ttl?: number;
  /** Don't fragment; default true. */
  readonly df?: boolean;
  readonly sourcePort?: number;
}

/** Ethernet, IPv4, UDP to port 7 and `payload` octets counting up, all checksums right. */
export function udp4(from: SmallVm, to: Uint8Array, payload: number, options: Udp4Options = {}): Uint8Array {
  const b = new Uint8Array(14 + 28 + payload);
  b.set(GATEWAY_MAC, 0);
  b.set(from.mac, 6);
  put16(b, 12, 0x0800);
  put32(b, 14, 0x4500_0000 | (28 + payload));
  put32(b, 18, (0x1234 << 16) | (options.df === false ? 0 : 0x4000));
  put32(b, 22, ((options.ttl ?? 64) << 24) | (17 << 16));
  b.set(from.ipv4, 26);
  b.set(to, 30);
  put16(b, 24, finish(sum(b, 14, 20)));
  put16(b, 34, options.sourcePort ?? 5000);
  put16(b, 36, 7);
  put16(b, 38, 8 + payload);
  for (let i = 0; i < payload; i++) b[42 + i] = i;
  put16(b, 40, finish(sum(b, 34, 8 + payload, sum(b, 26, 8) + 17 + 8 + payload)));
  return b;
}

/** The IPv6 frame that arrives when the remote VM sends what VM a's `frame` sent to it. */
export function udpBack(frame: Uint8Array): Uint8Array {
  const [sent] = new SmallRouter().offer(1, frame);
  return turned(sent!.octets);
}

/** An IPv6 frame as this router sent it, with source and destination exchanged: as if its receiver had sent it. */
export function turned(frame: Uint8Array): Uint8Array {
  const b = frame.slice();
  b.set(UPLINK_MAC, 0);
  b.set(frame.subarray(0, 6), 6);
  b.set(frame.subarray(38, 54), 22);
  b.set(frame.subarray(22, 38), 38);
  return b;
}
