/** All options of a message, between their octets and `MobilityOptions`. RFC 6275 §6.2, 5213 §8.1. */
import { decode, Malformed, type Reader } from "#base/reader";
import type { Writer } from "#base/writer";
import { refuse } from "#pmip/packet/fault";
import type {
  Authentication,
  LocalizedNode,
  MobilityOptions,
  NodeOptions,
  OpaqueOption,
  SharedOptions,
} from "#pmip/packet/message";
import { type Alignment, pad, putOption, type RawOption, readRawOptions } from "#pmip/packet/option";
import {
  AUTHENTICATION,
  HOME_NETWORK_PREFIX,
  IPV4_HOME_ADDRESS,
  MOBILE_NODE,
  type OptionCodec,
  PLAIN,
  type PlainOptions,
} from "#pmip/packet/option-codecs";

const PLAIN_KEYS = Object.keys(PLAIN) as (keyof PlainOptions)[];
const PLAIN_BY_TYPE: ReadonlyMap<number, keyof PlainOptions> = new Map(PLAIN_KEYS.map((key) => [PLAIN[key].type, key]));
/** Of whichever mobile node was named last. */
const NODE_TYPES: ReadonlySet<number> = new Set([MOBILE_NODE.type, HOME_NETWORK_PREFIX.type, IPV4_HOME_ADDRESS.type]);
/** A message is a multiple of 8 octets long. */
const WHOLE: Alignment = { multiple: 8, offset: 0 };

const isOfNode = ({ type }: RawOption): boolean => NODE_TYPES.has(type);

/** Up to the reader's end. */
export function readOptions(r: Reader): MobilityOptions {
  const found = readRawOptions(r);
  return { ...readNode(r, found.filter(isOfNode)), ...readShared(r, found) };
}

export interface LocalizedOptions {
  readonly mobileNodes: readonly LocalizedNode[];
  readonly options: SharedOptions;
}

/** Up to the reader's end; those of mobile nodes belong to the identifier before them (RFC 6705 §10.1). */
export function readLocalizedOptions(r: Reader): LocalizedOptions {
  const found = readRawOptions(r);
  const nodes: RawOption[][] = [];
  for (const option of found.filter(isOfNode)) {
    if (option.type === MOBILE_NODE.type) nodes.push([option]);
    else (nodes.at(-1) ?? misplaced(r, option)).push(option);
  }
  // Each begins with an identifier, so it has one.
  const mobileNodes = nodes.map((options) => readNode(r, options) as LocalizedNode);
  return { mobileNodes, options: readShared(r, found) };
}

const misplaced = (r: Reader, { type }: RawOption): never =>
  refuse(r, `misplaced-option:${(type === HOME_NETWORK_PREFIX.type ? HOME_NETWORK_PREFIX : IPV4_HOME_ADDRESS).name}`);

function readNode(r: Reader, found: readonly RawOption[]): NodeOptions {
  const all = <T>(codec: OptionCodec<T>): T[] =>
    found.filter(({ type }) => type === codec.type).map((option) => readData(r, codec, option));
  const identifiers = all(MOBILE_NODE);
  if (identifiers.length > 1) refuse(r, `repeated-option:${MOBILE_NODE.name}`);
  const homeNetworkPrefixes = all(HOME_NETWORK_PREFIX);
  const ipv4HomeAddresses = all(IPV4_HOME_ADDRESS);
  return {
    ...(identifiers.length > 0 && { mobileNode: identifiers[0]! }),
    ...(homeNetworkPrefixes.length > 0 && { homeNetworkPrefixes }),
    ...(ipv4HomeAddresses.length > 0 && { ipv4HomeAddresses }),
  };
}

function readShared(r: Reader, found: readonly RawOption[]): SharedOptions {
  const plain: Partial<PlainOptions> = {};
  const others: OpaqueOption[] = [];
  for (const option of found) {
    const { type, from, end } = option;
    const key = PLAIN_BY_TYPE.get(type);
    if (key !== undefined) readPlain(r, key, option, plain);
    else if (type !== AUTHENTICATION.type && !isOfNode(option)) others.push({ type, data: r.bytes.slice(from, end) });
  }
  const authentication = readAuthentication(r, found);
  return {
    ...plain,
    ...(others.length > 0 && { others }),
    ...(authentication !== undefined && { authentication }),
  };
}

