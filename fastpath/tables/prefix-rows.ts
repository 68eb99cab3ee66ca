/** IPv6 prefixes side by side: four raw words of prefix, four of mask each. */
import type { Prefix } from "#base/address";
import { maskWords, rawWords } from "#fastpath/tables/raw-words";

export const PREFIX_WORDS = 8;

export const prefixRow = ({ address, length }: Prefix): number[] => [...rawWords(address), ...maskWords(length, 16)];
export const prefixRows = (prefixes: readonly Prefix[]): Int32Array => Int32Array.from(prefixes.flatMap(prefixRow));

/** True when the address at `word` of `words` lies in the prefix at `row` of `rows`. */
export const covers = (rows: Int32Array, row: number, words: Int32Array, word: number): boolean =>
  (((words[word]! & rows[row + 4]!) ^ rows[row]!) |
    ((words[word + 1]! & rows[row + 5]!) ^ rows[row + 1]!) |
    ((words[word + 2]! & rows[row + 6]!) ^ rows[row + 2]!) |
    ((words[word + 3]! & rows[row + 7]!) ^ rows[row + 3]!)) ===
  0;
