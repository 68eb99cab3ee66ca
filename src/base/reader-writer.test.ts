import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decode, Malformed, type Reader } from "#base/reader";
import { Writer } from "#base/writer";

type Field = ["u8" | "u16" | "u24" | "u32", number] | ["octets", Uint8Array];
const field: fc.Arbitrary<Field> = fc.oneof(
  fc.nat(0xff).map((v): Field => ["u8", v]),
  fc.nat(0xffff).map((v): Field => ["u16", v]),
  fc.nat(0xff_ffff).map((v): Field => ["u24", v]),
  fc.integer({ min: 0, max: 0xffff_ffff }).map((v): Field => ["u32", v]),
  fc.uint8Array({ maxLength: 40 }).map((v): Field => ["octets", v]),
);

function write(fields: Field[]): Uint8Array {
  const w = new Writer(8);
  for (const [kind, value] of fields) {
    if (kind === "octets") w.octets(value);
    else w[kind](value);
  }
  return w.finish();
}

const readAs = (fields: Field[]) => (r: Reader) => {
  const read = fields.map(
    ([kind, value]): Field => (kind === "octets" ? [kind, r.octets(value.length)] : [kind, r[kind]()]),
  );
  r.expectEnd();
  return read;
};

describe("reader and writer", () => {
  test("are each other's inverse, and every truncation is refused where it happens", () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 20 }), (fields) => {
        const bytes = write(fields);
        expect(decode(bytes, readAs(fields))).toEqual(fields);
        for (let end = 0; end < bytes.length; end++) {
          const refusal = decode(bytes, readAs(fields), 0, end);
          expect(refusal instanceof Malformed && refusal.error === "truncated" && refusal.at <= end).toBe(true);
        }
      }),
    );
  });

  test("refuse octets after the end, naming where", () => {
    const refusal = decode(Uint8Array.of(1, 2, 3), (r) => {
      r.u16();
      r.expectEnd();
    });
    expect(refusal).toEqual(new Malformed("octets after the end", 2));
  });

  test("keep a part within its length", () => {
    const bytes = Uint8Array.of(1, 2, 3, 4);
    expect(decode(bytes, (r) => [r.within(2).rest(), r.remaining, r.u16()])).toEqual([Uint8Array.of(1, 2), 2, 0x0304]);
    expect(decode(bytes, (r) => r.within(2).u24())).toBeInstanceOf(Malformed);
    expect(decode(bytes, (r) => r.within(5))).toBeInstanceOf(Malformed);
    const skipped = decode(bytes, (r) => {
      r.skip(4);
      return r.rest();
    });
    expect(skipped).toEqual(new Uint8Array());
  });

  test("copy octets, so that a message outlives its buffer", () => {
    const bytes = Uint8Array.of(1, 2);
    const copy = decode(bytes, (r) => r.octets(2));
    bytes.fill(0xa5);
    expect(copy).toEqual(Uint8Array.of(1, 2));
  });

  test("let a bug of ours through instead of calling it the peer's", () => {
    expect(() => decode(new Uint8Array(1), () => JSON.parse("{"))).toThrow(SyntaxError);
  });

  test("fill in what was not known yet", () => {
    const w = new Writer();
    w.zeros(3);
    w.patch16(0, 0x1234);
    w.patch8(2, 5);
    w.align(4);
    w.align(4);
    expect(w.finish()).toEqual(Uint8Array.of(0x12, 0x34, 5, 0));
    expect(() => w.patch16(3, 1)).toThrow(RangeError);
  });

  test.each([
    ["u8", 256],
    ["u16", -1],
    ["u24", 2 ** 24],
    ["u32", 1.5],
    ["u32", Number.NaN],
  ] as const)("throw for %s(%p): our own bug", (kind, value) => {
    expect(() => new Writer()[kind](value)).toThrow(RangeError);
  });
});
