/** The process that is started to take the place of this one, until it has. */
import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import { failure, type HandleError } from "../../ffi/error.ts";
import { identityAt } from "../../ffi/posix/identity.ts";
import { pidfd_open } from "../../ffi/posix/process.ts";
import { sendSignal, signals } from "../../ffi/posix/signal.ts";
import { spawnWithReserved } from "../child/spawn.ts";
import { OwnedHandle } from "../handle/handle.ts";
import { runtimeError, tryOrUndefined } from "../util/platform.ts";
import type { UpgradeSettings } from "./options.ts";
import {
  createPair,
  END,
  GIVEN_UP,
  type Hello,
  LINK,
  MAX_SAID,
  OLDER,
  pidOfReady,
  REPLACED,
  sendHello,
} from "./posix_link.ts";
import { withoutOwn } from "./service.ts";

/** How long a process may take to end by itself after SIGTERM, in milliseconds. */
const KILL_AFTER_MS = 5000;
/** How long it may live without its end of the link, in milliseconds. */
const LINGER_MS = 1000;
/** After what time all that an ended process has said was read, in milliseconds. */
const READ_MS = 100;

/** What the new process gets. */
export interface Estate {
  readonly hello: Hello;
  readonly handles: Readonly<Record<string, OwnedHandle>>;
  /** One for each process that lives, by which it knows when that has ended. */
  readonly older: readonly OwnedHandle[];
}

/** How a process ended, or why it did not start. */
interface End {
  readonly hasFailed: boolean;
  /** `undefined` when the program did not start. */
  readonly how: string | undefined;
  readonly error?: unknown;
}

/** A process that was started. */
export class Successor {
  readonly #command: string;
  readonly #cwd: string | undefined;
  readonly #child: ChildProcess;
  readonly #link: Socket;
  /** The process, in place of its pid; `undefined` when it was not started, or the system gives none. */
  readonly #process: OwnedHandle | undefined;
  readonly #ended: Promise<End>;
  /** Fulfilled with the pid in its ready. */
  readonly #ready: Promise<number>;
  /** Fulfilled with why there will be no ready, or when it has ended after its ready. */
  readonly #lost: Promise<Error>;
  /** The pid in its ready. */
  #readyPid: number | undefined;
  #isReplaced = false;
  #hasEnded = false;

  /**
   * Starts a process.
   *
   * @throws {HandleError} `EMFILE` and what else `spawn` throws; no process was started
   */
  static start(settings: UpgradeSettings, { hello, handles, older }: Estate): Successor {
    const { command, args, cwd, env = process.env } = settings;
    const [ours, theirs] = createPair();
    using _ = theirs;
    let link: Socket | undefined;
    try {
      sendHello(ours, hello);
      link = ours.toSocket();
      const lives = older.map(({ raw }, at) => [`${OLDER}${at}`, raw]);
      const child = spawnWithReserved(
        command,
        args,
        { cwd, env: withoutOwn(env), stdio: "inherit", handles },
        { [LINK]: theirs.raw, ...Object.fromEntries(lives) },
      );
      return new Successor(settings, child, link);
    } catch (error) {
      if (link === undefined) ours.close();
      else link.destroy();
      throw error;
    }
  }

