/**
 * Who holds a file, a port or an object, on Windows: by the list of all handles, of which those that come into
 * question are duplicated for a moment.
 *
 * A query of a file on which another thread waits would wait with it, perhaps for ever. So no name is ever
 * queried, and nothing else of a file that is not idle; its process is reported instead.
 */
import { failure, type HandleError } from "../../ffi/error.ts";
import { pid as ownPid } from "../../ffi/host.ts";
import { isPseudoHandle, SELF } from "../../ffi/win32/check.ts";
import { CompareObjectHandles } from "../../ffi/win32/handle.ts";
import {
  FILE_READ_DATA,
  FILE_TYPE_DISK,
  FILE_TYPE_PIPE,
  FILE_WRITE_DATA,
} from "../../ffi/win32/constants.ts";
import { GetFileType } from "../../ffi/win32/file.ts";
import {
  boundName,
  processesUsing,
  socketsAtPort,
  type TableSocket,
} from "../../ffi/win32/holders.ts";
import { diskFileOf, handlesLike, isIdle } from "../../ffi/win32/inspect.ts";
import { NtQueryObject } from "../../ffi/win32/object.ts";
import type { SocketName } from "../../ffi/win32/socket_name.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { foundHandles } from "./found.ts";
import { socketInfo } from "./socket_info.ts";
import type { FoundHandle, FoundHandles, HandleInfo, HiddenProcess } from "./types.ts";
import { withDuplicate } from "./windows_handle.ts";
import { isReadingEnd } from "./windows_kinds.ts";
import { examine, pidsOf, unknownHandle, type Unseen, withProbe } from "./windows_search.ts";

