/** Wrong uses of handles must not compile, and right ones give the right types. Never run. */
import type * as child_process from "node:child_process";
import type * as dgram from "node:dgram";
import type * as fs from "node:fs";
import type * as http from "node:http";
import type * as https from "node:https";
import type * as net from "node:net";
import type * as tty from "node:tty";
import type { FileHandle } from "node:fs/promises";
import {
  type Access,
  borrow,
  BorrowedHandle,
  closeMany,
  duplicate,
  duplicateMany,
  duplicateOnto,
  type ForeignHandle,
  Handle,
  HandleError,
  type HandleErrorFields,
  type HandleSource,
  OwnedHandle,
  type ProcessHandle,
  type RawHandle,
} from "duphandle";
import { exactly } from "./exactly.ts";

declare const file: FileHandle;
declare const opening: Promise<FileHandle>;
declare const owned: OwnedHandle;
declare const copying: Promise<OwnedHandle>;
declare const borrowed: BorrowedHandle;
declare const process_: ProcessHandle;
declare const foreign: ForeignHandle;
declare const stats: fs.Stats;
declare const network: {
  server: net.Server;
  web: http.Server;
  secure: https.Server;
  socket: net.Socket;
  udp: dgram.Socket;
  terminal: tty.ReadStream;
  request: http.IncomingMessage;
  child: child_process.ChildProcessWithoutNullStreams;
};
declare const access: Access;

export function sources(): void {
  exactly<OwnedHandle>()(duplicate(1));
  exactly<OwnedHandle>()(duplicate(file));
  exactly<OwnedHandle>()(duplicate(process.stdout));
  exactly<OwnedHandle>()(duplicate({ fd: 1 }));
  exactly<OwnedHandle>()(duplicate(owned));
  exactly<OwnedHandle>()(duplicate(borrowed));
  exactly<OwnedHandle>()(duplicate(process_));
  const { server, web, secure, socket, udp, terminal, request, child } = network;
  for (const each of [server, web, secure, socket, udp, terminal, request.socket]) {
    exactly<OwnedHandle>()(duplicate(each));
  }
  exactly<OwnedHandle>()(duplicate(child.stdin, { closeSource: true }));
  exactly<OwnedHandle>()(OwnedHandle.fromFd(child.stdout));
  // @ts-expect-error a child is no source: its streams are
  duplicate(child);
  exactly<OwnedHandle>()(duplicate(owned as HandleSource));
  // @ts-expect-error its number means nothing in this process
  duplicate(foreign);
  // @ts-expect-error a promise is no file yet: await it
  duplicate(opening);
  // @ts-expect-error a promise is no handle yet: await it
  duplicate(copying);
  // @ts-expect-error a path is opened first
  duplicate("README.md");
  // @ts-expect-error a number of 64 bits is for no FFI here
  duplicate(1n);
  // @ts-expect-error a raw handle is an fd on POSIX only: borrow() says what is meant
  duplicate({ raw: 1 });
  // @ts-expect-error an fd is a number
  duplicate({ fd: "1" });
  // @ts-expect-error what was not opened has no fd
  duplicate({ fd: null });
  // @ts-expect-error these are facts about a file, and no file
  duplicate(stats);
  // @ts-expect-error nothing
  duplicate(undefined);
  // @ts-expect-error nothing
  duplicate(null);
  // @ts-expect-error nothing at all
  duplicate();
  // @ts-expect-error a symbol
  duplicate(Symbol.iterator);
}

export function options(): void {
  duplicate(1, {});
  duplicate(1, { inheritable: true, access: "read", closeSource: true, minimum: 10 });
  duplicate(1, { inheritable: undefined, access: undefined, closeSource: undefined });
  duplicate(1, { access });
  duplicate(1, { access: 0x8000_0000 });
  owned.duplicate({ access: "same" });
  // @ts-expect-error there is no such option
  duplicate(1, { inheritible: true });
  // @ts-expect-error there is no such option
  owned.duplicate({ cloexec: true });
  // @ts-expect-error a boolean
  duplicate(1, { inheritable: 1 });
  duplicate(1, { access: "read-write" });
  // @ts-expect-error there is no such access
  duplicate(1, { access: "append" });
  // @ts-expect-error flags of fs.open are no access
  duplicate(1, { access: "r" });
  // @ts-expect-error a boolean
  duplicate(1, { closeSource: "yes" });
  // @ts-expect-error a number
  duplicate(1, { minimum: "3" });
  // @ts-expect-error options are an object
  duplicate(1, true);
  // @ts-expect-error options are one object, the flags of dup3 are in duphandle/posix
  duplicate(1, 0o2000000);
  // @ts-expect-error options are an object
  duplicate(1, "read");
  // @ts-expect-error there is no third argument
  duplicate(1, {}, {});
}

export function onto(): void {
  exactly<void>()(duplicateOnto(owned, 1));
  duplicateOnto(file, 1, { inheritable: true });
  // @ts-expect-error it makes no handle
  const _: number = duplicateOnto(owned, 1);
  // @ts-expect-error it makes no handle
  duplicateOnto(owned, 1).close();
  // @ts-expect-error the target is a number, so that it is clear who owns it
  duplicateOnto(owned, file);
  // @ts-expect-error the target is a number
  duplicateOnto(owned, borrowed);
  // @ts-expect-error the target is missing
  duplicateOnto(owned);
  // @ts-expect-error the access is that of the source
  duplicateOnto(owned, 1, { access: "read" });
  // @ts-expect-error a boolean
  duplicateOnto(owned, 1, { inheritable: "yes" });
  // @ts-expect-error flags are for dup3 of duphandle/posix
  duplicateOnto(owned, 1, 0o2000000);
}

