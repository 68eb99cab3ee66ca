/** The dry run at a gateway: NAT bindings and sessions that are there are used, new ones are tried and leave no trace. */
import { describe, expect, test } from "bun:test";
import { parseIpv4 } from "#base/address";
import { DryRun } from "#fastpath/dry/dry-run";
import { createConnectionTable } from "#fastpath/tables/connection-layout";
import { into, out, tcp, udp, unnumbered } from "#fastpath/testing/gateway-packets";
import { ACK } from "#fastpath/testing/nat-world";
import { framed } from "#fastpath/testing/packet";
import { OUTSIDE_HOP_MAC, OUTSIDE_MAC, POOL, SmallGateway } from "#fastpath/testing/small-gateway";
import { NEXT_HOP_MAC, UPLINK_MAC } from "#fastpath/testing/small-router";
import { ENDINGS } from "#fastpath/verdicts";

/** A gateway and its dry run. */
function tried() {
  const gateway = new SmallGateway({ cacheEntries: 0 });
  const { fib, ...tables } = gateway.shared;
  const key = Int32Array.of(1, 2);
  const connections = createConnectionTable({ entries: 64, owners: 4, quota: 64, key });
  const shared = { ...tables, fib: fib.buffer, connections, nat: gateway.natBuffers };
  const dry = new DryRun(shared, gateway.engine.tables.adjacencies);
  const ask = (port: number, octets: Uint8Array) => {
    const ports = gateway.engine.ports.flatMap((each) => (each === undefined ? [] : [each]));
    return dry.run({ snapshot: gateway.snapshot, ports, now: gateway.engine.tables.now, port, octets });
  };
  const fromFabric = (packet: Uint8Array) => ask(0, framed(packet, UPLINK_MAC, NEXT_HOP_MAC));
  const fromOutside = (packet: Uint8Array) => ask(1, framed(packet, OUTSIDE_MAC, OUTSIDE_HOP_MAC));
  const digests = () =>
    [...Object.values(tables), connections, gateway.natBuffers!.table, gateway.natBuffers!.sessions].map((buffer) =>
      Bun.hash.wyhash(new Uint8Array(buffer)),
    );
  return { gateway, fromFabric, fromOutside, digests };
}

const nameOf = ({ ending }: { readonly ending: number }): string => ENDINGS[ending]!.name;
const packetOf = ({ sent }: { readonly sent: readonly { readonly octets: Uint8Array }[] }): Uint8Array =>
  unnumbered(sent[0]!.octets.slice(14));

describe("what a gateway would do", () => {
  test("with a flow that it knows: the very packet that it then sends", () => {
    const { gateway, fromFabric, fromOutside } = tried();
    const [first] = gateway.fromFabric(out(udp(4000, 53)));
    const said = fromFabric(out(udp(4000, 53)));
    expect(nameOf(said)).toBe("to-outside");
    const [then] = gateway.fromFabric(out(udp(4000, 53)));
    expect(packetOf(said)).toEqual(unnumbered(then!.packet));
    const port = (first!.packet[20]! << 8) | first!.packet[21]!;
    const back = fromOutside(into(udp(53, port), POOL));
    expect(nameOf(back)).toBe("to-fabric");
    const [answer] = gateway.fromOutside(into(udp(53, port), POOL));
    expect(packetOf(back)).toEqual(unnumbered(answer!.packet));
  });

  test("with a new one: a NAT address and port that it could get, and none of it is kept", () => {
    const { fromFabric, fromOutside, digests } = tried();
    const before = digests();
    const said = fromFabric(out(udp(4000, 53)));
    expect(nameOf(said)).toBe("to-outside");
    expect([...said.sent[0]!.octets.slice(26, 29)]).toEqual([...POOL.slice(0, 3)]);
    const port = (said.sent[0]!.octets[34]! << 8) | said.sent[0]!.octets[35]!;
    expect(nameOf(fromOutside(into(udp(53, port), POOL)))).toBe("nat-unbound"); // it was but tried
    expect(digests()).toEqual(before);
  });

  test("with TCP that began before it knew, with strays, with what nobody asked for", () => {
    const { gateway, fromFabric, fromOutside, digests } = tried();
    gateway.fromFabric(out(udp(4000, 53)));
    const before = digests();
    expect(nameOf(fromFabric(out(tcp(4001, 80, ACK))))).toBe("nat-no-syn");
    expect(nameOf(fromOutside(into(udp(53, 1), POOL)))).toBe("nat-unbound");
    expect(nameOf(fromOutside(into(udp(53, 1), parseIpv4("203.0.113.99")!)))).toBe("outside-stray");
    expect(digests()).toEqual(before);
  });
});
