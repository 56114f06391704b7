/** Opens an object by its name, in the same way for every kind of object. */
import { checkBoolean } from "../check.ts";
import { checkAccessMask, stringArgument } from "./check.ts";
import { win32Error } from "./errors.ts";
import { kernel32 } from "./libraries.ts";

/**
 * `OpenEventW` and similar functions: the rights, whether child processes inherit the handle, the
 * address of the name.
 */
type Open = (dwDesiredAccess: number, bInheritHandle: number, lpName: number) => number;

/**
 * Checks the arguments and opens the object.
 *
 * @param find returns the function; it is called after the arguments are checked
 * @returns a new handle
 */
export function openNamed(
  syscall: string,
  find: () => Open,
  dwDesiredAccess: number,
  bInheritHandle: boolean,
  lpName: string,
): number {
  checkAccessMask(dwDesiredAccess, "dwDesiredAccess");
  checkBoolean(bInheritHandle, "bInheritHandle");
  const name = stringArgument(lpName, "lpName");
  const open = find();
  const { GetLastError } = kernel32();
  const handle = open(dwDesiredAccess >>> 0, bInheritHandle ? 1 : 0, name);
  if (handle === 0) throw win32Error(GetLastError(), syscall, undefined, lpName);
  return handle;
}
