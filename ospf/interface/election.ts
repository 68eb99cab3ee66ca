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
 * Steps 2 and 3 once. Where nobody claims to be DR, the Backup takes its place at once, and the next best becomes Backup:
 * that is what the routers agree upon with their next hellos.
 */
export function elect(candidates: readonly Candidate[]): Elected {
  const claimants = candidates.filter((c) => c.designatedRouter === c.routerId);
  const others = candidates.filter((c) => c.designatedRouter !== c.routerId);
  const backup = bestBackup(others);
  const designated = best(claimants) ?? backup;
  const next = designated === backup ? bestBackup(others.filter((c) => c !== backup)) : backup;
  return { designatedRouter: designated?.routerId ?? 0, backupDesignatedRouter: next?.routerId ?? 0 };
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
  const eligible = [...others, self].filter(({ priority }) => priority > 0);
  const first = elect(eligible);
  if (role(self.routerId, first) === role(self.routerId, self)) return first;
  // Step 4: who becomes, or no longer is, one of the two elects once more with what it says now, so that nobody is both.
  return elect(
    eligible.map((c) =>
      c.routerId === self.routerId || c.routerId === first.designatedRouter ? { ...c, ...first } : c,
    ),
  );
}

function role(routerId: number, elected: Elected): "DR" | "Backup" | "DROther" {
  if (elected.designatedRouter === routerId) return "DR";
  return elected.backupDesignatedRouter === routerId ? "Backup" : "DROther";
}
