import { describe, expect, test } from "bun:test";
import type { Vm } from "#router/config/model";
import { type FlightCounts, FlightRecorder } from "#router/mobility/flights";
import { mergeFlights } from "#router/mobility/move-report";
import type { VmCause, VmChange, VmState } from "#router/vms/events";

const NOTHING: FlightCounts = {
  port: { fromVm: 0, toVm: 0 },
  held: 0,
  reinjected: 0,
  givenUp: 0,
  stragglers: 0,
  dropped: {},
};

/** A router's recorder, and the counters it reads. */
class World {
  counts: FlightCounts = NOTHING;
  readonly recorder: FlightRecorder;

  constructor(router: string) {
    this.recorder = new FlightRecorder({ router, countsOf: () => this.counts });
  }

  state(at: number, from: VmState | undefined, to: VmState | undefined, cause: VmCause = "command"): void {
    this.recorder.state({ vm: { name: "web" } as Vm, from, to, cause, at } satisfies VmChange);
  }

  traffic(now: number, fromVm: number, toVm: number): void {
    this.counts = { ...this.counts, port: { fromVm, toVm } };
    this.recorder.look(now);
  }

  get report() {
    return this.recorder.report("web")!;
  }

  get line(): string[] {
    return this.report.events.map(({ at, what }) => `${at} ${what}`);
  }
}

/** The source of a move that begins at 1000: held, given one packet late, released. */
function source(): World {
  const world = new World("hv1");
  world.counts = { ...NOTHING, port: { fromVm: 500, toVm: 700 }, dropped: { "no-such-vm": 4 } };
  world.state(1000, "active", "held");
  world.traffic(1001, 501, 701);
  world.traffic(1003, 502, 701);
  world.counts = { ...world.counts, held: 5 };
  world.traffic(1010, 502, 701);
  world.recorder.note({ vm: "web", what: "bri-received", peer: "hv3" }, 1020);
  world.counts = { ...world.counts, port: undefined, held: 12, reinjected: 11, givenUp: 1 };
  world.state(1021, "held", "away", "released");
  return world;
}

/** Its target, whose clock is right. */
function target(ahead = 0): World {
  const world = new World("hv2");
  const at = (time: number): number => time + ahead;
  world.state(at(900), "away", "prepared");
  world.recorder.firstFrame("web", at(1014));
  world.state(at(1015), "prepared", "active", "frame");
  world.recorder.note({ vm: "web", what: "pbu-sent", peer: "hv3", subject: "blue/prod 10.0.0.5" }, at(1015));
  world.recorder.look(at(1016));
  world.recorder.note({ vm: "web", what: "pba", peer: "hv3", subject: "blue/prod 10.0.0.5" }, at(1018));
  world.traffic(at(1019), 3, 0);
  world.traffic(at(1022), 9, 8);
  world.traffic(at(1023), 20, 30);
  return world;
}

