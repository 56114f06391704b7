/** Redirections on POSIX: a stack for each descriptor, which refers to the target on top. */
import { hasCode } from "../../ffi/error.ts";
import { flushC } from "../../ffi/posix/libc.ts";
import { Attempts } from "../util/attempts.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { posixPlatform } from "../handle/posix.ts";
import { closeAll } from "../handle/raw.ts";
import { replaceAll, standardStream } from "../handle/posix_streams.ts";
import { LAST_STANDARD_FD } from "../handle/runtime_source.ts";
import { shared } from "../util/shared.ts";

/** One redirection: a duplicate of its source, kept open because it can become the top again. */
interface Redirection {
  readonly target: RawHandle;
}

/** The stacks of all copies of this library: a descriptor has one. Layout 2 is `push` of a source, and `remove`. */
const stacks = (): Map<number, Stack> => shared("redirections", 2, () => new Map());

/** Redirects a descriptor and returns the function that restores it, once. */
export function redirectPosix(fd: number, source: RawHandle): () => void {
  const stack = stacks().get(fd) ?? new Stack(fd);
  const redirection = stack.push(source);
  return () => stack.remove(redirection);
}

/** The redirections of one descriptor. */
class Stack {
  readonly #fd: number;
  readonly #original: RawHandle;
  readonly #inheritable: boolean;
  readonly #stream: ReturnType<typeof standardStream>;
  readonly #redirections: Redirection[];

  constructor(fd: number) {
    this.#fd = fd;
    this.#inheritable = posixPlatform.isInheritable(fd);
    this.#stream = standardStream(fd);
    this.#redirections = [];
    this.#original = posixPlatform.duplicate(fd, false, undefined);
  }

  /** Redirects to a duplicate of the source, which is made last: its close ends record locks. */
  push(source: RawHandle): Redirection {
    let target: RawHandle | undefined;
    try {
      this.#checkOpen();
      this.#flush();
      target = posixPlatform.duplicate(source, false, undefined);
      this.#redirectTo({ target });
    } catch (error) {
      if (this.#redirections.length === 0) closeAll([this.#original]);
      if (target !== undefined) closeAll([target]);
      throw error;
    }
    const redirection = { target };
    if (this.#redirections.push(redirection) > 1) return redirection;
    stacks().set(this.#fd, this);
    this.#stream.redirect();
    return redirection;
  }

  remove(redirection: Redirection): void {
    const at = this.#redirections.indexOf(redirection);
    if (at === -1) return;
    const attempts = new Attempts();
    if (at === this.#redirections.length - 1) {
      try {
        this.#checkOpen();
        // What cannot be flushed does not keep the descriptor redirected.
        attempts.run(() => this.#flush());
        this.#redirectTo(this.#redirections[at - 1]);
      } catch (error) {
        // Nothing has changed, and the caller can restore it later, unless the descriptor is closed.
        if (!hasCode(error, "EBADF")) throw error;
        attempts.failed(error);
      }
    }
    this.#redirections.splice(at, 1);
    attempts.run(() => posixPlatform.close(redirection.target));
    if (this.#redirections.length === 0) attempts.run(() => this.#end());
    attempts.end();
  }

  /** Throws `EBADF` when the descriptor was closed: its number may belong to other code by now. */
  #checkOpen(): void {
    posixPlatform.isInheritable(this.#fd);
  }

  #flush(): void {
    this.#stream.flush();
    flushC();
  }

  /** Makes the descriptor refer to the target of a redirection, or to its original file. */
  #redirectTo(redirection: Redirection | undefined): void {
    const fd = this.#fd;
    const raw = redirection?.target ?? this.#original;
    const keepsInheritance = redirection === undefined || fd > LAST_STANDARD_FD;
    replaceAll(raw, fd, this.#stream.otherFds, keepsInheritance ? this.#inheritable : true);
  }

  #end(): void {
    stacks().delete(this.#fd);
    this.#stream.restore();
    posixPlatform.close(this.#original);
  }
}
