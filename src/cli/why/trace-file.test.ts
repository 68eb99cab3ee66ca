/** Traces in files: of several routers, cut off, and no traces at all; and routers that are older. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nextBelow, seeded } from "#base/random";
import { Writer } from "#base/writer";
import { Refusal } from "#cli/client";
import { traceCommand } from "#cli/commands/trace";
import { Failure } from "#cli/failure";
import { within } from "#cli/surroundings";
import { capture } from "#cli/testing/fleet";
import { TraceGatherer, traceFileHead } from "#cli/why/trace-file";
import { openRecords, openTrace } from "#cli/why/trace-stream";
import {
  KIND_COUNTS,
  KIND_START,
  KIND_WAY,
  writeDefinition,
  writeJson,
  writePacket,
} from "#router/watch/trace-messages";
import type { TraceLine } from "#router/watch/views";

const directory = mkdtempSync(join(tmpdir(), "ain-trace-"));
afterAll(() => rmSync(directory, { recursive: true }));
const COUNTS = { type: "counts", told: 2, limited: 5, lost: 0 } as const;

/** What a router tells of `packets` packets, which came in by a port that is called as it is. */
function told(router: string, packets: number): Uint8Array {
  const w = new Writer();
  w.octets(traceFileHead());
  writeJson(w, KIND_START, { type: "start", router });
  const ending = { name: "to-vm", fate: "forwarded", meaning: "delivered" };
  const way = { port: `of-${router}`, ending, icmp4: null, icmp6: null, stages: [] };
  writeDefinition(w, { kind: KIND_WAY, number: 0, text: JSON.stringify(way) });
  for (let i = 0; i < packets; i++) {
    const octets = Uint8Array.from({ length: 14 }, (_, k) => k);
    const packet = { seconds: 1_790_000_000 + i, nanos: 0, way: 0, isCaught: false, sent: [], own: 0 };
    writePacket(w, { ...packet, length: 14, octets });
  }
  writeJson(w, KIND_COUNTS, COUNTS);
  return w.finish();
}

/** As `ain trace -w` makes it: pieces of several routers as they come. */
function fileOf(name: string, routers: readonly Uint8Array[], seed = 7): string {
  const random = seeded(seed);
  const gatherers = routers.map((_, source) => new TraceGatherer(source));
  const left = routers.map((octets) => Uint8Array.from(octets));
  const pieces = [traceFileHead()];
  while (left.some(({ length }) => length > 0)) {
    const i = nextBelow(random, left.length);
    const size = 1 + nextBelow(random, 90);
    pieces.push(gatherers[i]!.take(left[i]!.slice(0, size)).octets);
    left[i] = left[i]!.slice(size);
  }
  const path = join(directory, name);
  writeFileSync(path, Buffer.concat(pieces));
  return path;
}

async function trace(...words: string[]): Promise<{ out: string; err: string; error: string }> {
  const captured = capture();
  let error = "";
  await within(captured.output, async () => {
    try {
      await traceCommand()
        .exitOverride()
        .configureOutput({ writeErr: () => {} })
        .parseAsync(words, { from: "user" });
    } catch (refused) {
      error = refused instanceof Error ? refused.message : String(refused);
    }
  });
  return { out: captured.out(), err: captured.err(), error };
}

