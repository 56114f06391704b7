/** Values that no function may pass on to the system, and the functions that must refuse them. */
import * as posix from "duphandle/posix";
import * as win32 from "duphandle/win32";
import { borrow, duplicate, duplicateOnto, Handle, OwnedHandle } from "duphandle";

const isWindows = process.platform === "win32";

/** A value by its name in a test's output. */
export type Named = readonly [name: string, value: unknown];

/** Numbers that are no handle, no descriptor, no flags and no count. */
export const badNumbers: readonly Named[] = [
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
  ["0.5", 0.5],
  ["-0", -0],
  ["-0.5", -0.5],
  ["1.5", 1.5],
  ["3.0000001", 3.0000001],
  ["5e-324", 5e-324],
  ["1e308", 1e308],
  ["2^32", 2 ** 32],
  ["2^32 + 1", 2 ** 32 + 1],
  ["2^53", 2 ** 53],
  ["-2^31 - 1", -(2 ** 31) - 1],
  ["-2^53", -(2 ** 53)],
];

const neverHandles: readonly Named[] = [
  ...badNumbers,
  ["-1", -1],
  ["2^31", 2 ** 31],
  ["2^32 - 1", 2 ** 32 - 1],
];

/** Numbers that are no descriptor. */
export const badFds: readonly Named[] = [...neverHandles, ["-2", -2], ["-100", -100]];

/** Numbers that are no raw handle: on Windows, −2 is this thread, and 5 would be taken for 4. */
export const badHandles: readonly Named[] = isWindows
  ? [...neverHandles, ["0", 0], ["5", 5], ["6", 6]]
  : badFds;

/** What is no number at all. */
export const badKinds: readonly Named[] = [
  ['"1"', "1"],
  ['""', ""],
  ['"abc"', "abc"],
  ["1n", 1n],
  ["-1n", -1n],
  ["2n ** 64n", 2n ** 64n],
  ["null", null],
  ["a symbol", Symbol("1")],
  ["[]", []],
  ["[1]", [1]],
  ["{}", {}],
  ["a function", () => 1],
  ["new Number(1)", new Number(1)],
  ["a Date", new Date(1)],
  ["a RegExp", /1/],
  ["a Map", new Map([["fd", 1]])],
  ["a promise", Promise.resolve(1)],
  ["an ArrayBuffer", new ArrayBuffer(1)],
  ["an object with valueOf", { valueOf: () => 1 }],
  ["an object with toString", { toString: () => "1" }],
  ["an object with Symbol.toPrimitive", { [Symbol.toPrimitive]: () => 1 }],
];

const booleans: readonly Named[] = [["true", true], ["false", false]];
const undefinedValue: readonly Named[] = [["undefined", undefined]];

/** Sources that are objects and still no sources. */
export function badSources(): Named[] {
  const closed = duplicate(1);
  closed.close();
  const released = duplicate(1);
  const handed = OwnedHandle.fromRaw(released.release());
  const borrowedOfClosed = handed.borrow();
  handed.close();
  const hostile: Named[] = [...badNumbers, ["-1", -1], ["2^31", 2 ** 31], ...badKinds, ...booleans]
    .map(([name, fd]) => [`{ fd: ${name} }`, { fd }]);
  let reads = 0;
  return [
    ...hostile,
    ["a closed handle", closed],
    ["a released handle", released],
    ["a borrowed handle of a closed one", borrowedOfClosed],
    ["a fd getter that throws", {
      get fd(): number {
        throw new Error("hostile");
      },
    }],
    ["a fd getter that gives something else each time", {
      get fd(): unknown {
        return [NaN, "1", 2 ** 31, null][reads++ % 4];
      },
    }],
    ["a revoked proxy", revokedProxy()],
    ["an imitation of a Handle", Object.create(OwnedHandle.prototype)],
    ["the prototype of Handle", Handle.prototype],
  ];
}

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** A function with one argument that is bad, and the values that are bad there. */
export interface BadCall {
  readonly name: string;
  readonly values: readonly Named[];
  call(value: never): unknown;
}

const fds = [...badFds, ...badKinds, ...booleans, ...undefinedValue];
const handles = [...badHandles, ...badKinds, ...booleans, ...undefinedValue];
const integers = [...badNumbers, ...badKinds, ...booleans];
const notBooleans = [...badHandles, ...badKinds];

