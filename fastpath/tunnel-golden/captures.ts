/** A case as two captures: what came in, and what went out because of it. */
import { writePcap } from "#wire/pcap";
import type { TunnelCase } from "./cases";

/** 2024-01-01T00:00:00Z: captures are to be the same octets on every day. */
const AT = { seconds: 1_704_067_200, nanos: 0 };

export const capturesOf = ({ input, output }: TunnelCase): { input: Uint8Array; output: Uint8Array } => ({
  input: writePcap([{ ...AT, octets: input }]),
  output: writePcap(output.map((octets) => ({ ...AT, octets }))),
});

/** Where the captures of a case are kept. */
export const pathsOf = ({ name }: TunnelCase): { input: string; output: string } => ({
  input: `${import.meta.dir}/${name}.in.pcap`,
  output: `${import.meta.dir}/${name}.out.pcap`,
});