export function many(): void {
  exactly<OwnedHandle[]>()(duplicateMany([1, file, owned, borrowed]));
  exactly<OwnedHandle[]>()(duplicateMany(new Set([1, 2]), { inheritable: true }));
  exactly<void>()(closeMany([owned, process_]));
  // @ts-expect-error one source is for duplicate()
  duplicateMany(1);
  // @ts-expect-error one source is for duplicate()
  duplicateMany(owned);
  // @ts-expect-error its number means nothing in this process
  duplicateMany([1, foreign]);
  // @ts-expect-error a text is no list of sources
  duplicateMany("123");
  // @ts-expect-error promises are not awaited
  duplicateMany([opening]);
  // @ts-expect-error there is no such option
  duplicateMany([1], { inherit: true });
  // @ts-expect-error who borrows does not close
  closeMany([owned, borrowed]);
  // @ts-expect-error a number does not say who owns it
  closeMany([3]);
  // @ts-expect-error one handle closes itself
  closeMany(owned);
  // @ts-expect-error these close in another process, one by one
  closeMany([foreign]);
}

export function ownership(): void {
  exactly<RawHandle>()(owned.raw);
  exactly<number>()(owned.raw);
  exactly<boolean>()(owned.closed);
  exactly<boolean>()(owned.inheritable);
  exactly<BorrowedHandle>()(owned.borrow());
  exactly<BorrowedHandle>()(borrow(1));
  exactly<number>()(owned.release());
  exactly<void>()(owned.close());
  exactly<number>()(owned.toFd());
  exactly<Promise<FileHandle>>()(owned.toFileHandle());
  exactly<OwnedHandle>()(borrowed.duplicate());
  exactly<OwnedHandle>()(OwnedHandle.fromRaw(3));
  exactly<OwnedHandle>()(OwnedHandle.fromFd(3));
  owned.inheritable = true;
  const upcast: Handle[] = [owned, borrowed, process_];
  upcast[0]?.duplicate().close();
  // @ts-expect-error who borrows does not close
  borrowed.close();
  // @ts-expect-error who borrows has no duty to give up
  borrowed.release();
  // @ts-expect-error who borrows cannot give it to the runtime
  borrowed.toFd();
  // @ts-expect-error who borrows cannot give it to the runtime
  borrowed.toFileHandle();
  // @ts-expect-error who borrows is no owner
  const _owner: OwnedHandle = borrowed;
  // @ts-expect-error who owns must close, and a borrower cannot
  const _borrower: BorrowedHandle = owned;
  // @ts-expect-error a promise is no handle yet: await it
  const _copy: OwnedHandle = copying;
  // @ts-expect-error a promise is no handle yet: await it
  copying.close();
  // @ts-expect-error a FileHandle comes in a promise: await it
  owned.toFileHandle().fd;
  // @ts-expect-error it closes, and tells nothing
  const _closed: boolean = owned.close();
  // @ts-expect-error a raw handle is a number
  OwnedHandle.fromRaw(owned);
  // @ts-expect-error a handle has a raw handle, and no fd
  OwnedHandle.fromFd(owned);
  // @ts-expect-error a raw handle is a number
  borrow(file);
  // @ts-expect-error what is a handle need not be borrowed again
  borrow(borrowed);
}

export function classes(): void {
  // @ts-expect-error a handle is owned or borrowed
  new Handle();
  // @ts-expect-error it is made by fromRaw(), which checks
  new OwnedHandle(3);
  // @ts-expect-error it is made by borrow(), which checks
  new BorrowedHandle(1);
  // @ts-expect-error it is made by the owner's borrow()
  new BorrowedHandle(owned);
  // @ts-expect-error what looks like an owner is none
  const _imitation: OwnedHandle = { raw: 3, closed: false, close() {} };
}

export function readonlyProperties(error: HandleError): void {
  // @ts-expect-error the number of a handle does not change
  owned.raw = 4;
  // @ts-expect-error close() closes
  owned.closed = true;
  // @ts-expect-error the same for every handle
  (owned as Handle).raw = 4;
  // @ts-expect-error the same for every handle
  (owned as Handle).closed = true;
  // @ts-expect-error a boolean
  owned.inheritable = "yes";
  // @ts-expect-error the process of a handle does not change
  process_.pid = 1;
  // @ts-expect-error an error tells what has happened
  error.code = "EBADF";
  // @ts-expect-error an error tells what has happened
  error.native = 9;
}

export function blocks(): void {
  using _plain = duplicate(1);
  using _second = owned.borrow().duplicate();
  // @ts-expect-error who borrows has nothing to close at the end of the block
  using _borrowed = borrow(1);
  // @ts-expect-error a promise is no handle yet: await it
  using _promise = copying;
}

export function errors(error: unknown): void {
  if (!(error instanceof HandleError)) return;
  exactly<string>()(error.code);
  exactly<string>()(error.status);
  exactly<number>()(error.native);
  exactly<string>()(error.syscall);
  exactly<number | undefined>()(error.handle);
  const fields: HandleErrorFields = error;
  new HandleError("Cannot", fields);
  // @ts-expect-error an error has its code
  new HandleError("Cannot");
  // @ts-expect-error the number is not all
  new HandleError("Cannot", { native: 9 });
  // @ts-expect-error errno is `native`
  error.errno;
}
