/** What the verbs ask of a system, and the one place where it is decided which system that is. */
import { isWindows } from "../../ffi/host.ts";
import type { ChildSystem } from "../child/types.ts";
import type { BatchSystem } from "../batch/types.ts";
import type { ChannelSystem } from "../channel/types.ts";
import type { LookingSystem } from "../inspect/types.ts";
import type { ProcessSystem } from "../process/types.ts";
import { posixSystem } from "./posix.ts";
import { windowsSystem } from "./windows.ts";

/**
 * The number of a handle: a file descriptor on POSIX, a `HANDLE` on Windows, of which only 32 bits
 * are significant.
 */
export type RawHandle = number;

/** The access that a duplicate is to have: that of its source, part of it, or a Windows mask. */
export type Access = "same" | "read" | "write" | number;

/** What the verbs need, in terms of raw handles. One implementation per system. */
export interface System {
  /** Throws a `TypeError` unless the number could be a handle that can be borrowed. */
  checkBorrowed(raw: RawHandle): void;
  /** Throws a `TypeError` unless the number could be a handle that can be owned. */
  checkOwned(raw: RawHandle): void;
  /** The handle behind a descriptor of the runtime, which goes on owning it. */
  rawOfFd(fd: number): RawHandle;
  /** A new handle to the same object, with the same access. */
  duplicate(raw: RawHandle, inheritable: boolean, minimum: number | undefined): RawHandle;
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
  /** Many handles at once. */
  readonly batches: BatchSystem;
  /** How channels are made. */
  readonly channels: ChannelSystem;
  /** What tells of handles. */
  readonly looking: LookingSystem;
  /** What concerns other processes. */
  readonly processes: ProcessSystem;
  /** What gives handles to child processes. */
  readonly children: ChildSystem;
}

let chosen: System | undefined;

/** The running system. */
export function system(): System {
  return chosen ?? (chosen = isWindows() ? windowsSystem : posixSystem);
}
