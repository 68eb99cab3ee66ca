import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { parseMac } from "#base/address";
import { rawOf } from "#fastpath/tables/raw-words";
import {
  LO_PORT,
  LO_STATE,
  LOCAL_WORDS,
  NO_SEGMENTS,
  type SegmentTables,
  SG_LOCAL_ALL,
  SG_LOCAL_COUNT,
  SG_MULTICAST_FROM,
  SG_REMOTE_COUNT,
  segmentOfPort,
  segmentOfTags,
} from "#fastpath/tables/segments";
import type { GroupSet, Segment } from "#pmip/events";
import { coreSegment } from "#router/broadcast/memberships";
import { RouterBroadcast } from "#router/broadcast/router-broadcast";
import { segmentsView } from "#router/broadcast/show-segments";
import { configuration, portsOf, SEGMENT, SegmentIo } from "#router/testing/segment";
import type { VmState } from "#router/vms/events";
import * as ethernet from "#wire/ethernet";
import * as gre from "#wire/gre";
import { writeIgmp } from "#wire/igmp";
import * as ipv6 from "#wire/ipv6";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const [A, B] = [1, 2] as const;
const MAG = "20010db800a100020000000000000001";

class Bench {
  readonly io = new SegmentIo();
  now = configuration();
  readonly ports = portsOf(this.now);
  readonly states = new Map<string, VmState>();
  told: string[] = [];
  tables: SegmentTables = NO_SEGMENTS;
  adopted = 0;
  readonly broadcast = new RouterBroadcast({
    ...{ configuration: this.now, io: this.io, ports: this.ports, hasCarrier: () => true, portTo: () => 9 },
    stateOf: (vm) => this.states.get(vm),
    tell: (segment: Segment, groups: GroupSet | undefined) =>
      void this.told.push(`${segment.tags.toString(16)} ${groups ?? "gone"}`),
    adopt: (tables) => {
      this.tables = tables;
      this.adopted++;
    },
  });

  constructor(network = SEGMENT) {
    const uplink = { index: 9, name: "up", kind: "uplink", interface: "up", attachment: "packet", trouble: undefined };
    const more = { mac: parseMac("02:00:00:00:00:09")!, mtu: 1500, interfaceIndex: 9, descriptors: [] };
    this.ports.all.set(9, { ...uplink, ...more } as never);
    this.reload(network);
    this.broadcast.begin();
  }

  reload(network: string): void {
    this.now = configuration(network);
    for (const port of this.ports.all.values()) {
      const vm = this.now.node.vms.find(({ name }) => name === port.name);
      if (vm !== undefined) port.vm = vm;
    }
    this.adopt();
  }

  /** As the router does after every change. */
  adopt(): void {
    this.broadcast.refresh(this.now);
    this.tables = this.broadcast.tables();
  }

  get segment(): Segment {
    const network = this.now.fabric.networks.find(({ name }) => name === "blue/prod")!;
    return coreSegment(network.tags, network.segment!);
  }

  row(): number {
    return segmentOfTags(this.tables, rawOf(this.segment.tags));
  }

  word(offset: number): number {
    return this.tables.segments[this.row() + offset]!;
  }

  locals(): number[][] {
    const rows = Array.from({ length: this.word(SG_LOCAL_COUNT) }, (_, i) => i * LOCAL_WORDS);
    return rows.map((at) => [this.tables.locals[at + LO_PORT]!, this.tables.locals[at + LO_STATE]!]);
  }

  take(): { port: number; octets: Uint8Array }[] {
    return this.io.took();
  }
}

const igmp = (n: number, message: Parameters<typeof writeIgmp>[0]["message"], to: readonly number[]): Uint8Array => {
  const packet = writeIgmp({ source: Uint8Array.of(10, 0, 0, n), destination: Uint8Array.from(to), message });
  const mac = parseMac(`02:00:00:00:00:0${n}`)!;
  return ethernet.frame(ethernet.multicastMac4(Uint8Array.from(to)), mac, ethernet.ETHERTYPE_IPV4, packet);
};

test("VMs here are in the tables by their ports and states; a VM that is away, or not on the segment, is not", () => {
  const b = new Bench();
  expect(b.locals()).toEqual([
    [A, 0],
    [B, 0],
  ]);
  for (const other of [3, 4, 9]) expect(segmentOfPort(b.tables, other)).toBe(-1);
  b.states.set("a", "prepared");
  b.states.set("b", "held");
  b.adopt();
  expect(b.locals()).toEqual([
    [A, 1],
    [B, 2],
  ]);
  b.states.set("a", "away");
  b.adopt();
  expect(b.locals()).toEqual([[B, 2]]);
  b.reload(", gateway: 10.0.0.1");
  expect(b.tables.segments).toHaveLength(0);
  b.broadcast.stop();
});

test("The mobility core is told of the segment when it begins, and what its VMs listen to", () => {
  const b = new Bench();
  expect(b.told).toEqual(["401 all"]);
  jest.advanceTimersByTime(3100);
  expect(b.told).toEqual(["401 all", "401 "]);
  b.broadcast.takeGroup(
    b.ports.all.get(A)!,
    igmp(2, { type: 0x16, group: Uint8Array.of(239, 1, 1, 1) }, [239, 1, 1, 1]),
  );
  jest.advanceTimersByTime(100);
  expect(b.told.at(-1)).toBe("401 00000000000000000000ffffef010101");
  b.reload(", gateway: 10.0.0.1");
  expect(b.told.at(-1)).toBe("401 gone");
  b.broadcast.stop();
});

