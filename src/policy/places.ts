/** Which rules matter between which places, found without asking each rule about each pair. */
import type { Cut } from "#policy/regions";
import { covers, type IidPrefix, type Rule } from "#policy/rules";

interface Located {
  readonly prefix: IidPrefix;
}

/** Of one end of a rule: its prefixes that overlap a place, by the place's index. */
type End = ReadonlyMap<number, readonly IidPrefix[]>;

export class Places<R extends Rule> {
  readonly #rules: readonly R[];
  readonly #ends: readonly { readonly source: End; readonly destination: End }[];
  /** Indexes of the rules whose source, or destination, overlaps a place, in their order, by the place's index. */
  readonly #sending: readonly number[][];
  readonly #receiving: readonly number[][];

  /** `rules` in the order in which they are asked. */
  constructor(rules: readonly R[], places: readonly Located[]) {
    const index = new PrefixIndex(places);
    this.#rules = rules;
    this.#ends = rules.map(({ source, destination }) => ({
      source: index.endOf(source),
      destination: index.endOf(destination),
    }));
    this.#sending = places.map(() => []);
    this.#receiving = places.map(() => []);
    this.#ends.forEach(({ source, destination }, rule) => {
      for (const place of source.keys()) this.#sending[place]!.push(rule);
      for (const place of destination.keys()) this.#receiving[place]!.push(rule);
    });
  }

  /** The rules that matter from a place to each other one, by that one's index. */
  row(from: number): Map<number, Cut<R>[]> {
    const row = new Map<number, Cut<R>[]>();
    for (const rule of this.#sending[from]!) {
      const source = this.#ends[rule]!.source.get(from)!;
      for (const [to, destination] of this.#ends[rule]!.destination) {
        const cuts = row.get(to);
        const cut = { rule: this.#rules[rule]!, source, destination };
        if (cuts === undefined) row.set(to, [cut]);
        else cuts.push(cut);
      }
    }
    return row;
  }

  /** The rules that matter from one place to one other. */
  cell(from: number, to: number): Cut<R>[] {
    const [sending, receiving] = [this.#sending[from]!, this.#receiving[to]!];
    return (sending.length < receiving.length ? sending : receiving).flatMap((rule) => {
      const source = this.#ends[rule]!.source.get(from);
      const destination = this.#ends[rule]!.destination.get(to);
      return source && destination ? { rule: this.#rules[rule]!, source, destination } : [];
    });
  }
}

/** Finds the places that overlap a prefix. */
class PrefixIndex {
  /** Places by their first identifier, the shorter prefix first. */
  readonly #sorted: readonly { readonly prefix: IidPrefix; readonly place: number }[];
  readonly #lengths: readonly number[];
  /** Places by their prefix, as text. */
  readonly #exact = new Map<string, number[]>();

  constructor(places: readonly Located[]) {
    this.#sorted = places
      .map(({ prefix }, place) => ({ prefix: cut(prefix, prefix.length), place }))
      .sort((a, b) => order(a.prefix, b.prefix));
    this.#lengths = [...new Set(places.map(({ prefix }) => prefix.length))];
    for (const { prefix, place } of this.#sorted) {
      const same = this.#exact.get(textOf(prefix));
      if (same === undefined) this.#exact.set(textOf(prefix), [place]);
      else same.push(place);
    }
  }

  endOf(prefixes: readonly IidPrefix[]): End {
    const end = new Map<number, IidPrefix[]>();
    for (const prefix of prefixes) {
      for (const place of this.#overlapping(prefix)) {
        const there = end.get(place);
        if (there === undefined) end.set(place, [prefix]);
        else there.push(prefix);
      }
    }
    return end;
  }

  *#overlapping(prefix: IidPrefix): Generator<number> {
    for (const length of this.#lengths) {
      if (length < prefix.length) yield* this.#exact.get(textOf(cut(prefix, length))) ?? [];
    }
    for (let i = this.#firstFrom(cut(prefix, prefix.length)); i < this.#sorted.length; i++) {
      const { prefix: inside, place } = this.#sorted[i]!;
      if (!covers(prefix, inside)) return;
      yield place;
    }
  }

  #firstFrom(prefix: IidPrefix): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (order(this.#sorted[middle]!.prefix, prefix) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const order = (a: IidPrefix, b: IidPrefix): number => a.tags - b.tags || a.host - b.host || a.length - b.length;
const textOf = ({ tags, host, length }: IidPrefix): string => `${tags} ${host} ${length}`;

/** The first `length` bits, 0 … 64. */
function cut({ tags, host }: IidPrefix, length: number): IidPrefix {
  const tagBits = Math.min(length, 32);
  const hostBits = Math.max(length - 32, 0);
  return { tags: (tags & maskOf(tagBits)) >>> 0, host: (host & maskOf(hostBits)) >>> 0, length };
}

const maskOf = (bits: number): number => (bits === 0 ? 0 : -1 << (32 - bits));
