/**
 * Domain names as lists in options: labels as in RFC 1035 §3.1, never compressed (RFC 8415 §10, RFC 8106 §5.2). As text
 * they are labels between dots, without the dot at the end.
 */
import type { Reader } from "#base/reader";
import type { Writer } from "#base/writer";

/** Octets of a label, and of a whole name with its lengths and the root (RFC 1035 §2.3.4). */
const LONGEST_LABEL = 63;
const LONGEST_NAME = 255;

/** All that is left, names one after another. A root alone is no name: what pads an option is stepped over. */
export function readDomainNames(r: Reader): string[] {
  const names: string[] = [];
  while (r.remaining > 0) {
    const name = readName(r);
    if (name !== "") names.push(name);
  }
  return names;
}

function readName(r: Reader): string {
  const at = r.at;
  const labels: string[] = [];
  for (let length = r.u8(); length > 0; length = r.u8()) {
    if (length > LONGEST_LABEL) r.fail("compressed domain name", r.at - 1);
    labels.push(readLabel(r.within(length)));
    if (r.at - at >= LONGEST_NAME) r.fail("domain name too long", at);
  }
  return labels.join(".");
}

/** A dot in a label would not come back as it was, and anything but ASCII's signs is nothing to search by. */
function readLabel(r: Reader): string {
  const label = String.fromCharCode(...r.rest());
  return /^[!-\-/-~]+$/.test(label) ? label : r.fail("no sign of a domain name", r.at - label.length);
}

/** `names`: labels of 1 … 63 ASCII signs, 253 octets at most. Anything else is our own bug: RangeError. */
export function writeDomainNames(w: Writer, names: readonly string[]): void {
  for (const name of names) {
    if (name.length > LONGEST_NAME - 2) throw new RangeError(`'${name}' is too long for a domain name`);
    for (const label of name.split(".")) {
      if (label.length === 0 || label.length > LONGEST_LABEL) throw new RangeError(`'${name}' is no domain name`);
      w.u8(label.length);
      for (let i = 0; i < label.length; i++) w.u8(label.charCodeAt(i));
    }
    w.u8(0);
  }
}
