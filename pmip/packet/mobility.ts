/** Mobility messages between octets and `MobilityMessage`: RFC 6275 §6.1, 5213 §8, 5846 §5, 5847 §3.3, 6705 §10. */
import { decode, type Reader } from "#base/reader";
import { Writer } from "#base/writer";
import { type Fault, refuse, unlessMalformed } from "#pmip/packet/fault";
import * as header from "#pmip/packet/header";
import type * as message from "#pmip/packet/message";
import type { MobilityMessage } from "#pmip/packet/message";
import * as numbers from "#pmip/packet/numbers";
import { readLocalizedOptions, readOptions, writeLocalizedOptions, writeOptions } from "#pmip/packet/options";
import { PROTOCOL_NONE } from "#wire/protocol";

/** B.R. Type. RFC 5846 §5. */
const INDICATION = 1;
const ACKNOWLEDGEMENT = 2;

const HEARTBEAT_UNSOLICITED = 0x0002;
const HEARTBEAT_RESPONSE = 0x0001;
const LOCALIZED_UNSOLICITED = 0x80;

/**
 * Reads all octets after the IPv6 headers of a packet whose last next header is 135; `source` and `destination` are
 * that packet's, 16 octets each. The message outlives the buffer. Never throws.
 */
export function readMobility(octets: Uint8Array, source: Uint8Array, destination: Uint8Array): MobilityMessage | Fault {
  const wrongLength = header.lengthFault(octets);
  if (wrongLength !== undefined) return wrongLength;
  if (!header.checksumHolds(octets, source, destination)) return "checksum";
  return header.shapeFault(octets) ?? unlessMalformed(decode(octets, readMessage));
}

function readMessage(r: Reader): MobilityMessage {
  const type = header.type(r.bytes);
  r.skip(header.SIZE);
  switch (type) {
    case numbers.BINDING_UPDATE:
      return readBindingUpdate(r);
    case numbers.BINDING_ACKNOWLEDGEMENT:
      return readBindingAck(r);
    case numbers.BINDING_ERROR:
      return readBindingError(r);
    case numbers.HEARTBEAT:
      return readHeartbeat(r);
    case numbers.BINDING_REVOCATION:
      return readRevocation(r);
    case numbers.LOCALIZED_ROUTING_INITIATION:
      return readInitiation(r);
    case numbers.LOCALIZED_ROUTING_ACKNOWLEDGMENT:
      return readLocalizedAck(r);
    default:
      return refuse(r, "unknown-type");
  }
}

function readBindingUpdate(r: Reader): message.BindingUpdate {
  const sequence = r.u16();
  const flags = r.u16() & numbers.UPDATE_FLAGS;
  return { type: "binding-update", sequence, flags, lifetime: r.u16(), options: readOptions(r) };
}

function readBindingAck(r: Reader): message.BindingAck {
  const status = r.u8();
  const flags = r.u8() & numbers.ACK_FLAGS;
  return { type: "binding-ack", status, flags, sequence: r.u16(), lifetime: r.u16(), options: readOptions(r) };
}

function readBindingError(r: Reader): message.BindingError {
  const status = r.u8();
  r.skip(1);
  return { type: "binding-error", status, homeAddress: r.octets(16), options: readOptions(r) };
}

/** U means something in responses alone. */
function readHeartbeat(r: Reader): message.Heartbeat {
  const bits = r.u16();
  const response = (bits & HEARTBEAT_UNSOLICITED) === 0 ? "response" : "unsolicited-response";
  const kind = (bits & HEARTBEAT_RESPONSE) === 0 ? "request" : response;
  return { type: "heartbeat", kind, sequence: r.u32(), options: readOptions(r) };
}

function readRevocation(r: Reader): message.Revocation | message.RevocationAck {
  const type = r.u8();
  const code = r.u8();
  const sequence = r.u16();
  const flags = r.u16() & numbers.REVOCATION_FLAGS;
  switch (type) {
    case INDICATION:
      return { type: "revocation", trigger: code, sequence, flags, options: readOptions(r) };
    case ACKNOWLEDGEMENT:
      return { type: "revocation-ack", status: code, sequence, flags, options: readOptions(r) };
    default:
      return refuse(r, "unknown-revocation-type");
  }
}

