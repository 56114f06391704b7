/** Adoption in Deno for Windows, with the permissions that the test gives. */
import * as fs from "node:fs";
import { OwnedHandle } from "duphandle";
import { CreateFileW, GENERIC_READ } from "duphandle/win32";
import { diskFileOf, openHandles } from "../../../ffi/win32/inspect.ts";
import { WindowsFile } from "../../../src/windows_file/mod.ts";
import { report, thrownBy } from "../../support/report.ts";

const path = process.argv[2]!;
const opened = () => OwnedHandle.fromRaw(CreateFileW(path, GENERIC_READ, 7, null, 3, 0, 0));
const sample = opened();
const inode = diskFileOf(sample.raw)?.inode;
sample.close();
const count = () =>
  openHandles().filter(({ handle }) => diskFileOf(handle)?.inode === inode).length;

const refused = thrownBy(() => fs.closeSync(opened().toFd()));
await (await opened().toFileHandle()).close();
const file = await opened().toFileHandle();
const isOwn = !((file as unknown) instanceof WindowsFile);
const text = await file.readFile("utf8");
await file.close();
report({ refused, isOwn, text, left: count() });
