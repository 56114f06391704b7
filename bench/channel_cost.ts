/** What the programs that measure channels share: their sizes, and what they print. */

/** The handles of a large message: fewer than the kernel's 253, so that C can send them at once. */
export const MANY = 200;
/** The bytes of the array that is sent, below the default `maxMessageBytes`. */
export const ARRAY_BYTES: number = 15 << 20;

/** What a program in any language prints. */
export interface StreamCost {
  readonly version: string;
  /** The handles a second, with one in each message. */
  readonly one: number;
  /** The handles a second, with {@linkcode MANY} in each message. */
  readonly many: number;
}

/** What C and Python print: the microseconds of a round trip without and with a handle. */
export interface ProgramCost extends StreamCost {
  readonly without: number;
  readonly with: number;
}

/** What it costs to send an array, in each direction. */
export interface Transfer {
  /** MiB a second. */
  readonly there: number;
  readonly back: number;
  /** The processor time of an array, in milliseconds. */
  readonly sendMs: number;
  readonly receiveMs: number;
}

/** What a runtime prints: this library's channel, and beside it the runtime's own socket. */
export interface ChannelCost extends StreamCost {
  /** The microseconds of a round trip with a handle. */
  readonly roundTrip: number;
  /** The same of the runtime's own socket, without a handle. */
  readonly socketRoundTrip: number;
  readonly transfer: Transfer;
  readonly socketTransfer: Transfer;
}
