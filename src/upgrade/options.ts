/** The options of an upgrade: which program is the next generation, and how long it may take. */
import { checkInteger, show } from "../../ffi/check.ts";
import { builtin } from "../../ffi/host.ts";
import { checkKeys, MAX_TIMEOUT_MS } from "../handle/options.ts";
import { ownProgram, type Program } from "./posix_program.ts";

/** What the new process is, and how long it may take. */
export interface UpgradeOptions {
  /**
   * The program of the new process: a path, or a name that is looked for in `PATH`. It may be another runtime. A
   * program that starts the runtime has to replace itself by it: `exec node server.js` in a shell. Default: the
   * executable of this process.
   */
  readonly command?: string | undefined;
  /** Its arguments. Default: those of this process, with the flags of the runtime; none beside a `command`. */
  readonly args?: readonly string[] | undefined;
  /**
   * The folder in which it starts. Default: the folder in which this process was when `Upgrade.start` was
   * called. A path of symbolic links that `PWD` has for it stays one, so it may lead to a newer release.
   */
  readonly cwd?: string | URL | undefined;
  /** Its environment variables. Default: those of this process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** How long it may take until it calls `ready()`, in milliseconds. Then it is ended. Default 60,000. */
  readonly timeout?: number | undefined;
  /**
   * How long it must live after its `ready()`, in milliseconds, until this process gives up its place. Both
   * serve meanwhile. Default 500.
   */
  readonly minReadyTime?: number | undefined;
}

/** The options of `Upgrade.start`: the defaults of each upgrade, and what is of the process. */
export interface UpgradeStartOptions extends UpgradeOptions {
  /**
   * The most processes that live at a time: this one, the newer one, and older ones that have not ended yet.
   * From 2 to 200, default 16.
   */
  readonly maxGenerations?: number | undefined;
  /** A file that `ready()` writes the pid of this process to. `close()` removes it, if it is this process's still. */
  readonly pidFile?: string | undefined;
  /**
   * Whether the service manager is told which process is the service: `ready()` of the first process says `READY=1`, and
   * each process that is replaced `RELOADING=1` before, and `READY=1` with the `MAINPID` of the newer one when that
   * serves. So the unit needs no `NotifyAccess=all`. Without `NOTIFY_SOCKET` it does nothing. Default `false`.
   */
  readonly notify?: boolean | undefined;
}

/** The options of an upgrade, after a check. */
export interface UpgradeSettings extends Program {
  readonly env: Readonly<Record<string, string | undefined>> | undefined;
  readonly timeout: number;
  readonly minReadyTime: number;
}

/** The options of `Upgrade.start`, after a check. */
export interface StartSettings extends UpgradeSettings {
  readonly maxGenerations: number;
  /** An absolute path. */
  readonly pidFile: string | undefined;
  readonly notify: boolean;
}

const upgradeNames = ["command", "args", "cwd", "env", "timeout", "minReadyTime"] as const;
const startNames = [...upgradeNames, "maxGenerations", "pidFile", "notify"] as const;

const TIMEOUT_MS = 60_000;
const MIN_READY_TIME_MS = 500;
const MAX_GENERATIONS = 16;
/** Each older process is a handle of the newer one. */
const MOST_GENERATIONS = 200;

/** Checks the options of `Upgrade.start`. */
export function parseStartOptions(options: UpgradeStartOptions = {}): StartSettings {
  checkKeys(options, startNames);
  const { maxGenerations = MAX_GENERATIONS, pidFile, notify = false } = options;
  checkInteger(maxGenerations, "maxGenerations", 2, MOST_GENERATIONS);
  if (pidFile !== undefined) checkPath(pidFile, "pidFile");
  if (typeof notify !== "boolean") {
    throw new TypeError(`Cannot use ${show(notify)} as notify: it must be a boolean`);
  }
  const defaults = { env: undefined, timeout: TIMEOUT_MS, minReadyTime: MIN_READY_TIME_MS };
  const settings = settingsFrom(options, () => ({ ...ownProgram(), ...defaults }));
  const path = builtin<typeof import("node:path")>("node:path")!;
  return {
    ...settings,
    maxGenerations,
    pidFile: pidFile === undefined ? undefined : path.resolve(pidFile),
    notify,
  };
}

/** Checks the options of one upgrade. What they do not say is as at the start. */
export function parseUpgradeOptions(
  options: UpgradeOptions = {},
  start: UpgradeSettings,
): UpgradeSettings {
  checkKeys(options, upgradeNames);
  return settingsFrom(options, () => start);
}

function settingsFrom(
  options: UpgradeOptions,
  makeDefaults: () => UpgradeSettings,
): UpgradeSettings {
  const { command, args, cwd, env, timeout, minReadyTime } = options;
  if (command !== undefined) checkPath(command, "command");
  if (args !== undefined && !isTexts(args)) {
    throw new TypeError(`Cannot use ${show(args)} as args: it must be an array of strings`);
  }
  if (cwd !== undefined && !(cwd instanceof URL)) checkPath(cwd, "cwd");
  if (env !== undefined && (typeof env !== "object" || env === null)) {
    throw new TypeError(`Cannot use ${show(env)} as env: it must be an object`);
  }
  if (timeout !== undefined) checkInteger(timeout, "timeout", 1, MAX_TIMEOUT_MS);
  if (minReadyTime !== undefined) checkInteger(minReadyTime, "minReadyTime", 0, MAX_TIMEOUT_MS);
  const url = builtin<typeof import("node:url")>("node:url")!;
  const folder = cwd instanceof URL ? url.fileURLToPath(cwd) : cwd;
  const defaults = makeDefaults();
  return {
    command: command ?? defaults.command,
    args: args === undefined ? command === undefined ? defaults.args : [] : [...args],
    cwd: folder ?? defaults.cwd,
    env: env === undefined ? defaults.env : { ...env },
    timeout: timeout ?? defaults.timeout,
    minReadyTime: minReadyTime ?? defaults.minReadyTime,
  };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

function checkPath(value: unknown, name: string): asserts value is string {
  if (typeof value === "string" && value !== "" && !value.includes("\0")) return;
  throw new TypeError(
    `Cannot use ${show(value)} as ${name}: it must be a string without NUL, and not empty`,
  );
}
