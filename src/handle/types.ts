/** What handles need of an operating system and of a runtime, which takes over handles. */
import type { Socket as DatagramSocket } from "node:dgram";
import type { FileHandle } from "node:fs/promises";
import type { Server, Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import type { DenoFile, Group } from "../util/node.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/**
 * The access of a duplicate: that of its source, reading, writing, both of them, or a Windows access
 * mask.
 */
export type Access = "same" | "read" | "write" | "read-write" | number;

/** What handles need of an operating system. One implementation per system. */
export interface HandlePlatform {
  /** Throws a `TypeError` unless the number could be a handle that can be borrowed. */
  checkBorrowed(raw: RawHandle): void;
  /** Throws a `TypeError` unless the number could be a handle that can be owned. */
  checkOwned(raw: RawHandle): void;
  /** The handle behind a descriptor of the runtime, which goes on owning it. */
  rawOfFd(fd: number): RawHandle;
  /** A new handle to the same object, with the same access. */
  duplicate(raw: RawHandle, inheritable: boolean, minimum: number | undefined): RawHandle;
  /**
   * Whether the handle has just this access, so that a plain duplicate has it too; `false` where only
   * `narrow` can tell. Throws `EACCES` as `narrow` does.
   */
  hasExactly(raw: RawHandle, access: Access): boolean;
  /** A new handle with less access. */
  narrow(
    raw: RawHandle,
    access: Access,
    inheritable: boolean,
    minimum: number | undefined,
  ): RawHandle;
  /** Makes a descriptor refer to the source's object, in one step. */
  duplicateOnto(raw: RawHandle, target: number, inheritable: boolean): void;
  isInheritable(raw: RawHandle): boolean;
  setInheritable(raw: RawHandle, inheritable: boolean): void;
  close(raw: RawHandle): void;
  /** Throws `EPERM` when the handle is protected from closing, which only Windows knows. */
  refuseProtected(raw: RawHandle): void;
}

/**
 * How a runtime takes over a handle: as a descriptor that its synchronous `node:fs` functions accept and
 * close, or as its own `fs/promises` `FileHandle`; in Deno for Windows an object with the same methods where the
 * runtime's own would wait, or cannot be had.
 *
 * `toFd` and `toFileHandle` consume the handle, whatever the outcome. `inheritable` says what it is. The
 * copies leave it to the caller, and have duplicated it when they return, also as a promise; they close no
 * other handle to its object.
 */
export interface Adopter {
  toFd(raw: RawHandle, inheritable: boolean): number;
  toFileHandle(raw: RawHandle, inheritable: boolean): Promise<FileHandle>;
  copyToFd(raw: RawHandle, inheritable: boolean): number;
  copyToFileHandle(raw: RawHandle, inheritable: boolean): Promise<FileHandle>;
}

/** `Deno.FsFile`, which does not show what it has, as a source and as a result. */
export interface FsFiles {
  /**
   * The raw handles that share the file's open file. One of them is its own, so a single one is that.
   *
   * @throws {HandleError} `EBADF` when the file is closed; `ENOTSUP` when they cannot be told from others
   * @throws {TypeError} when it is an imitation of a file
   */
  handlesOf(file: DenoFile): Group;
  /** A file on the object of a handle, and its own handle. The handle stays the caller's. */
  copyOf(raw: RawHandle, inheritable: boolean): { file: DenoFile; own: RawHandle };
}

/** How {@linkcode OwnedHandle.toSocket} makes the socket. */
export interface ToSocketOptions {
  /**
   * Whether the socket stays open for writing when the other side has ended: `allowHalfOpen` of `node:net`.
   * `false` unless it is given.
   */
  readonly allowHalfOpen?: boolean | undefined;
}

/** What {@linkcode OwnedHandle.toFd} and {@linkcode OwnedHandle.toFileHandle} may make a file of. */
export interface ToFileOptions {
  /**
   * Whether a pipe, a socket or a terminal may become a file of the runtime, for `fs.readSync` and
   * `fs.writeSync`, which wait as the system calls do. Default `false`.
   *
   * Every asynchronous read of it, and every stream of `node:fs`, holds a thread of the runtime until there is
   * data. Four of them stop all of `node:fs` in Node, fewer in Bun, and `process.exit()` does not end Node
   * then.
   */
  readonly mayBlock?: boolean | undefined;
}

/** The methods of a handle that make a file of it. */
export type FileMethod = "toFd" | "toFileHandle";

/** The methods of a handle that make a stream or a server of it. */
export type StreamMethod = "toSocket" | "toServer" | "toReadable" | "toWritable" | "toDatagram";

/**
 * How a runtime takes over what is no file: sockets, pipes and terminals, as its own streams and servers.
 *
 * `check` comes first. The others consume the handle, whatever the outcome.
 */
export interface StreamAdopter {
  /**
   * Throws `ENOTSUP` when the method is not for this kind of handle, or `ENOTCONN` for a socket that is not
   * connected, with the name of the right method. It changes nothing.
   */
  check(raw: RawHandle, method: StreamMethod): void;
  /**
   * Throws `ENOTSUP` when reading from the handle as from a file would park a thread: it is a socket, a pipe
   * or a terminal. It names the right method, and changes nothing.
   */
  checkFile(raw: RawHandle, method: FileMethod): void;
  toSocket(raw: RawHandle, options: ToSocketOptions): Socket;
  toServer(raw: RawHandle, server: Server | undefined): Promise<Server>;
  toReadable(raw: RawHandle): Readable;
  toWritable(raw: RawHandle): Writable;
  toDatagram(raw: RawHandle): DatagramSocket;
}
