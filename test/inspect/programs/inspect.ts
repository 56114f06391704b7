/**
 * What looking at handles finds for a process of its own, as a line of JSON on standard output: of
 * the process whose pid it is given, else of files that it opens itself. It runs as another user,
 * where kcmp(2) is forbidden, and with the permission to use the FFI alone.
 */
import { duplicate, type HandleError, inspectHandle, isSameObject, listHandles } from "duphandle";
import { openDescriptors } from "../../../ffi/posix/identity.ts";
import { openRaw } from "../../support/system.ts";

/** What a call gives, or how it fails. */
function outcome(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    const { code, syscall, message } = error as HandleError;
    return { code, syscall, message };
  }
}

function own(file: string): unknown {
  using handle = openRaw(file, "r");
  using copy = duplicate(handle);
  using stranger = openRaw(file, "r");
  using writer = openRaw(file, "w");
  const before = openDescriptors();
  const list = listHandles();
  return {
    path: inspectHandle(handle).path,
    references: inspectHandle(handle).references ?? null,
    listed: list.find(({ raw }) => raw === handle.raw)?.references ?? null,
    all: list.map(({ raw }) => raw).join() === before.join(),
    left: openDescriptors().filter((fd) => !before.includes(fd)),
    same: [handle, copy, stranger, writer, 0].map((other) =>
      outcome(() => isSameObject(handle, other))
    ),
  };
}

const [subject = ""] = process.argv.slice(2);
console.log(JSON.stringify(
  Number(subject) > 0 ? outcome(() => listHandles(Number(subject))) : own(subject),
));
