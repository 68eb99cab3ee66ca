import { expect, test } from "bun:test";
import fc from "fast-check";
import { BACK } from "#fastpath/tables/connection-entries";
import { STATE_NAMES, TICKS_PER_SECOND } from "#fastpath/tables/connection-states";
import { Connections, NONE } from "#fastpath/tables/connections";
import {
  back,
  describePacket,
  find,
  newTable,
  pass,
  TCP,
  type TestPacket,
  vm,
} from "#fastpath/testing/connection-packets";

const FIN = 0x01;
const SYN = 0x02;
const RST = 0x04;
const ACK = 0x10;
const SECOND = TICKS_PER_SECOND;

const ends = { source: vm(7, 0x0a00_0001, 40_000), destination: vm(7, 0x0a00_0002, 80), protocol: TCP };

/** Two ends whose segments pass the table in virtual time. A begins with sequence number 1000, B with 5000. */
class Wire {
  readonly table = new Connections(newTable());
  now = 0;

  /** A segment from A; the state it leaves, "none" without an entry. */
  a(flags: number, sequence = 1001, acknowledgment = 5001): string {
    return this.#pass({ ...ends, flags, sequence, acknowledgment });
  }

  /** A segment from B. */
  b(flags: number, sequence = 5001, acknowledgment = 1001): string {
    return this.#pass(back({ ...ends, flags, sequence, acknowledgment }));
  }

  /** The handshake of RFC 9293 §3.5, figure 6. */
  open(): this {
    expect(this.a(SYN, 1000, 0)).toBe("syn-sent");
    expect(this.b(SYN | ACK, 5000, 1001)).toBe("syn-received");
    expect(this.a(ACK)).toBe("established");
    return this;
  }

  wait(seconds: number): this {
    this.now += seconds * SECOND;
    return this;
  }

  get state(): string {
    const entry = find(this.table, { ...ends, flags: ACK }, this.now);
    return entry === 0 ? "none" : STATE_NAMES[this.table.entries.state(entry)]!;
  }

  #pass(packet: TestPacket): string {
    const entry = pass(this.table, packet, this.now);
    return entry > 0 ? STATE_NAMES[this.table.entries.state(entry)]! : "none";
  }
}

test("three segments open a connection, and it lives for 2 h 4 min without any: RFC 9293 §3.5, RFC 5382 §5 REQ-5", () => {
  const wire = new Wire().open();
  expect(wire.wait(7440).state).toBe("established");
  expect(wire.wait(0.1).state).toBe("none");
});

test("a handshake that stops is forgotten after 4 min: RFC 5382 §5 REQ-5", () => {
  const wire = new Wire();
  wire.a(SYN, 1000, 0);
  expect(wire.wait(240).state).toBe("syn-sent");
  expect(wire.b(SYN | ACK, 5000, 1001)).toBe("syn-received");
  expect(wire.wait(240.1).state).toBe("none");
});

test("both ends open at once: RFC 9293 §3.5, figure 7", () => {
  const wire = new Wire();
  expect(wire.a(SYN, 1000, 0)).toBe("syn-sent");
  expect(wire.b(SYN, 5000, 0)).toBe("syn-received");
  expect(wire.a(SYN | ACK, 1000, 5001)).toBe("established");
  expect(wire.b(SYN | ACK, 5000, 1001)).toBe("established");
});

test("an ACK that acknowledges another SYN opens nothing, and the right one still does", () => {
  const wire = new Wire();
  wire.a(SYN, 1000, 0);
  expect(wire.b(SYN | ACK, 5000, 999)).toBe("syn-sent");
  expect(wire.b(SYN | ACK, 5000, 1001)).toBe("syn-received");
  expect(wire.a(ACK, 1001, 77)).toBe("syn-received");
  expect(wire.a(ACK, 1001, 5000)).toBe("syn-received");
  expect(wire.a(ACK, 1001, 5001)).toBe("established");
});

test("data with the SYN may be acknowledged with it: RFC 7413 §3", () => {
  const wire = new Wire();
  wire.a(SYN, 1000, 0);
  expect(wire.b(SYN | ACK, 5000, 1001 + 1400)).toBe("syn-received");
  expect(wire.a(ACK, 2401, 5001 + 2800)).toBe("established");
});

