/**
 * C-runtime descriptors of the running runtime, and their `HANDLE`s.
 *
 * Every program links a C runtime of its own, so no library of Windows knows these descriptors. Node and
 * Bun export two functions of libuv for them, Deno none.
 */
import type { Calls } from "../backend/types.ts";
import { checkFd } from "../check.ts";
import { failure, failureByCode, type HandleError, hasCode, systemError } from "../error.ts";
import { backend, loadLibrary } from "../backend/mod.ts";
import { cString } from "../backend/scratch.ts";
import { uv } from "./symbols/base.ts";
import { checkHandle } from "./check.ts";
import { STD_ERROR_HANDLE, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE } from "./constants.ts";
import { showHandle } from "./errors.ts";
import { kernel32, kernel32Runtime } from "./libraries.ts";

const standard = [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE];

/** `null` when the executable of the runtime does not export the functions, as in Deno. */
let exported: Calls<typeof uv> | null | undefined;

/**
 * The `HANDLE` of a descriptor of the runtime. The descriptor keeps owning it.
 *
 * Node and Bun export `uv_get_osfhandle`. Deno does not, so there only the handles of the standard
 * descriptors can be found.
 *
 * @param fd a descriptor of `node:fs`
 * @throws {HandleError} `EBADF` when the runtime has no such descriptor; `ENOTSUP` in Deno for a
 * descriptor above 2
 */
export function handleOfFd(fd: number): number {
  checkFd(fd);
  const exported = uvExports();
  const handle = exported === null ? standardHandle(fd) : exported.uv_get_osfhandle(fd);
  // The C runtime returns −2 for a standard descriptor that is not connected to anything.
  if (handle === 0 || handle === -1 || handle === -2) throw notOpen(fd);
  return handle;
}

/**
 * Makes a descriptor of the runtime from a `HANDLE`, with the lowest free number. The descriptor
 * then owns the `HANDLE`: `closeSync` of the runtime closes both.
 *
 * @param handle a real handle that no other code closes
 * @throws {HandleError} `EMFILE` when the C runtime's table is full, with the handle left open;
 * `ENOTSUP` in Deno
 */
export function fdOfHandle(handle: number): number {
  checkHandle(handle, "handle");
  const exported = uvExports();
  if (exported === null) {
    throw failure("ENOTSUP", "uv_open_osfhandle", {
      message: `Cannot make handle ${showHandle(handle)} a descriptor: this runtime exports no ` +
        "function for it; use the Handle itself, or copyFileHandle() for an object with the methods " +
        "of a FileHandle",
      handle,
    });
  }
  const fd = exported.uv_open_osfhandle(handle);
  if (fd !== -1) return fd;
  throw systemError(
    failureByCode("EMFILE"),
    "uv_open_osfhandle",
    `handle ${showHandle(handle)}`,
    "the C runtime has at most 8192 descriptors: close what is not needed, or use DescriptorPool",
    handle,
  );
}

function uvExports(): Calls<typeof uv> | null {
  return exported === undefined ? (exported = loadUv()) : exported;
}

function loadUv(): Calls<typeof uv> | null {
  // In Deno, execPath also requires a permission.
  if ("Deno" in globalThis) return null;
  try {
    return loadLibrary([globalThis.process.execPath], uv);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw error;
  }
}

function standardHandle(fd: number): number {
  const which = standard[fd];
  if (which !== undefined) return kernel32().GetStdHandle(which);
  throw failure("ENOTSUP", "uv_get_osfhandle", {
    message: `Cannot find the HANDLE of fd ${fd}: this runtime does not expose it; open the ` +
      "file with CreateFileW from duphandle/win32 and use borrow(handle), or fd 0, 1 or 2",
    handle: fd,
  });
}

function notOpen(fd: number): HandleError {
  return systemError(
    failureByCode("EBADF"),
    "uv_get_osfhandle",
    `fd ${fd}`,
    "it is closed or was never open: check how it was opened",
    fd,
  );
}

/**
 * What the function `_get_osfhandle` of the C runtime does after its checks, as machine code of x64:
 *
 * `lea r8,[blocks]` `mov rax,rcx` `and ecx,63` `shr rax,6` `lea rdx,[rcx+rcx*8]` `mov rax,[r8+rax*8]`
 * `test byte [rax+rdx*8+56],1` `je …` `mov rax,[rax+rdx*8+40]`
 *
 * So the entry of a descriptor is in block `fd / 64`, has 72 bytes, and in byte 40 of it is the `HANDLE`. −1
 * stands for any byte: four are the distance to the array of blocks.
 */
