/** ICMP types, codes and pointers in the other family's words, as RFC 7915 §4.2 and §5.2 list them. */

export interface TypeAndCode {
  readonly type: number;
  readonly code: number;
}

export const ECHO_REQUEST_4 = 8;
export const ECHO_REPLY_4 = 0;
export const ECHO_REQUEST_6 = 128;
export const ECHO_REPLY_6 = 129;

/** RFC 1122 §3.2.2: destination unreachable, source quench, redirect, time exceeded, parameter problem. */
export const isError4 = (type: number): boolean => [3, 4, 5, 11, 12].includes(type);
/** RFC 4443 §2.1. */
export const isError6 = (type: number): boolean => type < 128;

/** Undefined: silently dropped. */
export function wordsTo6(type: number, code: number): TypeAndCode | undefined {
  if (type === ECHO_REQUEST_4) return { type: ECHO_REQUEST_6, code };
  if (type === ECHO_REPLY_4) return { type: ECHO_REPLY_6, code };
  if (type === 3) {
    if ([0, 1, 5, 6, 7, 8, 11, 12].includes(code)) return { type: 1, code: 0 };
    if ([9, 10, 13, 15].includes(code)) return { type: 1, code: 1 };
    if (code === 2) return { type: 4, code: 1 };
    if (code === 3) return { type: 1, code: 4 };
    if (code === 4) return { type: 2, code: 0 };
  }
  if (type === 11) return { type: 3, code };
  if (type === 12 && (code === 0 || code === 2)) return { type: 4, code: 0 };
  return undefined;
}

/** Undefined: silently dropped. */
export function wordsTo4(type: number, code: number): TypeAndCode | undefined {
  if (type === ECHO_REQUEST_6) return { type: ECHO_REQUEST_4, code };
  if (type === ECHO_REPLY_6) return { type: ECHO_REPLY_4, code };
  if (type === 1) {
    if ([0, 2, 3].includes(code)) return { type: 3, code: 1 };
    if (code === 1) return { type: 3, code: 10 };
    if (code === 4) return { type: 3, code: 3 };
  }
  if (type === 2) return { type: 3, code: 4 };
  if (type === 3) return { type: 11, code };
  if (type === 4 && code === 0) return { type: 12, code: 0 };
  if (type === 4 && code === 1) return { type: 3, code: 2 };
  return undefined;
}

/** Figure 3. Undefined: not listed or "n/a". */
export function pointerTo6(pointer: number): number | undefined {
  if (pointer === 0) return 0;
  if (pointer === 1) return 1;
  if (pointer === 2 || pointer === 3) return 4;
  if (pointer === 8) return 7;
  if (pointer === 9) return 6;
  if (pointer >= 12 && pointer <= 15) return 8;
  if (pointer >= 16 && pointer <= 19) return 24;
  return undefined;
}

/** Figure 6. Undefined: not listed or "n/a". */
export function pointerTo4(pointer: number): number | undefined {
  if (pointer === 0) return 0;
  if (pointer === 1) return 1;
  if (pointer === 4 || pointer === 5) return 2;
  if (pointer === 6) return 9;
  if (pointer === 7) return 8;
  if (pointer >= 8 && pointer <= 23) return 12;
  if (pointer >= 24 && pointer <= 39) return 16;
  return undefined;
}

/** RFC 1191 §7.1, table 7-1: what to guess when a router named no MTU. */
const PLATEAUS = [65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68];

/** Greatest plateau below a packet's total length that IPv6 can live with; undefined when there is none. */
export const plateauBelow = (totalLength: number): number | undefined =>
  PLATEAUS.find((mtu) => mtu < totalLength && mtu >= 1280);
