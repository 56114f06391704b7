/** One generation of a program that is replaced while it serves. */
import { failure } from "../../ffi/error.ts";
import { pid as ownPid } from "../../ffi/host.ts";
import { closeMany } from "../batch/batch.ts";
import type { OwnedHandle } from "../handle/handle.ts";
import type { ListenAddress } from "../socket/listen_on.ts";
import { Attempts } from "../util/attempts.ts";
import { tryOrUndefined } from "../util/platform.ts";
import { KeptHandles } from "./kept_handles.ts";
import {
  parseStartOptions,
  parseUpgradeOptions,
  type StartSettings,
  type UpgradeOptions,
  type UpgradeSettings,
  type UpgradeStartOptions,
} from "./options.ts";
import { isOwnPidFile, removePidFile, writePidFile } from "./pid_file.ts";
import {
  createPair,
  givenUpError,
  isGivenUp,
  livingOf,
  sendReady,
  sendReplaced,
} from "./posix_link.ts";
import { reportMain, reportReady, reportReloading } from "./service.ts";
import { type ProcessState, processState } from "./state.ts";
import { Successor } from "./successor.ts";

/**
 * Replaces the program of a server by a newer one, without a moment in which nobody serves: the new process
 * inherits the listening sockets, and the old one stops when the new one says that it is ready.
 *
 * The first process that calls {@linkcode Upgrade.start} is generation 0. Its {@linkcode Upgrade.upgrade} starts
 * the same program again, which calls the same functions: there `listener` returns the socket of generation 0, and
 * `ready` resolves {@linkcode Upgrade.exit} in generation 0, which then finishes its requests and ends. What goes
 * wrong before that changes nothing: the old process goes on serving.
 *
 * - When the old process dies, at any moment, the new one goes on and serves.
 * - A new process that crashes, is not ready in time, or ends soon after it was ready makes `upgrade` reject.
 * - While an old process finishes its requests, the newer one can be replaced in turn.
 *
 * The new process is a child of the old one, in its process group and with its standard input, output and error. So
 * Ctrl-C reaches all generations as long as the first one has the terminal; when that one ends, the shell shows its
 * prompt. It keeps nothing alive: this process ends when it has nothing else to do.
 *
 * Linux; elsewhere `ENOTSUP`. In Deno it needs `--allow-ffi`, `--allow-env` and `--allow-run`.
 *
 * @see https://man7.org/linux/man-pages/man7/unix.7.html
 *
 * @example
 * ```ts
 * import { drain, Upgrade } from "duphandle";
 * import { createServer } from "node:http";
 *
 * async function main() {
 *   const upgrade = await Upgrade.start();
 *   const server = createServer((_, response) => void response.end("hello\n"));
 *   await upgrade.listener("http", { port: 8080 }).toServer(server);
 *   upgrade.ready();
 *   process.on("SIGHUP", () => upgrade.upgrade().catch(console.error));
 *   await upgrade.exit; // a newer process serves
 *   await drain(server, { timeout: 10_000 });
 *   process.exit();
 * }
 *
 * console.log(typeof main);
 * ```
 */
export class Upgrade implements AsyncDisposable {
  /** How many processes have served before this one: 0 in the first one. */
  readonly generation: number;
  /**
   * Fulfilled when a newer process serves: this one should finish its requests, and end. It stays pending when
   * there is none.
   */
  readonly exit: Promise<void>;
  readonly #settings: StartSettings;
  readonly #state: ProcessState;
  readonly #handles: KeptHandles;
  readonly #closing: AbortController = new AbortController();
  #resolveExit: () => void = () => {};
  /** Both ends of a pair: this process has one for as long as it lives, the newer ones have the other one. */
  #life: readonly [own: OwnedHandle, others: OwnedHandle] | undefined;
  #older: readonly OwnedHandle[];
  #successor: Successor | undefined;
  #running: Promise<number> | undefined;
  #isReady = false;
  #closed: Promise<void> | undefined;

