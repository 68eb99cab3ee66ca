/** Is a frame addressed to this router's MAC on the port it came in by? */
import type { Frame } from "#fastpath/frame";
import { P_MAC, PORT_WORDS } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";

/** True when the frame's destination MAC is the router's on that port. The frame's start is 2-aligned, not 4-aligned. */
export function isPortMac(f: Frame, t: Tables): boolean {
  const b = t.bytes;
  const p = f.port * PORT_WORDS + P_MAC;
  const high = t.ports[p]!;
  const low = t.ports[p + 1]!;
  return (
    (b[f.at]! | (b[f.at + 1]! << 8) | (b[f.at + 2]! << 16) | (b[f.at + 3]! << 24)) === high &&
    (b[f.at + 4]! | (b[f.at + 5]! << 8)) === low
  );
}
