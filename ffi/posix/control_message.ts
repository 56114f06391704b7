/** Control data of messages, on Linux: cmsg(3). */
import { checkBytes, checkFd, checkInt, checkInteger, copyFrom, show } from "../check.ts";
import { SCM_RIGHTS, SOL_SOCKET } from "./constants.ts";
import {
  alignControl,
  CONTROL_HEADER,
  MAX_CONTROL,
  messageMemory,
  visitControl,
  writeControlHeader,
} from "./message_memory.ts";

/** A piece of control data: `struct cmsghdr`. Descriptors are `fds`, everything else is `data`. */
export interface ControlMessage {
  /** The protocol that it belongs to: `SOL_SOCKET`, `IPPROTO_IPV6`, … */
  readonly level: number;
  /** Its type: `SCM_RIGHTS`, `SCM_CREDENTIALS`, … */
  readonly type: number;
  /** The descriptors of `SCM_RIGHTS`. The caller closes those that it receives. */
  readonly fds?: readonly number[] | undefined;
  /** The bytes of another type. */
  readonly data?: Uint8Array | undefined;
}

/** The elements of an array, each read once. */
export function elementsOf(list: unknown, name: string, most: number): unknown[] {
  const count: unknown = Array.isArray(list) ? list.length : undefined;
  if (typeof count !== "number" || count > most) {
    throw new TypeError(
      `Cannot use ${show(list)} as ${name}: it must be an array of at most ${most} elements`,
    );
  }
  return Array.from({ length: count }, (_, at) => (list as unknown[])[at]);
}

/** Control data of which each property was read once. */
export interface ControlPiece {
  readonly level: number;
  readonly type: number;
  readonly fds: readonly number[] | undefined;
  readonly data: Uint8Array | undefined;
}

/** Reads control data, each property once. */
export function readControl(control: unknown): ControlPiece[] {
  return elementsOf(control, "control", MAX_CONTROL).map((each) => {
    const { level, type, fds, data } = (each ?? {}) as Partial<ControlMessage>;
    checkInt(level, "the level of control data");
    checkInt(type, "the type of control data");
    if ((fds === undefined) === (data === undefined)) {
      throw new TypeError("Cannot use control data: it must have either fds or data");
    }
    if (fds === undefined) return { level, type, fds: undefined, data };
    if (level !== SOL_SOCKET || type !== SCM_RIGHTS) {
      throw new TypeError("Cannot use fds of control data that is not SCM_RIGHTS of SOL_SOCKET");
    }
    const read = elementsOf(fds, "fds", MAX_CONTROL) as number[];
    for (const fd of read) checkFd(fd);
    return { level, type, fds: read, data: undefined };
  });
}

/** Throws a `TypeError` unless the control data is bytes that fit. Returns its size. */
export function checkControl(pieces: readonly ControlPiece[]): number {
  const length = sum(pieces.map((piece) => alignControl(CONTROL_HEADER + sizeOf(piece))));
  checkInteger(length, "the size of the control data", 0, MAX_CONTROL);
  return length;
}

function sizeOf({ fds, data }: ControlPiece): number {
  return fds === undefined ? checkBytes(data) : fds.length * 4;
}

/** Writes control data at an offset, and returns the offset after it. */
export function writePiece(at: number, piece: ControlPiece): number {
  const { bytes, int32 } = messageMemory();
  const size = CONTROL_HEADER + sizeOf(piece);
  writeControlHeader(at, size, piece.level, piece.type);
  if (piece.fds !== undefined) int32.set(piece.fds, (at + CONTROL_HEADER) >> 2);
  else copyFrom(piece.data!, size - CONTROL_HEADER, bytes, at + CONTROL_HEADER);
  return at + alignControl(size);
}

/** The control data that the kernel has written. */
export function receivedControl(length: number): ControlMessage[] {
  const { bytes, int32 } = messageMemory();
  const control: ControlMessage[] = [];
  visitControl(length, (level, type, at, size) => {
    const isRights = level === SOL_SOCKET && type === SCM_RIGHTS;
    control.push({
      level,
      type,
      ...isRights
        ? { fds: [...int32.subarray(at >> 2, (at >> 2) + (size >> 2))] }
        : { data: new Uint8Array(bytes.slice(at, at + size)) },
    });
  });
  return control;
}

/** The sum of some numbers. */
export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
