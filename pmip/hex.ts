/** Addresses and keys as the core has them: hexadecimal digits, which maps can be keyed by and JSON lines hold. */

/** Even number of digits. */
export const octetsOf = (hex: string): Uint8Array => Uint8Array.fromHex(hex);

/** Lower case. */
export const hexOf = (octets: Uint8Array): string => octets.toHex();

/** Unsigned 32 bits as eight digits. */
export const hex32 = (value: number): string => value.toString(16).padStart(8, "0");
