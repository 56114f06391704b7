/** Handles of many kinds to send, and how to tell that what arrives refers to the same object. */
import * as fs from "node:fs";
import * as posix from "duphandle/posix";
import * as win32 from "duphandle/win32";
import { OwnedHandle } from "duphandle";
import * as linux from "./linux_objects.ts";
import { socketPair } from "./sockets.ts";
import {
  isWindows,
  openRaw,
  pipeRaw,
  readRaw,
  temporaryFile,
  temporaryFolder,
  writeRaw,
} from "./system.ts";

/** A handle to send, with what is needed to check what arrives. */
export interface Sample extends Disposable {
  readonly kind: string;
  readonly source: OwnedHandle;
  /** Uses both, and says what went through the object: the same text every time. */
  use(arrived: OwnedHandle): string;
  readonly expected: string;
}

type Maker = () => Sample;

/** fcntl.h; arm64 has it at another place. */
const { O_DIRECTORY } = fs.constants;

/** A sample from parts that are disposed of with it. */
function sample(
  kind: string,
  source: OwnedHandle,
  parts: readonly Disposable[],
  expected: string,
  use: (arrived: OwnedHandle) => string,
): Sample {
  return {
    kind,
    source,
    expected,
    use,
    [Symbol.dispose]() {
      source.close();
      for (const part of parts) part[Symbol.dispose]();
    },
  };
}

function file(): Sample {
  const folder = temporaryFile("0123456789");
  const source = openRaw(folder.path, "r+");
  return sample("file", source, [folder], "01 23", (arrived) => {
    return `${readRaw(arrived.raw, 2)} ${readRaw(source.raw, 2)}`; // one position
  });
}

function pipeReader(): Sample {
  const { reader, writer } = pipeRaw();
  return sample("reading end of a pipe", reader, [writer], "abc", (arrived) => {
    writeRaw(writer.raw, "abc");
    return readRaw(arrived.raw, 10);
  });
}

function pipeWriter(): Sample {
  const { reader, writer } = pipeRaw();
  return sample("writing end of a pipe", writer, [reader], "abc", (arrived) => {
    writeRaw(arrived.raw, "abc");
    return readRaw(reader.raw, 10);
  });
}

function socket(): Sample {
  const [near, far] = socketPair();
  return sample("socket", far, [near], "ping pong", (arrived) => {
    writeRaw(near.raw, "ping");
    const heard = readRaw(arrived.raw, 10);
    writeRaw(arrived.raw, "pong");
    return `${heard} ${readRaw(near.raw, 10)}`;
  });
}

function directory(): Sample {
  const folder = temporaryFolder();
  const path = fs.realpathSync(folder.path);
  const flags = posix.O_RDONLY | O_DIRECTORY | posix.O_CLOEXEC;
  const source = OwnedHandle.fromRaw(posix.open(path, flags));
  return sample("directory", source, [folder], path, (arrived) => {
    return fs.readlinkSync(`/proc/self/fd/${arrived.raw}`);
  });
}

function memory(): Sample {
  const source = linux.memfd();
  return sample("memory without a name", source, [], "abc", (arrived) => {
    writeRaw(source.raw, "abc");
    posix.lseek(arrived.raw, 0, posix.SEEK_SET);
    return readRaw(arrived.raw, 10);
  });
}

function counter(): Sample {
  const source = linux.eventfd();
  const buffer = new Uint8Array(8);
  return sample("counter", source, [], "3", (arrived) => {
    for (const each of [source, arrived, source]) {
      posix.write(each.raw, new Uint8Array([1, ...buffer.subarray(1)]));
    }
    buffer.fill(0);
    posix.read(arrived.raw, buffer);
    const count = String(buffer[0]);
    buffer.fill(0);
    return count;
  });
}

function event(): Sample {
  const source = OwnedHandle.fromRaw(win32.CreateEventW(null, true, false, null));
  return sample("event", source, [], "false true", (arrived) => {
    const isSet = () => win32.WaitForSingleObject(arrived.raw, 0) === win32.WAIT_OBJECT_0;
    const before = isSet();
    win32.SetEvent(source.raw);
    return `${before} ${isSet()}`;
  });
}

/** Every kind that this system has, each made anew by a call. On Windows sockets go as bytes. */
export const samples: readonly Maker[] = isWindows
  ? [file, pipeReader, pipeWriter, event]
  : [file, pipeReader, pipeWriter, socket, directory, memory, counter];

/** Whether two handles of this process refer to one object; on Linux, to one file at least. */
export function isSameFile(one: OwnedHandle, other: OwnedHandle): boolean {
  if (isWindows) return win32.CompareObjectHandles(one.raw, other.raw);
  return identity(one) === identity(other);
}

/** Which file it is, on Linux: the device and the number of its inode. */
export function identity({ raw }: OwnedHandle): string {
  const { dev, ino } = fs.statSync(`/proc/self/fd/${raw}`);
  return `${dev}:${ino}`;
}
