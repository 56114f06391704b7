/** Wrong uses of what concerns files must not compile, and right ones give the right types. Never run. */
import type { FileHandle } from "node:fs/promises";
import {
  borrow,
  type CopyAttributes,
  copyFileHandle,
  copyFileHandleSync,
  CopyFlags,
  DescriptorPool,
  type DuplicateOptions,
  type ForeignHandle,
  type Handle,
  type HandleSource,
  type OwnedHandle,
  PooledDescriptor,
  type PoolStats,
  raiseDescriptorLimit,
  redirect,
} from "duphandle";
import "duphandle/register";
import { exactly } from "./exactly.ts";

declare const file: FileHandle;
declare const opening: Promise<FileHandle>;
declare const owned: OwnedHandle;
declare const handle: Handle;
declare const foreign: ForeignHandle;
declare const attributes: CopyAttributes;
declare const options: DuplicateOptions;
declare const source: HandleSource;

export async function copies(): Promise<void> {
  exactly<Promise<FileHandle>>()(copyFileHandle(file));
  exactly<Promise<FileHandle>>()(copyFileHandle(1));
  exactly<Promise<FileHandle>>()(copyFileHandle(handle));
  exactly<Promise<FileHandle>>()(copyFileHandle(process.stdout));
  exactly<Promise<FileHandle>>()(copyFileHandle(file, CopyFlags.ReadOnly | CopyFlags.CloseSource));
  exactly<Promise<FileHandle>>()(copyFileHandle(file, undefined, attributes));
  exactly<Promise<FileHandle>>()(
    copyFileHandle(file, 0, { inheritHandle: true, desiredAccess: 1 }),
  );
  exactly<Promise<FileHandle>>()(copyFileHandle(file, options));
  exactly<Promise<FileHandle>>()(copyFileHandle(1, { access: "read" }));
  exactly<Promise<FileHandle>>()(
    copyFileHandle(handle, { access: 1, inheritable: true, closeSource: true }),
  );
  exactly<Promise<FileHandle>>()(copyFileHandle(process.stdout, {}));
  exactly<number>()(copyFileHandleSync(file, options));
  exactly<number>()(copyFileHandleSync(source, { access: "write", closeSource: true }));
  exactly<number>()(copyFileHandleSync(file));
  exactly<number>()(copyFileHandleSync(handle as HandleSource, CopyFlags.Inherit, {}));
  exactly<FileHandle>()(await copyFileHandle(file));
  await using _copy = await copyFileHandle(file);
  // @ts-expect-error flags are numbers
  copyFileHandle(file, "r");
  // @ts-expect-error flags are one number
  copyFileHandle(file, [CopyFlags.ReadOnly]);
  // @ts-expect-error flags are a number
  copyFileHandleSync(file, CopyFlags);
  // @ts-expect-error flags are a number; attributes come after it
  copyFileHandle(file, { inheritHandle: true });
  // @ts-expect-error the options say what attributes say
  copyFileHandle(file, { access: "read" }, { inheritHandle: true });
  // @ts-expect-error the options say what attributes say
  copyFileHandleSync(file, options, attributes);
  // @ts-expect-error there is no such access
  copyFileHandle(file, { access: "append" });
  // @ts-expect-error the option of duplicate() is inheritable
  copyFileHandleSync(file, { inherit: true });
  // @ts-expect-error a boolean
  copyFileHandle(file, { closeSource: 1 });
  // @ts-expect-error a promise is no file yet: await it
  copyFileHandle(opening, options);
  // @ts-expect-error there is no such flag
  CopyFlags.ReadWrite;
  // @ts-expect-error flags do not change
  CopyFlags.ReadOnly = 2;
  // @ts-expect-error Win32 says bInheritHandle, this is inheritHandle
  copyFileHandle(file, 0, { bInheritHandle: true });
  // @ts-expect-error a boolean
  copyFileHandleSync(file, 0, { inheritHandle: 1 });
  // @ts-expect-error a number
  copyFileHandleSync(file, 0, { desiredAccess: "read" });
  // @ts-expect-error its number means nothing in this process
  copyFileHandle(foreign);
  // @ts-expect-error a promise is no file yet: await it
  copyFileHandle(opening);
  // @ts-expect-error a promise is no file yet: await it
  copyFileHandleSync(opening);
  // @ts-expect-error a path is opened first
  copyFileHandle("README.md");
  // @ts-expect-error a copy comes in a promise: await it
  copyFileHandle(file).fd;
  // @ts-expect-error a copy comes in a promise: await it
  const _copied: FileHandle = copyFileHandle(file);
  // @ts-expect-error an fd has no methods
  copyFileHandleSync(file).close();
  // @ts-expect-error an fd is nothing that a block can close
  using _fd = copyFileHandleSync(file);
  // @ts-expect-error a FileHandle is closed asynchronously
  using _sync = await copyFileHandle(file);
}