function readPlain<K extends keyof PlainOptions>(
  r: Reader,
  key: K,
  option: RawOption,
  plain: Partial<PlainOptions>,
): void {
  if (plain[key] !== undefined) refuse(r, `repeated-option:${PLAIN[key].name}`);
  plain[key] = readData<PlainOptions[K]>(r, PLAIN[key], option);
}

/** The authentication option, when it is where RFC 4285 §5.1 wants it: nothing but padding after it. */
export function authenticationOf(r: Reader, found: readonly RawOption[]): RawOption | undefined {
  const index = found.findIndex(({ type }) => type === AUTHENTICATION.type);
  if (index < 0) return undefined;
  const behind = found[index + 1];
  if (behind?.type === AUTHENTICATION.type) refuse(r, `repeated-option:${AUTHENTICATION.name}`);
  if (behind !== undefined) refuse(r, `misplaced-option:${AUTHENTICATION.name}`);
  return found[index];
}

export function readAuthentication(r: Reader, found: readonly RawOption[]): Authentication | undefined {
  const option = authenticationOf(r, found);
  return option && readData(r, AUTHENTICATION, option);
}

/** The option's data, all of it. */
function readData<T>(r: Reader, { name, read }: OptionCodec<T>, { from, end }: RawOption): T {
  const readWhole = (data: Reader): T => {
    const value = read(data);
    data.expectEnd();
    return value;
  };
  const value = decode(r.bytes, readWhole, from, end);
  return value instanceof Malformed ? refuse(r, `bad-option:${name}`) : value;
}

/**
 * Options, and padding up to the message's end. RangeError for values out of range, and for known types among `others`.
 */
export function writeOptions(w: Writer, options: MobilityOptions): void {
  writeNode(w, options);
  writeShared(w, options);
}

export function writeLocalizedOptions(w: Writer, { mobileNodes, options }: LocalizedOptions): void {
  for (const node of mobileNodes) writeNode(w, node);
  writeShared(w, options);
}

function writeNode(w: Writer, { mobileNode, homeNetworkPrefixes = [], ipv4HomeAddresses = [] }: NodeOptions): void {
  if (mobileNode !== undefined) put(w, MOBILE_NODE, mobileNode);
  for (const prefix of homeNetworkPrefixes) put(w, HOME_NETWORK_PREFIX, prefix);
  for (const address of ipv4HomeAddresses) put(w, IPV4_HOME_ADDRESS, address);
}

function writeShared(w: Writer, options: SharedOptions): void {
  for (const key of PLAIN_KEYS) writePlain(w, key, options);
  for (const { type, data } of options.others ?? []) {
    if (isKnown(type)) throw new RangeError(`option ${type} has a field of its own`);
    putOption(w, type, { multiple: 1, offset: 0 }, () => w.octets(data));
  }
  if (options.authentication !== undefined) putAuthentication(w, options.authentication);
  pad(w, WHOLE);
}

function writePlain<K extends keyof PlainOptions>(w: Writer, key: K, options: SharedOptions): void {
  const value = (options as Partial<PlainOptions>)[key];
  if (value !== undefined) put<PlainOptions[K]>(w, PLAIN[key], value);
}

/** As the last option, and where possible so that no padding must follow: 4n + 1, and a multiple of 8 after it. */
export function putAuthentication(w: Writer, authentication: Authentication): void {
  const data = authentication.authenticator.length;
  const alignment = data % 4 === 0 ? { multiple: 8, offset: (8 - ((7 + data) % 8)) % 8 } : AUTHENTICATION.alignment;
  put(w, { ...AUTHENTICATION, alignment }, authentication);
}

const put = <T>(w: Writer, { type, alignment, write }: OptionCodec<T>, value: T): void =>
  putOption(w, type, alignment, () => write(w, value));

/** Padding's types too. */
const isKnown = (type: number): boolean =>
  type < 2 || type === AUTHENTICATION.type || NODE_TYPES.has(type) || PLAIN_BY_TYPE.has(type);
