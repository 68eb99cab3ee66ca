import { expect, test } from "bun:test";
import fc from "fast-check";
import { fromHex, toHex } from "#base/bytes";
import { decode, Malformed } from "#base/reader";
import { Writer } from "#base/writer";
import { readDomainNames, writeDomainNames } from "#wire/domain-names";

const written = (...names: string[]): Uint8Array => {
  const w = new Writer(8);
  writeDomainNames(w, names);
  return w.finish();
};
const read = (octets: Uint8Array): string[] | string => {
  const names = decode(octets, readDomainNames);
  return names instanceof Malformed ? names.error : names;
};

test("names are labels with their lengths, each list item ended by the root (RFC 1035 §3.1)", () => {
  expect(toHex(written("f.isi.arpa", "arpa"))).toBe("0166036973690461727061000461727061" + "00");
  expect(read(fromHex("016603697369046172706100046172706100")!)).toEqual(["f.isi.arpa", "arpa"]);
});

test("names come back as they were written, zeros behind them are padding (RFC 8106 §5.2)", () => {
  const label = fc.stringMatching(/^[a-z0-9_-]{1,63}$/);
  const name = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join("."));
  const names = fc.array(name.filter((text) => text.length <= 253));
  fc.assert(
    fc.property(names, fc.nat(7), (list, padding) => {
      const octets = written(...list);
      expect(read(octets)).toEqual(list);
      expect(read(Uint8Array.of(...octets, ...new Uint8Array(padding)))).toEqual(list);
    }),
  );
});

test("names cut short, compressed, too long or with signs of no name are refused (RFC 1035 §2.3.4, RFC 8415 §10)", () => {
  const whole = written("net.example");
  for (let end = 1; end < whole.length; end++) expect(read(whole.subarray(0, end))).toBe("truncated");
  expect(read(fromHex("c00c")!)).toBe("compressed domain name");
  expect(read(fromHex("4000")!)).toBe("compressed domain name");
  expect(read(fromHex("03612e6200")!)).toBe("no sign of a domain name");
  expect(read(fromHex("0361006200")!)).toBe("no sign of a domain name");
  const longest = Array.from({ length: 4 }, (_, i) => "x".repeat(i < 3 ? 63 : 61)).join(".");
  expect(read(written(longest))).toEqual([longest]);
  const octets = written(longest).slice();
  octets[192] = 62;
  expect(read(Uint8Array.of(...octets.subarray(0, -1), 0x78, 0))).toBe("domain name too long");
});

test("what is no name is not written", () => {
  for (const name of ["", "a..b", ".a", "a.", "x".repeat(64), `${"ab.".repeat(84)}cd`, "\u0142"])
    expect(() => written(name)).toThrow(RangeError);
});
