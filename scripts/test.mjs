/**
 * `npm test`: style, types, unit tests, then the end-to-end tests, one file after another since they share the machine.
 * What failed is told once more at the end, so that the tail of a long log says it.
 * An end-to-end file that fails is run once more when all others are done, if they are few: these tests meet real
 * kernels, daemons and guests in real time, on a machine that may be taken away for seconds. What it said at first is told
 * all the same; AIN_TEST_ONCE=1 makes the first failure count, for whoever looks for tests that are not reliable.
 * The last line is `N passed, N failed`; the exit code is 0 only when nothing failed and nothing was left out.
 */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const UNIT_LIMIT = 600; // seconds, for all of them together
const END_TO_END_LIMIT = 300; // seconds, for each file
const TOLD_LINES = 40; // of what a failed test printed, at the end
const SECOND_RUNS = 3; // end-to-end files that may be run again: more failing at once is no accident
const GRACE = 5; // seconds a program gets to clean up once its time is over
const END_TO_END = ".e2e.test.ts";

const colours = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code, text) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what colours begin with
const COLOUR = /\x1b\[[0-9;]*m/g;

let total = { passed: 0, failed: 0 };
/** What failed, and the end of what it printed. */
let failures = [];
/** What failed at first and passed when run again, likewise. */
const unreliable = [];

function fail(message, output = "") {
  total.failed += 1;
  failures.push({ what: message, printed: output.trimEnd().split("\n").slice(-TOLD_LINES) });
  console.log(paint(31, `✗ ${message}`));
}

let running;

/** A program, what it starts included: they are one process group. */
function signalRunning(signal) {
  try {
    if (running) process.kill(-running.pid, signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error; // gone already
  }
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    signalRunning(signal);
    setTimeout(() => process.exit(130), GRACE * 1000).unref();
    if (running === undefined) process.exit(130);
    running.once("exit", () => process.exit(130));
  });
}

/** Runs a program, passes on what it prints, and resolves to { code, output, late }: late when its time was over. */
function run(command, args, limitSeconds) {
  return new Promise((resolve) => {
    const env = { ...process.env, ...(colours && { FORCE_COLOR: "1" }) };
    const child = spawn(command, args, { cwd: ROOT, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    running = child;
    let output = "";
    let late = false;
    const timers = [
      setTimeout(() => {
        late = true;
        signalRunning("SIGTERM");
      }, limitSeconds * 1000),
      setTimeout(() => signalRunning("SIGKILL"), (limitSeconds + GRACE) * 1000),
    ];
    // Both into one stream: Bun writes its results to stderr, and a log must keep their order.
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
        process.stdout.write(text);
      });
    }
    const finish = (code) => {
      for (const timer of timers) clearTimeout(timer);
      running = undefined;
      resolve({ code, output, late });
    };
    // A daemon that a test left behind may keep the pipes open for ever: it shall not keep us.
    child.once("exit", (code) => timers.push(setTimeout(finish, GRACE * 1000, code)));
    child.once("error", (error) => {
      console.log(`${command}: ${error.message}`);
      finish(1);
    });
    child.once("close", finish);
  });
}

async function check(title, command, args) {
  console.log(paint(1, `\n── ${title}`));
  const { code, output } = await run(join(ROOT, "node_modules/.bin", command), args, UNIT_LIMIT);
  if (code !== 0) fail(`${title}: see above`, output);
}

/** Bun's summary has ` 12 pass` and ` 3 fail` on lines of their own; an error outside of tests counts as a fail there. */
function summarised(output, word) {
  const found = output.replaceAll(COLOUR, "").matchAll(new RegExp(`^ *(\\d+) ${word}$`, "gm"));
  return [...found].reduce((sum, match) => sum + Number(match[1]), 0);
}

/** Bun lists failed tests once more behind those of many files. */
function noteFailure(what, printed) {
  if (!failures.some((failure) => failure.what === what)) failures.push({ what, printed });
}

/** The tests that failed: Bun prints what is wrong, then the test's name behind `(fail)`. */
function failedTests(title, output) {
  const before = failures.length;
  let printed = [];
  for (const line of output.replaceAll(COLOUR, "").split("\n")) {
    if (line.startsWith("(fail) ")) noteFailure(`${title}: ${line.slice("(fail) ".length)}`, printed);
    if (/^\((pass|fail)\) /.test(line)) printed = [];
    else if (line.trim() !== "") printed = [...printed, line].slice(-TOLD_LINES);
  }
  // An error outside of the tests has no name.
  if (failures.length === before) failures.push({ what: title, printed });
}

async function runTests(title, args, limitSeconds) {
  console.log(paint(1, `\n── ${title}`));
  const { code, output, late } = await run(join(ROOT, "bin/bun"), ["test", ...args], limitSeconds);
  const failed = summarised(output, "fail");
  total.passed += summarised(output, "pass");
  total.failed += failed;
  if (failed > 0) failedTests(title, output);
  if (late) fail(`${title}: not done after ${limitSeconds} s, ended`, output);
  else if (code !== 0 && failed === 0) fail(`${title}: bun test ended with code ${code} before its summary`, output);
}

function endToEndFiles() {
  const isOurs = (path) => !path.split("/").some((part) => part === "node_modules" || part.startsWith("."));
  return readdirSync(ROOT, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(END_TO_END) && isOurs(path))
    .sort();
}

/** What the run counted is taken back: [counted, failures]. */
async function apart(run) {
  const before = [total, failures];
  [total, failures] = [{ passed: 0, failed: 0 }, []];
  await run();
  const counted = [total, failures];
  [total, failures] = before;
  return counted;
}

function count([counted, failed]) {
  total.passed += counted.passed;
  total.failed += counted.failed;
  failures.push(...failed);
}

async function runEndToEnd(files) {
  const again = [];
  for (const file of files) {
    const first = await apart(() => runTests(`end to end: ${file}`, [`./${file}`], END_TO_END_LIMIT));
    if (first[0].failed === 0 || process.env.AIN_TEST_ONCE) count(first);
    else again.push([file, first]);
  }
  if (again.length > SECOND_RUNS) for (const [, first] of again.splice(0)) count(first);
  for (const [file, [, failed]] of again) {
    const second = await apart(() => runTests(`end to end, once more: ${file}`, [`./${file}`], END_TO_END_LIMIT));
    if (second[0].failed === 0) unreliable.push(...failed);
    count(second);
  }
}

function tell(mark, colour, told) {
  for (const { what, printed } of told) {
    console.log(paint(colour, `\n${mark} ${what}`));
    for (const line of printed) console.log(`  ${line}`);
  }
}

await check("style (biome check)", "biome", ["check", "."]);
await check("types (tsc)", "tsc", ["--noEmit"]);
await runTests("unit tests", ["--path-ignore-patterns", `**/*${END_TO_END}`], UNIT_LIMIT);
const endToEnd = endToEndFiles();
if (process.getuid?.() === 0) {
  await runEndToEnd(endToEnd);
} else {
  fail(`the end-to-end tests (${endToEnd.length} files) were NOT run: they make network namespaces and need root`);
}
tell("⚠ NOT RELIABLE: failed at first, passed when run again:", 33, unreliable);
tell("✗", 31, failures);

console.log("");
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
