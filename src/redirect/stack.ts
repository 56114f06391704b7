/** Redirections: a stack for each descriptor, which refers to the target on top. */
import { hasCode } from "../../ffi/error.ts";
import { Attempts } from "../util/attempts.ts";
import { closeQuietly } from "../util/late_close.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { shared } from "../util/shared.ts";
import { redirectPlatform } from "./platform.ts";
import type { RedirectedFd } from "./types.ts";

/** One redirection: a duplicate of its source, kept open because it can become the top again. */
interface Redirection {
  readonly target: RawHandle;
}

/** The stacks of all copies of this library: a descriptor has one. Layout 2 is `push` of a source, and `remove`. */
const stacks = (): Map<number, Stack> => shared("redirections", 2, () => new Map());

/** Redirects a descriptor and returns the function that restores it, once. */
export function redirectFd(fd: number, source: RawHandle): () => void {
  const stack = stacks().get(fd) ?? new Stack(fd);
  const redirection = stack.push(source);
  return () => stack.remove(redirection);
}

/** The redirections of one descriptor. */
class Stack {
  readonly #fd: number;
  readonly #redirected: RedirectedFd;
  readonly #redirections: Redirection[];

  constructor(fd: number) {
    this.#fd = fd;
    this.#redirected = redirectPlatform().redirected(fd);
    this.#redirections = [];
  }

  /** Redirects to a duplicate of the source, which is made last: its close ends record locks. */
  push(source: RawHandle): Redirection {
    const redirected = this.#redirected;
    const isFirst = this.#redirections.length === 0;
    let target: RawHandle | undefined;
    try {
      redirected.checkOpen();
      redirected.flush();
      target = redirected.duplicate(source);
      if (isFirst) redirected.begin();
      redirected.redirectTo(target);
    } catch (error) {
      if (isFirst) {
        for (const step of ["end", "release"] as const) closeQuietly(() => redirected[step]());
      }
      if (target !== undefined) closeQuietly(() => redirected.close(target!));
      throw error;
    }
    const redirection = { target };
    this.#redirections.push(redirection);
    stacks().set(this.#fd, this);
    return redirection;
  }

  remove(redirection: Redirection): void {
    const at = this.#redirections.indexOf(redirection);
    if (at === -1) return;
    const redirected = this.#redirected;
    const attempts = new Attempts();
    if (at === this.#redirections.length - 1) {
      try {
        redirected.checkOpen();
        // What cannot be flushed does not keep the descriptor redirected.
        attempts.run(() => redirected.flush());
        redirected.redirectTo(this.#redirections[at - 1]?.target);
      } catch (error) {
        // Nothing has changed, and the caller can restore it later, unless the descriptor is closed.
        if (!hasCode(error, "EBADF")) throw error;
        attempts.failed(error);
      }
    }
    this.#redirections.splice(at, 1);
    attempts.run(() => redirected.close(redirection.target));
    if (this.#redirections.length === 0) attempts.run(() => this.#end());
    attempts.end();
  }

  #end(): void {
    stacks().delete(this.#fd);
    this.#redirected.end();
    this.#redirected.release();
  }
}
