/** Where the page is served, and by which names it may be asked for there. */

export interface ListenAddress {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly isLoopback: boolean;
}

/** `127.0.0.1:7080`, `[::1]:7080`, `localhost:0`. Undefined: it is none; a name would have to be looked up, and may move. */
export function parseListen(text: string): ListenAddress | undefined {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+|localhost)):(\d{1,5})$/.exec(text);
  if (found === null) return undefined;
  const [, v6, other, digits] = found;
  const port = Number(digits);
  const host = v6 ?? other!;
  const isAddress = v6 === undefined ? host === "localhost" || isIpv4(host) : URL.canParse(`http://[${v6}]/`);
  if (port > 65_535 || !isAddress) return undefined;
  return { host, port, isLoopback: host === "localhost" || host.startsWith("127.") || host === "::1" };
}

const isIpv4 = (text: string): boolean => {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
};

/**
 * Whether a request's Host header is one that a reader of this page would send. A name that somebody has led to this address
 * (DNS rebinding) is not: by it a foreign page would read along.
 * @param port the one that is served, which `listen` may not say.
 */
export function isOurHost(header: string | null, listen: ListenAddress, port: number): boolean {
  if (header === null || !URL.canParse(`http://${header}/`)) return false;
  const url = new URL(`http://${header}/`);
  if (url.host !== header.toLowerCase().replace(/:80$/, "") || Number(url.port || 80) !== port) return false;
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (listen.isLoopback) return host === "localhost" || host === "127.0.0.1" || host === "::1" || host === listen.host;
  const isLiteral = isIpv4(host) || host.includes(":");
  const isAny = listen.host === "0.0.0.0" || /^[0:]+$/.test(listen.host);
  return isLiteral && (isAny || host === new URL(urlOf(listen.host, port)).hostname.replace(/^\[|\]$/g, ""));
}

export const urlOf = (host: string, port: number): string =>
  `http://${host.includes(":") ? `[${host}]` : host}:${port}/`;
