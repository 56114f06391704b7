/** The open handles of this process on Windows, as a test compares them. */
import { openHandles } from "../../ffi/win32/inspect.ts";
import {
  CloseHandle,
  DUPLICATE_SAME_ACCESS,
  DuplicateHandle,
  GetCurrentThread,
} from "duphandle/win32";

let threadKind: number | undefined;

/** Objects to which Wine's server gives no kind come and go with its own work. Windows has none. */
const WINE_INTERNAL = 0;

/**
 * Each open handle with the kind of its object, as a line of text. Those of threads are left out:
 * the runtime starts threads when it likes.
 */
export function windowsHandles(): string[] {
  threadKind ??= kindOfThreads();
  return openHandles()
    .filter(({ kind }) => kind !== threadKind && kind !== WINE_INTERNAL)
    .map(({ handle, kind }) => `0x${handle.toString(16)} of kind ${kind}`);
}

function kindOfThreads(): number | undefined {
  const thread = DuplicateHandle(-1, GetCurrentThread(), -1, [0], 0, false, DUPLICATE_SAME_ACCESS);
  const kind = openHandles().find(({ handle }) => handle === thread)?.kind;
  CloseHandle(thread);
  return kind;
}
