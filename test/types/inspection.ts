/** Wrong uses of inspection and tracking must not compile, and right ones give the right types. Never run. */
import type { FileHandle } from "node:fs/promises";
import {
  type ForeignHandle,
  type HandleAccess,
  type HandleInfo,
  type HandleKind,
  type HandleProblem,
  type HandleReport,
  HandleTracker,
  inspectHandle,
  isSameObject,
  listHandles,
  type SocketAddress,
  type SocketFamily,
  type SocketInfo,
  type SocketType,
  type TrackedHandle,
  trackHandles,
} from "duphandle";
import { exactly } from "./exactly.ts";

declare const file: FileHandle;
declare const foreign: ForeignHandle;

export function inspecting(): void {
  const info = inspectHandle(file);
  exactly<HandleInfo>()(info);
  exactly<HandleKind>()(info.kind);
  exactly<HandleAccess>()(info.access);
  exactly<boolean>()(info.inheritable);
  exactly<string | undefined>()(info.path);
  exactly<true | undefined>()(info.deleted);
  exactly<number | undefined>()(info.position);
  exactly<number | undefined>()(info.references);
  exactly<boolean>()(isSameObject(1, file));
  exactly<HandleInfo[]>()(listHandles());
  exactly<HandleInfo[]>()(listHandles(1));
  // @ts-expect-error its number is not valid in this process
  inspectHandle(foreign);
  // @ts-expect-error a path is not a source: open it first
  inspectHandle("README.md");
  // @ts-expect-error the second handle is required
  isSameObject(1);
  // @ts-expect-error its number is not valid in this process
  isSameObject(1, foreign);
  // @ts-expect-error a pid is a number
  listHandles("1");
  // @ts-expect-error there is no such kind
  info.kind === "flie";
  // @ts-expect-error there is no such access
  info.access === "rw";
  // @ts-expect-error not every handle has a path
  info.path.length;
  // @ts-expect-error not every handle has a position
  const _position: number = info.position;
  // @ts-expect-error a description is read-only
  info.inheritable = true;
  // @ts-expect-error a description is read-only
  info.position = 0;
}

export function inspectingSockets(): void {
  const { socket } = inspectHandle(1);
  exactly<SocketInfo | undefined>()(socket);
  // @ts-expect-error not every handle is a socket
  socket.type;
  if (socket === undefined) return;
  exactly<SocketFamily>()(socket.family);
  exactly<SocketType>()(socket.type);
  exactly<boolean>()(socket.listening);
  exactly<SocketAddress | undefined>()(socket.local);
  exactly<number | undefined>()(socket.peerInode);
  exactly<number | undefined>()(socket.local?.port);
  exactly<string | undefined>()(socket.remote?.path);
  // An address that has no path has a port.
  if (socket.local?.path === undefined && socket.local) exactly<number>()(socket.local.port);
  // @ts-expect-error the address of a Unix socket is a path
  const _port: number = socket.local.port;
  // @ts-expect-error there is no such type
  socket.type === "dgram";
  // @ts-expect-error a description is read-only
  socket.listening = true;
}

export function tracking(): void {
  using tracker = trackHandles({ onReport: (report) => exactly<HandleReport>()(report) });
  trackHandles({ stackDepth: 4, onReport: undefined });
  exactly<HandleTracker>()(tracker);
  // @ts-expect-error only trackHandles() makes a tracker
  new HandleTracker({});
  exactly<readonly HandleReport[]>()(tracker.reports);
  exactly<TrackedHandle[]>()(tracker.live);
  exactly<HandleReport[]>()(tracker.leaks());
  exactly<void>()(tracker.stop());
  exactly<HandleProblem | undefined>()(tracker.reports.at(0)?.problem);
  exactly<string | undefined>()(tracker.reports.at(0)?.closed);
  // @ts-expect-error there is no such option
  trackHandles({ depth: 4 });
  // @ts-expect-error the depth is a number
  trackHandles({ stackDepth: "4" });
  // @ts-expect-error the observer is a function
  trackHandles({ onReport: "print" });
  // @ts-expect-error it is called with a report
  trackHandles({ onReport: (text: string) => console.log(text) });
  // @ts-expect-error the list of reports is read-only
  tracker.reports.length = 0;
  // @ts-expect-error the list of reports is read-only
  tracker.reports.push(tracker.leaks()[0]);
  // @ts-expect-error the list of live handles is read-only
  tracker.live = [];
  // @ts-expect-error there is no such problem
  tracker.leaks().some(({ problem }) => problem === "leaked");
}
