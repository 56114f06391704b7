/** What redirections need of an operating system. */
import type { RawHandle } from "../util/raw_handle.ts";

/** A descriptor from its first redirection until the last is restored. */
export interface RedirectedFd {
  /** Throws `EBADF` when the descriptor was closed: its number may belong to other code by now. */
  checkOpen(): void;
  /** Writes what is buffered. */
  flush(): void;
  /** A duplicate of a source, to which the descriptor can be redirected. */
  duplicate(source: RawHandle): RawHandle;
  /** Makes the descriptor refer to a duplicate, or to its original object. */
  redirectTo(target: RawHandle | undefined): void;
  /** Closes a duplicate. */
  close(target: RawHandle): void;
  /** Before the first redirection: makes the stream of the runtime write to what the descriptor refers to. */
  begin(): void;
  /** The last one is restored, or the first one has failed: makes the stream of the runtime as it was. */
  end(): void;
  /** Closes what was kept of the original object. */
  release(): void;
}

/** What redirections need of an operating system. */
export interface RedirectPlatform {
  /** Throws when the descriptor can never be redirected here. */
  check(fd: number): void;
  /** The descriptor, of which nothing has changed yet; throws when it cannot be redirected. */
  redirected(fd: number): RedirectedFd;
}
