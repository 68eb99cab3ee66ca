/**
 * Ways to send a TCP super-packet into a tunnel through a real packet port: with checksums of ours or left to the interface,
 * by AF_XDP or by sendmmsg. One thread, into a veth whose other end drops everything.
 *
 *     bin/bun perf/tunnel.ts [rounds] [super-packets]
 *
 * Medians of interleaved rounds. What was found is in io.md. Needs root.
 */
import { parseMac } from "#base/address";
import { columns } from "#cli/columns";
import { Frame, GSO_TCPV6 } from "#fastpath/frame";
import { placeWord, WAY_TUNNEL } from "#fastpath/place";
import { discardPacketPort, openPacketPort, PacketPort } from "#fastpath/ports/packet";
import { TunnelSegments } from "#fastpath/rewrite/tunnel-segments";
import { MOST_PER_FRAME, Scratch } from "#fastpath/scratch";
import { PLACE_TUNNEL } from "#fastpath/tables/bindings";
import { FibReader } from "#fastpath/tables/fib-reader";
import { FibWriter } from "#fastpath/tables/fib-writer";
import { Tables } from "#fastpath/tables/tables";
import { createTunnelTable, Tunnels } from "#fastpath/tables/tunnels";
import { build6, counting, framed } from "#fastpath/testing/packet";
import {
  FixedAdjacencies,
  MAG,
  NEXT_HOP_MAC,
  REMOTE_6,
  ROUTER_ADDRESS,
  UPLINK_MAC,
  VM_D,
} from "#fastpath/testing/small-router";
import { dropIncoming } from "#sys/bpf";
import { closeDescriptor, closingAfter } from "#sys/descriptor";
import { Arena } from "#sys/memory";
import { createNamespace, deleteNamespace, inNamespace, openNamespace } from "#sys/namespace";
import { Rtnetlink } from "#sys/rtnetlink";
import { writeSysctl } from "#sys/sysctl";

const rounds = Number(process.argv[2] ?? 7);
const packets = Number(process.argv[3] ?? 2000);
const [NEAR, FAR] = ["tunN", "tunF"] as const;
const SEGMENT = 1392;
const MTU = 1500;

const WAYS = [
  { name: "AF_XDP, checksum left open", express: true, isPartial: true },
  { name: "AF_XDP, checksum finished", express: true, isPartial: false },
  { name: "sendmmsg, checksum left open", express: false, isPartial: true },
  { name: "sendmmsg, checksum finished", express: false, isPartial: false },
] as const;

function build(): void {
  for (const name of [NEAR, FAR]) {
    deleteNamespace(name);
    createNamespace(name);
  }
  const near = new Rtnetlink(NEAR);
  closingAfter(openNamespace(FAR), (peerNamespaceFd) =>
    near.addVeth({ name: "n0", peerName: "f0", peerNamespaceFd, mac: UPLINK_MAC, peerMac: NEXT_HOP_MAC }),
  );
  for (const [namespace, name] of [
    [NEAR, "n0"],
    [FAR, "f0"],
  ] as const) {
    writeSysctl(`net/ipv6/conf/${name}/disable_ipv6`, 1, namespace);
    const netlink = new Rtnetlink(namespace);
    netlink.changeLink(netlink.requireLink(name).index, { up: true });
    netlink.close();
  }
  near.close();
}

const indexOf = (name: string): number => {
  const netlink = new Rtnetlink();
  const { index } = netlink.requireLink(name);
  netlink.close();
  return index;
};

class Sender {
  readonly port: PacketPort;
  readonly #descriptor: ReturnType<typeof openPacketPort>;
  readonly #arena: Arena;
  readonly #tables: Tables;
  readonly #scratch: Scratch;
  readonly #segments: TunnelSegments;
  readonly #at: number;
  readonly #packet: Uint8Array;
  readonly #isPartial: boolean;
  readonly #frame = new Frame();
  readonly #segment = new Frame();

