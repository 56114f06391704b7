/** The open handles of this process on Windows, as a test compares them. */
import { openHandles } from "../../ffi/win32/inspect.ts";
import {
  CloseHandle,
  CreateIoCompletionPort,
  DUPLICATE_SAME_ACCESS,
  DuplicateHandle,
  GetCurrentThread,
  INVALID_HANDLE_VALUE,
} from "duphandle/win32";

let runtimeKinds: ReadonlySet<number> | undefined;

/** Objects to which Wine's server gives no kind come and go with its own work. Windows has none. */
const WINE_INTERNAL = 0;

/**
 * Each open handle with the kind of its object, as a line of text. Those of threads and of completion ports
 * are left out: the runtime starts threads when it likes, and each may make a port to wait at. The library
 * makes neither.
 */
export function windowsHandles(): string[] {
  runtimeKinds ??= kindsOfRuntime();
  const kinds = runtimeKinds;
  return openHandles()
    .filter(({ kind }) => !kinds.has(kind) && kind !== WINE_INTERNAL)
    .map(({ handle, kind }) => `0x${handle.toString(16)} of kind ${kind}`);
}

function kindsOfRuntime(): ReadonlySet<number> {
  const samples = [
    DuplicateHandle(-1, GetCurrentThread(), -1, [0], 0, false, DUPLICATE_SAME_ACCESS),
    CreateIoCompletionPort(INVALID_HANDLE_VALUE, 0, 0, 0),
  ];
  const kinds = openHandles().filter(({ handle }) => samples.includes(handle))
    .map(({ kind }) => kind);
  samples.forEach(CloseHandle);
  return new Set(kinds);
}
