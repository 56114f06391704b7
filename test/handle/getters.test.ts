/** Code of the user that runs in the middle of a call, and closes a source there. */
import {
  copyFileHandle,
  copyFileHandleSync,
  currentProcess,
  duplicate,
  duplicateMany,
  duplicateOnto,
  type HandleSource,
  isSameObject,
  type OwnedHandle,
} from "duphandle";
import { describe, expect, test } from "vitest";
import { notOpen } from "../support/matchers.ts";
import { openRaw, temporaryFile } from "../support/system.ts";

/** A source, and a step that closes it and lets another file take its number. */
class Victim implements Disposable {
  readonly source: OwnedHandle;
  readonly #path: string;
  readonly #others: OwnedHandle[] = [];

  constructor(path: string) {
    this.#path = path;
    this.source = openRaw(path, "r");
  }

  /** Closes the source, and opens files until one has its number. */
  replace(): void {
    const { raw } = this.source;
    this.source.close();
    do this.#others.push(openRaw(this.#path, "r")); while (
      this.#others.at(-1)!.raw !== raw && this.#others.length < 20
    );
  }

  /** An object with this member, the reading of which replaces the source. */
  reading<Value>(member: string, value: Value): Record<string, Value> {
    return Object.defineProperty({} as Record<string, Value>, member, {
      enumerable: true,
      get: () => {
        this.replace();
        return value;
      },
    });
  }

  /** A source whose `fd` closes the other source when it is read. It is closed by nothing. */
  get trap(): HandleSource {
    return Object.assign(this.reading("fd", 1), { close: () => {} }) as unknown as HandleSource;
  }

  [Symbol.dispose](): void {
    if (!this.source.closed) this.source.close();
    for (const other of this.#others) other.close();
  }
}

/** Each function, with code of the user that replaces the source while it runs. */
const calls: Record<string, (victim: Victim) => unknown> = {
  "an option of duplicate()": (victim) =>
    duplicate(victim.source, victim.reading("inheritable", false)),
  "an option of a Handle's duplicate()": (victim) =>
    victim.source.duplicate(victim.reading("closeSource", false)),
  "an option of copyFileHandle()": (victim) =>
    copyFileHandle(victim.source, victim.reading("inheritable", false)),
  "an attribute of copyFileHandle()": (victim) =>
    copyFileHandle(victim.source, 0, victim.reading("inheritHandle", false)),
  "an option of copyFileHandleSync()": (victim) =>
    copyFileHandleSync(victim.source, victim.reading("access", "same")),
  "an option of duplicateMany()": (victim) =>
    duplicateMany([victim.source], victim.reading("inheritable", false)),
  "the iterator of duplicateMany()": (victim) =>
    duplicateMany(function* () {
      yield victim.source;
      victim.replace();
      yield 1;
    }()),
  "another source of duplicateMany()": (victim) => duplicateMany([victim.source, victim.trap]),
  "another source of duplicateMany() that closes its sources": ({ source, trap }) =>
    duplicateMany([source, trap], { closeSource: true }),
  "the other source of isSameObject()": ({ source, trap }) => isSameObject(source, trap),
  "an option of give()": (victim) => {
    using me = currentProcess();
    return me.give(victim.source, victim.reading("inheritable", false));
  },
  "an option of duplicateOnto()": (victim) =>
    duplicateOnto(victim.source, victim.source.raw + 1, victim.reading("inheritable", false)),
};

describe("a source that is closed in the middle of the call, while its number goes to another file", () => {
  test.each(Object.entries(calls))("is EBADF: %s", async (_, call) => {
    using file = temporaryFile("");
    using victim = new Victim(file.path);
    let result: unknown;
    try {
      result = call(victim);
    } catch (error) {
      expect(error).toEqual(notOpen);
      return;
    }
    await expect(result).rejects.toEqual(notOpen);
  });
});
