/**
 * What stands in for the methods of {@linkcode OwnedHandle}, and for the calls of the system that make
 * numbers, while trackers run. All of it is put back when the last one stops: so there is nothing to
 * ask, and nothing to pay, while none runs.
 */
import { oneOfMany } from "../batch/batch.ts";
import { onOwned, OwnedHandle } from "../handle/handle.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { platform } from "../handle/platform.ts";
import { batches } from "../batch/platform.ts";
import { processes } from "../process/platform.ts";
import type { Watch } from "./watch.ts";

type Replace = (target: object, name: PropertyKey, descriptor: PropertyDescriptor) => void;

/** How an owner gives up its duty, when nobody watches. */
let releaseOwner: ((this: OwnedHandle) => RawHandle) | undefined;

/** Makes an owner one that closes nothing. */
export function giveUp(owner: OwnedHandle): void {
  releaseOwner?.call(owner);
}

/** Puts the watch in the place of every method that matters, and returns what puts them back. */
export function standIn(watch: Watch): () => void {
  const undo: (() => void)[] = [];
  const replace: Replace = (target, name, descriptor) => {
    const before = Object.getOwnPropertyDescriptor(target, name)!;
    Object.defineProperty(target, name, { ...before, ...descriptor });
    undo.unshift(() => Object.defineProperty(target, name, before));
  };
  standInForOwner(watch, replace);
  standInForSystem(watch, replace);
  onOwned(function hear(owner, raw) {
    watch.born(owner, raw, hear);
  });
  return () => {
    releaseOwner = undefined;
    onOwned();
    for (const each of undo) each();
  };
}

function standInForOwner(watch: Watch, replace: Replace): void {
  const owner: OwnedHandle = OwnedHandle.prototype;
  const get = (name: "raw" | "closed") => Object.getOwnPropertyDescriptor(owner, name)!.get!;
  const [raw, closed] = [get("raw"), get("closed")];
  const { borrow, close, release } = owner;
  releaseOwner = release;
  const dispose = function (this: OwnedHandle): void {
    // That it was closed before the end of its block is what `using` allows.
    if (!watch.hasClosed(this)) this.close();
  };
  replace(owner, "raw", {
    get: function get(this: OwnedHandle) {
      watch.used(this, get);
      return raw.call(this);
    },
  });
  replace(owner, "closed", {
    get: function get(this: OwnedHandle) {
      watch.asked(this, get);
      return closed.call(this);
    },
  });
  replace(owner, "borrow", {
    value: function value(this: OwnedHandle) {
      watch.used(this, value);
      return borrow.call(this);
    },
  });
  replace(owner, "release", {
    value: function value(this: OwnedHandle) {
      watch.releasing(this, value);
      return release.call(this);
    },
  });
  replace(owner, "close", {
    value: function value(this: OwnedHandle) {
      if (watch.closing(this, value)) close.call(this);
    },
  });
  replace(oneOfMany, "close", {
    value: function value(handle: OwnedHandle) {
      watch.closing(handle, value);
      return release.call(handle);
    },
  });
  replace(owner, Symbol.dispose, { value: dispose });
  replace(owner, Symbol.asyncDispose, {
    value: function (this: OwnedHandle): Promise<void> {
      return new Promise((resolve) => resolve(dispose.call(this)));
    },
  });
}

/** The calls that tell of numbers: those that make one, and the one that replaces its object. */
function standInForSystem(watch: Watch, replace: Replace): void {
  const making: readonly (readonly [target: object, name: string])[] = [
    [platform(), "duplicate"],
    [platform(), "narrow"],
    [batches(), "duplicate"],
    [processes(), "open"],
    [processes(), "take"],
  ];
  for (const [target, name] of making) {
    const make = Object.getOwnPropertyDescriptor(target, name)!.value as (
      ...args: unknown[]
    ) => RawHandle | RawHandle[] | undefined;
    replace(target, name, {
      value: function value(...args: unknown[]) {
        const made = make(...args);
        for (const raw of typeof made === "number" ? [made] : made ?? []) watch.given(raw, value);
        return made;
      },
    });
  }
  const { duplicateOnto } = platform();
  replace(platform(), "duplicateOnto", {
    value: (raw: RawHandle, target: number, inheritable: boolean) => {
      duplicateOnto(raw, target, inheritable);
      watch.replaced(target);
    },
  });
}
