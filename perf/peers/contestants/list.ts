/** Who takes part, in the order of the table. */
import { ainTap, ainTapMoved, ainVeth, ainVethMoved } from "./ain";
import type { Contestant } from "./contestant";
import { direct } from "./direct";
import { kernelRouting } from "./kernel-routing";
import { kernelVxlan } from "./kernel-vxlan";
import { openVswitch } from "./openvswitch";
import { tayga } from "./tayga";

/** What the ratios are against. */
export const YARDSTICK = kernelVxlan.name;

export const CONTESTANTS: readonly Contestant[] = [
  direct,
  kernelRouting,
  kernelVxlan,
  ainVeth,
  ainTap,
  ainVethMoved,
  ainTapMoved,
  tayga,
  openVswitch,
];
