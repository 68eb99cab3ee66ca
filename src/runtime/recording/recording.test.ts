import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { faultOf } from "#runtime/recording/json-fault";
import { fromLine, toLine } from "#runtime/recording/line";
import { RecordingError, readRecording } from "#runtime/recording/reader";
import { Recorder } from "#runtime/recording/recorder";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "ain-recording-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** What events are made of. */
const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(null, true, false),
    fc.double(),
    fc.integer(),
    fc.string({ unit: "binary" }),
    fc.uint8Array(),
    fc.array(tie("value")),
    fc.dictionary(
      fc.string({ unit: "binary" }).filter((key) => !key.startsWith("$")),
      tie("value"),
    ),
  ),
})).value;

describe("a line", () => {
  test("holds plain data, octets and all numbers, and gives them back equal", () => {
    fc.assert(
      fc.property(plain, (value) => {
        const line = toLine(value);
        expect(line).not.toContain("\n");
        expect(fromLine(line)).toEqual(value);
      }),
    );
  });

  test("marks what JSON has no form for", () => {
    const value = { at: Number.POSITIVE_INFINITY, octets: Uint8Array.of(0xfe, 0x80), gone: undefined };
    expect(toLine(value)).toBe('{"at":{"$number":"Infinity"},"octets":{"$hex":"fe80"}}');
    expect(fromLine(toLine([Number.NaN, -0, Number.NEGATIVE_INFINITY]))).toEqual([
      Number.NaN,
      -0,
      Number.NEGATIVE_INFINITY,
    ]);
  });

  test("refuses what it could not give back", () => {
    for (const value of [new Map(), new Set(), () => 1, 1n, Symbol("s"), new Date(0), { $hex: "00" }, [undefined]])
      expect(() => toLine(value)).toThrow(TypeError);
    expect(() => fromLine('{"$hex":"0"}')).toThrow(SyntaxError);
  });
});

describe("the place of a fault", () => {
  test("is none in JSON, and is found where a character was changed or the end cut off", () => {
    expect(["[]", " { } ", '{"a":[1,-2.5e3,true,null,"\\u00e9\\n"]}', "0"].map(faultOf)).toEqual([-1, -1, -1, -1]);
    expect(faultOf('{"a":1,}')).toBe(7);
    expect(faultOf('{"a":01}')).toBe(6);
    expect(faultOf('{"a" 1}')).toBe(5);
    expect(faultOf('["\t"]')).toBe(2);
    expect(faultOf('["\\x"]')).toBe(2);
    expect(faultOf("[1] x")).toBe(4);
    expect(faultOf('{"a":"b')).toBe(7);
    expect(faultOf("")).toBe(0);
  });

  test("agrees with JSON.parse on anything", () => {
    const accepts = (text: string): boolean => {
      try {
        JSON.parse(text);
        return true;
      } catch {
        return false;
      }
    };
    const nearly = fc.tuple(fc.json(), fc.nat(), fc.string({ maxLength: 2 })).map(([text, at, other]) => {
      const place = at % (text.length + 1);
      return text.slice(0, place) + other + text.slice(place + 1);
    });
    fc.assert(
      fc.property(nearly, (text) => expect(faultOf(text) < 0).toBe(accepts(text))),
      { numRuns: 2000 },
    );
  });
});

const file = (name: string): string => join(directory, name);
const recorder = (name: string, limit = 1 << 20): { recorder: Recorder; ends: string[] } => {
  const ends: string[] = [];
  return { recorder: Recorder.create({ file: file(name), limit, ended: (why) => ends.push(why) }), ends };
};
/** All values, and the numbers of lines cut off. */
function read(name: string): { values: unknown[]; cut: number[] } {
  const cut: number[] = [];
  const values = [...readRecording(file(name), (line) => cut.push(line))].map(({ value }) => value);
  return { values, cut };
}

describe("a recorder", () => {
  test("writes at the end of the turn, what is left when it is closed, and for its owner's eyes only", async () => {
    const { recorder: r } = recorder("turn");
    r.write({ at: 1 });
    expect(readFileSync(file("turn"), "utf8")).toBe("");
    await Bun.sleep(1);
    expect(readFileSync(file("turn"), "utf8")).toBe('{"at":1}\n');
    r.write({ at: 2 });
    r.close();
    r.write({ at: 3 });
    expect(read("turn")).toEqual({ values: [{ at: 1 }, { at: 2 }], cut: [] });
    expect(statSync(file("turn")).mode & 0o777).toBe(0o600);
  });

  test("puts an earlier recording aside", () => {
    for (const at of [1, 2]) {
      const { recorder: r } = recorder("aside");
      r.write({ at });
      r.close();
    }
    expect(read("aside").values).toEqual([{ at: 2 }]);
    expect(read("aside.1").values).toEqual([{ at: 1 }]);
  });

  test("ends whole when it is full, and says so once", () => {
    const { recorder: r, ends } = recorder("full", 25);
    for (let at = 0; at < 10; at++) r.write({ at });
    expect([r.isOpen, ends]).toEqual([false, [`${file("full")} is full (25 octets)`]]);
    r.close();
    expect(read("full").values).toEqual([{ at: 0 }, { at: 1 }]);
  });

  test("ends when the disk is full, and the router goes on", () => {
    const ends: string[] = [];
    const options = { file: "/dev/full", limit: 1 << 20, ended: (why: string) => ends.push(why) };
    const full = new Recorder(options, openSync("/dev/full", "w"));
    full.write({ at: 1 });
    full.flush();
    full.write({ at: 2 });
    full.close();
    expect(ends).toEqual([expect.stringContaining("ENOSPC")]);
  });

  test("cannot be made where there is no folder", () => {
    expect(() => recorder("no/such")).toThrow("ENOENT");
  });
});

describe("reading", () => {
  test("passes over a last line that was cut off, and says which", () => {
    writeFileSync(file("cut"), '{"at":1}\n{"at":2}\n{"at":');
    expect(read("cut")).toEqual({ values: [{ at: 1 }, { at: 2 }], cut: [3] });
    writeFileSync(file("cut"), '{"at":1}\n{"at":2}');
    expect(read("cut")).toEqual({ values: [{ at: 1 }, { at: 2 }], cut: [] });
  });

  test("names line and column of any other that is damaged", () => {
    const why = (text: string): string => {
      writeFileSync(file("damaged"), text);
      try {
        read("damaged");
      } catch (error) {
        if (error instanceof RecordingError) return error.message.replace(`${directory}/`, "");
        throw error;
      }
      return "";
    };
    expect(why('{"at":1}\n{"at":x}\n{}\n')).toBe('damaged:2:7: found "x}", expected JSON: the recording is damaged');
    expect(why('{"at":1}\n{"at":1\n{}\n')).toBe(
      "damaged:2:8: found the line's end, expected JSON: the recording is damaged",
    );
    expect(why('{"a":{"$hex":"0g"}}\n{}\n')).toBe("damaged:1: octets that are no hexadecimal digits");
    expect(() => read("none")).toThrow("no such file");
  });

  test("takes lines that lie across the pieces a file is read in", () => {
    const long = "é".repeat(400_000);
    writeFileSync(file("long"), [long, long, long, "end"].map((text) => `${JSON.stringify(text)}\n`).join(""));
    expect(read("long").values.map((text) => (text as string).length)).toEqual([400_000, 400_000, 400_000, 3]);
  });
});
