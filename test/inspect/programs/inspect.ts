/**
 * Prints the results of inspection in a process of its own, as a line of JSON. The argument is the pid of
 * the process to list, or the path of a file that this program opens and inspects. With a second argument,
 * the kernel compares no open files, or by "kcmp" only. The tests run it as another user, where kcmp(2) is forbidden, and
 * with no permission but that for FFI.
 */
import { duplicate, type HandleError, inspectHandle, isSameObject, listHandles } from "duphandle";
import { openDescriptors } from "../../../ffi/posix/identity.ts";
import { refuseComparing } from "../../support/seccomp.ts";
import { openRaw } from "../../support/system.ts";

/** The result of a call, or its error. */
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

const [target = "", compares] = process.argv.slice(2);
if (compares !== undefined) refuseComparing(compares === "kcmp");
console.log(JSON.stringify(
  Number(target) > 0 ? outcome(() => listHandles(Number(target))) : own(target),
));
