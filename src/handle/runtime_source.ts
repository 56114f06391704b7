/** What the runtime owns, a descriptor or an object that has one: as a source, and closing it. */
import { checkFd, classOf, isFd, isPromise, showWithClass } from "../../ffi/check.ts";
import { failure, HandleError, hasCode } from "../../ffi/error.ts";
import { type FsFile, isFsFile, rawOfFsFile } from "./deno_file.ts";
import { platform } from "./platform.ts";
import type { Owner } from "../util/late_close.ts";
import { nodeFs } from "../util/node.ts";
import { runtimeError, tryOrUndefined } from "../util/platform.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { lookupFd } from "../windows_file/fd_table.ts";
import {
  networkCloser,
  networkFd,
  type NetworkSource,
  requireGivable,
  requireUsableFd,
} from "./network_source.ts";

/** An object with a descriptor of the runtime, such as a `FileHandle` or `process.stdout`. */
export interface HasFd {
  /** A descriptor of the runtime; −1 once it is closed. */
  readonly fd: number;
}

/** What the runtime owns. */
export type RuntimeOwned = number | HasFd | FsFile | NetworkSource;

/**
 * The runtime's descriptor of a source that is not a {@linkcode Handle}; of a `Deno.FsFile` the raw handle. Its `fd`
 * is read once, so that the number that is used is the one that was checked.
 */
export function fdOf(source: RuntimeOwned): number {
  if (isFd(source)) return source;
  if (isFsFile(source)) return rawOfFsFile(source);
  if (typeof source === "number") checkFd(source, "a source");
  const fd = readFd(source);
  if (fd === -1) {
    throw failure("EBADF", "fcntl", {
      message: "Cannot use a source whose fd is -1: it is closed, or it is not a file; " +
        "duplicate it before it is closed",
      handle: -1,
    });
  }
  checkFd(fd, "the fd of a source");
  return fd;
}

/** The raw handle of a source for which {@linkcode fdOf} returned this number. */
export function rawBehind(source: RuntimeOwned, fd: number): RawHandle {
  return typeof source !== "number" && isFsFile(source) ? fd : platform().rawOfFd(fd);
}

function readFd(source: unknown): unknown {
  if (typeof source !== "object" || source === null) throw notASource(source);
  try {
    const { fd } = source as { fd?: unknown };
    if (typeof fd === "number") {
      requireUsableFd(source);
      return fd;
    }
    const found = networkFd(source);
    if (found !== undefined) return found;
    if (fd !== undefined) return fd;
  } catch (cause) {
    if (cause instanceof HandleError) throw cause;
    throw new TypeError("Cannot use a source whose fd cannot be read", { cause });
  }
  throw notASource(source);
}

function notASource(value: unknown): TypeError {
  return new TypeError(
    `Cannot use ${
      showWithClass(value)
    } as a source: it must be an fd, an object with an fd, a server or ` +
      `socket of the runtime, or a Handle${adviceFor(value)}`,
  );
}

/** What to use in place of a value, by its kind. */
function adviceFor(value: unknown): string {
  if (typeof value === "string") return "; open the file first";
  if (isPromise(value)) return "; await it first";
  const name = classOf(value);
  const advice = name && ADVICE.find(([names]) => names.includes(name))?.[1];
  return advice ? `; ${advice}` : "";
}

/** What to use in place of an object that has no descriptor, or does not tell it. */
const ADVICE: readonly (readonly [names: readonly string[], advice: string])[] = [
  [["Blob", "File", "URL"], "open it first, with node:fs; for the standard streams use 0, 1 or 2"],
  [["Stdin", "Stdout", "Stderr"], "use 0, 1 or 2"],
  [["ChildProcess"], "use its stdin or stdout"],
  [["Subprocess"], "give it an end of pipe2() of duphandle/posix in stdio, and use the other one"],
  [["IncomingMessage", "ServerResponse", "ClientRequest"], "use its socket"],
  [
    ["Request", "Response", "WebSocket", "WebSocketStream"],
    'use its server, or a socket of node:http in the event "upgrade"',
  ],
  [
    [
      "ReadableStream",
      "WritableStream",
      "FileSink",
      "Readable",
      "Writable",
      "Duplex",
      "PassThrough",
    ],
    "use the file, pipe or socket that it reads or writes",
  ],
];

/**
 * A source that the runtime owns, so that the runtime must close it: otherwise its table would still have
 * the number, and it would close another file later, which has the number by then.
 */
