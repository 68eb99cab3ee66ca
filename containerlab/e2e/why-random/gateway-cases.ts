/** Endings that only a gateway has, and for each a packet that brings it about: what chance alone may leave out. */
import { build4, framed, type Ip4, type Upper } from "#fastpath/testing/packet";
import type { Case } from "./cases";
import { payload } from "./observation";
import { FLOATING, GATEWAY_MAC, MACHINES, NAT_ADDRESS, OUT_MAC, OUTSIDE_HOST, octetsOf } from "./world";

const B1 = MACHINES.find(({ name }) => name === "b1")!;
/** The router outside, whose MAC address the gateway does not ask of frames. */
const O_MAC = Uint8Array.of(2, 0, 0, 0, 2, 2);

type Ends = Pick<Ip4, "offset"> & { readonly source?: string; readonly destination: string };
type MakeUpper = (data: Uint8Array, serial: number) => Upper;

const udp =
  (destination: number): MakeUpper =>
  (data, serial) => ({ kind: "udp", source: 2000 + serial, destination, data });

function made(node: "o" | "b1", { source, destination, ...more }: Ends, upper: MakeUpper): Case {
  const from = source ?? (node === "o" ? OUTSIDE_HOST : B1.ipv4!);
  const ends = { source: octetsOf(from), destination: octetsOf(destination) };
  const [to, by] = node === "o" ? [OUT_MAC, O_MAC] : [GATEWAY_MAC, B1.mac];
  return {
    ...{ node, state: "", what: `${node} ${from} > ${destination}` },
    frame: (serial) =>
      framed(build4({ ...ends, ...more, identification: serial, upper: upper(payload(serial, 48), serial) }), to, by),
  };
}

export const GATEWAY_CASES: readonly (readonly [ending: string, of: Case])[] = [
  ["inside-source", made("o", { source: "10.0.0.7", destination: FLOATING }, udp(53))],
  ["inside-destination", made("b1", { destination: "10.3.0.5" }, udp(53))], // blue/lan's, by no route of its own network
  ["outside-stray", made("o", { destination: "192.0.2.77" }, udp(53))],
  ["nat-unbound", made("o", { destination: NAT_ADDRESS }, udp(9))],
  [
    "nat-fragment",
    made("o", { destination: NAT_ADDRESS, offset: 100 }, (data) => ({ kind: "raw", protocol: 17, data })),
  ],
  ["nat-protocol", made("b1", { destination: OUTSIDE_HOST }, (data) => ({ kind: "raw", protocol: 50, data }))],
  [
    "nat-no-syn",
    made("b1", { destination: OUTSIDE_HOST }, (data, serial) => ({
      ...{ kind: "tcp", source: 2000 + serial, destination: 443, flags: 16, data },
    })),
  ],
];

/** A datagram that makes a NAT binding. */
export const BINDING: Case = made("b1", { destination: OUTSIDE_HOST }, udp(4444));

/** To the port that it got, from somebody to whom nothing was said (RFC 6146 §3.5.1, address- and port-dependent filtering). */
export const strangerTo = (address: string, port: number): Case =>
  made("o", { source: "192.0.2.10", destination: address }, udp(port));
