/**
 * A redirected descriptor on Windows. The descriptor gets another `HANDLE` in one step, and the one that it had
 * stays open meanwhile. So restoring it needs nothing that could fail, and no number is ever free for another
 * thread.
 */
import { failure } from "../../ffi/error.ts";
import { CompareObjectHandles } from "../../ffi/win32/handle.ts";
import {
  currentHandle,
  exchangeHandle,
  handleOfFd,
  letOthersUseHandle,
} from "../../ffi/win32/osfhandle.ts";
import type { StandardStream } from "../handle/standard_stream.ts";
import { LAST_STANDARD_FD } from "../handle/runtime_source.ts";
import {
  checkReplaceable,
  replacedHandles,
  standardStreamWindows,
  windowsPlatform,
} from "../handle/windows.ts";
import { closeOrWarn, closeQuietly } from "../util/late_close.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import type { RedirectedFd, RedirectPlatform } from "./types.ts";

/** Redirections on Windows. */
export const windowsRedirect: RedirectPlatform = {
  check: checkReplaceable,
  redirected: (fd) => new WindowsRedirectedFd(fd),
};

class WindowsRedirectedFd implements RedirectedFd {
  readonly #fd: number;
  readonly #original: RawHandle;
  readonly #inheritable: boolean;
  readonly #stream: StandardStream;
  /** What `duplicateOnto` made the descriptor refer to before the first redirection. */
  readonly #replaced: RawHandle | undefined;
  /** A second handle to the object of each duplicate, by which the duplicate is known again. */
  readonly #witnesses: Map<RawHandle, RawHandle>;
  #current: RawHandle;
  /** Whether the descriptor was closed: then its owner has closed the `HANDLE` that it had. */
  #isLost: boolean;

  constructor(fd: number) {
    this.#fd = fd;
    this.#stream = standardStreamWindows(fd);
    this.#original = handleOfFd(fd);
    this.#inheritable = windowsPlatform.isInheritable(this.#original);
    this.#replaced = replacedHandles().get(fd);
    this.#witnesses = new Map();
    this.#current = this.#original;
    this.#isLost = false;
  }

  checkOpen(): void {
    // Fds 0 to 2 are never closed. What duplicateOnto() gave them since then is replaced in its turn.
    if (!this.#isLost && this.#fd <= LAST_STANDARD_FD) return;
    this.#isLost ||= !this.#refersToCurrent();
    if (this.#isLost) throw closedMeanwhile(this.#fd);
  }

  /** A number and a value that were closed may both be those of another file by now. */
  #refersToCurrent(): boolean {
    const current = this.#current;
    if (currentHandle(this.#fd) !== current) return false;
    const witness = this.#witnesses.get(current);
    return witness === undefined || CompareObjectHandles(current, witness);
  }

  flush(): void {
    this.#stream.flush();
  }

  duplicate(source: RawHandle): RawHandle {
    const target = windowsPlatform.duplicate(source, this.#inheritable, undefined);
    try {
      this.#witnesses.set(target, windowsPlatform.duplicate(target, false, undefined));
    } catch (error) {
      closeQuietly(() => windowsPlatform.close(target));
      throw error;
    }
    return target;
  }

  redirectTo(target: RawHandle | undefined): void {
    const next = target ?? this.#original;
    const isStandard = this.#fd <= LAST_STANDARD_FD;
    const before = isStandard ? handleOfFd(this.#fd) : this.#current;
    if (!exchangeHandle(this.#fd, before, next)) {
      this.#isLost = !isStandard;
      throw closedMeanwhile(this.#fd);
    }
    this.#current = next;
    if (isStandard) this.#closeReplaced(next);
  }

  /** Closes what `duplicateOnto` gave to the descriptor since it was redirected. */
  #closeReplaced(next: RawHandle): void {
    const replaced = replacedHandles();
    const made = replaced.get(this.#fd);
    if (made === undefined || made === this.#replaced || made === next) return;
    if (this.#replaced === undefined) replaced.delete(this.#fd);
    else replaced.set(this.#fd, this.#replaced);
    closeOrWarn(() => windowsPlatform.close(made));
  }

  close(target: RawHandle): void {
    const witness = this.#witnesses.get(target);
    if (witness !== undefined) closeQuietly(() => windowsPlatform.close(witness));
    this.#witnesses.delete(target);
    letOthersUseHandle();
    if (!this.#isLost || target !== this.#current) windowsPlatform.close(target);
  }

  begin(): void {
    this.#stream.redirect();
  }

  end(): void {
    this.#stream.restore();
  }

  release(): void {
    // Otherwise the descriptor has it, or had it when its owner closed both.
    if (this.#isLost && this.#current !== this.#original) windowsPlatform.close(this.#original);
  }
}

function closedMeanwhile(fd: number): Error {
  return failure("EBADF", "dup3", {
    message:
      `Cannot make fd ${fd} refer to another object: it was closed or replaced while it was ` +
      "redirected; restore it first",
    handle: fd,
  });
}
