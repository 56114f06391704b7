/** Redirections on POSIX: a stack for each descriptor, of which the top is what it shows. */
import { hasCode } from "../../ffi/error.ts";
import { posixPlatform } from "../handle/posix.ts";
import { flushC } from "../../ffi/posix/stdio.ts";
import { standardStream } from "./streams.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/** How often a call that says "again" is repeated; the descriptor must not stay half restored. */
const ATTEMPTS = 100;

/** fds 0 to 2 stay inheritable: it is how a child gets them. */
const LAST_STANDARD_FD = 2;

/** One redirection: a duplicate of its source, kept so that it can come to the top again. */
interface Redirection {
  readonly target: RawHandle;
}

const stacks = new Map<number, Stack>();

/** Redirects a descriptor and returns what puts it back, once. */
export function redirectPosix(fd: number, source: RawHandle): () => void {
  const target = posixPlatform.duplicate(source, false, undefined);
  try {
    const stack = stacks.get(fd) ?? new Stack(fd);
    const redirection = { target };
    stack.push(redirection);
    return () => stack.remove(redirection);
  } catch (error) {
    posixPlatform.close(target);
    throw error;
  }
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

  push(redirection: Redirection): void {
    try {
      this.#checkOpen();
      this.#flush();
      this.#show(redirection);
    } catch (error) {
      if (this.#redirections.length === 0) posixPlatform.close(this.#original);
      throw error;
    }
    if (this.#redirections.push(redirection) > 1) return;
    stacks.set(this.#fd, this);
    this.#stream.follow();
  }

  remove(redirection: Redirection): void {
    const at = this.#redirections.indexOf(redirection);
    if (at === -1) return;
    const wasTop = at === this.#redirections.length - 1;
    this.#redirections.splice(at, 1);
    try {
      if (wasTop) this.#showNext();
    } finally {
      try {
        posixPlatform.close(redirection.target);
      } finally {
        if (this.#redirections.length === 0) this.#end();
      }
    }
  }

  /** Shows what is on top now, even when the buffers could not be flushed. */
  #showNext(): void {
    this.#checkOpen();
    try {
      this.#flush();
    } finally {
      this.#show(this.#redirections.at(-1));
    }
  }

  /** A number that was closed meanwhile is not ours to open again: `EBADF`. */
  #checkOpen(): void {
    posixPlatform.isInheritable(this.#fd);
  }

  #flush(): void {
    this.#stream.flush();
    flushC();
  }

  /** Makes the descriptor lead to a redirection's target, or back to where it led at first. */
  #show(redirection: Redirection | undefined): void {
    const fd = this.#fd;
    const raw = redirection?.target ?? this.#original;
    const asBefore = redirection === undefined || fd > LAST_STANDARD_FD;
    replace(raw, fd, asBefore ? this.#inheritable : true);
    for (const other of this.#stream.others) replace(raw, other, false);
  }

  #end(): void {
    stacks.delete(this.#fd);
    this.#stream.leave();
    posixPlatform.close(this.#original);
  }
}

function replace(raw: RawHandle, fd: number, inheritable: boolean): void {
  for (let attempt = 1;; attempt++) {
    try {
      return posixPlatform.duplicateOnto(raw, fd, inheritable);
    } catch (error) {
      const again = hasCode(error, "EINTR", "EBUSY");
      if (!again || attempt === ATTEMPTS) throw error;
    }
  }
}
