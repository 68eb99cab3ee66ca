import { describe, expect, test } from "bun:test";
import { octetsOf } from "#pmip/hex";
import type { BindingAck, BindingUpdate, MobilityOptions } from "#pmip/packet/message";
import { ACK_PROXY, BINDING_STATUS } from "#pmip/packet/numbers";
import { address, ipv4Subject, ipv6SubjectAt, subjectAt, tenantSubject } from "#pmip/testing/configs";
import { packet, update, updateOptions, without } from "#pmip/testing/messages";
import { EPOCH, World } from "#pmip/testing/world";

const COUNT = 3;
const HOME = 0;
const GATEWAY = 1;
const subject = subjectAt(HOME, COUNT);
const good = updateOptions(subject, COUNT, EPOCH);
const STATUS = BINDING_STATUS;

function answerTo(world: World, message: BindingUpdate, source = address(GATEWAY)): BindingAck | undefined {
  world.deliver(packet(source, address(HOME), message));
  return world.messages("binding-ack").at(-1)?.message;
}

describe("a Proxy Binding Update that a local mobility anchor gets (RFC 5213 §5.3.1)", () => {
  test("is accepted when nothing is wrong with it", () => {
    const world = new World(COUNT);
    expect(answerTo(world, update(good))).toMatchObject({ status: STATUS.ACCEPTED, flags: ACK_PROXY, lifetime: 75 });
    expect(world.node(HOME).place(subject)).toBe(address(GATEWAY));
  });

  const other = subjectAt(HOME, COUNT, 1);
  const otherPrefix = updateOptions(other, COUNT, EPOCH).homeNetworkPrefixes!;
  const otherIpv4 = updateOptions(other, COUNT, EPOCH).ipv4HomeAddresses!;
  const subnet = [{ address: good.homeNetworkPrefixes![0]!.address, length: 120 }];
  const infrastructure = updateOptions({ tags: 0, address: address(2) }, COUNT, EPOCH);
  const outside = updateOptions({ ...ipv4Subject(0x0808_0808), tags: 1 }, COUNT, EPOCH);
  const ofOtherTags = updateOptions({ ...ipv6SubjectAt(HOME, 5), tags: 0x777 }, COUNT, EPOCH);
  const elsewhere = updateOptions(subjectAt(2, COUNT), COUNT, EPOCH);

  const cases: [string, MobilityOptions, number, string][] = [
    [
      "without identifier (item 4)",
      without(good, "mobileNode"),
      STATUS.MISSING_MN_IDENTIFIER_OPTION,
      "without-identifier",
    ],
    [
      "with an identifier that is nobody's (item 7)",
      { ...good, mobileNode: "alice@example.org" },
      STATUS.NOT_LMA_FOR_THIS_MOBILE_NODE,
      "unknown-identifier",
    ],
    ["for a router's address (item 8)", infrastructure, STATUS.PROXY_REG_NOT_ENABLED, "nobodys-vm"],
    ["for a host outside the data centre (item 8)", outside, STATUS.PROXY_REG_NOT_ENABLED, "nobodys-vm"],
    ["for an address that has other tags in it (item 8)", ofOtherTags, STATUS.PROXY_REG_NOT_ENABLED, "nobodys-vm"],
    [
      "without prefix (item 10)",
      without(good, "homeNetworkPrefixes"),
      STATUS.MISSING_HOME_NETWORK_PREFIX_OPTION,
      "without-home-network-prefix",
    ],
    [
      "without handoff indicator (item 11)",
      without(good, "handoff"),
      STATUS.MISSING_HANDOFF_INDICATOR_OPTION,
      "without-handoff-indicator",
    ],
    [
      "without access technology (item 12)",
      without(good, "accessTechnology"),
      STATUS.MISSING_ACCESS_TECH_TYPE_OPTION,
      "without-access-technology",
    ],
    [
      "for another one's prefix (§5.3.2 item 3)",
      { ...good, homeNetworkPrefixes: otherPrefix },
      STATUS.NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX,
      "prefix-not-the-subjects",
    ],
    [
      "for another one's prefix beside its own (§5.3.2 item 3)",
      { ...good, homeNetworkPrefixes: [...good.homeNetworkPrefixes!, ...otherPrefix] },
      STATUS.NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX,
      "prefix-not-the-subjects",
    ],
    [
      "for more than the one address (§5.3.2 item 3)",
      { ...good, homeNetworkPrefixes: subnet },
      STATUS.NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX,
      "prefix-not-the-subjects",
    ],
    [
      "for another one's IPv4 address (RFC 5844 §3.3.5)",
      { ...good, ipv4HomeAddresses: otherIpv4 },
      STATUS.NOT_AUTHORIZED_FOR_IPV4_HOME_ADDRESS,
      "ipv4-address-not-the-subjects",
    ],
    [
      "for two IPv4 addresses (RFC 5844 §3.1.2.1)",
      { ...good, ipv4HomeAddresses: [...good.ipv4HomeAddresses!, ...otherIpv4] },
      STATUS.MULTIPLE_IPV4_HOME_ADDRESS_ASSIGNMENT_NOT_SUPPORTED,
      "several-ipv4-addresses",
    ],
    ["without GRE key (RFC 5845 §6.4)", without(good, "greKey"), STATUS.GRE_KEY_OPTION_REQUIRED, "without-gre-key"],
    [
      "with a GRE key that is not the subject's tags",
      { ...good, greKey: 5 },
      STATUS.ADMINISTRATIVELY_PROHIBITED,
      "gre-key-not-the-tags",
    ],
    [
      "without timestamp: sequence numbers alone do not order (§5.5)",
      without(good, "timestamp"),
      STATUS.TIMESTAMP_MISMATCH,
      "without-timestamp",
    ],
    [
      "for a care-of address that is not its source: a gateway that lies about where it is",
      { ...good, alternateCareOf: octetsOf(address(2)) },
      STATUS.INVALID_CARE_OF_ADDRESS,
      "care-of-not-the-source",
    ],
    ["for an address whose home is elsewhere", elsewhere, STATUS.NOT_LMA_FOR_THIS_MOBILE_NODE, "home-is-elsewhere"],
    [
      "from the far future (item 9)",
      { ...good, timestamp: { seconds: good.timestamp!.seconds + 2, fraction: 0 } },
      STATUS.TIMESTAMP_MISMATCH,
      "from-the-future",
    ],
    [
      "from a time that is none",
      { ...good, timestamp: { seconds: 2 ** 47, fraction: 0 } },
      STATUS.TIMESTAMP_MISMATCH,
      "without-timestamp",
    ],
  ];

  test.each(cases)("%s is refused, counted, and changes nothing", (_, options, status, counter) => {
    const world = new World(COUNT);
    expect(answerTo(world, update(options))).toMatchObject({ status, sequence: 7, flags: ACK_PROXY });
    const { counters, bindings } = world.node(HOME).core.view();
    expect([counters, bindings]).toEqual([{ [`pbu-${counter}`]: 1 }, []]);
    expect(world.node(HOME).of("whereabouts")).toEqual([]);
    expect(world.node(HOME).core.deadline()).toBeUndefined();
  });

  test("without the flag P is a mobile node's own, which nobody has here (RFC 6275 §9.5.1)", () => {
    const world = new World(COUNT);
    expect(answerTo(world, update(good, { flags: 0x8000 }))?.status).toBe(STATUS.HOME_REGISTRATION_NOT_SUPPORTED);
    expect(world.node(HOME).count("pbu-not-proxy")).toBe(1);
  });

  test("from a router that hosts no VMs is refused: it may not register any (items 5 and 6)", () => {
    const world = new World(COUNT);
    const switchAddress = `${address(2).slice(0, 16)}0000000000000009`;
    expect(answerTo(world, update(good), switchAddress)?.status).toBe(STATUS.MAG_NOT_AUTHORIZED_FOR_PROXY_REG);
    expect(world.node(HOME).count("pbu-not-from-a-hypervisor")).toBe(1);
  });

  test("at another address of its home than the home prefix's is refused: the subject has no anchor there", () => {
    const world = new World(COUNT, (index) => (index === HOME ? { own: [HOME, 2] } : {}));
    world.deliver(packet(address(GATEWAY), address(2), update(good)));
    expect(world.messages("binding-ack").at(-1)?.message.status).toBe(STATUS.NOT_LMA_FOR_THIS_MOBILE_NODE);
    expect(world.node(HOME).core.view().bindings).toEqual([]);
  });
});