test("What changes is handed to forwarders, all that changes within 20 ms at once", () => {
  const b = new Bench();
  jest.advanceTimersByTime(3100);
  const { adopted } = b;
  for (let i = 2; i < 100; i++) {
    const mag = `20010db800a1${i.toString(16).padStart(4, "0")}0000000000000001`;
    b.broadcast.heard(b.segment, [
      { mag: MAG, groups: "all" },
      { mag, groups: [] },
    ]);
  }
  jest.advanceTimersByTime(21);
  expect(b.adopted).toBe(adopted + 1);
  expect(b.word(SG_REMOTE_COUNT)).toBe(2);
  expect([b.word(SG_LOCAL_COUNT), b.word(SG_LOCAL_ALL)]).toEqual([2, 0]);
  b.broadcast.heard(b.segment, []);
  b.adopt();
  jest.advanceTimersByTime(21);
  expect(b.adopted).toBe(adopted + 1);
  b.broadcast.stop();
});

test("A segment that is multicast asks for its channels, and sends to its group when there was time to join", () => {
  const b = new Bench(", gateway: 10.0.0.1, broadcast: {prefix: 10.0.0.0/24, replicate: multicast}");
  b.take();
  b.broadcast.heard(b.segment, [{ mag: MAG, groups: [] }]);
  jest.advanceTimersByTime(21);
  expect(b.broadcast.multicast.askedFor(9)).toEqual([{ source: MAG, group: "ff380000000000000000000080000401" }]);
  expect(b.word(SG_MULTICAST_FROM)).toBe(0x7fff_ffff);
  jest.advanceTimersByTime(3100);
  expect(b.word(SG_MULTICAST_FROM)).toBe(1);
  expect([...b.tables.uplinks]).toEqual([9]);
  b.broadcast.heard(b.segment, []);
  jest.advanceTimersByTime(21);
  expect(b.broadcast.multicast.askedFor(9)).toEqual([]);
  b.broadcast.stop();
});

test("IGMP of a kind not known goes to all of the segment: to VMs here as it is, to hypervisors in a tunnel (RFC 4541 §2.1.1)", () => {
  const b = new Bench();
  b.broadcast.heard(b.segment, [{ mag: MAG, groups: [] }]);
  jest.advanceTimersByTime(3100);
  b.take();
  const frame = igmp(2, { type: 0x16, group: Uint8Array.of(239, 1, 1, 1) }, [224, 0, 0, 22]);
  frame[ethernet.SIZE + 24] = 0x42; // the type, and what the checksum makes of it
  frame[ethernet.SIZE + 26]! -= 0x2c;
  b.broadcast.takeGroup(b.ports.all.get(A)!, frame);
  const sent = b.take();
  expect(sent.map(({ port }) => port)).toEqual([B, 9]);
  expect(sent[0]!.octets).toEqual(frame);
  const tunnelled = sent[1]!.octets;
  expect(ipv6.destination(tunnelled, ethernet.SIZE).toHex()).toBe(MAG);
  expect(ipv6.hopLimit(tunnelled, ethernet.SIZE)).toBe(64);
  const at = ethernet.SIZE + ipv6.SIZE;
  expect([gre.protocolType(tunnelled, at), gre.key(tunnelled, at)]).toEqual([0x6558, b.segment.tags]);
  expect(tunnelled.subarray(at + 8)).toEqual(frame);
  b.broadcast.stop();
});

test("show segments tells members here and elsewhere, what they listen to, and how frames get there", () => {
  const b = new Bench();
  jest.advanceTimersByTime(3100);
  b.broadcast.takeGroup(
    b.ports.all.get(A)!,
    igmp(2, { type: 0x16, group: Uint8Array.of(239, 1, 1, 1) }, [239, 1, 1, 1]),
  );
  b.broadcast.heard(b.segment, [{ mag: MAG, groups: "all" }]);
  jest.advanceTimersByTime(21);
  const parts = { core: undefined, fabric: b.now.fabric, ports: b.ports, forwarders: [] };
  const view = segmentsView({ broadcast: b.broadcast, ...parts });
  expect(view.segments).toEqual([
    {
      ...{ network: "blue/prod", prefix: "10.0.0.0/24", registered: null },
      here: {
        vms: [
          { vm: "a", address: "10.0.0.2", state: "active", groups: ["239.1.1.1"] },
          { vm: "b", address: "10.0.0.3", state: "active", groups: [] },
        ],
        members: [{ address: "2001:db8:a1:2::1", hypervisor: null, groups: "all" }],
        rendezvous: [],
        replication: { now: "unicast", configured: "auto", group: "ff38::8000:401", listens: false },
      },
    },
  ]);
  expect(view.uplinks).toEqual([{ uplink: "up", isRouted: false, asked: 0 }]);
  expect(view.counters).toContainEqual({ name: "vms reports", count: 1 });
  b.broadcast.stop();
});
