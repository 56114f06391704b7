/** The transport of handles on Linux: `SCM_RIGHTS` messages on a socket of their own. */
import { hasCode } from "../../ffi/error.ts";
import { close } from "../../ffi/posix/dup.ts";
import { receiveRights, type Rights, sendRights, truncated } from "../../ffi/posix/rights.ts";
import { protocolError } from "./frames.ts";
import { peerClosedError } from "./connection.ts";
import type { BatchDescriptor, ChannelEnd, HandleTransport } from "./types.ts";
import { closeAll } from "../handle/raw.ts";
import type { Socket } from "node:net";
import { nodeNet } from "../util/node.ts";
import { runtimeError } from "../util/runtime_error.ts";

const emptyDescriptor: BatchDescriptor = /* @__PURE__ */ new Uint8Array(0);

/**
 * One end of a channel, which takes over both sockets: the one of the stream and the one of handles. When
 * it throws, both are closed.
 */
export function createEnd(stream: number, socket: number): ChannelEnd {
  try {
    return { stream: adoptStream(stream), transport: new ScmRightsTransport(socket) };
  } catch (cause) {
    closeAll([stream, socket]);
    throw runtimeError(cause, "fstat", "a socket for a channel", stream);
  }
}

/** Carries handles over a socket that only this library uses. */
class ScmRightsTransport implements HandleTransport {
  readonly #socket: number;
  /** The kernel keeps what is in a socket after the sender has ended. */
  readonly needsLiveSender: boolean = false;
  #isClosed = false;

  constructor(socket: number) {
    this.#socket = socket;
  }

  send(handles: readonly number[]): BatchDescriptor | undefined {
    this.#requireOpen();
    try {
      return sendRights(this.#socket, handles) ? emptyDescriptor : undefined;
    } catch (error) {
      // ECONNRESET: the peer closed its socket with unread handles in it.
      if (hasCode(error, "EPIPE", "ECONNRESET")) throw peerClosedError();
      throw error;
    }
  }

  receive(count: number, descriptor: BatchDescriptor): number[] {
    this.#requireOpen();
    const rights = this.#receiveNext();
    if (rights === undefined) throw protocolError("no handles where it announced some");
    if (!rights.isTruncated && rights.fds.length === count && descriptor.length === 0) {
      return rights.fds;
    }
    closeAll(rights.fds);
    throw rights.isTruncated
      ? truncated(count, this.#socket)
      : protocolError("other handles than it announced");
  }

  #receiveNext(): Rights | undefined {
    try {
      const rights = receiveRights(this.#socket);
      return rights === "end" ? undefined : rights;
    } catch (error) {
      // The peer closed its socket with unread handles in it.
      if (hasCode(error, "ECONNRESET")) return undefined;
      throw error;
    }
  }

  onAck(): void {}

  verifyPeer(): void {}

  onFrame(): boolean {
    return false;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    close(this.#socket);
  }

  #requireOpen(): void {
    if (this.#isClosed) throw protocolError("handles after the end of the channel");
  }
}

/** A `node:net` stream on a connected Unix socket. The stream owns the descriptor and closes it. */
function adoptStream(fd: number): Socket {
  const net = nodeNet();
  // Bun adopts a descriptor in connect(), the other runtimes in the constructor.
  if ("Bun" in globalThis) return net.connect({ fd } as unknown as { path: string });
  return new net.Socket({ fd, readable: true, writable: true });
}
