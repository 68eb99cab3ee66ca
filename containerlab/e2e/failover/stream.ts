/** What senders and observers of the test streams agree on. */

/** The first four octets of each payload, before the packet's number. */
export const MAGIC = 0xa117_f10e;
/** Destination port of all flows. */
export const PORT = 9;
/** In place of the time of a packet that the kernel did not take. */
export const NOT_SENT = -1;
