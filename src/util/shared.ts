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

/** One entry of the map. */
interface Entry {
  readonly layout: number;
  readonly value: unknown;
}

/**
 * The value of a name that all copies share, made by the first that needs it.
 *
 * @param layout the number of its layout in this version
 * @throws {HandleError} `ENOTSUP` when another version keeps it in another layout; nothing was changed
 */
export function shared<Value>(name: string, layout: number, make: () => Value): Value {
  const all = (globalThis as { [PLACE]?: unknown })[PLACE] ?? makeMap();
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
      `Cannot share ${name} with another version of duphandle in this process: it keeps that in ` +
      "another way; install one version",
  });
}