  private constructor({ command, cwd }: UpgradeSettings, child: ChildProcess, link: Socket) {
    this.#command = command;
    this.#cwd = cwd;
    this.#child = child;
    this.#process = processHandle(child.pid);
    this.#link = link;
    this.#ended = new Promise((resolve) => {
      child.once("exit", (code, signal) => {
        resolve({ hasFailed: code !== 0, how: signal ?? `exit code ${code}` });
      });
      child.on("error", (error) => resolve({ hasFailed: true, how: undefined, error }));
    });
    this.#ready = new Promise((resolve, reject) => {
      readMessages(link, (text) => {
        const pid = pidOfReady(text);
        if (this.#readyPid === undefined && pid !== undefined) {
          this.#readyPid = pid;
          resolve(pid);
        } else if (this.#readyPid !== undefined && text === REPLACED) this.#isReplaced = true;
        else reject(protocolError());
      });
    });
    this.#ready.catch(() => {}); // whoever waits for it handles it
    link.on("error", () => {}); // "close" follows
    this.#lost = new Promise((resolve) => {
      link.once("close", () => {
        if (this.#isReplaced) return; // another one serves
        this.#hasEnded = true;
        // One that lives without its link could never say that it is ready.
        const timer = setTimeout(() => this.#kill("SIGKILL"), LINGER_MS);
        timer.unref?.();
        void this.#ended.then((end) => {
          clearTimeout(timer);
          resolve(this.#endError(end));
        });
      });
      void this.#ended.then(async (end) => {
        // A program that has started the new process and ended without a failure is none itself.
        if (end.hasFailed && this.#readyPid === undefined) return resolve(this.#endError(end));
        // What it has started may have its end of the link.
        await new Promise((resolve) => setTimeout(resolve, READ_MS).unref?.());
        if (this.#readyPid !== child.pid || this.#isReplaced) return;
        this.#hasEnded = true;
        resolve(this.#endError(end));
      });
    });
  }

  /** Whether the process has ended, and has not been replaced by another one. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /**
   * Waits until the process serves. One that does not is ended.
   *
   * @param confirm is called with its pid when it serves; when that rejects, the process is ended
   * @returns its pid
   * @throws {HandleError} `ETIMEDOUT` when it was not ready in time, `EPIPE` when it has ended; what the runtime says
   * when there is no such program
   * @throws {unknown} the reason of the signal
   */
  async takesOver(
    { timeout, minReadyTime }: UpgradeSettings,
    signal: AbortSignal,
    confirm: (pid: number) => Promise<void>,
  ): Promise<number> {
    try {
      const lost = this.#lost.then((error) => Promise.reject(error));
      lost.catch(() => {});
      const pid = await within(timeout, signal, Promise.race([this.#ready, lost]));
      if (pid === undefined) throw timeoutError(timeout);
      await within(minReadyTime, signal, lost);
      await confirm(pid);
      // From here on it is a program of its own, which does not keep this one from ending.
      this.#child.unref();
      this.#link.unref();
      return pid;
    } catch (error) {
      await this.#end();
      throw error;
    } finally {
      this.#process?.close();
    }
  }

  /** Ends the process, and waits for its end. What a shell has started may live on: it reads that it must not serve. */
  async #end(): Promise<void> {
    if (!this.#link.destroyed) this.#link.write(`${GIVEN_UP}${END}`);
    this.#kill("SIGTERM");
    const timer = setTimeout(() => this.#kill("SIGKILL"), KILL_AFTER_MS);
    await this.#ended;
    clearTimeout(timer);
    this.#link.destroy();
  }

  /** Not by the runtime if possible: Deno takes a process for ended once it has sent a signal to it. */
  #kill(signal: keyof typeof signals): void {
    try {
      if (this.#process === undefined) this.#child.kill(signal);
      else if (!this.#process.closed) sendSignal(this.#process.raw, signals[signal]);
    } catch {
      // It was not started, or is another user's by now.
    }
  }

  #endError({ how, error }: End): Error {
    if (how === undefined) {
      return startError(runtimeError(error, "spawn", this.#command), this.#cwd);
    }
    const when = this.#readyPid !== undefined ? "soon after it was ready" : "before it was ready";
    return failure("EPIPE", "spawn", {
      message: `Cannot upgrade: the new process ended ${when} (${how}), and this one serves on; ` +
        "see what it wrote, and whether it calls ready()",
    });
  }
}

function processHandle(pid: number | undefined): OwnedHandle | undefined {
  if (pid === undefined) return undefined;
  const pidfd = tryOrUndefined(() => pidfd_open(pid, 0));
  return pidfd === undefined ? undefined : OwnedHandle.fromRaw(pidfd);
}

/** Reads what a process says, which is short. */
function readMessages(link: Socket, onMessage: (text: string) => void): void {
  const decoder = new TextDecoder();
  let text = "";
  let count = 0;
  link.on("data", (bytes: Uint8Array) => {
    count += bytes.length;
    if (count > MAX_SAID) return onMessage("");
    const messages = (text + decoder.decode(bytes)).split(END);
    text = messages.pop() ?? "";
    messages.forEach(onMessage);
  });
}

/** The result of a promise; `undefined` when the time is over before, in milliseconds. */
async function within<Result>(
  milliseconds: number,
  signal: AbortSignal,
  promise: Promise<Result>,
): Promise<Result | undefined> {
  let stop = () => {};
  const stopped = new Promise<undefined>((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), milliseconds);
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    stop = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    };
  });
  try {
    return await Promise.race([promise, stopped]);
  } finally {
    stop();
  }
}

/** The error of a start. Where the folder does not exist, the runtimes say that the program does not. */
function startError(error: HandleError, cwd: string | undefined): HandleError {
  const isThere = cwd === undefined || identityAt(cwd) !== undefined;
  if (isThere || error.code !== "ENOENT") return error;
  return failure("ENOENT", "chdir", {
    message:
      `Cannot start the new process in ${cwd}: there is no such folder any more, and this one serves on; ` +
      "set cwd to a folder that stays",
    cause: error,
  });
}

function timeoutError(milliseconds: number): Error {
  return failure("ETIMEDOUT", "spawn", {
    message:
      `Cannot upgrade: the new process did not call ready() within ${milliseconds} ms; it was ` +
      "ended, and this one serves on; raise timeout, or see what it waits for",
  });
}

function protocolError(): Error {
  return failure("EPROTO", "spawn", {
    message: "Cannot upgrade: the new process said something else than that it is ready; it was " +
      "ended, and this one serves on; use the same version of duphandle in both",
  });
}
