/** What every frame goes through before anything is decided about it. Nothing here depends on the frames before it. */
import { hashFlow } from "#fastpath/flow-hash";
import { type Frame, KIND_IPV6, NOT_YET } from "#fastpath/frame";
import { classify } from "#fastpath/stages/classify";
import { unwrap } from "#fastpath/stages/unwrap";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, type Verdict } from "#fastpath/verdicts";
import { PROTOCOL_GRE } from "#wire/protocol";

/**
 * Says what is in the frame, and takes it out of a tunnel to this router. CONTINUE: it is to be decided about, and has the hash
 * that the flow cache finds its flow by, unless it is unusual.
 */
export function look(f: Frame, t: Tables): Verdict {
  const verdict = classify(f, t);
  if (verdict !== CONTINUE) return verdict;
  if (isGre(f)) {
    const unwrapped = unwrap(f, t);
    if (unwrapped !== CONTINUE) return unwrapped;
  }
  if (f.unusual === 0) f.flowHash = hashFlow(f, t.words);
  return CONTINUE;
}

/** Of a classified frame. */
export const isGre = (f: Frame): boolean => f.kind === KIND_IPV6 && f.protocol === PROTOCOL_GRE;

/** Arena offset of the Ethernet header that a frame came with, before it is received. */
export const cameAt = (f: Frame): number => (f.early === NOT_YET ? f.at : f.at - f.outer);
