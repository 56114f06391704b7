/**
 * The handles of a channel's transport on Windows, in this process: duplicates on their way, and what was
 * received. Some are sockets, of which Winsock has state of its own; it duplicates and closes them.
 */
import { hasCode } from "../../ffi/error.ts";
import { pid } from "../../ffi/host.ts";
import { hasLowestRights } from "../../ffi/win32/object.ts";
import { closesocket } from "../../ffi/win32/socket.ts";
import { allOrNone, duplicateAll } from "../batch/duplicate_all.ts";
import { type OwnedHandle, ownedHandle } from "../handle/handle.ts";
import { platform } from "../handle/platform.ts";
import { closeAll } from "../handle/raw.ts";
import { isSocket } from "../handle/windows.ts";
import type { ProcessReference } from "../process/types.ts";
import { takeUnexamined } from "../process/windows.ts";
import { duplicateSocket, OwnedSocket, socketFromInfo } from "../socket/socket.ts";
import { adoptSocket } from "../socket/windows_adopt.ts";
import { closeQuietly } from "../util/late_close.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { protocolError } from "./frames.ts";

/** The mark of a socket. The values of handles are multiples of 4, so an older version refuses it (`EPROTO`). */
const SOCKET = 1;
const MARKS = 3;

/** Handles that a transport owns. */
export class TransportHandles {
  /** Those that Winsock closes. */
  readonly #sockets: Set<RawHandle> = new Set();

  /** Duplicates of handles. None is made when one cannot be duplicated. */
  duplicate(handles: readonly RawHandle[]): RawHandle[] {
    try {
      return duplicateAll(handles);
    } catch (error) {
      if (!hasCode(error, "ENOTSUP") || !handles.some(isSocket)) throw error;
    }
    return this.#allOrNone(
      handles,
      (raw) =>
        isSocket(raw)
          ? this.#own(socketFromInfo(duplicateSocket(raw, pid())))
          : platform().duplicate(raw, false, undefined),
    );
  }

  /** How the value of a handle is announced to the peer. */
  announced(raw: RawHandle): number {
    return this.#sockets.has(raw) ? raw | SOCKET : raw;
  }

  /**
   * Takes handles that a peer has announced.
   *
   * @throws {HandleError} `EPROTO` when a value is no handle, or a socket none; then none is taken
   */
  take(announced: readonly number[], peer: ProcessReference): RawHandle[] {
    for (const value of announced) checkHandleValue(isMarked(value) ? value ^ SOCKET : value);
    return this.#allOrNone(
      announced,
      (value) =>
        isMarked(value) ? this.#takeSocket(value ^ SOCKET, peer) : takeUnexamined(value, peer),
    );
  }

  /** Their owners, for the application. */
  ownersOf(handles: readonly RawHandle[]): OwnedHandle[] {
    return handles.map((raw) =>
      this.#sockets.delete(raw) ? OwnedSocket.fromSocket(raw) : ownedHandle(raw)
    );
  }

  /** Closes them, also when closing one of them fails. */
  close(handles: readonly RawHandle[]): void {
    for (const raw of handles) {
      if (this.#sockets.delete(raw)) closeQuietly(() => closesocket(raw));
      else closeAll([raw]);
    }
  }

  /** Winsock here makes a socket of its own of the handle that was taken. */
  #takeSocket(value: number, peer: ProcessReference): RawHandle {
    const taken = takeUnexamined(value, peer);
    try {
      if (!hasLowestRights(taken)) throw noSocketError(); // Winsock is not called for what cannot be one
      return this.#own(adoptSocket(taken));
    } catch (error) {
      closeAll([taken]);
      throw hasCode(error, "ENOTSOCK") ? noSocketError() : error;
    }
  }

  #own(socket: OwnedHandle): RawHandle {
    const raw = socket.release();
    this.#sockets.add(raw);
    return raw;
  }

  #allOrNone<Item>(items: readonly Item[], make: (item: Item) => RawHandle): RawHandle[] {
    return allOrNone(items, make, (made) => this.close(made));
  }
}

/** Throws for values that are no handle. A pseudo-handle, which is negative, is not accepted. */
export function checkHandleValue(value: number): void {
  if (value <= 0 || (value & MARKS) !== 0) throw protocolError(`${value}, which is no handle`);
}

const isMarked = (value: number) => (value & MARKS) === SOCKET;

function noSocketError(): Error {
  return protocolError("a handle as a socket that is none");
}