describe("a Proxy Binding Acknowledgement (RFC 5213 §5.3.6)", () => {
  test("echoes identifier, prefixes, handoff indicator, access technology, link-layer identifier and sequence number", () => {
    const world = new World(COUNT);
    const linkLayer = octetsOf("020000000001");
    const { options, sequence } = answerTo(world, update({ ...good, linkLayer }))!;
    const { mobileNode, homeNetworkPrefixes, handoff, accessTechnology, timestamp, greKey } = good;
    expect(sequence).toBe(7);
    expect(options).toMatchObject({ mobileNode, homeNetworkPrefixes, handoff, accessTechnology, linkLayer });
    expect(options).toMatchObject({ timestamp, greKey });
  });

  test("has the asked IPv4 address in its reply (RFC 5844 §3.1.2.2), and why not when it is refused", () => {
    const world = new World(COUNT);
    const asked = good.ipv4HomeAddresses![0]!;
    expect(answerTo(world, update(good))!.options.ipv4HomeAddressReply).toEqual({ ...asked, status: 0 });
    const refused = answerTo(world, update(without(good, "handoff")))!;
    expect(refused.options.ipv4HomeAddressReply).toEqual({ ...asked, status: 128 });
  });

  test("that refuses has an all-zero prefix, indicator and technology where there were none, and no key", () => {
    const { options } = answerTo(new World(COUNT), update({ mobileNode: good.mobileNode! }))!;
    expect(options).toMatchObject({ handoff: 0, accessTechnology: 0 });
    expect(options.homeNetworkPrefixes).toEqual([{ address: new Uint8Array(16), length: 0 }]);
    expect([options.greKey, options.timestamp]).toEqual([undefined, undefined]);
  });

  test("goes where the update came from, from the address that it was sent to", () => {
    const world = new World(COUNT);
    answerTo(world, update(good));
    expect(world.messages("binding-ack")[0]).toMatchObject({ source: address(HOME), destination: address(GATEWAY) });
  });

  test("grants no more than the anchor's own lifetime", () => {
    expect(answerTo(new World(COUNT), update(good, { lifetime: 0xffff }))!.lifetime).toBe(75);
    expect(answerTo(new World(COUNT), update(good, { lifetime: 10 }))!.lifetime).toBe(10);
  });
});

describe("subjects", () => {
  test.each([
    ["IPv4", subjectAt(2, COUNT)],
    ["IPv6 of the data centre", ipv6SubjectAt(2, 0x17)],
    ["IPv6 that a tenant brought", tenantSubject(4)],
  ])("of kind %s are registered at their home, found there, and reached", (_, one) => {
    const world = new World(COUNT);
    const home = [0, 1, 2].find((i) => world.node(i).core.instance.plan.homeOf(one).isOwn)!;
    const gateway = (home + 1) % COUNT;
    world.attach(gateway, "vm", one);
    expect(world.node(home).place(one)).toBe(address(gateway));
    world.tell((home + 2) % COUNT, { type: "wanted", subject: one });
    expect(world.node((home + 2) % COUNT).place(one)).toBe(address(gateway));
  });
});