test("sequence numbers wrap around in the middle of a handshake: RFC 9293 §3.4", () => {
  const wire = new Wire();
  wire.a(SYN, 0xffff_ffff, 0);
  expect(wire.b(SYN | ACK, 0x7fff_ffff, 0)).toBe("syn-received");
  expect(wire.a(ACK, 0, 0x8000_0000)).toBe("established");
  expect(wire.b(RST, 0x8000_0000)).toBe("closed");
});

test("a port that is closed answers with a RST that acknowledges the SYN: RFC 9293 §3.5.2", () => {
  const wire = new Wire();
  wire.a(SYN, 1000, 0);
  expect(wire.b(RST | ACK, 0, 1000)).toBe("syn-sent"); // not an answer: RFC 5961 §3.2
  expect(wire.b(RST | ACK, 0, 1001)).toBe("closed");
  expect(wire.wait(10.1).state).toBe("none");
});

test("an end that never meant to open resets what the answer acknowledged: RFC 9293 §3.5.2", () => {
  const wire = new Wire();
  wire.a(SYN, 1000, 0);
  wire.b(SYN | ACK, 5000, 1001);
  expect(wire.a(RST, 1001, 0)).toBe("closed");
});

test("an end that gives up in SYN-RECEIVED resets with the sequence number after its SYN: RFC 9293 §3.10.7.4", () => {
  const wire = new Wire();
  wire.a(SYN, 1000, 0);
  wire.b(SYN | ACK, 5000, 1001);
  expect(wire.b(RST, 5001, 0)).toBe("closed");
});

test("a connection that one end has closed stays open the other way: RFC 9293 §3.6", () => {
  const wire = new Wire().open();
  expect(wire.a(FIN | ACK)).toBe("fin-forward");
  expect(wire.b(ACK, 5001, 1002)).toBe("fin-forward");
  expect(wire.wait(7440).state).toBe("fin-forward");
  expect(wire.b(FIN | ACK, 5001, 1002)).toBe("fin-both");
  expect(wire.a(ACK, 1002, 5002)).toBe("fin-both");
  expect(wire.wait(240).state).toBe("fin-both");
  expect(wire.wait(0.1).state).toBe("none");
});

test("the other end may close first, and both at once: RFC 9293 §3.6, figures 12 and 13", () => {
  expect(new Wire().open().b(FIN | ACK)).toBe("fin-back");
  const wire = new Wire().open();
  wire.b(FIN | ACK);
  expect(wire.a(FIN | ACK)).toBe("fin-both");
});

test("a FIN that comes with the handshake's last ACK counts: RFC 9293 §3.10.7.4", () => {
  const wire = new Wire();
  wire.a(SYN, 1000, 0);
  wire.b(SYN | ACK, 5000, 1001);
  expect(wire.a(FIN | ACK)).toBe("fin-forward");
});

test("a RST in sequence closes, and the entry goes after 10 s: RFC 5961 §3.2", () => {
  const wire = new Wire().open();
  wire.b(ACK, 5001, 1501);
  expect(wire.a(RST, 1501, 0)).toBe("closed");
  expect(wire.wait(10).state).toBe("closed");
  expect(wire.wait(0.1).state).toBe("none");
});

test("a RST out of sequence only makes the connection doubtful; any packet heals it: RFC 5961 §3.2, RFC 6146 §3.5.2.2", () => {
  for (const packet of [(w: Wire) => w.a(ACK), (w: Wire) => w.b(ACK)]) {
    const wire = new Wire().open();
    expect(wire.b(RST, 5002)).toBe("doubtful");
    expect(wire.wait(240).state).toBe("doubtful");
    expect(packet(wire)).toBe("established");
    expect(wire.wait(7440).state).toBe("established");
  }
  const wire = new Wire().open();
  wire.a(RST, 1000);
  expect(wire.wait(240.1).state).toBe("none");
});

test("a lucky forger's RST does not end a connection whose ends go on: RFC 5961 §3.1", () => {
  const wire = new Wire().open();
  wire.b(ACK, 5001, 1001);
  expect(wire.a(RST, 1001)).toBe("closed");
  expect(wire.b(ACK, 5001, 1001)).toBe("doubtful");
  expect(wire.a(ACK)).toBe("established");
});