describe("ain trace -r", () => {
  test("shows what several routers told, each under its name, message by message", async () => {
    const path = fileOf("two", [told("hv1", 2), told("hv2", 3)]);
    const { out, err, error } = await trace("-r", path, "--json");
    const packets = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as TraceLine & { port: string });
    expect(packets.map((each) => [(each as { router?: string }).router, each.port]).sort()).toEqual([
      ...Array.from({ length: 2 }, () => ["hv1", "of-hv1"]),
      ...Array.from({ length: 3 }, () => ["hv2", "of-hv2"]),
    ]);
    expect([error, err.split("\n").sort()]).toEqual([
      "",
      ["", "hv1: 2 told, 5 more than the rate allows", "hv2: 2 told, 5 more than the rate allows"],
    ]);
  });

  test("shows a line of each, the first ones, or all there is to say", async () => {
    const path = fileOf("styles", [told("hv1", 3)]);
    expect((await trace("-r", path, "-b", "-c", "2")).out.trim().split("\n").length).toBe(2);
    expect((await trace("-r", path)).out).toContain("hv1 of-hv1 to-vm");
  });

  test("of a file that ends within a message, wherever, shows what is whole, and says so", async () => {
    const whole = told("hv1", 2);
    for (let length = traceFileHead().length; length < whole.length; length += 3) {
      const path = join(directory, "cut");
      writeFileSync(path, whole.slice(0, length));
      const { out, err, error } = await trace("-r", path, "-b");
      expect(error).toBe("");
      expect(out.split("\n").length - 1).toBeLessThan(3);
      if (err !== "") expect(err).toMatch(/ends within a message: its last \d+ octets? cannot be shown/);
    }
  });

  test("says what is wrong with a file that is no trace, is empty, is not there, or is broken further on", async () => {
    const path = join(directory, "wrong");
    const wrong = async (octets: Uint8Array | string): Promise<{ out: string; error: string }> => {
      writeFileSync(path, octets);
      return trace("-r", path, "-b");
    };
    expect((await wrong("")).error).toBe(`${path}: found 0 octets, expected a trace (ain trace -w)`);
    expect((await wrong("AIN")).error).toBe(`${path}: found 3 octets, expected a trace (ain trace -w)`);
    expect((await wrong('{"type":"start"}\n')).error).toBe(`${path}: found no trace, at octet 0`);
    expect((await trace("-r", join(directory, "none"))).error).toContain("ENOENT");
    const broken = told("hv1", 3);
    broken[broken.length - COUNTS_OCTETS + 4] = 99;
    const { out, error } = await wrong(broken);
    expect([out.split("\n").length - 1, error]).toEqual([3, expect.stringContaining("found a message of kind 99")]);
  });

  test("leaves filters and routers to the writing", async () => {
    const path = fileOf("plain", [told("hv1", 1)]);
    expect((await trace("-r", path, "tcp")).error).toContain("ain trace tcp -w");
    for (const words of [
      ["--router", "hv1"],
      ["--rate", "5"],
      ["-w", "x"],
    ])
      expect((await trace("-r", path, ...words)).error).toContain("cannot be used with option");
    expect((await trace("-w", path, "--json")).error).toContain("cannot be used with option");
  });
});

/** Octets of told()'s last message. */
const COUNTS_OCTETS = 8 + JSON.stringify(COUNTS).length;

describe("a gatherer", () => {
  test("takes no more packets than are wanted, and all that was said before them", () => {
    const { octets, packets, counts } = new TraceGatherer(3).take(told("hv1", 5), 2);
    expect([packets, counts]).toEqual([2, undefined]);
    const path = join(directory, "some");
    writeFileSync(path, Buffer.concat([traceFileHead(), octets]));
    expect(new TraceGatherer(0).take(Buffer.concat([traceFileHead(), octets])).packets).toBe(2);
  });
});

describe("a router", () => {
  /** Answers POST /v1/trace. */
  async function asking<T>(answer: (body: unknown) => Response, ask: (socket: string) => Promise<T>): Promise<T> {
    const socket = join(directory, "router.sock");
    const server = Bun.serve({ unix: socket, fetch: async (request) => answer(await request.json()) });
    try {
      return await ask(socket);
    } finally {
      await server.stop(true);
    }
  }

  const { signal } = new AbortController();
  const lines = async (socket: string): Promise<TraceLine[]> => {
    const all: TraceLine[] = [];
    for await (const bunch of await openTrace(socket, { filter: "tcp" }, signal)) all.push(...bunch);
    return all;
  };
  const older = (body: unknown): Response => {
    if ((body as { format?: string }).format === undefined) return new Response('{"type":"start","router":"hv0"}\n');
    return Response.json({ error: '✖ Unrecognized key: "format"' }, { status: 400 });
  };

  test("that tells records is asked for them", async () => {
    const all = await asking((body) => {
      expect(body).toEqual({ filter: "tcp", format: "records" });
      return new Response(told("hv1", 1));
    }, lines);
    expect(all.map(({ type }) => type)).toEqual(["start", "packet", "counts"]);
  });

  test("that is older, and knows lines alone, is asked for those; what it tells cannot be kept", async () => {
    expect(await asking(older, lines)).toEqual([{ type: "start", router: "hv0" }]);
    const keep = asking(older, (socket) => openRecords({ name: "hv0", socket }, {}, signal));
    await expect(keep).rejects.toThrow(
      new Failure(
        "hv0 runs an older AIN, which tells nothing that can be kept: without -w it can be shown, or kept with --json > FILE",
      ),
    );
  });

  test("that refuses the filter is not asked twice, nor one believed that tells something else", async () => {
    let asked = 0;
    const refuses = (): Response => {
      asked++;
      return Response.json({ error: 'filter: found "format", expected …' }, { status: 400 });
    };
    await asking(refuses, async (socket) => expect(lines(socket)).rejects.toThrow(Refusal));
    expect(asked).toBe(1);
    const rubbish = (): Response => new Response("hello, world");
    await asking(rubbish, async (socket) => expect(lines(socket)).rejects.toThrow("what the router tells is no trace"));
  });
});