/** The verbs, for a handle that is open. */
export function badVerbCalls(open: OwnedHandle): BadCall[] {
  const sources = [...fds, ...badSources()];
  const unknownOptions: Named[] = ["inherit", "Inheritable", "cloexec", "fd", "accessMode"]
    .map((key) => [`{ ${key} }`, { [key]: true }]);
  const notObjects = [
    ...badHandles,
    ...badKinds.filter(([, value]) => typeof value !== "object" || value === null),
    ...booleans,
    ...unknownOptions,
  ];
  return [
    { name: "duplicate(source)", values: sources, call: (value) => duplicate(value) },
    {
      name: "duplicate(source, {})",
      values: sources,
      call: (value) => duplicate(value, { inheritable: true }),
    },
    {
      name: "duplicate(source, { closeSource })",
      values: sources.filter(([name]) => !name.startsWith("a ")),
      call: (value) => duplicate(value, { closeSource: true }),
    },
    { name: "duplicate(, options)", values: notObjects, call: (value) => duplicate(open, value) },
    {
      name: "duplicate(, { inheritable })",
      values: notBooleans,
      call: (inheritable) => duplicate(open, { inheritable }),
    },
    {
      name: "duplicate(, { closeSource })",
      values: notBooleans,
      call: (closeSource) => duplicate(open, { closeSource }),
    },
    {
      name: "duplicate(, { minimum })",
      values: [...badFds, ...badKinds, ...booleans],
      call: (minimum) => duplicate(open, { minimum }),
    },
    {
      name: "duplicate(, { access })",
      values: integers,
      call: (access) => duplicate(open, { access }),
    },
    { name: "duplicateOnto(source)", values: sources, call: (value) => duplicateOnto(value, 900) },
    {
      name: "duplicateOnto(, target)",
      values: fds,
      call: (value) => duplicateOnto(open, value),
    },
    {
      name: "duplicateOnto(,, options)",
      values: notObjects,
      call: (value) => duplicateOnto(open, 900, value),
    },
    { name: "borrow()", values: handles, call: (value) => borrow(value) },
    { name: "OwnedHandle.fromRaw()", values: handles, call: (value) => OwnedHandle.fromRaw(value) },
    {
      name: "handle.inheritable =",
      values: notBooleans,
      call: (value) => open.inheritable = value,
    },
  ];
}

/** The system calls of POSIX, for a descriptor that is open. */
export function badPosixCalls(fd: number): BadCall[] {
  const buffer = new Uint8Array(8);
  const notBuffers = [...badHandles, ...badKinds, ...booleans, ...undefinedValue];
  const notCounts = [...badHandles, ...badKinds, ["9", 9] as const];
  const noStrings = handles.filter(([, value]) => typeof value !== "string");
  const withNul: Named = ['"a\\0b"', "a\0b"];
  return [
    { name: "dup(oldfd)", values: handles, call: (value) => posix.dup(value) },
    { name: "dup2(oldfd)", values: handles, call: (value) => posix.dup2(value, 900) },
    { name: "dup2(, newfd)", values: handles, call: (value) => posix.dup2(fd, value) },
    { name: "dup3(oldfd)", values: handles, call: (value) => posix.dup3(value, 900, 0) },
    { name: "dup3(, newfd)", values: handles, call: (value) => posix.dup3(fd, value, 0) },
    { name: "dup3(,, flags)", values: integers, call: (value) => posix.dup3(fd, 900, value) },
    { name: "fcntl_dupfd(fd)", values: handles, call: (value) => posix.fcntl_dupfd(value) },
    {
      name: "fcntl_dupfd(, minimum)",
      values: handles.filter(([, value]) => value !== undefined),
      call: (value) => posix.fcntl_dupfd(fd, value),
    },
    {
      name: "fcntl_dupfd_cloexec(fd)",
      values: handles,
      call: (value) => posix.fcntl_dupfd_cloexec(value),
    },
    {
      name: "fcntl_dupfd_cloexec(, minimum)",
      values: handles.filter(([, value]) => value !== undefined),
      call: (value) => posix.fcntl_dupfd_cloexec(fd, value),
    },
    { name: "fcntl_getfd(fd)", values: handles, call: (value) => posix.fcntl_getfd(value) },
    { name: "fcntl_setfd(fd)", values: handles, call: (value) => posix.fcntl_setfd(value, 0) },
    {
      name: "fcntl_setfd(, flags)",
      values: integers,
      call: (value) => posix.fcntl_setfd(fd, value),
    },
    { name: "fcntl_getfl(fd)", values: handles, call: (value) => posix.fcntl_getfl(value) },
    { name: "fcntl_setfl(fd)", values: handles, call: (value) => posix.fcntl_setfl(value, 0) },
    {
      name: "fcntl_setfl(, flags)",
      values: integers,
      call: (value) => posix.fcntl_setfl(fd, value),
    },
    { name: "close(fd)", values: handles, call: (value) => posix.close(value) },
    { name: "open(path)", values: [...noStrings, withNul], call: (value) => posix.open(value, 0) },
    { name: "open(, flags)", values: integers, call: (value) => posix.open("/dev/null", value) },
    { name: "open(,, mode)", values: integers, call: (value) => posix.open("/dev/null", 0, value) },
    { name: "lseek(fd)", values: handles, call: (value) => posix.lseek(value, 0, 0) },
    {
      name: "lseek(, offset)",
      values: integers.filter(([, value]) => !Number.isSafeInteger(value)),
      call: (value) => posix.lseek(fd, value, 0),
    },
    { name: "lseek(,, whence)", values: integers, call: (value) => posix.lseek(fd, 0, value) },
    { name: "read(fd)", values: handles, call: (value) => posix.read(value, buffer) },
    { name: "read(, buf)", values: notBuffers, call: (value) => posix.read(fd, value) },
    { name: "read(,, count)", values: notCounts, call: (value) => posix.read(fd, buffer, value) },
    { name: "write(fd)", values: handles, call: (value) => posix.write(value, buffer) },
    { name: "write(, buf)", values: notBuffers, call: (value) => posix.write(fd, value) },
    { name: "write(,, count)", values: notCounts, call: (value) => posix.write(fd, buffer, value) },
    {
      name: "pipe2(flags)",
      values: [...badHandles, ...badKinds],
      call: (value) => posix.pipe2(value),
    },
  ];
}

