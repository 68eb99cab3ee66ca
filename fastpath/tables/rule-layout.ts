/**
 * How compiled rules lie in shared memory: what rule-words.ts writes and rules.ts reads. The words are written once and
 * never changed; forwarders adopt a new buffer whole.
 *
 * A question to the rules is a *key* of six words. The rules are a diagram over 19 *dimensions* of it, asked in this order:
 *
 *   0 … 7     octets of the source's interface identifier: tags, then IPv4 address
 *   8 … 15    the destination's
 *   16        protocol, plus 256 when the ports are not to be seen
 *   17        destination port
 *   18        source port; of ICMP type << 8 | code
 *
 * A node stands for one dimension (or a run of octets) and has an entry for each of its values. A path skips dimensions
 * that do not matter. Nodes are shared: the words are a graph, no tree. Where a node differs from another in one block of
 * values only, it is a match that leads to the other node elsewhere.
 *
 *   match    head │ entry where all compared bits are equal │ entry elsewhere │ for each word compared: mask, value
 *   ranges   head │ count−1 starts, ascending │ count entries. Entry 0 is for values below the first start
 *   full     head │ 256 entries. Octets only
 *
 *   head     kind 0–1 │ match: words of the key compared, one bit each 2–5
 *                     │ else: dimension 2–6 │ ranges: count 7–23
 *   entry    CHILD + word index of a node │ verdict
 *
 * **Verdict**: 0 when no rule matches (the packet is dropped), else
 *
 *   rule number + 1   0–27    (the number is an index into CompiledRules.rules)
 *   LOG               28
 *   STATEFUL          29      only with ALLOW
 *   ALLOW             30      clear: deny
 */

/** Word index of the entry that every lookup begins with. */
export const ROOT = 0;
/** Word index where nodes begin. */
export const FIRST_NODE = 1;

export const CHILD = 0x8000_0000 | 0;
export const NODE = 0x7fff_ffff;

export const V_NUMBER = (1 << 28) - 1;
export const V_LOG = 1 << 28;
export const V_STATEFUL = 1 << 29;
export const V_ALLOW = 1 << 30;

/** Index in CompiledRules.rules of the rule that decided; −1: none did. */
export const ruleNumber = (verdict: number): number => (verdict & V_NUMBER) - 1;

/** Words of a key. Addresses and ports are raw: octets as they lie in a packet. */
export const KEY_WORDS = 6;
export const K_SOURCE_TAGS = 0;
export const K_SOURCE_HOST = 1;
export const K_DESTINATION_TAGS = 2;
export const K_DESTINATION_HOST = 3;
/**
 * Protocol 0 … 255, or'ed with {@link PORTS_UNKNOWN}. For ICMP of IPv4 hosts and for ICMPv6 that has a counterpart
 * in ICMPv4 it is 1 (src/policy/rules.ts).
 */
export const K_PROTOCOL = 4;
/**
 * The first word of the transport header: source port, then destination port. For ICMP its first two octets are
 * ICMPv4's type and code, and the last two do not matter. Of no meaning for other protocols.
 */
export const K_PORTS = 5;

/** A later fragment: neither ports nor ICMP type are there to be seen. */
export const PORTS_UNKNOWN = 256;

export const D_SOURCE = 0;
export const D_DESTINATION = 8;
export const D_PROTOCOL = 16;
export const D_DESTINATION_PORT = 17;
export const D_SOURCE_PORT = 18;
/** Matches in a row that a lookup may pass without getting beyond their octet. */
export const MOST_DETOURS = 3;
/** Nodes that a lookup passes at most. */
export const MAX_HOPS = 16 * (1 + MOST_DETOURS) + 3;

export const MATCH = 1;
export const RANGES = 2;
export const FULL = 3;

export const matchHead = (comparedWords: number): number => MATCH | (comparedWords << 2);
export const rangesHead = (dimension: number, count: number): number => RANGES | (dimension << 2) | (count << 7);
export const fullHead = (dimension: number): number => FULL | (dimension << 2);
