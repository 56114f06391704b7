/** A redirected descriptor on POSIX. */
import { flushC } from "../../ffi/posix/libc.ts";
import { posixPlatform } from "../handle/posix.ts";
import { replaceAll, standardStream } from "../handle/posix_streams.ts";
import type { StandardStream } from "../handle/standard_stream.ts";
import { LAST_STANDARD_FD } from "../handle/runtime_source.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import type { RedirectedFd, RedirectPlatform } from "./types.ts";

/** Redirections on POSIX. */
export const posixRedirect: RedirectPlatform = {
  check() {},
  redirected: (fd) => new PosixRedirectedFd(fd),
};

class PosixRedirectedFd implements RedirectedFd {
  readonly #fd: number;
  readonly #original: RawHandle;
  readonly #inheritable: boolean;
  readonly #stream: StandardStream;

  constructor(fd: number) {
    this.#fd = fd;
    this.#inheritable = posixPlatform.isInheritable(fd);
    this.#stream = standardStream(fd);
    this.#original = posixPlatform.duplicate(fd, false, undefined);
  }

  checkOpen(): void {
    posixPlatform.isInheritable(this.#fd);
  }

  flush(): void {
    this.#stream.flush();
    flushC();
  }

  duplicate(source: RawHandle): RawHandle {
    return posixPlatform.duplicate(source, false, undefined);
  }

  redirectTo(target: RawHandle | undefined): void {
    const keepsInheritance = target === undefined || this.#fd > LAST_STANDARD_FD;
    const inheritable = keepsInheritance ? this.#inheritable : true;
    replaceAll(target ?? this.#original, this.#fd, this.#stream.otherFds, inheritable);
  }

  close(target: RawHandle): void {
    posixPlatform.close(target);
  }

  begin(): void {
    this.#stream.redirect();
  }

  end(): void {
    this.#stream.restore();
  }

  release(): void {
    posixPlatform.close(this.#original);
  }
}
