/** File mappings, the shared memory of Windows: memoryapi.h. */
import { backend } from "../backend/mod.ts";
import { show } from "../check.ts";
import { failure } from "../error.ts";
import { scratch } from "../backend/scratch.ts";
import { kernel32Mappings, ntdllMappings } from "./symbols/objects.ts";
import { checkAccessMask, checkDword, checkHandle, nameArgument } from "./check.ts";
import { INVALID_HANDLE_VALUE } from "./constants.ts";
import { win32Error } from "./errors.ts";
import { kernel32, lazy, type Library, ntdll } from "./libraries.ts";
import { openNamed } from "./named.ts";
import {
  FILE_MAP_COPY,
  FILE_MAP_READ,
  FILE_MAP_WRITE,
  PAGE_READONLY,
  PAGE_READWRITE,
  PAGE_WRITECOPY,
} from "./object_constants.ts";
import { type SecurityAttributes, securityAttributes } from "./security.ts";

const mappings: Library<typeof kernel32Mappings> = /* @__PURE__ */ lazy(
  "kernel32.dll",
  kernel32Mappings,
);
const ntMappings: Library<typeof ntdllMappings> = /* @__PURE__ */ lazy("ntdll.dll", ntdllMappings);

const VIEW_UNMAP = 2;
/** Offsets in the scratch memory of the parameters of NtMapViewOfSection that it reads and writes. */
const BASE = 0;
const OFFSET = 8;
const SIZE = 16;

/** `MEMORY_BASIC_INFORMATION`: its class and size, the offsets of `RegionSize` and `State`. */
const MEMORY_BASIC_INFORMATION = 0;
const MEMORY_SIZE = 48;
const REGION_SIZE = 24;
const STATE = 32;
/** `MEM_COMMIT`: the memory is there. */
const MEM_COMMIT = 0x1000;

/** The memory of a view. */
interface Mapped {
  readonly base: number;
  readonly buffer: ArrayBuffer;
}

/** The memory of each view. A view that is not here is not mapped. */
const mapped = /* @__PURE__ */ new WeakMap<Uint8Array, Mapped>();

/**
 * `CreateFileMappingW(hFile, lpFileMappingAttributes, flProtect, dwMaximumSizeHigh,
 * dwMaximumSizeLow, lpName)` — makes a file mapping, or opens the existing one of this name.
 *
 * @param hFile the file; `INVALID_HANDLE_VALUE` for memory without a file
 * @param lpFileMappingAttributes whether child processes inherit the handle; `null` means that they
 * do not
 * @param flProtect `PAGE_READWRITE`, `PAGE_READONLY`, …
 * @param dwMaximumSizeHigh the high 32 bits of its size in bytes
 * @param dwMaximumSizeLow the low 32 bits; both 0 for the size of the file
 * @param lpName the name by which other processes open it; `null` for no name. When an object of
 * this kind has the name already, it is opened
 * @returns a new handle
 * @throws {HandleError} `ERROR_ACCESS_DENIED` when the file is not open with the needed access,
 * `ERROR_DISK_FULL`, `ERROR_INVALID_HANDLE`, …
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-createfilemappingw
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateFileMappingW, INVALID_HANDLE_VALUE } from "duphandle/win32";
 * import { PAGE_READWRITE } from "duphandle/win32";
 *
 * const size = 4096;
 * CloseHandle(
 *   CreateFileMappingW(INVALID_HANDLE_VALUE, null, PAGE_READWRITE, 0, size, null),
 * );
 * ```
 */
export function CreateFileMappingW(
  hFile: number,
  lpFileMappingAttributes: SecurityAttributes | null,
  flProtect: number,
  dwMaximumSizeHigh: number,
  dwMaximumSizeLow: number,
  lpName: string | null,
): number {
  if (hFile !== INVALID_HANDLE_VALUE) {
    checkHandle(hFile, "hFile", "pass INVALID_HANDLE_VALUE for memory without a file");
  }
  checkDword(flProtect, "flProtect");
  checkDword(dwMaximumSizeHigh, "dwMaximumSizeHigh");
  checkDword(dwMaximumSizeLow, "dwMaximumSizeLow");
  const security = securityAttributes(lpFileMappingAttributes);
  const name = nameArgument(lpName, "lpName");
  const { CreateFileMappingW } = mappings();
  const { GetLastError } = kernel32();
  const handle = CreateFileMappingW(
    hFile,
    security,
    flProtect,
    dwMaximumSizeHigh,
    dwMaximumSizeLow,
    name,
  );
  if (handle === 0) {
    throw win32Error(GetLastError(), "CreateFileMappingW", hFile, lpName ?? undefined);
  }
  return handle;
}