export function registered(): void {
  exactly<Promise<FileHandle>>()(file.duplicate());
  exactly<Promise<FileHandle>>()(file.duplicate(CopyFlags.ReadOnly, { desiredAccess: 1 }));
  exactly<Promise<FileHandle>>()(file.duplicate({ access: "read", closeSource: true }));
  exactly<Promise<FileHandle>>()(file.duplicate(options));
  // @ts-expect-error flags are a number
  file.duplicate("r");
  // @ts-expect-error there is no such option
  file.duplicate({ desiredAccess: 1 });
  // @ts-expect-error the options say what attributes say
  file.duplicate(options, attributes);
  // @ts-expect-error a promise is no file yet: await it
  opening.duplicate();
}

export function redirections(): void {
  using redirection = redirect(1, file);
  exactly<void>()(redirection.restore());
  // @ts-expect-error what is redirected is an fd
  redirect(file, 1);
  // @ts-expect-error what is redirected is an fd
  redirect("stdout", file);
  // @ts-expect-error a stream of the runtime has an fd: it is 1
  redirect(process.stdout, file);
  // @ts-expect-error to what?
  redirect(1);
  // @ts-expect-error a path is opened first
  redirect(1, "log.txt");
  // @ts-expect-error its number means nothing in this process
  redirect(1, foreign);
  // @ts-expect-error redirections have no options
  redirect(1, file, { inheritable: true });
  // @ts-expect-error restore() puts it back
  redirection.close();
}

export async function pools(): Promise<void> {
  await using pool = new DescriptorPool({ limit: 10 });
  const pooled = pool.add(owned);
  exactly<PooledDescriptor>()(pooled);
  exactly<void>()(pooled.close());
  exactly<boolean>()(pooled.closed);
  exactly<PoolStats>()(pool.stats);
  exactly<number>()(pool.stats.parked);
  exactly<void>()(pool.close());
  using pin = pooled.pin();
  exactly<number>()(pin.fd);
  // @ts-expect-error the options are required
  new DescriptorPool();
  // @ts-expect-error the limit is required
  new DescriptorPool({});
  // @ts-expect-error the limit is a number
  new DescriptorPool({ limit: "10" });
  // @ts-expect-error the options are an object
  new DescriptorPool(10);
  // @ts-expect-error there is no such option
  new DescriptorPool({ limit: 10, max: 20 });
  // @ts-expect-error the pool becomes the owner, so it takes only an OwnedHandle
  pool.add(borrow(3));
  // @ts-expect-error the runtime owns an fd: add a duplicate
  pool.add(3);
  // @ts-expect-error the runtime owns a FileHandle: add a duplicate
  pool.add(file);
  // @ts-expect-error a promise is not a handle: await it
  pool.add(Promise.resolve(owned));
  // @ts-expect-error only add() makes files of a pool
  new PooledDescriptor();
  // @ts-expect-error only add() makes files of a pool
  new PooledDescriptor({ pin: () => 3, unpin() {}, close() {}, isClosed: () => false });
  // @ts-expect-error the counts are read-only
  pool.stats.hits = 0;
  // @ts-expect-error the descriptor of a pin does not change
  pin.fd = 4;
  // @ts-expect-error a file of the pool has a descriptor while it is used or pinned
  pooled.fd;
  using _sync = pool;
  exactly<void>()(pool[Symbol.dispose]());
  exactly<Promise<void>>()(pool[Symbol.asyncDispose]());
}

export function uses(pooled: PooledDescriptor): void {
  exactly<number>()(pooled.use((fd) => fd));
  exactly<string>()(pooled.use((fd) => `${fd}`));
  exactly<void>()(pooled.use(() => {}));
  exactly<Promise<string>>()(pooled.use((fd) => Promise.resolve(`${fd}`)));
  exactly<Promise<string>>()(pooled.use(async (fd) => await Promise.resolve(`${fd}`)));
  exactly<number | undefined>()(pooled.use((fd) => fd === 3 ? fd : undefined));
  pooled.use((fd) => exactly<number>()(fd));
  // @ts-expect-error an fd is a number
  pooled.use((fd: string) => fd);
  // @ts-expect-error the function gets one argument
  pooled.use((fd: number, more: number) => fd + more);
  // @ts-expect-error the function is required
  pooled.use();
  // @ts-expect-error the result is that of the function
  const _text: string = pooled.use((fd) => fd);
  // @ts-expect-error a promise is not a number: await it
  const _number: number = pooled.use((fd) => Promise.resolve(fd));
}

export function limits(): void {
  exactly<number>()(raiseDescriptorLimit());
  // @ts-expect-error it raises to the highest that is allowed
  raiseDescriptorLimit(4096);
}