test("a SYN on an open connection changes nothing: RFC 5961 §4.2", () => {
  const wire = new Wire().open();
  expect(wire.a(SYN, 9000, 0)).toBe("established");
  expect(wire.b(SYN, 9000, 0)).toBe("established");
  // The challenge, the answer to it, and the connection that was meant.
  expect(wire.b(ACK, 5001, 1001)).toBe("established");
  expect(wire.a(RST, 1001, 0)).toBe("closed");
  expect(wire.a(SYN, 9000, 0)).toBe("syn-sent");
  expect(wire.b(SYN | ACK, 7000, 9001)).toBe("syn-received");
  expect(wire.a(ACK, 9001, 7001)).toBe("established");
});

test("who opened a connection may open it again after its end: RFC 9293 §3.6.1", () => {
  const wire = new Wire().open();
  wire.a(FIN | ACK);
  wire.b(FIN | ACK);
  expect(wire.a(SYN, 90_000, 0)).toBe("syn-sent");
  expect(wire.b(SYN | ACK, 70_000, 90_001)).toBe("syn-received");
  expect(wire.a(ACK, 90_001, 70_001)).toBe("established");
});

test("the other end's SYN after the end is a new connection for the rules to judge", () => {
  for (const end of ["fin-both", "closed"]) {
    const wire = new Wire().open();
    if (end === "closed") wire.a(RST, 1001);
    else {
      wire.a(FIN | ACK);
      wire.b(FIN | ACK);
    }
    expect(wire.state).toBe(end);
    describePacket(wire.table, back({ ...ends, flags: SYN, sequence: 1, acknowledgment: 0 }));
    const entry = wire.table.find(wire.now);
    expect(wire.table.direction).toBe(BACK);
    expect(wire.table.advance(entry, wire.table.version, BACK, wire.now)).toBe(0);
    expect(wire.state).toBe("none");
  }
});

test("a connection met in its middle is kept for 4 min until the other end answers, then as if its SYN had been seen", () => {
  const wire = new Wire();
  expect(wire.a(ACK)).toBe("picked-up");
  expect(wire.a(ACK)).toBe("picked-up");
  expect(wire.wait(240).b(ACK)).toBe("established");
  const silent = new Wire();
  silent.a(ACK);
  expect(silent.wait(240.1).state).toBe("none");
});

test("the other end may know nothing of a connection met in its middle: RFC 9293 §3.5.2", () => {
  const wire = new Wire();
  wire.a(ACK, 1001, 5001);
  expect(wire.b(RST, 5001, 0)).toBe("closed");
});

test("a RST begins no entry", () => {
  const wire = new Wire();
  describePacket(wire.table, { ...ends, flags: RST });
  expect(wire.table.insert(0, 1, 1, 0)).toBe(NONE);
  expect(wire.table.entries.size).toBe(0);
});

test("whatever one end alone sends, its connection never counts as answered: RFC 4987 §3", () => {
  const segment = fc.record({
    flags: fc.constantFrom(SYN, ACK, FIN | ACK, RST, RST | ACK, SYN | ACK, 0, SYN | FIN),
    sequence: fc.constantFrom(999, 1000, 1001, 5001, 0, 0xffff_ffff),
    acknowledgment: fc.constantFrom(0, 1001, 5001, 6000),
  });
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 20 }), (segments) => {
      const wire = new Wire();
      for (const { flags, sequence, acknowledgment } of segments)
        expect(["none", "syn-sent", "picked-up"]).toContain(wire.a(flags, sequence, acknowledgment));
    }),
  );
});

test("who cannot see the answers opens nothing that lasts for hours, however he guesses: RFC 4987 §3", () => {
  const guess = fc.record({
    flags: fc.constantFrom(SYN, ACK, FIN | ACK, SYN | ACK),
    // Not within the first window of B's sequence number, which is the forger's chance: 1 in 65536.
    acknowledgment: fc.integer({ min: 0, max: 0xffff_ffff }).filter((n) => (n - 5001) >>> 0 > 65535),
  });
  fc.assert(
    fc.property(fc.array(guess, { maxLength: 20 }), (guesses) => {
      const wire = new Wire();
      wire.a(SYN, 1000, 0);
      wire.b(SYN | ACK, 5000, 1001);
      for (const { flags, acknowledgment } of guesses) expect(wire.a(flags, 1001, acknowledgment)).toBe("syn-received");
    }),
  );
});