export class RuntimeSource implements Owner {
  readonly #fd: number;
  readonly #source: RuntimeOwned;
  readonly #close: CloseMethod | undefined;

  /** @param close the method of the source that closes it, where that was read already */
  constructor(fd: number, source: RuntimeOwned, close?: CloseMethod) {
    this.#fd = fd;
    this.#source = source;
    this.#close = close;
  }

  /** Closes the source. Returns the promise of a `FileHandle`, for which the caller may wait. */
  close(): unknown {
    const close = this.#close ?? readClose(this.#source);
    if (close === undefined) return closeRuntimeFd(this.#fd);
    refuseProtectedFd(this.#fd);
    return close.call(this.#source);
  }
}

type CloseMethod = () => unknown;

/**
 * What closes an object; `undefined` for a number.
 *
 * @throws {TypeError} for an object that cannot be closed: it would go on using a closed number
 * @throws {HandleError} `ENOTSUP` for one whose close would lose something for the new owner
 */
export function closeMethodOf(source: RuntimeOwned): CloseMethod | undefined {
  if (typeof source !== "object" || source === null) return undefined;
  requireGivable(source);
  const close = readClose(source);
  if (close !== undefined || readFd(source) === undefined) return close;
  throw new TypeError(
    "Cannot take the handle out of an object that has no close(): duplicate it instead",
  );
}

/** What closes an object; `undefined` when nothing does. */
export function readClose(source: RuntimeOwned): CloseMethod | undefined {
  if (typeof source !== "object" || source === null) return undefined;
  const other = networkCloser(source);
  if (other !== undefined) return other;
  const { close } = source as { close?: unknown };
  return typeof close === "function" ? close as CloseMethod : undefined;
}

/**
 * Throws when a source must not be closed, before anything is done: standard streams, whose objects would go
 * on using the number, and what {@linkcode requireGivable} refuses.
 */
export function requireConsumable(source: RuntimeOwned, fd: number): void {
  if (typeof source !== "object" || source === null) return;
  const { autoClose, destroy, isTTY } = source as {
    autoClose?: unknown;
    destroy?: unknown;
    isTTY?: unknown;
  };
  // A tty.WriteStream of Bun leaves its descriptor to the code that opened it.
  const isBorrower = isTTY === true && autoClose === false;
  if (typeof destroy === "function" && (fd <= LAST_STANDARD_FD || isBorrower)) {
    throw new TypeError(
      `Cannot close the stream of fd ${fd}: other code owns its descriptor; leave out closeSource`,
    );
  }
  requireGivable(source);
}

/**
 * The last of the standard descriptors. The runtime has more than the descriptor of each: streams, and what children
 * inherit.
 */
export const LAST_STANDARD_FD = 2;

/**
 * Closes a descriptor with the runtime that owns it.
 *
 * Deno closes only descriptors that its own `node:fs` opened. It does not know any other one: the
 * operating system closes that.
 *
 * @returns the promise of a file of ours in Deno for Windows
 */
export function closeRuntimeFd(fd: number): unknown {
  refuseProtectedFd(fd);
  const file = lookupFd(fd);
  if (file !== undefined) return file.close();
  try {
    return closeWithNodeFs(fd);
  } catch (error) {
    if (!("Deno" in globalThis) || !hasCode(error, "EBADF")) throw error;
    return platform().close(platform().rawOfFd(fd));
  }
}

/**
 * Throws when the handle of a descriptor is protected from closing, which only Windows knows. There the
 * runtime would free the descriptor, call it "not open", and leave the handle open.
 */
export function refuseProtectedFd(fd: number): void {
  // Deno has handles of its own for each descriptor, and does not show them.
  if ("Deno" in globalThis && fd > LAST_STANDARD_FD && lookupFd(fd) === undefined) return;
  const raw = tryOrUndefined(() => platform().rawOfFd(fd));
  if (raw !== undefined) platform().refuseProtected(raw);
}

/**
 * Closes a descriptor that the runtime's `node:fs` has opened.
 *
 * @throws {HandleError} with the code of the runtime's error: `EBADF` when other code has closed it
 */
export function closeWithNodeFs(fd: number): void {
  const fs = nodeFs();
  try {
    fs.closeSync(fd);
  } catch (cause) {
    throw runtimeError(cause, "close", `fd ${fd}`, fd);
  }
}
