/** What a network of fabric.yaml may say of its Ethernet segment. */
import { z } from "zod";
import { prefix4, whole } from "#runtime/document/scalars";

const ARP = "answer or flood";
const REPLICATE = "unicast, multicast or auto";

export const broadcast = z.strictObject(
  {
    prefix: prefix4.meta({ description: "IPv4, one of the network's prefixes or inside one: /8 … /30" }),
    arp: z
      .enum(["answer", "flood"], { error: ARP })
      .default("answer")
      .meta({ description: "answer: the router answers for everybody; flood: VMs hear one another's requests" }),
    replicate: z.enum(["unicast", "multicast", "auto"], { error: REPLICATE }).default("auto").meta({
      description: "a copy for each hypervisor, one that the fabric multiplies, or that from multicastFrom members on",
    }),
    // Its default depends on `replicate`, so the loader fills it in.
    multicastFrom: whole(2, 65535)
      .optional()
      .meta({ description: "beside replicate: auto; hypervisors with VMs of the segment; default 16" }),
    rate: whole(1, 1_000_000)
      .default(1000)
      .meta({ description: "broadcast and multicast frames a second that one VM may send; a quarter of it at once" }),
  },
  { error: "a mapping with prefix" },
);
