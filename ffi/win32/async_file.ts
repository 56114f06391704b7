/**
 * Asynchronous file operations: the NT functions under ReadFile and others, called on another
 * thread.
 *
 * `GetLastError` belongs to a thread, so a call on another thread must return its error itself. NT
 * functions do, and they write their count to an `IO_STATUS_BLOCK`. Only Deno can call on another
 * thread, and only Deno needs to: the other runtimes adopt the handle and read it themselves.
 *
 * @see https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-ntreadfile
 */
import { addressOf, backend } from "../backend/mod.ts";
import type { AsyncCalls } from "../backend/types.ts";
import { failure, type HandleError } from "../error.ts";
import { ntdllFiles } from "./symbols/base.ts";
import { closeRefused, win32Error } from "./errors.ts";
import { ntdll } from "./libraries.ts";

const STATUS_PENDING = 0x103;
const STATUS_BUFFER_OVERFLOW = 0x8000_0005 | 0;
const STATUS_END_OF_FILE = 0xc000_0011 | 0;
const STATUS_PIPE_CLOSING = 0xc000_00b1 | 0;
const STATUS_CANCELLED = 0xc000_0120 | 0;
const STATUS_PIPE_BROKEN = 0xc000_014b | 0;
const STATUS_HANDLE_NOT_CLOSABLE = 0xc000_0235 | 0;
const ERROR_BROKEN_PIPE = 109;

/** `FILE_INFORMATION_CLASS`: `FILE_BASIC_INFORMATION`, the times and the attributes. */
export const FileBasicInformation = 4;
/** `FILE_INFORMATION_CLASS`: `FILE_STANDARD_INFORMATION`, the sizes and the number of links. */
export const FileStandardInformation = 5;
/** `FILE_INFORMATION_CLASS`: `FILE_INTERNAL_INFORMATION`, the index number of the file. */
export const FileInternalInformation = 6;
/** `FILE_INFORMATION_CLASS`: `FILE_POSITION_INFORMATION`, a `LARGE_INTEGER`. */
export const FilePositionInformation = 14;
/** `FILE_INFORMATION_CLASS`: `FILE_END_OF_FILE_INFORMATION`, a `LARGE_INTEGER`. */
export const FileEndOfFileInformation = 20;
/** `FILE_INFORMATION_CLASS`: `FILE_PIPE_LOCAL_INFORMATION`, the state of a pipe. */
export const FilePipeLocalInformation = 24;
/** `FS_INFORMATION_CLASS`: `FILE_FS_VOLUME_INFORMATION`, the serial number of the volume. */
export const FileFsVolumeInformation = 1;
/** `FS_INFORMATION_CLASS`: `FILE_FS_DEVICE_INFORMATION`, the kind of the device. */
export const FileFsDeviceInformation = 4;

/** An offset in a file in bytes; `null` means the position that all handles of the open file share. */
export type Offset = number | bigint | null;

/**
 * Reads up to `length` bytes into a new array. It is empty at the end of a file, and of a pipe
 * without writers. Reading at an offset moves the position of the file.
 */
export async function ntRead(handle: number, length: number, offset: Offset): Promise<Uint8Array> {
  for (;;) {
    const block = new Block(length);
    const at = block.setOffset(offset);
    let overlapped = false;
    const status = await block.run(handle, async ({ NtReadFile }, io, payload) => {
      const started = await NtReadFile(handle, 0, 0, 0, io, payload, length, at, 0);
      overlapped = started === STATUS_PENDING;
      return started;
    });
    if (status === STATUS_END_OF_FILE || status === STATUS_PIPE_BROKEN) return new Uint8Array(0);
    // The end of a thread cancels its overlapped reads, and the runtime ends idle threads. Read again.
    if (status === STATUS_CANCELLED && overlapped) continue;
    if (failed(status)) throw ntError(status, "NtReadFile", handle);
    return block.bytes.subarray(0, block.count);
  }
}

/** Writes the bytes of several buffers in one call. Returns how many bytes were written. */
export async function ntWrite(
  handle: number,
  sources: readonly Uint8Array[],
  offset: Offset,
): Promise<number> {
  const length = sources.reduce((sum, { length }) => sum + length, 0);
  const block = new Block(length);
  let filled = 0;
  for (const source of sources) {
    block.bytes.set(source, filled);
    filled += source.length;
  }
  const at = block.setOffset(offset);
  const status = await block.run(
    handle,
    ({ NtWriteFile }, io, payload) => NtWriteFile(handle, 0, 0, 0, io, payload, length, at, 0),
  );
  if (status === STATUS_PIPE_CLOSING) {
    // Its Win32 name is ERROR_NO_DATA, which would mislead here: the reader has closed its end.
    throw win32Error(ERROR_BROKEN_PIPE, "NtWriteFile", handle);
  }
  if (failed(status)) throw ntError(status, "NtWriteFile", handle);
  return block.count;
}

