/** Prediction beside reality: what counts as the same, and how differences are told. */
import { describe, expect, test } from "bun:test";
import type { KnownRouter } from "#cli/why/fabric-view";
import { filterFor } from "#cli/why/filter-words";
import { compare } from "#cli/why/live";
import type { Walk } from "#cli/why/walk";
import type { VmView } from "#router/views";
import type { TracedPacket } from "#router/watch/views";
import type { HeaderView, SentView, WhyAnswer } from "#router/why/views";

const UDP: HeaderView[] = [{ header: "udp", text: "1 > 2", fields: {} }];
const ICMP_ERROR: HeaderView[] = [{ header: "icmp6", text: "no route", fields: { type: 1, code: 0, mtu: 0 } }];
const packet = (headers = UDP, octets = "ab".repeat(60)) => ({ length: octets.length / 2, octets, headers });
const sent = (port: string, octets?: string): SentView => ({
  ...{ port, kind: "uplink", vm: null, nextHop: null, mac: "02:00:00:00:00:01", packet: packet(UDP, octets) },
});

const answer = (router: string, ending: string, out?: SentView): WhyAnswer => ({
  ...{ router, port: "eth1", packet: packet(), supposed: [], errors: [], icmp: null },
  stages: [{ stage: "route", verdict: "continue", text: "", facts: {} }],
  ending: { name: ending, fate: "forwarded", meaning: "" },
  sent: out === undefined ? [] : [out],
});
const walked = (...answers: WhyAnswer[]): Walk => ({
  hops: answers.map((each) => ({ kind: "router", answer: each })),
  ...{ outcome: "delivered", text: "", isAssumed: false },
});
const traced = (of: WhyAnswer, more: Partial<TracedPacket> = {}): TracedPacket => ({
  ...{ type: "packet", time: 0, caught: false, router: of.router, port: of.port, packet: of.packet },
  ...{ stages: of.stages, ending: of.ending, icmp: null, sent: of.sent, errors: [] },
  ...more,
});

describe("reality is as predicted", () => {
  const first = answer("hv1", "to-fabric", sent("eth1"));
  const second = answer("hv2", "to-vm", sent("b"));

  test("when each router did as it said", () => {
    const seen = [traced(first), traced(second, { caught: true })];
    expect(compare(walked(first, second), seen)).toMatchObject({
      isAsPredicted: true,
      caughtAt: "hv2",
      unforeseen: [],
    });
  });

  test("also when it waited for a MAC address first, which is told", () => {
    const waiting = traced(second, { ending: { name: "punt-neighbor", fate: "punted", meaning: "" }, sent: [] });
    const { isAsPredicted, hops } = compare(walked(first, second), [traced(first), waiting, traced(second)]);
    expect([isAsPredicted, hops[1]!.waited]).toEqual([true, ["punt-neighbor"]]);
  });

  test("of an ICMP query of whatever type, which is no error about anything (RFC 792)", () => {
    const timestamp: HeaderView[] = [{ header: "icmp", text: "type 13 code 0", fields: { type: 13, code: 0, mtu: 0 } }];
    const said = { ...answer("hv1", "to-fabric", sent("eth1")), packet: packet(timestamp) };
    expect(compare(walked(said), [traced(said)])).toMatchObject({ isAsPredicted: true, errors: [] });
  });

  test("whatever identification an IPv4 packet gets", () => {
    const ipv4 = (id: string): SentView => {
      const octets = `${"00".repeat(12)}0800450000${"28"}${id}${"00".repeat(4)}${id}${"11".repeat(20)}`;
      return { ...sent("b"), packet: packet([{ header: "ipv4", text: "", fields: {} }], octets) };
    };
    const [said, was] = [answer("hv2", "to-vm", ipv4("1234")), answer("hv2", "to-vm", ipv4("abcd"))];
    expect(compare(walked(said), [traced(was)]).isAsPredicted).toBe(true);
  });

  test("when an ICMP error about it passes", () => {
    const error = traced(answer("hv1", "to-vm"), { packet: packet(ICMP_ERROR) });
    expect(compare(walked(first), [traced(first), error])).toMatchObject({ isAsPredicted: true, errors: [error] });
  });
});

describe("reality differs", () => {
  const said = answer("hv1", "to-fabric", sent("eth1"));
  const differing = (real: TracedPacket): readonly string[] => compare(walked(said), [real]).hops[0]!.differences;

  test("in endings, ports, octets, stages", () => {
    expect(differing(traced(answer("hv1", "no-rule")))).toEqual([
      "ending: predicted to-fabric, was no-rule",
      "frames sent: predicted 1, was 0",
    ]);
    expect(differing(traced(answer("hv1", "to-fabric", sent("eth2"))))).toEqual(["out by: predicted eth1, was eth2"]);
    expect(differing(traced(answer("hv1", "to-fabric", sent("eth1", "cd".repeat(60)))))[0]).toStartWith("sent: ");
    const stages = [{ stage: "route", verdict: "no-route", text: "", facts: {} }];
    expect(differing(traced(said, { stages }))).toEqual(["stages: predicted route, was route (no-route)"]);
  });

  test("when it was not seen, or seen elsewhere", () => {
    const report = compare(walked(said), [traced(answer("hv3", "no-such-vm"))]);
    expect(report).toMatchObject({ isAsPredicted: false, hops: [{ differences: ["it was not seen here"] }] });
    expect(report.unforeseen.map(({ router }) => router)).toEqual(["hv3"]);
  });
});

describe("a filter for several routers", () => {
  const router = (name: string, vms: Partial<VmView>[]): KnownRouter =>
    ({ name, socket: "", address: undefined, ports: [], homes: [], vms }) as unknown as KnownRouter;
  const web = { name: "web", network: "blue/prod", address: "10.0.0.2", ipv6: ["2001:db8::2"] };
  const [hv1, hv2] = [router("hv1", [web]), router("hv2", [])];
  const view = { routers: [hv1, hv2], unasked: [] };

  test("names VMs where they are, and elsewhere their addresses", () => {
    expect(filterFor(hv1, view, "src vm web and tcp")).toBe("src vm web and tcp");
    expect(filterFor(hv2, view, "src vm web and tcp")).toBe(
      "((src host 10.0.0.2 and src network blue/prod) or src host 2001:db8::2) and tcp",
    );
    expect(filterFor(hv2, view, "not (vm web)")).toContain("not ((");
  });

  test("leaves what nobody knows for the router to refuse", () => {
    expect(filterFor(hv2, view, "vm db")).toBe("vm db");
  });
});
