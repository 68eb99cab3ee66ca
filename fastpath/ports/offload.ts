/** Between a frame's fields and the virtio_net_hdr that lies in the octets right before it. */
import type { Frame } from "#fastpath/frame";
import * as vnet from "#wire/virtio-net";

/** Octets of the header: what transmit may overwrite before a frame. */
export const OFFLOAD_SIZE = vnet.SIZE;

/** Fills all fields of a received frame that lies at [at, end), from the header before it. */
export function readOffload(bytes: Uint8Array, at: number, end: number, frame: Frame): void {
  const header = at - vnet.SIZE;
  frame.at = at;
  frame.end = end;
  frame.partial = (vnet.flags(bytes, header) & vnet.NEEDS_CSUM) !== 0;
  frame.gsoType = vnet.gsoType(bytes, header);
  frame.headerLength = vnet.hdrLen(bytes, header);
  frame.gsoSize = vnet.gsoSize(bytes, header);
  frame.csumStart = vnet.csumStart(bytes, header);
  frame.csumOffset = vnet.csumOffset(bytes, header);
}

/** Writes the header before the frame. Fields that are not valid are written as zero: the kernel refuses leftovers. */
export function writeOffload(bytes: Uint8Array, frame: Frame): void {
  const header = frame.at - vnet.SIZE;
  const gso = frame.gsoType !== vnet.GSO_NONE;
  vnet.setFlags(bytes, header, frame.partial ? vnet.NEEDS_CSUM : 0);
  vnet.setGsoType(bytes, header, frame.gsoType);
  vnet.setHdrLen(bytes, header, gso ? frame.headerLength : 0);
  vnet.setGsoSize(bytes, header, gso ? frame.gsoSize : 0);
  vnet.setCsumStart(bytes, header, frame.partial ? frame.csumStart : 0);
  vnet.setCsumOffset(bytes, header, frame.partial ? frame.csumOffset : 0);
}