describe("a flight report", () => {
  test("of the source tells hold, the last packets, release, and what became of held packets", () => {
    const { report, line } = source();
    expect(line).toEqual([
      "1000 held",
      "1001 last-to-vm",
      "1003 last-from-vm",
      "1010 first-held",
      "1020 bri-received",
      "1021 held-sent-on",
      "1021 released",
    ]);
    expect(report).toMatchObject({ side: "source", outcome: "done", began: 1000, ended: 1021, downtime: 20 });
    expect(report.packets).toEqual({ held: 12, reinjected: 11, givenUp: 1, stragglers: 0, dropped: {} });
  });

  test("of the target tells the first frame, registration, the first packet delivered", () => {
    const { report, line } = target();
    expect(line).toEqual([
      "900 prepared",
      "1014 first-from-vm",
      "1015 activated",
      "1015 pbu-sent",
      "1018 pba",
      "1022 first-to-vm",
    ]);
    expect(report).toMatchObject({ side: "target", outcome: "done", ended: 1019, downtime: 8 });
    expect(report.marks).toEqual({ firstFromVm: 1014, lastFromVm: 1023, firstToVm: 1022, lastToVm: 1023 });
  });

  test("is not done while a registration is not answered, and says so", () => {
    const world = new World("hv2");
    world.state(0, undefined, "prepared");
    world.state(5, "prepared", "active");
    world.recorder.note({ vm: "web", what: "pbu-sent", subject: "a" }, 5);
    world.recorder.note({ vm: "web", what: "pbu-sent", subject: "b" }, 5);
    world.recorder.note({ vm: "web", what: "pba", subject: "a" }, 6);
    world.recorder.look(1000);
    expect(world.report.outcome).toBe("open");
    world.recorder.look(70_000);
    expect(world.report).toMatchObject({ outcome: "aborted" });
    expect(world.line.at(-1)).toBe("70000 forgotten");
  });

  test("counts what comes for ten seconds after the end, and nothing after that", () => {
    const world = source();
    world.counts = { ...world.counts, stragglers: 3, dropped: { "no-such-vm": 6 } };
    world.recorder.look(5000);
    expect(world.report.packets).toMatchObject({ stragglers: 3, dropped: { "no-such-vm": 2 } });
    world.recorder.look(12_000);
    world.counts = { ...world.counts, stragglers: 100 };
    world.recorder.look(12_001);
    expect(world.report.packets.stragglers).toBe(3);
    expect(world.recorder.isWatching).toBe(false);
  });

  test("of a hold that ended, or of a VM that is detached, is one of an aborted move", () => {
    const world = new World("hv1");
    world.state(0, "active", "held");
    world.state(10_000, "held", "active", "timeout");
    expect(world.report).toMatchObject({ outcome: "aborted", ended: 10_000, downtime: 10_000 });
    world.state(20_000, undefined, "prepared");
    world.state(21_000, "prepared", undefined);
    expect(world.report).toMatchObject({ side: "target", outcome: "aborted", downtime: null });
    expect(world.recorder.list().map(({ id }) => id)).toEqual([2, 1]);
  });

  test("is there when nobody prepared anything: the VM is active elsewhere all of a sudden", () => {
    const world = new World("hv1");
    world.state(7, "active", "away", "released");
    expect(world.line).toEqual(["7 hosted-elsewhere", "7 released"]);
    expect(world.report).toMatchObject({ side: "source", outcome: "done" });
  });

  test("of the home that is neither host has what it told whom", () => {
    const world = new World("hv3");
    world.recorder.moved("web", 100);
    world.recorder.note({ vm: "web", what: "bri-sent", peer: "hv1" }, 100);
    world.recorder.look(101);
    world.recorder.note({ vm: "web", what: "bra", peer: "hv1" }, 104);
    expect(world.report).toMatchObject({ side: "home", outcome: "done", downtime: null });
    expect(world.line).toEqual(["100 moved", "100 bri-sent", "104 bra"]);
  });

  test("of a home that was the source of the move before is one of its own", () => {
    const world = source();
    world.recorder.moved("web", 2000);
    world.recorder.note({ vm: "web", what: "bri-sent", peer: "hv2" }, 2000);
    expect(world.report).toMatchObject({ id: 2, side: "home", began: 2000 });
    expect(world.recorder.list().map(({ side, held }) => `${side} ${held}`)).toEqual(["home 0", "source 12"]);
  });

  test("keeps what was held when the VM is prepared here anew, which forgets it", () => {
    const world = source();
    world.counts = { ...world.counts, held: 0, reinjected: 0, givenUp: 0 };
    world.recorder.look(1500);
    world.state(1600, "away", "prepared");
    expect(world.recorder.list().map(({ side, held, lost }) => [side, held, lost])).toEqual([
      ["target", 0, 0],
      ["source", 12, 1],
    ]);
  });

  test("a VM that is attached anew, or started with the router, is no move", () => {
    const world = new World("hv1");
    world.state(0, undefined, "active", "start");
    world.state(1, undefined, "active");
    world.recorder.note({ vm: "web", what: "pbu-sent" }, 1);
    expect(world.recorder.report("web")).toBeUndefined();
  });

  test("a hundred are kept", () => {
    const world = new World("hv1");
    for (let i = 0; i < 150; i++) world.state(i, "active", "held");
    const flights = world.recorder.list();
    expect(flights).toHaveLength(100);
    expect(flights[0]!.id).toBe(150);
  });
});

describe("both sides in one", () => {
  test("have one time line, and the downtime is from the last packet here to the first there", () => {
    const move = mergeFlights(source().report, target().report);
    expect(move).toMatchObject({
      ...{ vm: "web", source: "hv1", target: "hv2", outcome: "done", began: 900, skew: 0 },
      ...{ lost: 1, duplicated: null, reordered: null, held: 12, stragglers: 0 },
      downtime: { total: 21, still: 13, network: 8 },
    });
    expect(move.timeline.map(({ router, what, relative }) => `${relative} ${router} ${what}`)).toEqual([
      ...["0 hv2 prepared", "100 hv1 held", "101 hv1 last-to-vm", "103 hv1 last-from-vm", "110 hv1 first-held"],
      ...["114 hv2 first-from-vm", "115 hv2 activated", "115 hv2 pbu-sent", "118 hv2 pba", "120 hv1 bri-received"],
      ...["121 hv1 held-sent-on", "121 hv1 released", "122 hv2 first-to-vm"],
    ]);
  });

  test("whose clocks differ are put right as far as cause and effect tell", () => {
    const late = mergeFlights(source().report, target(500).report);
    expect(late.skew).toBe(494); // activated at 1515 there, released at 1021 here
    expect(late.downtime.total).toBe(27);
    const early = mergeFlights(source().report, target(-500).report);
    expect(early.skew).toBe(-485); // activated at 515 there, held at 1000 here
    expect(early.timeline.find(({ what }) => what === "activated")!.at).toBe(1000);
  });

  test("claim no downtime of a VM that nobody sent anything", () => {
    const quiet = new World("hv2");
    quiet.state(900, undefined, "prepared");
    quiet.state(1015, "prepared", "active");
    expect(mergeFlights(source().report, quiet.report)).toMatchObject({
      downtime: { total: null, still: 14, network: null },
    });
  });

  test("are aborted when one of them is", () => {
    const world = new World("hv1");
    world.state(1000, "active", "held");
    world.state(1100, "held", "active");
    expect(mergeFlights(world.report, target().report).outcome).toBe("aborted");
  });
});
