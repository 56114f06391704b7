/** Connects the registry with the hooks of handles, and says where a stack begins. */
import { OwnedHandle, releaseForBatch } from "../handle/handle.ts";
import { type HandleObserver, reportNumber, setObserver } from "../handle/hooks.ts";
import type { Registry } from "./registry.ts";
import type { Place } from "./stack.ts";

/** Has every hook report to the registry. */
export function installHooks(registry: Registry): void {
  setObserver(observerOf(registry));
}

/** Has no hook report to anything. */
export function removeHooks(): void {
  setObserver(undefined);
}

function observerOf(registry: Registry): HandleObserver {
  const places = {
    raw: member("raw"),
    closed: member("closed"),
    borrow: member("borrow"),
    release: member("release"),
    close: member("close"),
  };
  return {
    // Bun finds the function to cut at by its name, so it must not have the name of a method above it.
    onCreate: function reportCreate(owner, raw) {
      registry.onCreate(owner, raw, reportCreate);
    },
    onUse: (owner, name) => registry.onUse(owner, places[name]),
    onReadClosed: (owner) => registry.onReadClosed(owner, places.closed),
    onRelease: (owner) => registry.onRelease(owner, places.release),
    onClose: (owner) => registry.onClose(owner, places.close),
    onCloseRefused: (owner) => registry.onCloseRefused(owner),
    // `using` allows that the handle was closed before the end of the block.
    onDispose: (owner) => !registry.isClosed(owner),
    onReleaseForBatch: (owner) => void registry.onClose(owner, releaseForBatch),
    onNumber: (raw) => registry.onNumber(raw, reportNumber),
    onReplace: (target) => registry.onReplace(target),
  };
}

/** The accessor or the method of owners that reports, so that a stack can begin with its caller. */
function member(name: keyof OwnedHandle): Place {
  const { get, value } = Object.getOwnPropertyDescriptor(OwnedHandle.prototype, name)!;
  return get ?? value;
}
