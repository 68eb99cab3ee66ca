/** The house rule: imports go down only (ARCHITECTURE.md, "Layering"), and only src/sys speaks to bun:ffi. */
import { expect, test } from "bun:test";
import { Glob } from "bun";

/** What each room may import from, itself apart. Type-only imports count like others. */
const ALLOWED: Record<string, readonly string[]> = {
  "src/base": [],
  "src/wire": ["src/base"],
  "src/sys": ["src/base"],
  "src/runtime": ["src/sys", "src/base"],
  "src/services": ["src/wire", "src/base"],
  "src/policy": ["src/wire", "src/base"],
  fastpath: ["src/runtime", "src/sys", "src/wire", "src/base"],
  // Protocol cores: no clock, socket, random or log of their own.
  ospf: ["src/wire", "src/base"],
  bfd: ["src/wire", "src/base"],
  pmip: ["src/wire", "src/base"],
  "src/router": [
    "src/policy",
    "src/services",
    "fastpath",
    "ospf",
    "bfd",
    "pmip",
    "src/runtime",
    "src/sys",
    "src/wire",
    "src/base",
  ],
  "src/lab": ["src/runtime", "src/sys", "src/base"],
  // The map reads what routers say of themselves, by the types of their views; how it is put into words the CLI tells it.
  "src/web": ["src/router", "src/base"],
  // The CLI speaks to a running router by its socket alone; it starts routers, reads configurations and builds labs.
  // It also replays recordings of a protocol core, which needs the core itself.
  "src/cli": ["src/web", "src/router", "src/lab", "src/policy", "ospf", "src/runtime", "src/sys", "src/base"],
};
const ALIASES: Record<string, string> = { fastpath: "fastpath", ospf: "ospf", bfd: "bfd", pmip: "pmip" };

const root = new URL("..", import.meta.url).pathname;
const roomOf = (file: string): string | undefined =>
  Object.keys(ALLOWED).find((room) => file === room || file.startsWith(`${room}/`));
const isTest = (file: string): boolean =>
  file.includes(".test.") || file.includes("/testing/") || file.startsWith("fastpath/translation/");

const sources = [...new Glob("{src,fastpath,ospf,bfd,pmip}/**/*.ts").scanSync(root)].filter((file) => !isTest(file));

function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1]!);
}

test("every room imports only from the rooms below it", async () => {
  const wrong: string[] = [];
  for (const file of sources) {
    const room = roomOf(file);
    if (room === undefined) continue;
    for (const path of importsOf(await Bun.file(root + file).text())) {
      if (!path.startsWith("#")) continue;
      const name = path.slice(1).split("/")[0]!;
      const target = ALIASES[name] ?? `src/${name}`;
      if (target !== room && !ALLOWED[room]!.includes(target)) wrong.push(`${file} imports ${path}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("relative imports stay in their room", async () => {
  const wrong: string[] = [];
  for (const file of sources) {
    for (const path of importsOf(await Bun.file(root + file).text())) {
      if (!path.startsWith("../")) continue;
      const target = new URL(path, `file:///${file}`).pathname.slice(1);
      if (roomOf(target) !== undefined && roomOf(target) !== roomOf(file)) wrong.push(`${file} imports ${path}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("only src/sys imports bun:ffi", async () => {
  const wrong: string[] = [];
  for (const file of sources) {
    if (!file.startsWith("src/sys/") && importsOf(await Bun.file(root + file).text()).includes("bun:ffi"))
      wrong.push(file);
  }
  expect(wrong).toEqual([]);
});
