/**
 * Classic pcap files (the libpcap format, draft-ietf-opsawg-pcap): a file header, then records. Either byte order,
 * microseconds or nanoseconds.
 */

/** Link type Ethernet. */
export const ETHERNET = 1;

const FILE_HEADER = 24; // octets
const RECORD_HEADER = 16; // octets
const MICROSECONDS = 0xa1b2c3d4;
const NANOSECONDS = 0xa1b23c4d;
const PCAPNG = 0x0a0d0d0a;
/** Larger records than any capture tool writes: a sign of damage. */
const LONGEST = 262144;

export interface PcapFrame {
  /** Since 1970, whole. */
  readonly seconds: number;
  /** 0 … 999 999 999. */
  readonly nanos: number;
  /** As captured; a view into the file. */
  readonly octets: Uint8Array;
  /** Octets on the wire, ≥ octets.length. */
  readonly length: number;
}

export interface Pcap {
  readonly linkType: number;
  readonly frames: readonly PcapFrame[];
}

/** The file is not what it should be; `at` is the offset of what is wrong. */
export class PcapError extends Error {
  readonly at: number;
  constructor(found: string, at: number) {
    super(`not a readable pcap file: ${found} at octet ${at}`);
    this.name = "PcapError";
    this.at = at;
  }
}

/** Throws {@link PcapError}. */
export function readPcap(file: Uint8Array): Pcap {
  if (file.length < FILE_HEADER)
    throw new PcapError(`end of file within the ${FILE_HEADER}-octet file header`, file.length);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const { little, nanos } = byteOrder(view.getUint32(0));
  const major = view.getUint16(4, little);
  if (major !== 2) throw new PcapError(`version ${major}, expected 2,`, 4);
  const frames: PcapFrame[] = [];
  for (let at = FILE_HEADER; at < file.length; ) {
    const frame = readRecord(file, view, at, { little, nanos });
    frames.push(frame);
    at += RECORD_HEADER + frame.octets.length;
  }
  return { linkType: view.getUint32(20, little) & 0xffff, frames };
}

interface Layout {
  readonly little: boolean;
  readonly nanos: boolean;
}

const swapped = (magic: number): number =>
  ((magic << 24) | ((magic & 0xff00) << 8) | ((magic >>> 8) & 0xff00) | (magic >>> 24)) >>> 0;

function byteOrder(magic: number): Layout {
  if (magic === MICROSECONDS || magic === NANOSECONDS) return { little: false, nanos: magic === NANOSECONDS };
  const turned = swapped(magic);
  if (turned === MICROSECONDS || turned === NANOSECONDS) return { little: true, nanos: turned === NANOSECONDS };
  if (magic === PCAPNG) throw new PcapError("a pcapng file (convert it: tshark -F pcap)", 0);
  throw new PcapError(`magic number 0x${magic.toString(16)}`, 0);
}

/** Record: seconds, fraction, captured length, length on the wire, octets. */
function readRecord(file: Uint8Array, view: DataView, at: number, { little, nanos }: Layout): PcapFrame {
  if (file.length - at < RECORD_HEADER) throw new PcapError("end of file within a record header", at);
  const captured = view.getUint32(at + 8, little);
  if (captured > LONGEST) throw new PcapError(`a record of ${captured} octets`, at + 8);
  const start = at + RECORD_HEADER;
  if (file.length - start < captured) throw new PcapError(`end of file within a record of ${captured} octets`, start);
  const fraction = view.getUint32(at + 4, little);
  return {
    seconds: view.getUint32(at, little),
    nanos: nanos ? fraction : fraction * 1000,
    octets: file.subarray(start, start + captured),
    length: view.getUint32(at + 12, little),
  };
}

/** A little-endian file with nanoseconds, version 2.4. */
export function writePcap(frames: readonly Omit<PcapFrame, "length">[], linkType = ETHERNET): Uint8Array {
  const size = frames.reduce((total, { octets }) => total + RECORD_HEADER + octets.length, FILE_HEADER);
  const file = new Uint8Array(size);
  const view = new DataView(file.buffer);
  view.setUint32(0, NANOSECONDS, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, LONGEST, true);
  view.setUint32(20, linkType, true);
  let at = FILE_HEADER;
  for (const { seconds, nanos, octets } of frames) {
    for (const [i, word] of [seconds, nanos, octets.length, octets.length].entries()) {
      view.setUint32(at + 4 * i, word, true);
    }
    file.set(octets, at + RECORD_HEADER);
    at += RECORD_HEADER + octets.length;
  }
  return file;
}
