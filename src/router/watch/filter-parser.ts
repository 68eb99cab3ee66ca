/**
 * What an operator writes to say which packets are meant, much as for tcpdump:
 *
 *   filter    = term { "or" term }
 *   term      = factor { ["and"] factor }
 *   factor    = ["not"] factor | "(" filter ")" | primitive
 *   primitive = ["src" | "dst"] ("host" ADDRESS | "net" PREFIX | "port" PORT[-PORT] | "tenant" NAME | "network" NAME | "vm" NAME)
 *             | ADDRESS | PREFIX | "on" PORTNAME | "ending" NAME | "dropped" | "forwarded" | "punted" | "consumed"
 *             | "ip" | "ip6" | "arp" | "tunnelled" | "tcp" | "udp" | "icmp" | "icmp4" | "icmp6" | "gre" | "sctp" | "proto" NUMBER
 *             | "greater" OCTETS | "less" OCTETS
 *
 * "icmp" is either version. Addresses are those of the packet in a tunnel. An IPv4 address also means the network addresses that it is in.
 */
import { parseAddress, parsePrefix } from "#base/address";
import { KIND_ARP, KIND_IPV4, KIND_IPV6 } from "#fastpath/frame";
import { maskWords, raw, rawOf, rawWords } from "#fastpath/tables/raw-words";
import { ENDINGS, type Fate } from "#fastpath/verdicts";
import type { Filter, Side } from "#fastpath/watch/filter";
import {
  PROTOCOL_GRE,
  PROTOCOL_ICMP4,
  PROTOCOL_ICMP6,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from "#wire/protocol";

/** A VM as filters know it. */
export interface FilterVm {
  /** Index of its port, where it is here. */
  readonly port: number;
  /** Tags, unsigned. */
  readonly tags: number;
  /** 4 or 16 octets each; of an IPv4 address its network address too. */
  readonly addresses: readonly Uint8Array[];
}

/** What names mean at this router. */
export interface FilterNames {
  /** Tags, unsigned, and how many of their bits count. */
  tenant(name: string): { readonly tags: number; readonly length: number } | undefined;
  network(name: string): number | undefined;
  vm(name: string): FilterVm | undefined;
  port(name: string): number | undefined;
  /** For messages about a name that means nothing. */
  known(what: "tenant" | "network" | "vm" | "port"): readonly string[];
}

/** The filter is wrong: the message says what was found and what was expected, with a mark under the place. */
export class FilterError extends Error {
  override readonly name = "FilterError";
}

/** Nothing written means everything. Throws FilterError. */
export function parseFilter(text: string, names: FilterNames): Filter {
  const parser = new Parser(text, names);
  return parser.isAtEnd ? { op: "all" } : parser.whole();
}

interface Token {
  readonly text: string;
  /** Offset in the filter. */
  readonly at: number;
}

const PROTOCOLS: Readonly<Record<string, number>> = {
  ...{ tcp: PROTOCOL_TCP, udp: PROTOCOL_UDP, icmp4: PROTOCOL_ICMP4, icmp6: PROTOCOL_ICMP6 },
  ...{ gre: PROTOCOL_GRE, sctp: PROTOCOL_SCTP },
};
const KINDS: Readonly<Record<string, number>> = { ip: KIND_IPV4, ip6: KIND_IPV6, arp: KIND_ARP };
const FATES: readonly Fate[] = ["dropped", "forwarded", "punted", "consumed"];
const SIDES: Readonly<Record<string, Side>> = { src: "source", dst: "destination" };
const SIDED = "host, net, port, tenant, network or vm";
const EXPECTED = `an address, src, dst, ${SIDED}, on, ending, dropped, forwarded, punted, tcp, udp, icmp, icmp6, gre, sctp, proto, ip, ip6, arp, tunnelled, greater, less, not or (`;

class Parser {
  readonly #text: string;
  readonly #names: FilterNames;
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(text: string, names: FilterNames) {
    this.#text = text;
    this.#names = names;
    this.#tokens = [...text.matchAll(/\(|\)|&&|\|\||!|[^\s()!]+/g)].map((match) => ({
      text: match[0],
      at: match.index,
    }));
  }

  get isAtEnd(): boolean {
    return this.#next === this.#tokens.length;
  }

  whole(): Filter {
    const filter = this.#filter();
    if (!this.isAtEnd) this.#fail("and, or, or the end");
    return filter;
  }

  #filter(): Filter {
    const of = [this.#term()];
    while (this.#take("or", "||")) of.push(this.#term());
    return of.length === 1 ? of[0]! : { op: "or", of };
  }

  #term(): Filter {
    const of = [this.#factor()];
    while (!this.isAtEnd && !["or", "||", ")"].includes(this.#tokens[this.#next]!.text)) {
      this.#take("and", "&&");
      of.push(this.#factor());
    }
    return of.length === 1 ? of[0]! : { op: "and", of };
  }

  #factor(): Filter {
    if (this.#take("not", "!")) return { op: "not", of: this.#factor() };
    if (!this.#take("(")) return this.#primitive();
    const within = this.#filter();
    if (!this.#take(")")) this.#fail(")");
    return within;
  }

  #primitive(): Filter {
    const word = this.#word(EXPECTED);
    const side = SIDES[word];
    if (side !== undefined) return this.#sided(this.#word(`${SIDED}, or an address`), side);
    const protocol = PROTOCOLS[word];
    if (protocol !== undefined) return protocol === PROTOCOL_GRE ? GRE : { op: "protocol", number: protocol };
    if (word === "icmp") return ICMP;
    const kind = KINDS[word];
    if (kind !== undefined) return { op: "kind", kind };
    const fate = FATES.find((each) => each === word);
    if (fate !== undefined) return { op: "ending", verdicts: endings((each) => each.fate === fate) };
    switch (word) {
      case "tunnelled":
        return { op: "tunnelled" };
      case "proto":
        return { op: "protocol", number: this.#number(255) };
      case "greater":
        return { op: "length", least: this.#number(65_550), most: 65_550 };
      case "less":
        return { op: "length", least: 0, most: this.#number(65_550) };
      case "ending":
        return this.#ending();
      case "on":
        return { op: "on", ports: [this.#named("port", (name) => this.#names.port(name))] };
      default:
        return this.#sided(word, "either");
    }
  }

  /** `word`: what of an end is meant. */
  #sided(word: string, side: Side): Filter {
    switch (word) {
      case "host":
        return this.#address(this.#word("an address"), side);
      case "net":
        return this.#prefix(this.#word("a prefix"), side);
      case "port":
      case "portrange":
        return this.#ports(side);
      case "tenant": {
        const { tags, length } = this.#named("tenant", (name) => this.#names.tenant(name));
        return tagsFilter(side, tags, length);
      }
      case "network":
        return tagsFilter(
          side,
          this.#named("network", (name) => this.#names.network(name)),
          32,
        );
      case "vm":
        return vmFilter(
          this.#named("vm", (name) => this.#names.vm(name)),
          side,
        );
      default:
        return word.includes("/") ? this.#prefix(word, side) : this.#address(word, side);
    }
  }

  #address(text: string, side: Side): Filter {
    const address = parseAddress(text);
    if (address === undefined) this.#fail(EXPECTED, -1);
    return addressFilter(address, side);
  }

  #prefix(text: string, side: Side): Filter {
    const prefix = parsePrefix(text);
    if (prefix === undefined) this.#fail("a prefix such as 10.0.0.0/24 or 2001:db8::/32", -1);
    return prefixFilter(prefix.address, prefix.length, side);
  }

  #ports(side: Side): Filter {
    const text = this.#word("a port, or a range of ports");
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (match === null || first > last || last > 65_535) this.#fail("a port 0 … 65535, or a range such as 80-90", -1);
    return { op: "ports", side, first, last };
  }

  #ending(): Filter {
    const name = this.#word("the name of an ending, as ain show counters has them");
    const verdicts = endings((each) => each.name === name);
    if (verdicts.length === 0)
      this.#fail(
        `the name of an ending: ${ENDINGS.slice(1)
          .map((e) => e.name)
          .join(", ")}`,
        -1,
      );
    return { op: "ending", verdicts };
  }

  #number(most: number): number {
    const text = this.#word(`a number 0 … ${most}`);
    if (!/^\d+$/.test(text) || Number(text) > most) this.#fail(`a number 0 … ${most}`, -1);
    return Number(text);
  }

  #named<T>(what: "tenant" | "network" | "vm" | "port", find: (name: string) => T | undefined): T {
    const found = find(this.#word(`the name of a ${NOUNS[what]}`));
    const known = this.#names.known(what);
    if (found === undefined)
      this.#fail(`the name of a ${NOUNS[what]} here: ${known.join(", ") || "there is none"}`, -1);
    return found;
  }

  #word(expected: string): string {
    const token = this.#tokens[this.#next];
    if (token === undefined || token.text === ")") this.#fail(expected);
    this.#next++;
    return token.text;
  }

  #take(...texts: readonly string[]): boolean {
    const found = texts.includes(this.#tokens[this.#next]?.text ?? "");
    if (found) this.#next++;
    return found;
  }

  /** `back`: −1 for the word that was taken last. */
  #fail(expected: string, back = 0): never {
    const token = this.#tokens[this.#next + back];
    const at = token?.at ?? this.#text.length;
    const found = token === undefined ? "the end" : `"${token.text}"`;
    throw new FilterError(`filter: found ${found}, expected ${expected}\n  ${this.#text}\n  ${" ".repeat(at)}^`);
  }
}