/**
 * `OpenFileMappingW(dwDesiredAccess, bInheritHandle, lpName)` — opens a file mapping by its name.
 *
 * @param dwDesiredAccess the rights: `FILE_MAP_READ`, `FILE_MAP_WRITE`, …
 * @param bInheritHandle whether child processes inherit the handle
 * @param lpName the name
 * @returns a new handle
 * @throws {HandleError} `ERROR_FILE_NOT_FOUND` when no object has the name; `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-openfilemappingw
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateFileMappingW, FILE_MAP_READ } from "duphandle/win32";
 * import { INVALID_HANDLE_VALUE, OpenFileMappingW, PAGE_READWRITE } from "duphandle/win32";
 *
 * const name = "Local\\an example";
 * const mapping = CreateFileMappingW(INVALID_HANDLE_VALUE, null, PAGE_READWRITE, 0, 4096, name);
 * CloseHandle(OpenFileMappingW(FILE_MAP_READ, false, name));
 * CloseHandle(mapping);
 * ```
 */
export function OpenFileMappingW(
  dwDesiredAccess: number,
  bInheritHandle: boolean,
  lpName: string,
): number {
  const find = () => mappings().OpenFileMappingW;
  return openNamed("OpenFileMappingW", find, dwDesiredAccess, bInheritHandle, lpName);
}

/**
 * `MapViewOfFile(hFileMappingObject, dwDesiredAccess, dwFileOffsetHigh, dwFileOffsetLow,
 * dwNumberOfBytesToMap)` — maps a view of a file mapping into the memory of this process.
 *
 * The array is the memory itself. Writing to a view that was mapped for reading crashes the
 * process, and so can the use of an array made from it after {@linkcode UnmapViewOfFile}.
 *
 * @param hFileMappingObject a handle of the mapping
 * @param dwDesiredAccess `FILE_MAP_READ`, `FILE_MAP_WRITE` or `FILE_MAP_COPY`
 * @param dwFileOffsetHigh the high 32 bits of the offset of the view, in bytes
 * @param dwFileOffsetLow the low 32 bits, a multiple of 65,536
 * @param dwNumberOfBytesToMap the size of the view in bytes; 0 for the rest of the mapping, in
 * whole pages
 * @returns the memory, which stays mapped until {@linkcode UnmapViewOfFile}
 * @throws {HandleError} `ERROR_ACCESS_DENIED` when the handle lacks the right,
 * `ERROR_MAPPED_ALIGNMENT`, …; `ENOTSUP` for a mapping whose memory is not all there, as with `SEC_RESERVE` and
 * `SEC_IMAGE`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-mapviewoffile
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateFileMappingW, FILE_MAP_WRITE } from "duphandle/win32";
 * import { INVALID_HANDLE_VALUE, MapViewOfFile, PAGE_READWRITE } from "duphandle/win32";
 * import { UnmapViewOfFile } from "duphandle/win32";
 *
 * const mapping = CreateFileMappingW(INVALID_HANDLE_VALUE, null, PAGE_READWRITE, 0, 4096, null);
 * const view = MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 4096);
 * view[0] = 1;
 * UnmapViewOfFile(view);
 * CloseHandle(mapping);
 * ```
 */
export function MapViewOfFile(
  hFileMappingObject: number,
  dwDesiredAccess: number,
  dwFileOffsetHigh: number,
  dwFileOffsetLow: number,
  dwNumberOfBytesToMap: number,
): Uint8Array {
  checkHandle(hFileMappingObject, "hFileMappingObject");
  checkAccessMask(dwDesiredAccess, "dwDesiredAccess");
  const protect = protection(dwDesiredAccess);
  checkDword(dwFileOffsetHigh, "dwFileOffsetHigh");
  checkDword(dwFileOffsetLow, "dwFileOffsetLow");
  checkDword(dwNumberOfBytesToMap, "dwNumberOfBytesToMap");
  const { address, data } = scratch();
  data.setBigUint64(BASE, 0n, true);
  data.setUint32(OFFSET, dwFileOffsetLow, true);
  data.setUint32(OFFSET + 4, dwFileOffsetHigh, true);
  data.setBigUint64(SIZE, BigInt(dwNumberOfBytesToMap), true);
  // The 64-bit result of MapViewOfFile can make the runtime lose the error code of a failure.
  const status = ntMappings().NtMapViewOfSection(
    hFileMappingObject,
    -1,
    address + BASE,
    0,
    0,
    address + OFFSET,
    address + SIZE,
    VIEW_UNMAP,
    0,
    protect,
  );
  if (status < 0) {
    const error = ntdll().RtlNtStatusToDosError(status);
    throw win32Error(error, "MapViewOfFile", hFileMappingObject);
  }
  const base = Number(data.getBigUint64(BASE, true));
  const length = dwNumberOfBytesToMap || Number(data.getBigUint64(SIZE, true));
  try {
    requireMemory(base, length, hFileMappingObject);
    const buffer = backend().view(base, length);
    const view = new Uint8Array(buffer);
    mapped.set(view, { base, buffer });
    return view;
  } catch (error) {
    mappings().UnmapViewOfFile(base);
    throw error;
  }
}

