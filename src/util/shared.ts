/**
 * What stands for the process, and so is one for all copies of this library in a thread: two versions of it,
 * or its sources and its package. docs/architecture.md lists what is here and what each copy has for itself.
 *
 * It is a `Map` at `globalThis[Symbol.for("duphandle")]`, made at the first use. Each entry has the number of
 * its layout, which changes when another version could no longer work with the value.
 */
import { failure } from "../../ffi/error.ts";

/** The place of the map, which stays the same in all versions. */
const PLACE: unique symbol = /* @__PURE__ */ Symbol.for("duphandle");

/** The layouts of this version, by the name of the entry. */
const layouts = {
  /** `Map<number, Stack>` of src/redirect/posix.ts. */
  redirections: 1,
  /** `WeakSet<Stream>` of src/redirect/streams.ts. */
  synchronousStreams: 1,
  /** `{ 1, 2 }` of src/redirect/deno.ts. */
  denoDescriptors: 1,
  /** `Map<string, InheritedEntry>` of src/child/inherited.ts. */
  inherited: 1,
  /** `HandleChannel | null` of src/child/parent_channel.ts. */
  parentChannel: 1,
  /** `{ next, open }` of src/windows_file/fd_table.ts. */
  windowsFiles: 1,
} as const;

/** One entry of the map. */
interface Entry {
  readonly layout: number;
  readonly value: unknown;
}

/**
 * The value of a name that all copies share, made by the first that needs it.
 *
 * @throws {HandleError} `ENOTSUP` when another version keeps it in another layout; nothing was changed
 */
export function shared<Value>(name: keyof typeof layouts, make: () => Value): Value {
  const all = (globalThis as { [PLACE]?: unknown })[PLACE] ?? makeMap();
  const layout = layouts[name];
  if (!(all instanceof Map)) throw otherVersion(name);
  let entry = all.get(name) as Entry | undefined;
  if (entry === undefined) all.set(name, entry = { layout, value: make() });
  if (entry.layout !== layout) throw otherVersion(name);
  return entry.value as Value;
}

function makeMap(): Map<string, Entry> {
  const value = new Map<string, Entry>();
  Object.defineProperty(globalThis, PLACE, { value });
  return value;
}

function otherVersion(name: string): Error {
  return failure("ENOTSUP", "duphandle", {
    message:
      `Cannot use what copies of duphandle in one process share (${name}): another version of it ` +
      "keeps that in another way; install one version, as `npm ls duphandle` shows",
  });
}
