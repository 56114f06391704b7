/** How handles go over a channel on Linux: in messages of a socket that only we use. */
import { hasCode } from "../../ffi/error.ts";
import { close } from "../../ffi/posix/dup.ts";
import { receiveRights, type Rights, sendRights, truncated } from "../../ffi/posix/rights.ts";
import { adoptStream } from "./posix_stream.ts";
import { malformed } from "./frames.ts";
import { goneError } from "./connection.ts";
import type { ChannelEnd, HandleTransport } from "./types.ts";
import { closeAll } from "../handle/close_all.ts";

const nothing: Uint8Array = /* @__PURE__ */ new Uint8Array(0);

/** One end, of descriptors that are ours. */
export function endOf(stream: number, raw: number): ChannelEnd {
  return { stream: adoptStream(stream), transport: new RightsTransport(raw) };
}

/** Handles over a socket of their own. */
class RightsTransport implements HandleTransport {
  readonly #raw: number;
  /** What is in a socket stays there when who sent it ends. */
  readonly needsSender: boolean = false;
  #closed = false;

  constructor(raw: number) {
    this.#raw = raw;
  }

  offer(handles: readonly number[]): Uint8Array | undefined {
    this.#requireOpen();
    try {
      return sendRights(this.#raw, handles) ? nothing : undefined;
    } catch (error) {
      // The second one tells that the other side left something unread.
      if (hasCode(error, "EPIPE", "ECONNRESET")) throw goneError();
      throw error;
    }
  }

  accept(count: number, ticket: Uint8Array): number[] {
    this.#requireOpen();
    const rights = this.#next();
    if (rights === undefined) throw malformed("handles that did not come");
    if (!rights.isTruncated && rights.fds.length === count && ticket.length === 0) {
      return rights.fds;
    }
    closeAll(rights.fds);
    throw rights.isTruncated
      ? truncated(count, this.#raw)
      : malformed("other handles than it said");
  }

  #next(): Rights | undefined {
    try {
      const rights = receiveRights(this.#raw);
      return rights === "end" ? undefined : rights;
    } catch (error) {
      if (hasCode(error, "ECONNRESET")) return undefined; // the end, with something unread there
      throw error;
    }
  }

  settle(): void {}

  meet(): void {}

  frame(): boolean {
    return false;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    close(this.#raw);
  }

  #requireOpen(): void {
    if (this.#closed) throw malformed("handles after its end");
  }
}