  private constructor(settings: StartSettings, state: ProcessState) {
    this.#settings = settings;
    this.#state = state;
    this.#handles = new KeptHandles(state.predecessor);
    this.#older = state.predecessor?.older ?? [];
    this.generation = state.predecessor?.generation ?? 0;
    this.exit = new Promise((resolve) => this.#resolveExit = resolve);
  }

  /**
   * Finds out whether this process replaces an older one, and takes what that one gave to it. Call it once, at the
   * start of the program.
   *
   * @param options the defaults of each upgrade, a file for the pid, and whether the service manager is told
   * @returns this generation
   * @throws {HandleError} `ENOTSUP` on other systems than Linux and in a worker thread; `EBUSY` when there is one in
   * this process already; `EBADF` when a program in between, such as `npm run`, has kept the handles; `EPROTO` when
   * the older process has another version of this library that does not fit; `EACCES` when Deno does not permit to
   * read `DUPHANDLE_HANDLES`
   * @throws {TypeError} when an option has the wrong type or is out of range; nothing was done
   */
  static start(options?: UpgradeStartOptions): Promise<Upgrade> {
    return new Promise((resolve) => resolve(Upgrade.#start(options))); // what it throws rejects
  }

  static #start(options: UpgradeStartOptions | undefined): Upgrade {
    const settings = parseStartOptions(options);
    const state = processState();
    if (state.isStarted) {
      throw failure("EBUSY", "spawn", {
        message: "Cannot start a second Upgrade in this process: use the first one, or close it",
      });
    }
    state.isStarted = true;
    return new Upgrade(settings, state);
  }

  /**
   * The listening socket with this name: that of the older process, or in the first one that binds it a new one.
   *
   * A socket that was requested with another address by the older process is not taken: a new one is bound. Also in
   * the first generation a handle with this name that the process has inherited by `spawn` is taken.
   *
   * @param name any text that is not empty and does not start with `duphandle:`
   * @param address where it listens, as for `listenOn`
   * @returns a duplicate, which the caller closes or gives to `toServer` or `serveOn`; a second call returns another
   * one. This object has one of its own until it is closed
   * @throws {HandleError} `EADDRINUSE` and what else `listenOn` throws; `ENOTSUP` when the inherited handle is no
   * listening socket; `EBADF` when the program has taken it by `inherited`, or this object is closed; `EMFILE`
   * @throws {TypeError} when an argument has the wrong type
   */
  listener(name: string, address: ListenAddress): OwnedHandle {
    this.#requireOpen();
    return this.#handles.listener(name, address);
  }

  /**
   * The handle with this name: that of the older process, or the one that `make` makes.
   *
   * @param name any text that is not empty and does not start with `duphandle:`
   * @param make makes the handle, which belongs to this object from then on; it is called when there is none
   * @returns a duplicate, which the caller closes; a second call returns another one
   * @throws {HandleError} `EBADF` when the program has taken the handle by `inherited`, or this object is closed;
   * `EMFILE`
   * @throws {TypeError} when an argument has the wrong type, or `make` returns something else
   */
  handle(name: string, make: () => OwnedHandle): OwnedHandle {
    this.#requireOpen();
    return this.#handles.handle(name, make);
  }

  /**
   * Says that this process serves: the older one stops. It writes the pid file first, and closes what the older
   * process has passed on and this one has not requested. A second call does nothing.
   *
   * @throws {HandleError} `ENOENT`, `EACCES`, `ENOSPC` when the pid file can't be written: then the older process
   * serves on; `ECANCELED` when the older process has given this one up: end then; what `notify` throws, in the
   * first process with that option; `EBADF` when this object is closed
   */
  ready(): void {
    this.#requireOpen();
    if (this.#isReady) return;
    const { pidFile, notify } = this.#settings;
    const { predecessor } = this.#state;
    if (predecessor !== undefined && isGivenUp(predecessor.link)) throw givenUpError();
    if (pidFile !== undefined) writePidFile(pidFile);
    if (notify && predecessor === undefined) reportReady();
    if (predecessor !== undefined) {
      this.#handles.closeOthers();
      sendReady(predecessor.link);
    }
    this.#isReady = true; // at last, so that a call after an error tells the older process
  }

  /**
   * Starts a newer process and waits until it serves, or rejects, and this process serves on as if nothing had
   * happened, when that process ends first, or is not ready within `timeout`. Then it is ended before the promise is
   * rejected: by `SIGTERM`, and by `SIGKILL` five seconds later.
   *
   * The new process gets all handles of {@linkcode Upgrade.listener} and {@linkcode Upgrade.handle}, and no others.
   * Once it is ready and has lived for `minReadyTime`, {@linkcode Upgrade.exit} is fulfilled. If it ends while this
   * process still finishes its requests, `upgrade` can be called again.
   *
   * @param options where the new process differs from what `start` was told
   * @returns the pid of the new process
   * @throws {HandleError} `ETIMEDOUT` when it is not ready in time; `EPIPE` when it has ended before; `ENOENT` or
   * `EACCES` when the command can't be started; `EBUSY` when another upgrade is under way, a newer process serves
   * already, or `maxGenerations` processes live; `EINVAL` when this process is not ready itself; `ECANCELED` when this
   * object is closed meanwhile; `EBADF` when it was before; `EMFILE`; what else `spawn` throws, and what `notify` throws
   * with that option
   * @throws {TypeError} when an option has the wrong type or is out of range
   */
  async upgrade(options?: UpgradeOptions): Promise<number> {
    const settings = parseUpgradeOptions(options, this.#settings);
    this.#requireOpen();
    this.#requireFree();
    this.#running = this.#replace(settings);
    try {
      return await this.#running;
    } finally {
      this.#running = undefined;
    }
  }

  /**
   * Closes the handles of this object, and removes the pid file if it is this process's. A running upgrade is ended,
   * and its process with it. The handles that were given out stay open.
   *
   * @returns when all is closed; a second call waits for the same
   */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  /** Closes it, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#closing.abort(failure("ECANCELED", "spawn", {
      message: "Cannot upgrade: this object was closed meanwhile, and the new process was ended",
    }));
    await this.#running?.catch(() => {});
    const attempts = new Attempts();
    const { pidFile } = this.#settings;
    if (pidFile !== undefined) attempts.run(() => removePidFile(pidFile));
    attempts.run(() => this.#handles.close());
    attempts.run(() => closeMany(this.#life ?? []));
    this.#state.isStarted = false;
    attempts.end();
  }

  #requireOpen(): void {
    if (this.#closed === undefined) return;
    throw failure("EBADF", "spawn", {
      message: "Cannot use an Upgrade that is closed: start another one",
    });
  }

  /** Throws unless this process may start another one now. */
  #requireFree(): void {
    const { maxGenerations } = this.#settings;
    if (!this.#isReady) {
      throw failure("EINVAL", "spawn", {
        message: "Cannot upgrade: this process is not ready itself; call ready() when it serves",
      });
    }
    this.#older = livingOf(this.#older);
    const living = this.#older.length + 1;
    const why = this.#running !== undefined
      ? "another upgrade is under way; wait for it"
      : this.#successor?.hasEnded === false
      ? "a newer process serves; upgrade that one"
      : living >= maxGenerations
      ? `${living} processes live, as many as may; let older ones end, or raise maxGenerations`
      : undefined;
    if (why === undefined) return;
    throw failure("EBUSY", "spawn", { message: `Cannot upgrade: ${why}` });
  }

  async #replace(settings: UpgradeSettings): Promise<number> {
    const { notify, pidFile } = this.#settings;
    const report = async (pid: number) => notify ? await reportMain(pid) : undefined;
    const hadFile = tryOrUndefined(() => pidFile !== undefined && isOwnPidFile(pidFile));
    if (notify) await reportReloading();
    try {
      const [, others] = this.#life ??= createPair();
      const successor = Successor.start(settings, {
        hello: {
          generation: this.generation + 1,
          addresses: this.#handles.addresses(),
        },
        handles: this.#handles.all(),
        older: [...this.#older, others],
      });
      const pid = await successor.takesOver(settings, this.#closing.signal, report);
      this.#successor = successor;
      if (this.#state.predecessor !== undefined) sendReplaced(this.#state.predecessor.link);
      this.#resolveExit();
      return pid;
    } catch (error) {
      // Unless it was another program's before, or is gone.
      if (hadFile) tryOrUndefined(() => isOwnPidFile(pidFile!) || writePidFile(pidFile!));
      await report(ownPid()).catch(() => {}); // what went wrong first is the reason
      throw error;
    }
  }
}