const NOUNS = { tenant: "tenant", network: "network", vm: "VM", port: "port" } as const;

/** Of either version: what is one at a VM is the other in the fabric. */
const ICMP: Filter = {
  op: "or",
  of: [
    { op: "protocol", number: PROTOCOL_ICMP4 },
    { op: "protocol", number: PROTOCOL_ICMP6 },
  ],
};

/** As it lies in the fabric, or is one's that is meant for a router. */
const GRE: Filter = { op: "or", of: [{ op: "tunnelled" }, { op: "protocol", number: PROTOCOL_GRE }] };

const endings = (are: (ending: (typeof ENDINGS)[number]) => boolean): number[] =>
  ENDINGS.flatMap((each, i) => (i > 0 && are(each) ? [i] : []));

const tagsFilter = (side: Side, tags: number, length: number): Filter => {
  const mask = maskWords(length, 4)[0]!;
  return { op: "tags", side, word: rawOf(tags) & mask, mask };
};

const addressFilter = (address: Uint8Array, side: Side): Filter => prefixFilter(address, address.length * 8, side);

function prefixFilter(address: Uint8Array, length: number, side: Side): Filter {
  if (address.length === 4) {
    const mask = maskWords(length, 4)[0]!;
    return { op: "prefix4", side, word: raw(address) & mask, mask };
  }
  const masks = [...maskWords(length, 16)];
  return { op: "prefix6", side, words: [...rawWords(address)].map((word, i) => word & masks[i]!), masks };
}

/** From its port, or to or from its addresses in its network. */
function vmFilter({ port, tags, addresses }: FilterVm, side: Side): Filter {
  const of = addresses.map((address): Filter => {
    const is = addressFilter(address, side);
    return address.length === 16 ? is : { op: "and", of: [is, tagsFilter(side, tags, 32)] };
  });
  return { op: "or", of: [...(side === "destination" ? [] : [{ op: "on" as const, ports: [port] }]), ...of] };
}