/** A path of a device, such as `\\.\COM1`, that is no drive, volume or share. */
const DEVICE = /^([\\/]{2}[.?]|\\\?\?)[\\/](?![A-Za-z]:|UNC[\\/]|Volume\{)/i;
/** A path of a pipe as another computer has it, with the name of this one: opening it connects to the pipe. */
const PIPE = /^([\\/]{2}([.?][\\/]UNC[\\/])?|\\\?\?\\UNC\\)[^\\/]+[\\/](pipe|mailslot)([\\/]|$)/i;

/** What has the file at a path open. */
export function findAtPath(path: string): FoundHandles {
  // Opening a pipe or a serial line to look at it would disturb it.
  if (DEVICE.test(path) || PIPE.test(path)) throw noDiskFile(path);
  return withProbe(path, (probe) => {
    const file = GetFileType(probe) === FILE_TYPE_DISK ? diskFileOf(probe) : undefined;
    if (file === undefined) throw noDiskFile(path);
    const users = processesUsing(probe);
    const [found, hidden]: [FoundHandle[], HiddenProcess[]] = [[], []];
    const handles = handlesLike(probe, false);
    for (const pid of pidsOf(handles, users)) {
      if (users?.has(pid) === false) continue;
      const entries = handles.get(pid)?.filter(({ handle }) =>
        pid !== ownPid() || handle !== probe
      );
      const holder = examine(pid, entries ?? [], (handle, { access }) => {
        if (!isIdle(handle)) return isReadingEnd(access) ? false : "busy";
        return GetFileType(handle) === FILE_TYPE_DISK &&
          diskFileOf(handle)?.identity === file.identity;
      });
      if (holder === undefined) continue;
      found.push(...holder.found);
      // The probe of this process is a use as well, so nothing follows from that.
      const isUser = users !== undefined && pid !== ownPid();
      if (isUser && holder.found.length === 0) {
        found.push(unknownHandle(pid, "file", (holder.unseen ?? NO_HANDLE).reason));
      } else if (!isUser && holder.unseen !== undefined) hidden.push({ pid, ...holder.unseen });
    }
    return foundHandles(found, hidden);
  });
}

/** What has a socket whose own port is this one. */
export function findAtPort(port: number): FoundHandles {
  const sockets = socketsAtPort(port);
  if (sockets.length === 0) return foundHandles([], []);
  const [found, hidden]: [FoundHandle[], HiddenProcess[]] = [[], []];
  const keys = new Set(sockets.map(({ local }) => keyOf(local)));
  const seen = new Set<string>();
  const owners = new Set(sockets.map(({ pid }) => pid));
  const handles = withProbe("\\\\.\\NUL", (probe) => handlesLike(probe, false));
  const gone: number[] = [];
  for (const pid of pidsOf(handles, owners)) {
    /** The address of each handle that is found. */
    const at = new Map<RawHandle, string>();
    const holder = examine(pid, handles.get(pid) ?? [], (handle, { access, handle: raw }) => {
      const isDuplex = (access & FILE_READ_DATA) !== 0 && (access & FILE_WRITE_DATA) !== 0;
      if (!isDuplex) return false; // every socket is
      if (!isIdle(handle)) return "busy";
      const name = GetFileType(handle) === FILE_TYPE_PIPE ? boundName(handle) : undefined;
      const key = name && keyOf(name);
      if (key === undefined || !keys.has(key)) return false;
      at.set(raw, key);
      return true;
    });
    if (holder === undefined) {
      gone.push(pid);
      continue;
    }
    const theirs = sockets.filter((socket) => socket.pid === pid);
    for (const key of at.values()) seen.add(key);
    found.push(
      ...holder.found.map((info) => withSocket(info, theirs, at.get(info.raw))),
      ...unknownSockets(pid, theirs, [...at.values()], holder.unseen ?? NO_SOCKET),
    );
    if (holder.unseen !== undefined && theirs.length === 0) hidden.push({ pid, ...holder.unseen });
  }
  // The system goes on to name the process that made a socket when another one has inherited it.
  for (const socket of sockets) {
    if (!gone.includes(socket.pid) || seen.has(keyOf(socket.local))) continue;
    found.push(unknownHandle(socket.pid, "socket", INHERITED, socket));
  }
  return foundHandles(found, hidden);
}

/** What refers to the object of a handle of this process, which is in the result itself. */
export function findObject(raw: RawHandle): FoundHandles {
  if (isPseudoHandle(raw)) {
    return withDuplicate(SELF, raw, (copy) => {
      const found = findObject(copy);
      const others = found.filter((each) => each.pid !== ownPid() || each.raw !== copy);
      const counted = others.map((each) => ({ ...each, references: (each.references ?? 1) - 1 }));
      return foundHandles(counted, found.hidden);
    });
  }
  NtQueryObject(raw); // throws when it is not open
  const [found, hidden]: [FoundHandle[], HiddenProcess[]] = [[], []];
  const handles = handlesLike(raw, true);
  for (const pid of pidsOf(handles)) {
    const entries = handles.get(pid) ?? [];
    const holder = examine(pid, entries, (handle) => CompareObjectHandles(handle, raw));
    found.push(...holder?.found ?? []);
    if (holder?.unseen !== undefined) hidden.push({ pid, ...holder.unseen });
  }
  return foundHandles(found, hidden);
}

const NO_HANDLE: Unseen = {
  code: "ENOENT",
  reason:
    "it uses the file without a handle: it runs it as a program or a library, or has mapped it",
};
const NO_SOCKET: Unseen = {
  code: "ENOENT",
  reason: "none of its handles is this socket: it was closed by now, or a driver hides it",
};
const INHERITED =
  "it has ended: a process that has inherited the socket, and could not be examined, has it";
/** Adds what the system's table says of a socket, when only one socket of the process has its address. */
function withSocket(
  info: HandleInfo,
  sockets: readonly TableSocket[],
  key: string | undefined,
): HandleInfo {
  const [socket, ...others] = sockets.filter(({ local }) => keyOf(local) === key);
  if (info.socket !== undefined || socket === undefined || others.length > 0) return info;
  return { ...info, socket: socketInfo(socket) };
}

/**
 * The sockets of a process of which no handle was found. A connection has the address of the socket that accepted
 * it: when handles to some of them are found, it is not known which the others are.
 */
function unknownSockets(
  pid: number,
  sockets: readonly TableSocket[],
  found: readonly string[],
  { reason }: Unseen,
): FoundHandle[] {
  const keys = new Set(sockets.map(({ local }) => keyOf(local)));
  return [...keys].flatMap((key) => {
    const same = sockets.filter(({ local }) => keyOf(local) === key);
    const count = found.filter((each) => each === key).length;
    return same.slice(count).map((socket) =>
      unknownHandle(pid, "socket", reason, count === 0 ? socket : undefined)
    );
  });
}

/** The text of an address, to compare it; without the scope, which not every list has. */
function keyOf(name: SocketName): string {
  return name.family === "IPv4" || name.family === "IPv6"
    ? `${name.address.replace(/%.*/, "")} ${name.port}`
    : name.family;
}

function noDiskFile(path: string): HandleError {
  return failure("ENOTSUP", "CreateFileW", {
    message:
      `Cannot find the handles of ${path}: it is not on a disk, and looking at it would open it; ` +
      "pass a handle of it, or use listHandles() of the process",
  });
}