function readInitiation(r: Reader): message.LocalizedRoutingInitiation {
  const sequence = r.u16();
  r.skip(2);
  return { type: "localized-routing-initiation", sequence, lifetime: r.u16(), ...readLocalizedOptions(r) };
}

function readLocalizedAck(r: Reader): message.LocalizedRoutingAck {
  const sequence = r.u16();
  const unsolicited = (r.u8() & LOCALIZED_UNSOLICITED) !== 0;
  const fields = { sequence, unsolicited, status: r.u8(), lifetime: r.u16() };
  return { type: "localized-routing-ack", ...fields, ...readLocalizedOptions(r) };
}

/**
 * The octets after the IPv6 header, checksum done for a packet from `source` to `destination`. Throws RangeError for
 * fields out of range, messages of more than 2048 octets among them.
 */
export function writeMobility(m: MobilityMessage, source: Uint8Array, destination: Uint8Array): Uint8Array {
  const w = new Writer();
  w.u8(PROTOCOL_NONE);
  w.u8(0); // length
  w.u8(TYPES[m.type]);
  w.u8(0);
  w.u16(0); // checksum
  writeFixed(w, m);
  if ("mobileNodes" in m) writeLocalizedOptions(w, m);
  else writeOptions(w, m.options);
  return sealed(w, source, destination);
}

/** The message in `w`, options and their padding included, with its length and checksum. */
export function sealed(w: Writer, source: Uint8Array, destination: Uint8Array): Uint8Array {
  if (w.length > header.LONGEST) throw new RangeError(`mobility message of ${w.length} octets`);
  const octets = w.finish();
  header.setLengthOctets(octets, octets.length);
  header.writeChecksum(octets, source, destination);
  return octets;
}

const TYPES: Readonly<Record<MobilityMessage["type"], number>> = {
  "binding-update": numbers.BINDING_UPDATE,
  "binding-ack": numbers.BINDING_ACKNOWLEDGEMENT,
  "binding-error": numbers.BINDING_ERROR,
  heartbeat: numbers.HEARTBEAT,
  revocation: numbers.BINDING_REVOCATION,
  "revocation-ack": numbers.BINDING_REVOCATION,
  "localized-routing-initiation": numbers.LOCALIZED_ROUTING_INITIATION,
  "localized-routing-ack": numbers.LOCALIZED_ROUTING_ACKNOWLEDGMENT,
};

/** All before the options. */
function writeFixed(w: Writer, m: MobilityMessage): void {
  switch (m.type) {
    case "binding-update":
      w.u16(m.sequence);
      w.u16(m.flags & numbers.UPDATE_FLAGS);
      w.u16(m.lifetime);
      break;
    case "binding-ack":
      w.u8(m.status);
      w.u8(m.flags & numbers.ACK_FLAGS);
      w.u16(m.sequence);
      w.u16(m.lifetime);
      break;
    case "binding-error":
      if (m.homeAddress.length !== 16) throw new RangeError(`home address of ${m.homeAddress.length} octets`);
      w.u8(m.status);
      w.u8(0);
      w.octets(m.homeAddress);
      break;
    case "heartbeat":
      w.u16(HEARTBEAT_BITS[m.kind]);
      w.u32(m.sequence);
      break;
    case "revocation":
      writeRevocation(w, INDICATION, m.trigger, m);
      break;
    case "revocation-ack":
      writeRevocation(w, ACKNOWLEDGEMENT, m.status, m);
      break;
    case "localized-routing-initiation":
      w.u16(m.sequence);
      w.u16(0);
      w.u16(m.lifetime);
      break;
    case "localized-routing-ack":
      w.u16(m.sequence);
      w.u8(m.unsolicited ? LOCALIZED_UNSOLICITED : 0);
      w.u8(m.status);
      w.u16(m.lifetime);
      break;
  }
}

const HEARTBEAT_BITS: Readonly<Record<message.Heartbeat["kind"], number>> = {
  request: 0,
  response: HEARTBEAT_RESPONSE,
  "unsolicited-response": HEARTBEAT_RESPONSE | HEARTBEAT_UNSOLICITED,
};

function writeRevocation(
  w: Writer,
  type: number,
  code: number,
  { sequence, flags }: message.Revocation | message.RevocationAck,
): void {
  w.u8(type);
  w.u8(code);
  w.u16(sequence);
  w.u16(flags & numbers.REVOCATION_FLAGS);
}
