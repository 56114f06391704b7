/** Wrong uses of what concerns other processes must not compile. Never run. */
import type { ChildProcess, SpawnOptions } from "node:child_process";
import type { FileHandle } from "node:fs/promises";
import {
  allowTake,
  type BorrowedHandle,
  type ChannelOptions,
  currentProcess,
  DUPLICATE_CLOSE_SOURCE,
  DUPLICATE_SAME_ACCESS,
  duplicateHandle,
  duplicateSocket,
  ForeignHandle,
  type HandleChannel,
  type HandleChild,
  type HandleChildFor,
  type HandleSpawnOptions,
  type HandleStdioEntry,
  inherited,
  inheritedNames,
  listenOn,
  openProcess,
  type OwnedHandle,
  ProcessHandle,
  type ReceivedHandles,
  receiveHandles,
  sendHandles,
  socketFromInfo,
  spawn,
} from "duphandle";
import { exactly } from "./exactly.ts";

declare const me: ProcessHandle;
declare const other: ProcessHandle;
declare const owned: OwnedHandle;
declare const borrowed: BorrowedHandle;
declare const foreign: ForeignHandle;
declare const file: FileHandle;
declare const wanted: boolean;
declare const anyOptions: HandleSpawnOptions;
declare const plainOptions: SpawnOptions;
declare const entries: readonly HandleStdioEntry[];

export function processHandles(): void {
  exactly<ProcessHandle>()(openProcess(1));
  exactly<ProcessHandle>()(currentProcess());
  exactly<number>()(other.pid);
  exactly<OwnedHandle>()(other.take(3));
  exactly<OwnedHandle>()(other.take(foreign, { access: "read" }));
  exactly<ForeignHandle>()(other.give(1));
  exactly<ForeignHandle>()(other.give(file, { closeSource: true }));
  exactly<OwnedHandle>()(me.duplicate());
  exactly<void>()(allowTake("any"));
  allowTake(1);
  // @ts-expect-error a process is opened by openProcess()
  new ProcessHandle(3, 4);
  // @ts-expect-error a process is opened by openProcess()
  void class extends ProcessHandle {};
  // @ts-expect-error a pid is a number
  openProcess("1");
  // @ts-expect-error the child has its pid
  openProcess(spawn("true"));
  // @ts-expect-error there is one current process
  currentProcess(1);
  // @ts-expect-error a handle of this process is no handle of that one
  other.take(owned);
  // @ts-expect-error an object of this process is no handle of that one
  other.take(file);
  // @ts-expect-error there is no such option
  other.take(3, { cloexec: true });
  // @ts-expect-error what that process has it need not be given
  other.give(foreign);
  // @ts-expect-error there is no such option
  other.give(1, { inherit: true });
  // @ts-expect-error a pid, or "any"
  allowTake("all");
  // @ts-expect-error a pid, or "any"
  allowTake(other);
}

export function foreignHandles(): void {
  exactly<number>()(foreign.pid);
  exactly<number>()(foreign.raw);
  exactly<void>()(foreign.close());
  exactly<ForeignHandle>()(new ForeignHandle(other, 3));
  // @ts-expect-error a number does not say in which process it is valid
  const _number: ForeignHandle = 3;
  // @ts-expect-error a handle of this process is no foreign one
  const _owned: ForeignHandle = owned;
  // @ts-expect-error what looks like one is none
  const _imitation: ForeignHandle = { pid: 1, raw: 3, close() {} };
  // @ts-expect-error a foreign handle is no handle of this process
  const _ours: OwnedHandle = foreign;
  // @ts-expect-error a process has a handle, a pid has none
  new ForeignHandle(1, 3);
  // @ts-expect-error the number of a handle does not change
  foreign.raw = 4;
  // @ts-expect-error the other process does what it likes with its handles
  foreign.release();
  // @ts-expect-error a number that means nothing here cannot be duplicated here: take() does it
  foreign.duplicate();
  using _closed = foreign;
}

