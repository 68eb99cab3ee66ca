/** What the control thread's services may do to the data path. */
import { Frame } from "#fastpath/frame";
import { INJECT_SEND } from "#fastpath/shared";
import type { GroupWriter } from "#fastpath/tables/groups";
import type { Verdict } from "#fastpath/verdicts";

export interface ServicesIo {
  readonly groups: GroupWriter;
  /** An adjacency changed: remembered decisions are to be made anew. */
  changed(): void;
  /** `tag`: one of INJECT_…. False: no room, the frame is lost, and counted. */
  inject(frame: Frame, octets: Uint8Array, tag: number): boolean;
  /** A frame that came in by `port` ends here, for this reason. `octets`: of the frame, where they are at hand. */
  lost(port: number, ending: Verdict, octets?: Uint8Array): void;
}

/** A frame of the control thread's own, finished, from octets 0 on. */
export function ownFrame(port: number, octets: Uint8Array): Frame {
  const frame = new Frame();
  frame.port = port;
  frame.end = octets.length;
  return frame;
}

/** Sends a whole Ethernet frame out of a port. */
export const sendFrame = (io: ServicesIo, port: number, octets: Uint8Array): boolean =>
  io.inject(ownFrame(port, octets), octets, INJECT_SEND);
