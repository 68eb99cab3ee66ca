/** What each network's VMs listen to together: how many ports want a group, kept as ports change. */
import type { GroupSet, MemberPort, SnoopingEffect } from "#services/snooping/events";

/** More groups of a network than these are told as "all": hypervisors tell one another of so many. */
export const MOST_WANTED = 48;

interface Network {
  /** Ports that get everything. */
  all: number;
  /** Group → ports. */
  readonly ports: Map<string, number>;
  /** As told last, in one word. */
  told: string;
}

export class Wanted {
  readonly #networks = new Map<number, Network>();
  /** By port index, what it was counted with. */
  readonly #counted = new Map<number, { readonly network: number; readonly groups: GroupSet }>();
  readonly #touched = new Set<number>();

  /** Counts the port anew; `groups` empty: it listens to nothing, or is gone. False: it gets everything, as before. */
  set({ port, settings: { network } }: MemberPort, groups: GroupSet): boolean {
    const before = this.#counted.get(port);
    if (before?.groups === "all" && groups === "all") return false;
    if (before !== undefined) this.#count(before.network, before.groups, -1);
    if (groups.length === 0) this.#counted.delete(port);
    else {
      this.#counted.set(port, { network, groups });
      this.#count(network, groups, 1);
    }
    return true;
  }

  /** Tells of the networks for which it makes a difference. */
  tell(effects: SnoopingEffect[]): void {
    for (const network of this.#touched) {
      const state = this.#networks.get(network)!;
      const groups = groupsOf(state);
      const word = groups === "all" ? "all" : groups.join(" ");
      if (word !== state.told) effects.push({ type: "wanted", network, groups });
      state.told = word;
      if (word === "") this.#networks.delete(network);
    }
    this.#touched.clear();
  }

  #count(network: number, groups: GroupSet, by: 1 | -1): void {
    this.#touched.add(network);
    let state = this.#networks.get(network);
    if (state === undefined) {
      state = { all: 0, ports: new Map(), told: "" };
      this.#networks.set(network, state);
    }
    if (groups === "all") {
      state.all += by;
      return;
    }
    for (const group of groups) {
      const count = (state.ports.get(group) ?? 0) + by;
      if (count === 0) state.ports.delete(group);
      else state.ports.set(group, count);
    }
  }
}

const groupsOf = ({ all, ports }: Network): GroupSet =>
  all > 0 || ports.size > MOST_WANTED ? "all" : [...ports.keys()].sort();
