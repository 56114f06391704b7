/** What `Deno.FsFile` is for this library, where Deno's types are known. Checked by Deno; never run. */
import type { FileHandle } from "node:fs/promises";
import {
  copyFileHandle,
  copyFileHandleSync,
  CopyFlags,
  duplicate,
  type DuplicateOptions,
  type FsFile,
  type HandleSource,
  type OwnedHandle,
} from "duphandle";
import { exactly } from "../exactly.ts";

declare const fsFile: Deno.FsFile;
declare const file: FileHandle;
declare const source: HandleSource;
declare const options: DuplicateOptions;

export async function files(): Promise<void> {
  exactly<Deno.FsFile>()(fsFile as FsFile);
  exactly<OwnedHandle>()(duplicate(fsFile));
  exactly<Promise<Deno.FsFile>>()(copyFileHandle(fsFile));
  exactly<Promise<Deno.FsFile>>()(copyFileHandle(fsFile, CopyFlags.ReadOnly, {}));
  exactly<Promise<FileHandle>>()(copyFileHandle(file));
  exactly<Promise<FileHandle>>()(copyFileHandle(1));
  exactly<Promise<FileHandle>>()(copyFileHandle(duplicate(fsFile)));
  exactly<Promise<FileHandle | Deno.FsFile>>()(copyFileHandle(source));
  exactly<Promise<Deno.FsFile>>()(copyFileHandle(fsFile, options));
  exactly<Promise<Deno.FsFile>>()(copyFileHandle(fsFile, { access: "read", closeSource: true }));
  exactly<Promise<FileHandle>>()(copyFileHandle(file, options));
  exactly<Promise<FileHandle>>()(copyFileHandle(duplicate(fsFile), { inheritable: true }));
  exactly<Promise<FileHandle | Deno.FsFile>>()(copyFileHandle(source, options));
  exactly<number>()(copyFileHandleSync(fsFile, options));
  exactly<number>()(copyFileHandleSync(fsFile));
  exactly<Deno.FsFile>()(await copyFileHandle(fsFile));
  // @ts-expect-error the same kind comes back
  const _handle: FileHandle = await copyFileHandle(fsFile);
  // @ts-expect-error the same kind comes back
  const _file: Deno.FsFile = await copyFileHandle(file);
  // @ts-expect-error a promise is no file yet: await it
  duplicate(Deno.open("README.md"));
  // @ts-expect-error a promise is no file yet: await it
  copyFileHandle(Deno.open("README.md"));
  // @ts-expect-error these are facts about a file, and no file
  duplicate(Deno.statSync("README.md"));
  // @ts-expect-error flags are a number
  copyFileHandle(fsFile, "r");
  // @ts-expect-error the options say what attributes say
  copyFileHandle(fsFile, options, {});
  // @ts-expect-error the same kind comes back
  const _copy: FileHandle = await copyFileHandle(fsFile, options);
}
