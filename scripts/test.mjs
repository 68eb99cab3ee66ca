/**
 * `npm test`: style, types, unit tests, then the end-to-end tests, one file after another since they share the machine.
 * Files that say {@link BESIDE} spend their time waiting for protocols' timers: they go last, three at a time.
 * What failed is told once more at the end, so that the tail of a long log says it.
 * An end-to-end file that fails is run once more when all others are done, if they are few: these tests meet real
 * kernels, daemons and guests in real time, on a machine that may be taken away for seconds. What it said at first is told
 * all the same; AIN_TEST_ONCE=1 makes the first failure count, for whoever looks for tests that are not reliable.
 * A signal ends it, or a file whose time is over; labs and namespaces that it had built go all the same (leftovers.mjs).
 * The last line is `N passed, N failed`; the exit code is 0 only when nothing failed and nothing was left out.
 */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { clearLeftovers } from "./leftovers.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const UNIT_LIMIT = 600; // seconds, for all of them together
const END_TO_END_LIMIT = 300; // seconds, for each file
const TOLD_LINES = 40; // of what a failed test printed, at the end
const SECOND_RUNS = 3; // end-to-end files that may be run again: more failing at once is no accident
const GRACE = 5; // seconds a program gets to clean up once its time is over
const LANES = 3; // end-to-end files at a time that say BESIDE
const END_TO_END = ".e2e.test.ts";
/** In an end-to-end file: its tests wait more than they work, and hold on a machine that is busy with others'. */
const BESIDE = "Runs beside others.";

const colours = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code, text) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what colours begin with
const COLOUR = /\x1b\[[0-9;]*m/g;

/** Process groups: each a program and what it started. */
const running = new Set();
/** A signal has come: nothing is started any more. */
let isStopping = false;

function signal(child, name) {
  try {
    process.kill(-child.pid, name);
  } catch (error) {
    if (error.code !== "ESRCH") throw error; // gone already
  }
}

/** Bun runs no `afterAll` of tests that are ended by a signal. */
function tidy(child) {
  const found = clearLeftovers(ROOT, child.pid);
  if (found.length > 0) console.log(`cleared up: ${found.join(", ")}`);
}

for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(name, () => {
    isStopping = true;
    const children = [...running];
    const hasEnded = ({ exitCode, signalCode }) => exitCode !== null || signalCode !== null;
    const ends = children.map((child) => hasEnded(child) || new Promise((resolve) => child.once("exit", resolve)));
    for (const child of children) signal(child, name);
    setTimeout(() => children.forEach((child) => void signal(child, "SIGKILL")), GRACE * 1000).unref();
    Promise.all(ends).then(() => {
      children.forEach(tidy);
      process.exit(130);
    });
  });
}

/**
 * Runs a program and resolves to { code, output, late }: late when its time was over. Passes on what it prints, unless it
 * is wanted `together`.
 */
function run(command, args, { limitSeconds, together = false }) {
  return new Promise((resolve) => {
    if (isStopping) return;
    const env = { ...process.env, ...(colours && { FORCE_COLOR: "1" }) };
    const child = spawn(command, args, { cwd: ROOT, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    running.add(child);
    let output = "";
    let late = false;
    const timers = [
      setTimeout(() => {
        late = true;
        signal(child, "SIGTERM");
      }, limitSeconds * 1000),
      setTimeout(() => signal(child, "SIGKILL"), (limitSeconds + GRACE) * 1000),
    ];
    // Both into one stream: Bun writes its results to stderr, and a log must keep their order.
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
        if (!together) process.stdout.write(text);
      });
    }
    const finish = (code) => {
      for (const timer of timers) clearTimeout(timer);
      running.delete(child);
      if (late || code === null) tidy(child);
      resolve({ code, output, late });
    };
    // A daemon that a test left behind may keep the pipes open for ever: it shall not keep us.
    child.once("exit", (code) => timers.push(setTimeout(finish, GRACE * 1000, code)));
    child.once("error", (error) => {
      output += `${command}: ${error.message}\n`;
      finish(1);
    });
    child.once("close", finish);
  });
}

const announce = (title) => console.log(paint(1, `\n── ${title}`));
const lastLines = (output) => output.trimEnd().split("\n").slice(-TOLD_LINES);

/** What was run: how many passed and failed, and of each failure what it was and the end of what it printed. */
const nothing = () => ({ passed: 0, failed: 0, failures: [] });

function fail(result, what, output = "") {
  result.failed += 1;
  result.failures.push({ what, printed: lastLines(output) });
  console.log(paint(31, `✗ ${what}`));
  return result;
}

const sumOf = (results) => ({
  passed: results.reduce((sum, { passed }) => sum + passed, 0),
  failed: results.reduce((sum, { failed }) => sum + failed, 0),
  failures: results.flatMap(({ failures }) => failures),
});

