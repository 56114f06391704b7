/** The `FileHandle` of Deno's own on a file on a disk. */
import type { FileHandle } from "node:fs/promises";
import { HandleError } from "../../ffi/error.ts";
import { type Construct, constructLike, nodeFs } from "../util/node.ts";
import { closeQuietly } from "../util/late_close.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { copyToDenoFd, placeholderPath } from "./adopt.ts";

/** How Deno's `FileHandle` is made of a descriptor; `null` when that cannot be found out. */
let construct: Construct | null | undefined;

/**
 * A `FileHandle` of the runtime on the object of a handle, which stays the caller's; `undefined` where that is not
 * possible: without the permission to read the placeholder, and when other threads took its number each time.
 */
export async function fileHandleFor(
  raw: RawHandle,
  inheritable: boolean,
): Promise<FileHandle | undefined> {
  if (!mayRead(placeholderPath())) return undefined;
  construct ??= await findConstruct();
  if (construct === null) return undefined;
  let fd: number;
  try {
    fd = copyToDenoFd(raw, inheritable);
  } catch (error) {
    if (error instanceof HandleError && FALLBACKS.includes(error.code)) return undefined;
    throw error;
  }
  try {
    const file = construct(fd);
    if (file.fd === fd) return file;
  } catch {
    // What a program has put in place of the class may do anything.
  }
  construct = null;
  closeQuietly(() => nodeFs().closeSync(fd));
  return undefined;
}

/** The errors after which a file of ours serves. */
const FALLBACKS: readonly string[] = ["EACCES", "EBUSY", "ENOTSUP"];

/** Finds out how a `FileHandle` is made, from one on the placeholder. */
async function findConstruct(): Promise<Construct | null> {
  const sample = await nodeFs().promises.open(placeholderPath(), "r");
  try {
    return constructLike(sample);
  } finally {
    await sample.close();
  }
}

/** Whether Deno may read a path without asking its user, who would not know why. */
function mayRead(path: string): boolean {
  const { permissions } = (globalThis as unknown as {
    Deno: { permissions: { querySync(wanted: { name: "read"; path: string }): { state: string } } };
  }).Deno;
  return permissions.querySync({ name: "read", path }).state === "granted";
}
