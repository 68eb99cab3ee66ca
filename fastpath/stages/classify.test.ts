/** Fragments that end where no packet can: were one cut, the offsets of its last pieces would begin anew. */
import { expect, test } from "bun:test";
import { ending, fromFabric } from "#fastpath/testing/ipv6-vms";
import { build4, counting, framed } from "#fastpath/testing/packet";
import { GATEWAY_MAC, REMOTE_IPV4, SmallRouter, VM_A } from "#fastpath/testing/small-router";

const data = (length: number) => ({ kind: "raw", protocol: 17, data: counting(length) }) as const;
const from = (offset: number, length: number): Uint8Array =>
  framed(
    build4({ source: VM_A.ipv4, destination: REMOTE_IPV4, upper: data(length), offset, identification: 7 }),
    GATEWAY_MAC,
    VM_A.mac,
  );

test("a VM's fragment may end with octet 65535 and no later (RFC 791 §3.2): it would be a first one once it is cut", () => {
  const r = new SmallRouter();
  expect(ending(r, 1, from(8191, 7))).toBe("to-fabric");
  expect(ending(r, 1, from(8191, 8))).toBe("bad-ip-header");
  const before = r.sent.length;
  expect(ending(r, 1, from(8191 - 184, 1480))).toBe("bad-ip-header"); // too large for the fabric, too
  expect(r.sent.length).toBe(before);
});

test("so may one out of the fabric (RFC 8200 §4.5)", () => {
  const r = new SmallRouter();
  const fragment = (offset: number, length: number): Uint8Array =>
    fromFabric(data(length), { extensions: [{ header: 44, offset, more: false, identification: 7 }] });
  expect(ending(r, 0, fragment(8190, 15))).toBe("to-vm");
  expect(ending(r, 0, fragment(8190, 16))).toBe("bad-transport");
});
