/** Comparing objects: handleapi.h. */
import { kernelbaseObjects } from "./symbols/base.ts";
import { checkHandle } from "./check.ts";
import { lazy, type Library } from "./libraries.ts";

const objects: Library<typeof kernelbaseObjects> = /* @__PURE__ */ lazy(
  "kernelbase.dll",
  kernelbaseObjects,
);

/**
 * `CompareObjectHandles(hFirstObjectHandle, hSecondObjectHandle)` — whether two handles refer to the
 * same object. Windows 10 and newer.
 *
 * @param hFirstObjectHandle a handle of this process
 * @param hSecondObjectHandle another one
 * @returns whether they refer to the same object; also `false` when one of them is not open, which
 * the C function does not distinguish
 * @throws {TypeError} when one of them is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-compareobjecthandles
 *
 * @example
 * ```ts
 * import { CloseHandle, CompareObjectHandles, CreateEventW } from "duphandle/win32";
 * import { DUPLICATE_SAME_ACCESS, DuplicateHandle } from "duphandle/win32";
 *
 * const event = CreateEventW(null, true, false, null);
 * const copy = DuplicateHandle(-1, event, -1, [0], 0, false, DUPLICATE_SAME_ACCESS);
 * console.log(CompareObjectHandles(event, copy)); // true
 * CloseHandle(copy);
 * CloseHandle(event);
 * ```
 */
export function CompareObjectHandles(
  hFirstObjectHandle: number,
  hSecondObjectHandle: number,
): boolean {
  checkHandle(hFirstObjectHandle, "hFirstObjectHandle");
  checkHandle(hSecondObjectHandle, "hSecondObjectHandle");
  return objects().CompareObjectHandles(hFirstObjectHandle, hSecondObjectHandle) !== 0;
}
