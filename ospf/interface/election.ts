/** Election of the Designated Router and its Backup: RFC 2328 §9.4, as a function of what the routers on the link say. */

export interface Candidate {
  readonly routerId: number;
  /** 1 … 255: those of priority 0 are no candidates. */
  readonly priority: number;
  /** What it says itself; 0: none. */
  readonly designatedRouter: number;
  readonly backupDesignatedRouter: number;
}

export interface Elected {
  readonly designatedRouter: number;
  readonly backupDesignatedRouter: number;
}

/**
 * Steps 2 and 3 once. Where nobody claims to be DR, the Backup is DR too, for now: whoever it is elects once more (step 4)
 * and says with its next hellos who is Backup. To foresee that would be no gain: a router that made itself Backup of one
 * that claims nothing yet would be taken for DR by it, and neither would find out.
 */
export function elect(candidates: readonly Candidate[]): Elected {
  const claimants = candidates.filter((c) => c.designatedRouter === c.routerId);
  const backup = bestBackup(candidates.filter((c) => c.designatedRouter !== c.routerId));
  const designated = best(claimants) ?? backup;
  return { designatedRouter: designated?.routerId ?? 0, backupDesignatedRouter: backup?.routerId ?? 0 };
}

/** Of those that claim to be Backup; of all when none does. */
function bestBackup(candidates: readonly Candidate[]): Candidate | undefined {
  return best(candidates.filter((c) => c.backupDesignatedRouter === c.routerId)) ?? best(candidates);
}

/** Highest priority, then highest router id. */
function best(candidates: readonly Candidate[]): Candidate | undefined {
  return candidates.reduce<Candidate | undefined>(
    (found, c) =>
      found === undefined ||
      c.priority > found.priority ||
      (c.priority === found.priority && c.routerId > found.routerId)
        ? c
        : found,
    undefined,
  );
}

/** The whole election as `self`, which has priority 0 when it is not to be elected, carries it out. */
export function electAs(self: Candidate, others: readonly Candidate[]): Elected {
  const round = (me: Candidate): Elected => elect([...others, me].filter(({ priority }) => priority > 0));
  const first = round(self);
  // Step 4: who becomes, or no longer is, one of the two elects once more with what it says now, so that it is not both.
  return role(self.routerId, first) === role(self.routerId, self) ? first : round({ ...self, ...first });
}

function role(routerId: number, elected: Elected): "DR" | "Backup" | "DROther" {
  if (elected.designatedRouter === routerId) return "DR";
  return elected.backupDesignatedRouter === routerId ? "Backup" : "DROther";
}