async function check(title, command, args) {
  announce(title);
  const { code, output } = await run(join(ROOT, "node_modules/.bin", command), args, { limitSeconds: UNIT_LIMIT });
  return code === 0 ? nothing() : fail(nothing(), `${title}: see above`, output);
}

/** Bun's summary has ` 12 pass` and ` 3 fail` on lines of their own; an error outside of tests counts as a fail there. */
function summarised(output, word) {
  const found = output.replaceAll(COLOUR, "").matchAll(new RegExp(`^ *(\\d+) ${word}$`, "gm"));
  return [...found].reduce((sum, match) => sum + Number(match[1]), 0);
}

/** The tests that failed: Bun prints what is wrong, then the test's name behind `(fail)`, and lists those of many files once more. */
function failedTests(title, output) {
  const failures = new Map();
  let printed = [];
  for (const line of output.replaceAll(COLOUR, "").split("\n")) {
    const what = `${title}: ${line.slice("(fail) ".length)}`;
    if (line.startsWith("(fail) ") && !failures.has(what)) failures.set(what, printed);
    if (/^\((pass|fail)\) /.test(line)) printed = [];
    else if (line.trim() !== "") printed = [...printed, line].slice(-TOLD_LINES);
  }
  if (failures.size === 0) failures.set(title, printed); // an error outside of the tests has no name
  return [...failures].map(([what, printed]) => ({ what, printed }));
}

async function runTests(title, args, options) {
  if (!options.together) announce(title);
  const { code, output, late } = await run(join(ROOT, "bin/bun"), ["test", ...args], options);
  if (options.together) {
    announce(title);
    process.stdout.write(output);
  }
  const [passed, failed] = [summarised(output, "pass"), summarised(output, "fail")];
  const result = { passed, failed, failures: failed > 0 ? failedTests(title, output) : [] };
  if (late) return fail(result, `${title}: not done after ${options.limitSeconds} s, ended`, output);
  if (code !== 0 && failed === 0)
    return fail(result, `${title}: bun test ended with code ${code} before its summary`, output);
  return result;
}

/** [those that need the machine for themselves, those that do not]. */
function endToEndFiles() {
  const isOurs = (path) => !path.split("/").some((part) => part === "node_modules" || part.startsWith("."));
  const files = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(END_TO_END) && isOurs(path))
    .sort();
  const isBeside = (path) => readFileSync(join(ROOT, path), "utf8").includes(BESIDE);
  return [files.filter((path) => !isBeside(path)), files.filter(isBeside)];
}

const endToEnd = (file, options = {}) =>
  runTests(`end to end: ${file}`, [`./${file}`], { limitSeconds: END_TO_END_LIMIT, ...options });

/** Resolves to [file, result] of each, in the order they ended. */
async function runBeside(files) {
  const [waiting, results] = [[...files], []];
  const lane = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift())
      results.push([file, await endToEnd(file, { together: true })]);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return results;
}

/** Resolves to the result, and to what failed at first and passed when run again. */
async function runEndToEnd([alone, beside]) {
  const results = [];
  for (const file of alone) results.push([file, await endToEnd(file)]);
  results.push(...(await runBeside(beside)));
  const bad = results.filter(([, { failed }]) => failed > 0);
  if (bad.length > SECOND_RUNS || process.env.AIN_TEST_ONCE) return [sumOf(results.map(([, result]) => result)), []];
  const unreliable = [];
  for (const entry of bad) {
    console.log(paint(33, `\n${entry[0]} failed: once more`));
    const second = await endToEnd(entry[0]);
    if (second.failed === 0) unreliable.push(...entry[1].failures);
    entry[1] = second;
  }
  return [sumOf(results.map(([, result]) => result)), unreliable];
}

function tell(mark, colour, told) {
  for (const { what, printed } of told) {
    console.log(paint(colour, `\n${mark} ${what}`));
    for (const line of printed) console.log(`  ${line}`);
  }
}

const results = [
  await check("style (biome check)", "biome", ["check", "."]),
  await check("types (tsc)", "tsc", ["--noEmit"]),
  await runTests("unit tests", ["--timeout", "60000", "--path-ignore-patterns", `**/*${END_TO_END}`], {
    limitSeconds: UNIT_LIMIT,
  }),
];
const files = endToEndFiles();
if (process.getuid?.() === 0) {
  const [result, unreliable] = await runEndToEnd(files);
  results.push(result);
  tell("⚠ NOT RELIABLE, failed at first and passed when run again:", 33, unreliable);
} else {
  const count = files.flat().length;
  const what = `the end-to-end tests (${count} files) were NOT run: they make network namespaces and need root`;
  results.push(fail(nothing(), what));
}
const { passed, failed, failures } = sumOf(results);
tell("✗", 31, failures);
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