export function duplicateHandles(): void {
  exactly<number>()(
    duplicateHandle({ sourceProcess: me, sourceHandle: owned, targetProcess: other }),
  );
  duplicateHandle({ sourceProcess: other, sourceHandle: foreign, targetProcess: me });
  duplicateHandle({ sourceProcess: 3, sourceHandle: 4, targetProcess: 5, desiredAccess: 1 });
  duplicateHandle({
    sourceProcess: me,
    sourceHandle: borrowed,
    targetProcess: null,
    inheritHandle: false,
    options: DUPLICATE_CLOSE_SOURCE | DUPLICATE_SAME_ACCESS,
  });
  // @ts-expect-error from where, to where?
  duplicateHandle({ sourceHandle: owned });
  // @ts-expect-error no target is null, said aloud
  duplicateHandle({ sourceProcess: me, sourceHandle: owned });
  // @ts-expect-error no target is null, said aloud
  duplicateHandle({ sourceProcess: me, sourceHandle: owned, targetProcess: undefined });
  // @ts-expect-error a FileHandle has no raw handle: duplicate it
  duplicateHandle({ sourceProcess: me, sourceHandle: file, targetProcess: other });
  // @ts-expect-error a foreign handle is no process
  duplicateHandle({ sourceProcess: foreign, sourceHandle: 3, targetProcess: me });
  // @ts-expect-error the source is always in a process
  duplicateHandle({ sourceProcess: null, sourceHandle: 3, targetProcess: me });
  // @ts-expect-error a number
  duplicateHandle({ sourceProcess: me, sourceHandle: 3, targetProcess: me, options: "same" });
  // @ts-expect-error a boolean
  duplicateHandle({ sourceProcess: me, sourceHandle: 3, targetProcess: me, inheritHandle: 1 });
  // @ts-expect-error Win32's name is dwOptions, this is options
  duplicateHandle({ sourceProcess: me, sourceHandle: 3, targetProcess: me, dwOptions: 2 });
  // @ts-expect-error seven parameters in a row are for duphandle/win32
  duplicateHandle(me, owned, other, 0, false, 2);
}