// deno-fmt-ignore
const GET_ENTRY: readonly number[] = [
  0x4c, 0x8d, 0x05, -1, -1, -1, -1, 0x48, 0x8b, 0xc1, 0x83, 0xe1, 0x3f, 0x48, 0xc1, 0xe8, 0x06,
  0x48, 0x8d, 0x14, 0xc9, 0x49, 0x8b, 0x04, 0xc0, 0xf6, 0x44, 0xd0, 0x38, 0x01, 0x74, -1,
  0x48, 0x8b, 0x44, 0xd0, 0x28,
];

/** `push rbp` `mov rbp,rsp` `pop rbp`, which Bun's function does before it jumps, and `jmp`. */
const PROLOGUE: readonly number[] = [0x55, 0x48, 0x89, 0xe5, 0x5d];
const JUMP = 0xe9;

/** The size in bytes of the code that is searched; the function itself has 118. */
const CODE_SIZE = 112;

const BLOCK_FDS = 64;
/** The size of an entry and the place of its `HANDLE`, in units of 8 bytes. */
const ENTRY_UNITS = 9;
const HANDLE_UNIT = 5;

/** The address of the array of blocks; 0 when the code of the runtime is another one. */
let blocks: number | undefined;

/** The blocks that were used, which the C runtime never moves or frees. */
const views = new Map<number, BigInt64Array>();

/** Whether {@linkcode exchangeHandle} can be called in this runtime. */
export function canExchangeHandles(): boolean {
  return uvExports() !== null && blocksAddress() !== 0;
}

/**
 * Makes an open descriptor refer to another `HANDLE`, in one step: no other thread ever finds the descriptor
 * or one of the two `HANDLE`s free. Nothing is closed. For fds 0 to 2 it is the standard handle of the process
 * as well, as in the C runtime's own `_dup2`.
 *
 * @param from what the descriptor must refer to
 * @param to what it is to refer to
 * @returns `false`, with nothing changed, when it refers to something else
 */
export function exchangeHandle(fd: number, from: number, to: number): boolean {
  if (currentHandle(fd) !== from) return false;
  const view = blockOf(fd);
  const at = (fd % BLOCK_FDS) * ENTRY_UNITS + HANDLE_UNIT;
  const [before, after] = [BigInt(from), BigInt(to)];
  if (Atomics.compareExchange(view, at, before, after) !== before) return false;
  if (currentHandle(fd) !== to) {
    Atomics.compareExchange(view, at, after, before);
    return false;
  }
  const which = standard[fd];
  if (which !== undefined) kernel32Runtime().SetStdHandle(which, to);
  return true;
}

/** In milliseconds. What a thread does between the table and the system takes less than a thousandth of it. */
const GRACE = 1;

/**
 * Lets other threads run that have read the old `HANDLE` of a descriptor and not used it yet: after it is closed, they
 * would write to what gets its number next. A thread that gets no processor all the time is not waited for.
 */
export function letOthersUseHandle(): void {
  const { SwitchToThread } = kernel32Runtime();
  const end = performance.now() + GRACE;
  while (performance.now() < end) SwitchToThread();
}

/** The `HANDLE` of a descriptor; −1 when it is not open. */
export function currentHandle(fd: number): number {
  return uvExports()!.uv_get_osfhandle(fd);
}

/** The block with the entry of a descriptor. It is there, since the descriptor is open. */
function blockOf(fd: number): BigInt64Array {
  const block = Math.floor(fd / BLOCK_FDS);
  let view = views.get(block);
  if (view !== undefined) return view;
  const { view: viewOf } = backend();
  const [address] = new BigUint64Array(viewOf(blocksAddress() + block * 8, 8));
  view = new BigInt64Array(viewOf(Number(address), BLOCK_FDS * ENTRY_UNITS * 8));
  views.set(block, view);
  return view;
}

function blocksAddress(): number {
  return blocks ??= findBlocks();
}

function findBlocks(): number {
  const { GetModuleHandleW, GetProcAddress } = kernel32Runtime();
  const exported = GetProcAddress(GetModuleHandleW(0), cString("uv_get_osfhandle", "a name"));
  if (exported === 0) return 0;
  const start = jumpTarget(exported);
  const code = codeAt(start);
  for (let at = 0; at + GET_ENTRY.length <= CODE_SIZE; at++) {
    if (!GET_ENTRY.every((byte, index) => byte === -1 || code.getUint8(at + index) === byte)) {
      continue;
    }
    // The distance counts from the end of the first instruction.
    return start + at + 7 + code.getInt32(at + 3, true);
  }
  return 0;
}

/** Where a function continues that only jumps to another one. */
function jumpTarget(address: number): number {
  const code = codeAt(address);
  const at = PROLOGUE.every((byte, index) => code.getUint8(index) === byte) ? PROLOGUE.length : 0;
  if (code.getUint8(at) !== JUMP) return address;
  return address + at + 5 + code.getInt32(at + 1, true);
}

function codeAt(address: number): DataView {
  return new DataView(backend().view(address, CODE_SIZE));
}
