/** The handles that one generation has, and passes on to the next. */
import { show } from "../../ffi/check.ts";
import { failure, hasCode } from "../../ffi/error.ts";
import { isListening } from "../../ffi/posix/socket_name.ts";
import { closeMany } from "../batch/batch.ts";
import { inherited, inheritedNames } from "../child/inherited.ts";
import { checkHandleName } from "../child/types.ts";
import { isOwnedHandle, type OwnedHandle } from "../handle/handle.ts";
import { tryOrUndefined } from "../util/platform.ts";
import { type ListenAddress, listenOn, parseListenAddress } from "../socket/listen_on.ts";
import type { Hello, Predecessor } from "./posix_link.ts";

/** A handle, and where it listens. */
interface Kept {
  readonly handle: OwnedHandle;
  /** What the program has requested, as text; `undefined` for what is no listener. */
  readonly address: string | undefined;
}

/** Handles by name. What it gives out are duplicates. */
export class KeptHandles {
  readonly #kept: Map<string, Kept> = new Map();
  readonly #predecessor: Predecessor | undefined;

  constructor(predecessor: Predecessor | undefined) {
    this.#predecessor = predecessor;
  }

  /** The listening socket with a name, inherited or bound. */
  listener(name: string, address: ListenAddress): OwnedHandle {
    // A copy, so that what is bound is what was checked.
    const own = typeof address === "object" && address !== null ? { ...address } : address;
    return this.#duplicate(name, addressKey(own), () => listenOn(own));
  }

  /** The handle with a name, inherited or made. */
  handle(name: string, make: () => OwnedHandle): OwnedHandle {
    if (typeof make !== "function") {
      throw new TypeError(`Cannot use ${show(make)} as make: it must be a function`);
    }
    return this.#duplicate(name, undefined, make);
  }

  /** All handles by name, for the next generation. */
  all(): Record<string, OwnedHandle> {
    return Object.fromEntries([...this.#kept].map(([name, { handle }]) => [name, handle]));
  }

  /** The addresses of the listeners, for the next generation. */
  addresses(): Hello["addresses"] {
    return [...this.#kept].flatMap(([name, { address }]) =>
      address === undefined ? [] : [[name, address] as const]
    );
  }

  /** Closes what was inherited and not requested: the clients of such a listener would wait for nothing. */
  closeOthers(): void {
    const others = inheritedNames().flatMap(untaken);
    tryOrUndefined(() => closeMany(others)); // they are closed, whatever it says
  }

  /** Closes all. */
  close(): void {
    const handles = [...this.#kept.values()].map(({ handle }) => handle);
    this.#kept.clear();
    closeMany(handles);
  }

  #duplicate(name: string, address: string | undefined, make: () => OwnedHandle): OwnedHandle {
    checkHandleName(name);
    const kept = this.#kept.get(name) ?? this.#take(name, address, make);
    return kept.handle.duplicate();
  }

  #take(name: string, address: string | undefined, make: () => OwnedHandle): Kept {
    const handle = this.#inherit(name, address) ?? make();
    if (!isOwnedHandle(handle)) {
      throw new TypeError(
        `Cannot use ${show(handle)} as a handle: make must return an OwnedHandle`,
      );
    }
    void handle.raw; // throws when it is closed
    const meanwhile = this.#kept.get(name); // `make` may have requested it itself
    if (meanwhile !== undefined) {
      handle.close();
      return meanwhile;
    }
    const kept = { handle, address };
    this.#kept.set(name, kept);
    return kept;
  }

  /** The inherited handle with a name; `undefined` when there is none, or one of another address. */
  #inherit(name: string, address: string | undefined): OwnedHandle | undefined {
    if (!inheritedNames().includes(name)) return undefined;
    const before = new Map(this.#predecessor?.addresses).get(name);
    if (this.#predecessor !== undefined && before !== address) return undefined;
    const handle = inherited(name);
    if (address === undefined || isListening(handle.raw)) return handle;
    handle.close();
    throw failure("ENOTSUP", "listen", {
      message:
        `Cannot listen with the inherited handle ${show(name)}: it is no listening socket; ` +
        "give it another name",
    });
  }
}

/** An address as text, without what makes no other address of it. */
function addressKey(address: ListenAddress): string {
  const choices = parseListenAddress(address);
  if ("path" in choices) return JSON.stringify([choices.path]);
  const { host = "", port, ipv6Only } = choices;
  return JSON.stringify([host, port, ipv6Only]);
}

/** The inherited handle with a name, unless the program has taken it. */
function untaken(name: string): OwnedHandle[] {
  try {
    return [inherited(name)];
  } catch (error) {
    if (hasCode(error, "EBADF")) return [];
    throw error;
  }
}
