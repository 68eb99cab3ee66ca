import { expect, test } from "bun:test";
import { Frame, KIND_ARP, KIND_IPV4, KIND_IPV6 } from "#fastpath/frame";
import { isVital, PuntBudget } from "#fastpath/punt-budget";
import { PUNT_ARP, PUNT_DHCP, PUNT_LOCAL, PUNT_NEIGHBOR, type Verdict } from "#fastpath/verdicts";
import { NEIGHBOR_SOLICITATION } from "#wire/icmp6";
import { PROTOCOL_ICMP6, PROTOCOL_OSPF } from "#wire/protocol";

const ECHO_REQUEST = 128;
const BYTES = Uint8Array.of(0, ECHO_REQUEST, NEIGHBOR_SOLICITATION);

/** `l4`: where in BYTES its transport header begins; 0: nowhere. */
function local(protocol: number, l4: number, hopLimit: number): Frame {
  return Object.assign(new Frame(), { port: 7, kind: KIND_IPV6, protocol, l4, hopLimit });
}

const taken = (budget: PuntBudget, f: Frame, verdict: Verdict): number => {
  let count = 0;
  while (budget.take(f, verdict, BYTES)) count++;
  return count;
};

const ping = local(PROTOCOL_ICMP6, 1, 255);
const solicitation = local(PROTOCOL_ICMP6, 2, 255);
const farSolicitation = local(PROTOCOL_ICMP6, 2, 254);
const cutSolicitation = local(PROTOCOL_ICMP6, 0, 255);
const ospf = local(PROTOCOL_OSPF, 1, 1);
const arp = Object.assign(new Frame(), { port: 7, kind: KIND_ARP });

test("pings, and what claims to be neighbor discovery and is not (RFC 4861 §3.1), share one budget", () => {
  const budget = new PuntBudget();
  expect(taken(budget, ping, PUNT_LOCAL)).toBe(400);
  expect(taken(budget, farSolicitation, PUNT_LOCAL) + taken(budget, cutSolicitation, PUNT_LOCAL)).toBe(0);
});

test("neighbor discovery, routing protocols and packets that wait have budgets that no ping can use up", () => {
  const budget = new PuntBudget();
  taken(budget, ping, PUNT_LOCAL);
  expect(taken(budget, solicitation, PUNT_LOCAL)).toBe(400);
  expect(taken(budget, ospf, PUNT_LOCAL)).toBe(4000);
  expect(taken(budget, ping, PUNT_NEIGHBOR)).toBe(400);
});

test("DHCP has a small one of its own, and no claim to the whole ring", () => {
  const budget = new PuntBudget();
  const dhcp = Object.assign(new Frame(), { port: 7, kind: KIND_IPV4 });
  expect(taken(budget, dhcp, PUNT_DHCP)).toBe(40);
  budget.refill(1);
  expect(taken(budget, dhcp, PUNT_DHCP)).toBe(2);
  expect(taken(budget, ping, PUNT_LOCAL)).toBe(400);
  expect(isVital(dhcp, PUNT_DHCP, BYTES)).toBe(false);
});

test("each port has its own", () => {
  const budget = new PuntBudget();
  taken(budget, arp, PUNT_ARP);
  expect(taken(budget, Object.assign(new Frame(), { port: 8, kind: KIND_ARP }), PUNT_ARP)).toBe(400);
});

test("200 come back each tick, up to 400", () => {
  const budget = new PuntBudget();
  taken(budget, ping, PUNT_LOCAL);
  budget.refill(1);
  expect(taken(budget, ping, PUNT_LOCAL)).toBe(200);
  budget.refill(10);
  expect(taken(budget, ping, PUNT_LOCAL)).toBe(400);
});

test("links and routing may fill the whole ring, the rest may not", () => {
  expect([arp, solicitation, ospf].map((f) => isVital(f, f === arp ? PUNT_ARP : PUNT_LOCAL, BYTES))).toEqual([
    true,
    true,
    true,
  ]);
  expect([ping, farSolicitation].map((f) => isVital(f, PUNT_LOCAL, BYTES))).toEqual([false, false]);
  expect(isVital(ping, PUNT_NEIGHBOR, BYTES)).toBe(false);
});