export function children(): void {
  exactly<ChildProcess>()(spawn("sh"));
  exactly<ChildProcess>()(spawn("sh", ["-c", "true"]));
  exactly<ChildProcess>()(spawn("sh", { stdio: "inherit" }));
  exactly<ChildProcess>()(spawn("sh", ["-c", "true"], { handles: { log: 1, file, owned } }));
  exactly<ChildProcess>()(spawn("sh", [], { stdio: ["ignore", 1, 2], handles: undefined }));
  exactly<ChildProcess>()(spawn("sh", [], { stdio: [owned, borrowed, "pipe", me, 4, undefined] }));
  exactly<ChildProcess>()(spawn("sh", { stdio: entries, handles: { owned } }));
  exactly<ChildProcess>()(spawn("sh", plainOptions));
  exactly<ChildProcess>()(spawn("sh", [], { channel: false }));
  exactly<ChildProcess>()(spawn("sh", [], { channel: undefined }));
  exactly<HandleChild>()(spawn("sh", [], { channel: true }));
  exactly<HandleChild>()(spawn("sh", { channel: { maxHandles: 3 }, env: {} }));
  exactly<HandleChannel>()(spawn("sh", { channel: true, handles: {} }).channel);
  exactly<HandleChild>()({} as HandleChildFor<true>);
  exactly<HandleChild>()({} as HandleChildFor<ChannelOptions>);
  exactly<ChildProcess>()({} as HandleChildFor<false>);
  exactly<ChildProcess>()({} as HandleChildFor<undefined>);
  exactly<HandleChild | ChildProcess>()({} as HandleChildFor<boolean>);
  // Who does not know whether there is a channel has to ask.
  exactly<HandleChild | ChildProcess>()(spawn("sh", [], { channel: wanted }));
  exactly<HandleChild | ChildProcess>()(spawn("sh", anyOptions));
  // @ts-expect-error there is no such option
  spawn("sh", [], { handels: { log: 1 } });
  // @ts-expect-error there is no such option, beside one that there is
  spawn("sh", [], { stdio: "inherit", handels: { log: 1 } });
  // @ts-expect-error there is no such option
  spawn("sh", { stdio: "inherit", chanel: true });
  // @ts-expect-error an option of node:child_process, of another kind
  spawn("sh", [], { detached: "yes" });
  // @ts-expect-error handles have names
  spawn("sh", [], { handles: [1, 2] });
  // @ts-expect-error handles are an object
  spawn("sh", [], { handles: new Map([["log", 1]]) });
  // @ts-expect-error a handle is an entry, and not all of stdio
  spawn("sh", [], { stdio: owned });
  // @ts-expect-error its number means nothing in this process
  spawn("sh", [], { stdio: ["ignore", foreign] });
  // @ts-expect-error a path is opened first
  spawn("sh", [], { stdio: ["ignore", "log.txt"] });
  // @ts-expect-error a path is opened first
  spawn("sh", [], { handles: { log: "log.txt" } });
  // @ts-expect-error its number means nothing in this process
  spawn("sh", [], { handles: { log: foreign } });
  // @ts-expect-error a promise is no file yet: await it
  spawn("sh", [], { handles: { log: Promise.resolve(file) } });
  // @ts-expect-error a boolean, or limits
  spawn("sh", [], { channel: "yes" });
  // @ts-expect-error there is no such limit
  spawn("sh", [], { channel: { maxMessages: 3 } });
  // @ts-expect-error arguments are a list
  spawn("sh", "-c true");
  // @ts-expect-error arguments are strings
  spawn("sleep", [1]);
  // @ts-expect-error a program
  spawn();
  // @ts-expect-error no channel was asked for
  exactly<HandleChannel>()(spawn("sh").channel);
  // @ts-expect-error whoever started the child does not replace its channel
  spawn("sh", { channel: true }).channel = null;
}

export function inChildren(): void {
  exactly<OwnedHandle>()(inherited("log"));
  exactly<string[]>()(inheritedNames());
  // @ts-expect-error handles have names, their numbers may differ
  inherited(3);
  // @ts-expect-error which one?
  inherited();
  // @ts-expect-error one at a time
  inherited(["log", "file"]);
  // @ts-expect-error a name is no handle
  inheritedNames()[0]?.close();
}

export function messages(): void {
  exactly<OwnedHandle>()(listenOn({ port: 0 }));
  listenOn({ path: "/tmp/socket", mode: 0o660, backlog: 5 });
  // @ts-expect-error a port or a path
  listenOn({});
  exactly<Promise<void>>()(sendHandles(owned, new Uint8Array(1), [3, owned, file]));
  exactly<Promise<ReceivedHandles | undefined>>()(receiveHandles(3, { maxBytes: 1 }));
  // @ts-expect-error bytes
  void sendHandles(owned, "text");
  // @ts-expect-error handles are in a list
  void sendHandles(owned, new Uint8Array(1), owned);
}

export function sockets(): void {
  exactly<Uint8Array>()(duplicateSocket(owned, 1));
  duplicateSocket(3, 1);
  exactly<OwnedHandle>()(socketFromInfo(new Uint8Array(628)));
  // @ts-expect-error for which process?
  duplicateSocket(3);
  // @ts-expect-error a pid is a number
  duplicateSocket(3, other);
  // @ts-expect-error a runtime's object tells no SOCKET
  duplicateSocket(file, 1);
  // @ts-expect-error bytes
  socketFromInfo("628 bytes");
  // @ts-expect-error a number was never made for this process
  socketFromInfo(3);
}
