/** The stream of a channel on Linux: a connected Unix socket that the runtime takes over. */
import type { Socket, SocketConstructorOpts } from "node:net";
import type { StartReading } from "./types.ts";
import { nodeNet } from "../util/node.ts";

/** What is read at once, unless the bytes have a place of their own. */
const READ_BYTES = 1 << 16;

/** A stream on a socket. It owns the descriptor and closes it. */
export interface AdoptedStream {
  readonly stream: Socket;
  /** Reads to where the bytes belong; `undefined` where the stream has "data". */
  readonly startReading: StartReading | undefined;
}

/** A `node:net` stream on a connected Unix socket. */
export function adoptStream(fd: number): AdoptedStream {
  const net = nodeNet();
  // Bun adopts a descriptor in connect(), the other runtimes in the constructor.
  if ("Bun" in globalThis) {
    const stream = net.connect({ fd } as unknown as { path: string });
    return { stream, startReading: undefined };
  }
  let own: Uint8Array | undefined;
  let targetOf: () => Uint8Array | undefined = () => undefined;
  let onBytes: (bytes: Uint8Array) => void = () => {};
  const options: SocketConstructorOpts & { manualStart: boolean } = {
    fd,
    readable: true,
    writable: true,
    manualStart: true,
    onread: {
      buffer: () => targetOf() ?? (own ??= new Uint8Array(READ_BYTES)),
      callback(count, buffer) {
        onBytes(buffer.subarray(0, count));
        return true;
      },
    },
  };
  const stream = new net.Socket(options);
  const startReading: StartReading = (target, onData) => {
    targetOf = target;
    onBytes = onData;
    stream.read(0);
  };
  return { stream, startReading };
}