  constructor(arena: Arena, express: boolean, isPartial: boolean) {
    this.#isPartial = isPartial;
    this.#arena = arena;
    const settings = { index: 0, interfaceName: "n0", mtu: MTU, offload: true, exclusive: false, express };
    this.#descriptor = inNamespace(NEAR, () =>
      openPacketPort(this.#arena, { ...settings, interfaceIndex: indexOf("n0") }),
    );
    this.port = new PacketPort(this.#arena, this.#descriptor);
    const tunnels = new Tunnels(createTunnelTable(4));
    tunnels.add(MAG);
    const fib = new FibReader(new FibWriter({ capacityOctets: 1 << 16 }).buffer);
    this.#tables = new Tables(this.#arena, fib, new FixedAdjacencies([]), { cacheEntries: 0, tunnels });
    this.#tables.routerAddress = Int32Array.from(new Int32Array(ROUTER_ADDRESS.slice().buffer));
    this.#scratch = new Scratch(this.#arena.allocate(4 * MOST_PER_FRAME), 4 * MOST_PER_FRAME);
    this.#segments = new TunnelSegments(this.#tables, this.#scratch);
    this.#at = this.#arena.allocate(1 << 17) + 128 + 2;
    const upper = { kind: "tcp", data: counting(60_000), checksum: "partial" } as const;
    this.#packet = framed(
      build6({ source: VM_D.ipv6[0]!, destination: REMOTE_6, upper }),
      parseMac("02:00:00:00:00:01")!,
      UPLINK_MAC,
    );
    this.#arena.bytes.set(this.#packet, this.#at);
  }

  /** One super-packet; returns how many frames it became. */
  send(): number {
    const f = this.#frame;
    const at = this.#at;
    this.#arena.bytes.set(this.#packet.subarray(0, 74), at); // wrapping wrote over it
    Object.assign(f, { at, end: at + this.#packet.length, l3: at + 14, l4: at + 54, protocol: 6, headerLength: 74 });
    Object.assign(f, { partial: true, csumStart: 54, csumOffset: 16, gsoType: GSO_TCPV6, gsoSize: SEGMENT });
    Object.assign(f, { place: placeWord(WAY_TUNNEL, PLACE_TUNNEL), tunnelKey: 7, tunnelFlow: 0x60 });
    this.#segments.begin(f);
    this.#tables.bytes.set(this.#packet.subarray(0, 14), f.at);
    let frames = 0;
    for (let done = 0; done < 60_000; done += SEGMENT, frames++) {
      this.#segments.cut(f, this.#segment, done, this.#isPartial);
      this.port.transmit(this.#segment);
    }
    this.port.flush();
    this.#scratch.reset();
    return frames;
  }

  close(): void {
    discardPacketPort(this.#arena, this.#descriptor);
  }
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

build();
const drop = inNamespace(FAR, () => dropIncoming(indexOf("f0"), "f0"));
try {
  const arenas = WAYS.map(() => Arena.map(1 << 28));
  const nanos = WAYS.map(() => [] as number[]);
  const refused = WAYS.map(() => 0);
  for (let round = 0; round < rounds; round++) {
    WAYS.forEach(({ express, isPartial }, i) => {
      // One at a time: the interface has one queue for AF_XDP.
      const sender = new Sender(arenas[i]!, express, isPartial);
      for (let k = 0; k < 100; k++) sender.send();
      const before = process.cpuUsage();
      let frames = 0;
      for (let k = 0; k < packets; k++) frames += sender.send();
      const { user, system } = process.cpuUsage(before);
      nanos[i]!.push(((user + system) * 1000) / frames);
      refused[i]! += sender.port.transmitErrors;
      sender.close();
    });
  }
  const rows = WAYS.map(({ name }, i) => {
    const each = median(nanos[i]!);
    const least = Math.min(...nanos[i]!).toFixed(0);
    return [name, each.toFixed(0), ((SEGMENT * 8) / each).toFixed(2), least, `${refused[i]!}`];
  });
  const heading = ["", "ns of processor a segment", "Gbit/s a processor", "least", "refused"];
  process.stdout.write(`${columns(heading, rows, ["left", "right", "right", "right", "right"])}\n`);
} finally {
  closeDescriptor(drop);
  for (const name of [NEAR, FAR]) deleteNamespace(name);
}