/** The Windows calls, for a handle that is open. */
export function badWin32Calls(handle: number): BadCall[] {
  const me = -1;
  const processes = handles.filter(([name]) => name !== "-1");
  const buffer = new Uint8Array(8);
  const dwords = [...badNumbers, ["-1", -1] as const, ...badKinds, ...booleans];
  const notOut = [
    ...badHandles,
    ...badKinds.filter(([, value]) => typeof value !== "object"),
    ...booleans,
  ];
  const W = win32;
  return [
    {
      name: "DuplicateHandle(hSourceProcessHandle)",
      values: processes,
      call: (value) => W.DuplicateHandle(value, handle, me, [0], 0, false, 2),
    },
    {
      name: "DuplicateHandle(, hSourceHandle)",
      values: processes,
      call: (value) => W.DuplicateHandle(me, value, me, [0], 0, false, 2),
    },
    {
      name: "DuplicateHandle(,, hTargetProcessHandle)",
      values: processes.filter(([, value]) => value !== 0),
      call: (value) => W.DuplicateHandle(me, handle, value, [0], 0, false, 2),
    },
    {
      name: "DuplicateHandle(,,, lpTargetHandle)",
      values: notOut,
      call: (value) => W.DuplicateHandle(me, handle, me, value, 0, false, 2),
    },
    {
      name: "DuplicateHandle(,,,, dwDesiredAccess)",
      values: integers,
      call: (value) => W.DuplicateHandle(me, handle, me, [0], value, false, 2),
    },
    {
      name: "DuplicateHandle(,,,,, bInheritHandle)",
      values: [...notBooleans, ...undefinedValue],
      call: (value) => W.DuplicateHandle(me, handle, me, [0], 0, value, 2),
    },
    {
      name: "DuplicateHandle(,,,,,, dwOptions)",
      values: [...dwords, ["8", 8]],
      call: (value) => W.DuplicateHandle(me, handle, me, [0], 0, false, value),
    },
    {
      name: "CloseHandle()",
      values: [...handles, ["-2", -2]],
      call: (value) => W.CloseHandle(value),
    },
    {
      name: "GetHandleInformation()",
      values: processes,
      call: (value) => W.GetHandleInformation(value),
    },
    {
      name: "SetHandleInformation()",
      values: processes,
      call: (value) => W.SetHandleInformation(value, 1, 1),
    },
    {
      name: "SetHandleInformation(, dwMask)",
      values: [...dwords, ["4", 4]],
      call: (value) => W.SetHandleInformation(handle, value, 0),
    },
    {
      name: "SetHandleInformation(,, dwFlags)",
      values: [...dwords, ["4", 4]],
      call: (value) => W.SetHandleInformation(handle, 1, value),
    },
    { name: "GetStdHandle()", values: dwords, call: (value) => W.GetStdHandle(value) },
    { name: "GetFileType()", values: processes, call: (value) => W.GetFileType(value) },
    { name: "NtQueryObject()", values: processes, call: (value) => W.NtQueryObject(value) },
    { name: "ReadFile()", values: processes, call: (value) => W.ReadFile(value, buffer) },
    { name: "WriteFile()", values: processes, call: (value) => W.WriteFile(value, buffer) },
    {
      name: "SetFilePointerEx()",
      values: processes,
      call: (value) => W.SetFilePointerEx(value, 0, 0),
    },
    {
      name: "CreateFileW()",
      values: handles.filter(([, value]) => typeof value !== "string"),
      call: (value) => W.CreateFileW(value, 0, 0, null, 3, 0, 0),
    },
    { name: "CreatePipe(, nSize)", values: dwords, call: (value) => W.CreatePipe(null, value) },
    { name: "GetProcessId()", values: processes, call: (value) => W.GetProcessId(value) },
    { name: "GetThreadId()", values: processes, call: (value) => W.GetThreadId(value) },
    {
      name: "GetProcessHandleCount()",
      values: processes,
      call: (value) => W.GetProcessHandleCount(value),
    },
  ];
}