/** Writes out everything that the system has buffered for the file. */
export async function ntFlush(handle: number): Promise<void> {
  const status = await new Block(0).run(
    handle,
    ({ NtFlushBuffersFile }, io) => NtFlushBuffersFile(handle, io),
  );
  if (failed(status)) throw ntError(status, "NtFlushBuffersFile", handle);
}

/** Queries a file or its volume. The result is the structure of the information class. */
export async function ntQuery(
  call: "NtQueryInformationFile" | "NtQueryVolumeInformationFile",
  handle: number,
  informationClass: number,
  size: number,
): Promise<DataView> {
  const block = new Block(size);
  const status = await block.run(
    handle,
    (nt, io, payload) => nt[call](handle, io, payload, size, informationClass),
  );
  if (failed(status)) throw ntError(status, call, handle);
  return block.data;
}

/** Changes the information of a file. `fill` writes the structure of the information class. */
export async function ntSet(
  handle: number,
  informationClass: number,
  size: number,
  fill: (data: DataView) => void,
): Promise<void> {
  const block = new Block(size);
  fill(block.data);
  const status = await block.run(
    handle,
    (nt, io, payload) => nt.NtSetInformationFile(handle, io, payload, size, informationClass),
  );
  if (failed(status)) throw ntError(status, "NtSetInformationFile", handle);
}

/** Closes a handle. The system may first write out buffered data. */
export async function ntClose(handle: number): Promise<void> {
  const status = await calls().NtClose(handle);
  if (status === STATUS_HANDLE_NOT_CLOSABLE) throw closeRefused(handle, "NtClose");
  if (failed(status)) throw ntError(status, "NtClose", handle);
}

/** A block consists of an `IO_STATUS_BLOCK`, a `LARGE_INTEGER` and the payload. */
const OFFSET = 16;
const PAYLOAD = 32;

/**
 * The memory of one operation. The system writes to it from another thread, so no other operation
 * shares it, and it stays alive until the operation ends.
 */
class Block {
  static readonly #underWay: Set<Block> = new Set();

  readonly bytes: Uint8Array;
  readonly data: DataView;
  readonly #io: number;
  readonly #header: DataView;

  constructor(size: number) {
    const buffer = new ArrayBuffer(PAYLOAD + size);
    this.bytes = new Uint8Array(buffer, PAYLOAD);
    this.data = new DataView(buffer, PAYLOAD);
    this.#io = addressOf(buffer);
    this.#header = new DataView(buffer);
    this.#header.setInt32(0, STATUS_PENDING, true);
  }

  /** How many bytes were read or written. */
  get count(): number {
    return this.#header.getUint32(8, true);
  }

  /** Stores the offset and returns its address; 0 for the position of the file. */
  setOffset(offset: Offset): number {
    if (offset === null) return 0;
    this.#header.setBigInt64(OFFSET, BigInt(offset), true);
    return this.#io + OFFSET;
  }

  /** Runs an operation to its end and returns its NTSTATUS. */
  async run(
    handle: number,
    start: (nt: Nt, io: number, payload: number) => Promise<number>,
  ): Promise<number> {
    Block.#underWay.add(this);
    try {
      const status = await start(calls(), this.#io, this.#io + PAYLOAD);
      return status === STATUS_PENDING ? await this.#waitForEnd(handle) : status;
    } finally {
      Block.#underWay.delete(this);
    }
  }

  /**
   * Waits for the end of an operation on a handle that was opened with FILE_FLAG_OVERLAPPED. The
   * handle is signalled at the end of this operation, but also at the end of any other one on the
   * same file.
   */
  async #waitForEnd(handle: number): Promise<number> {
    for (let wait = 1;; wait = Math.min(wait * 2, 100)) {
      const signalled = await calls().NtWaitForSingleObject(handle, 0, 0);
      const status = this.#header.getInt32(0, true);
      if (status !== STATUS_PENDING) return status;
      // Another operation has ended, or the handle lacks SYNCHRONIZE: check again, after a pause.
      if (signalled !== 0 || wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

type Nt = AsyncCalls<typeof ntdllFiles>;

let loaded: Nt | undefined;

function calls(): Nt {
  return loaded ??= load();
}

function load(): Nt {
  const { name, loadAsync } = backend();
  if (loadAsync !== undefined) return loadAsync("ntdll.dll", ntdllFiles);
  throw failure("ENOTSUP", "NtReadFile", {
    message: `Cannot read a file on another thread: ${name} calls on this one only; ` +
      "use the runtime's own FileHandle",
  });
}

/** Whether the status is an error. A result that was truncated to the buffer is not. */
function failed(status: number): boolean {
  return status < 0 && status !== STATUS_BUFFER_OVERFLOW;
}

function ntError(status: number, syscall: string, handle: number): HandleError {
  return win32Error(ntdll().RtlNtStatusToDosError(status), syscall, handle);
}