/** Throws when not all of a view is memory: the first use of the rest would end the process. */
function requireMemory(base: number, length: number, handle: number): void {
  const { address, data } = scratch();
  const { NtQueryVirtualMemory } = ntMappings();
  const status = NtQueryVirtualMemory(-1, base, MEMORY_BASIC_INFORMATION, address, MEMORY_SIZE, 0);
  if (status < 0) throw win32Error(ntdll().RtlNtStatusToDosError(status), "MapViewOfFile", handle);
  const size = Number(data.getBigUint64(REGION_SIZE, true));
  if (data.getUint32(STATE, true) === MEM_COMMIT && size >= length) return;
  throw failure("ENOTSUP", "MapViewOfFile", {
    message:
      `Cannot map ${length} bytes: not all of them are memory, since the mapping was made with ` +
      "SEC_RESERVE or SEC_IMAGE; use one that was made without",
    handle,
  });
}

/**
 * `UnmapViewOfFile(lpBaseAddress)` — unmaps a view. The array is empty afterwards; in Node 20 it
 * keeps its length, and using it crashes the process.
 *
 * @param lpBaseAddress the array from {@linkcode MapViewOfFile}
 * @throws {HandleError} `ERROR_INVALID_ADDRESS`
 * @throws {TypeError} when it is not a view, is unmapped already, or has passed its memory to another array
 * (`transfer`, `postMessage`): it stays mapped then
 * @see https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-unmapviewoffile
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateFileMappingW, FILE_MAP_READ } from "duphandle/win32";
 * import { INVALID_HANDLE_VALUE, MapViewOfFile, PAGE_READWRITE } from "duphandle/win32";
 * import { UnmapViewOfFile } from "duphandle/win32";
 *
 * const mapping = CreateFileMappingW(INVALID_HANDLE_VALUE, null, PAGE_READWRITE, 0, 4096, null);
 * const view = MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0);
 * UnmapViewOfFile(view);
 * console.log(view.length); // 0
 * CloseHandle(mapping);
 * ```
 */
export function UnmapViewOfFile(lpBaseAddress: Uint8Array): void {
  const { UnmapViewOfFile } = mappings();
  const { GetLastError } = kernel32();
  const found = mapped.get(lpBaseAddress);
  if (found === undefined) {
    throw new TypeError(
      `Cannot unmap ${show(lpBaseAddress)}: it must be a mapped view from MapViewOfFile`,
    );
  }
  const { base, buffer } = found;
  // By the engine's own getter and method: code that has the array can put others in their place.
  if (Reflect.get(ArrayBuffer.prototype, "byteLength", buffer) === 0) {
    throw new TypeError(
      "Cannot unmap the view: another array has its memory now and would lose it",
    );
  }
  mapped.delete(lpBaseAddress);
  // First detach the array, so that no code can access unmapped memory. Node 20 has no transfer().
  ArrayBuffer.prototype.transfer?.call(buffer);
  if (UnmapViewOfFile(base) === 0) throw win32Error(GetLastError(), "UnmapViewOfFile", undefined);
}

function protection(access: number): number {
  if ((access & FILE_MAP_WRITE) !== 0) return PAGE_READWRITE;
  if ((access & FILE_MAP_COPY) !== 0) return PAGE_WRITECOPY;
  if ((access & FILE_MAP_READ) !== 0) return PAGE_READONLY;
  throw new TypeError(
    `Cannot use ${show(access)} as dwDesiredAccess: it must have FILE_MAP_READ, FILE_MAP_WRITE ` +
      "or FILE_MAP_COPY",
  );
}
