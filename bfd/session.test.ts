import { describe, expect, test } from "bun:test";
import { NEVER } from "#base/time";
import { Bfd } from "#bfd/bfd";
import { STATES, type State } from "#bfd/packet";
import { POLL, type PollEvent, type PollState } from "#bfd/poll";
import { RECEIVED, TRANSITIONS } from "#bfd/session";
import { add, from, ITS, KEY, lines, only, sent, sessionIn, tell } from "#bfd/testing/peer";

/** The procedure of RFC 5880 §6.8.6, as it is written there: state and diagnostic (undefined: not set). */
function procedure(sessionState: State, received: State): { state: State; diagnostic?: number } {
  if (sessionState === "AdminDown") return { state: "AdminDown" };
  if (received === "AdminDown") {
    if (sessionState !== "Down") return { state: "Down", diagnostic: 3 };
  } else if (sessionState === "Down") {
    if (received === "Down") return { state: "Init" };
    if (received === "Init") return { state: "Up" };
  } else if (sessionState === "Init") {
    if (received === "Init" || received === "Up") return { state: "Up" };
  } else if (received === "Down") return { state: "Down", diagnostic: 3 };
  return { state: sessionState };
}

const pairs = STATES.flatMap((state) => STATES.map((received) => [state, received] as const));

describe("the state machine (RFC 5880 §6.2, §6.8.6)", () => {
  test.each(pairs)("%s receives %s", (state, received) => {
    const expected = procedure(state, received);
    const transition = TRANSITIONS[state][RECEIVED[received]];
    expect(transition?.to ?? state).toBe(expected.state);
    if (expected.diagnostic !== undefined) expect(transition?.diagnostic).toBe(expected.diagnostic);

    const core = sessionIn(state);
    const before = only(core).diagnostic;
    const effects = core.handle(from(core, received), 1010);
    const { state: after, remoteState, diagnostic } = only(core);
    expect([after, remoteState]).toEqual([expected.state, received]);
    expect(diagnostic).toBe(expected.diagnostic ?? (after === "Up" ? 0 : before));
    const changes = effects.filter(({ type }) => type === "state");
    expect(changes.length).toBe(Number((state === "Up") !== (after === "Up")));
    // §6.8.7: a change of state is told at once.
    expect(sent(effects).map((p) => p.state)).toEqual(after === state ? [] : [after]);
  });

  test("goes Up by a three-way handshake", () => {
    const [a, b] = [new Bfd(1), new Bfd(2)];
    a.handle(add(), 0);
    b.handle(add(), 0);
    expect(tell(a, from(b, "Down", { yourDiscriminator: 0 }), 1)).toEqual(["send Init 1000/100 x3"]);
    expect(lines(b.handle(from(b, "Init"), 2))).toEqual(["up", "send Up P 100/100 x3"]);
    expect(lines(a.handle(from(a, "Up"), 3))).toEqual(["up", "send Up P 100/100 x3"]);
  });

  test("comes Up again by itself after the path failed, whatever is still on its way", () => {
    const core = sessionIn("Up");
    expect(tell(core, { type: "linkDown", port: KEY.port }, 1010)).toEqual([
      "down: path down",
      "send Down P 1000/100 x3",
    ]);
    expect(tell(core, from(core, "Up"), 1011)).toEqual([]);
    expect(only(core)).toMatchObject({ state: "Down", diagnostic: 5, flaps: 1, upSince: null });
    core.handle(from(core, "Down"), 1020);
    expect(tell(core, from(core, "Up"), 1030)[0]).toBe("up");
    expect(only(core)).toMatchObject({ state: "Up", diagnostic: 0, flaps: 1, upSince: 1030 });
  });

  test("a link that goes down takes its own sessions down only", () => {
    const core = sessionIn("Up");
    expect(tell(core, { type: "linkDown", port: KEY.port + 1 }, 1010)).toEqual([]);
    expect(only(core).state).toBe("Up");
  });

  test("says that the neighbor's operator took it down (RFC 5882 §3.2)", () => {
    const core = sessionIn("Up");
    const [change] = core.handle(from(core, "AdminDown", { diagnostic: 7 }), 1010);
    expect(change).toMatchObject({ type: "state", ...KEY, up: false, diagnostic: 3, remoteState: "AdminDown" });
    expect(only(core)).toMatchObject({ remoteDiagnostic: 7, remoteDiscriminator: ITS });
  });
});

describe("administrative control (RFC 5880 §6.8.16)", () => {
  test.each(["Down", "Init", "Up"] as const)("disables a session that is %s, and goes on telling so", (state) => {
    const core = sessionIn(state);
    const effects = tell(core, { type: "changeSession", ...KEY, adminDown: true }, 1010);
    expect(effects.at(-1)).toStartWith("send AdminDown");
    expect(effects.includes("down: administratively down")).toBe(state === "Up");
    expect(core.deadline()).toBeLessThanOrEqual(2010);
    expect(core.deadline()).not.toBe(NEVER);
  });

  test("ignores what it hears while disabled, but knows who is there", () => {
    const core = sessionIn("AdminDown");
    expect(tell(core, from(core, "Down", { poll: true, myDiscriminator: 99 }), 1010)).toEqual([]);
    expect(core.counters.ignored).toBe(1);
    expect(only(core)).toMatchObject({ state: "AdminDown", remoteDiscriminator: 99 });
  });

  test("enables it again: Down, and told at once", () => {
    const core = sessionIn("AdminDown");
    const effects = core.handle({ type: "changeSession", ...KEY, adminDown: false }, 1500);
    expect(sent(effects)).toMatchObject([{ state: "Down", diagnostic: 7 }]);
    core.handle(from(core, "Down"), 1510);
    expect(only(core).state).toBe("Init");
  });

  test("is no news when nothing changes", () => {
    const core = sessionIn("AdminDown");
    expect(tell(core, { type: "changeSession", ...KEY, adminDown: true }, 1500)).toEqual([]);
  });
});

describe("the Poll Sequence as a table (RFC 5880 §6.5, §6.8.3)", () => {
  test.each([
    ["nothing to ask", ["asked", "final", "other"], "idle"],
    ["one change, asked and answered", ["changed", "asked", "other", "final"], "idle"],
    ["changes before the first packet share it", ["changed", "changed", "asked", "final"], "idle"],
    ["a Final that nobody asked for ends nothing", ["changed", "final"], "due"],
    ["a change after the question is asked for again", ["changed", "asked", "changed", "final"], "settling"],
    ["but only after a packet without Final", ["changed", "asked", "changed", "final", "final", "other"], "due"],
    ["and then answered", ["changed", "asked", "changed", "final", "other", "asked", "final"], "idle"],
  ] as const)("%s", (_, events: readonly PollEvent[], expected) => {
    let state: PollState = "idle";
    for (const event of events) state = POLL[state][event] ?? state;
    expect(state).toBe(expected);
  });
});
