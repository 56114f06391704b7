/** Faults while a process starts the one that takes its place. */
import { existsSync, rmSync } from "node:fs";
import { Upgrade } from "duphandle";
import { check, type Subject, subject } from "../subject.ts";
import { closeOwned, openOwned, socketPath } from "./fixture.ts";

const pidFile = `${socketPath}.pid`;

/** A process that says that it is ready, in the way of this library, and lives on. */
const script = `link=$(echo "&$DUPHANDLE_HANDLES" | sed "s/.*&duphandle%3Aupgrade=//; s/&.*//")
eval "echo ready $$ >&$link"
exec sleep 600`;
/** How long the runtime may take to hear of the end of a process, in milliseconds. */
const LONGEST_MS = 5000;
const options = { command: "bash", args: ["-c", script], minReadyTime: 0 };

async function ready(): Promise<Upgrade> {
  const upgrade = await Upgrade.start(options);
  upgrade.handle("log", openOwned).close();
  upgrade.ready();
  return upgrade;
}

/** Ends the process, and waits until the runtime knows of its end. */
async function kill(pid: number | undefined): Promise<void> {
  if (pid === undefined) return;
  process.kill(pid, "SIGKILL");
  const end = performance.now() + LONGEST_MS;
  do await new Promise((resolve) => setTimeout(resolve, 20)); while (
    existsSync(`/proc/${pid}`) && performance.now() < end
  );
}

/** The faults of `duphandle/upgrade`. */
export const upgradeSubjects: readonly Subject[] = [
  subject("Upgrade.start", ["Upgrade.start"], {
    setup: () => {},
    run: () => Upgrade.start(),
    clean: (_, upgrade) => upgrade?.close(),
    fresh: true,
  }),
  subject("Upgrade.listener", "Upgrade#listener", {
    setup: () => Upgrade.start(),
    run: (upgrade) => upgrade.listener("http", { port: 0 }),
    clean: async (upgrade, listener) => {
      listener?.close();
      await upgrade.close();
    },
  }),
  subject("Upgrade.handle", "Upgrade#handle", {
    setup: () => Upgrade.start(),
    run: (upgrade) => upgrade.handle("log", openOwned),
    clean: async (upgrade, log) => {
      closeOwned(log);
      await upgrade.close();
    },
    only: { calls: ["fcntl"], reason: "the others are node:fs's, which opens the file" },
  }),
  subject("Upgrade.ready", "Upgrade#ready", {
    setup: () => Upgrade.start({ pidFile }),
    run: (upgrade) => {
      upgrade.ready();
      return true;
    },
    clean: async (upgrade, isReady) => {
      check(existsSync(pidFile) === (isReady === true), "the pid file is there after an error");
      await upgrade.close();
      rmSync(pidFile, { force: true });
    },
    only: {
      calls: ["openat", "write", "rename"],
      reason: "a name that is not removed, and a close, are told by these",
    },
  }),
  subject("Upgrade.upgrade", "Upgrade#upgrade", {
    setup: ready,
    run: (upgrade) => upgrade.upgrade(),
    clean: async (upgrade, pid) => {
      await kill(pid);
      await upgrade.close();
    },
    only: {
      calls: ["socketpair SOCK_NONBLOCK", "close /file>"],
      reason: "the others are those of spawn and toSocket, which have lines of their own",
    },
  }),
  subject("Upgrade.close", ["Upgrade#close", "Upgrade#Symbol(Symbol.asyncDispose)"], {
    setup: ready,
    run: (upgrade) => upgrade.close(),
    clean: () => {},
    only: { calls: ["close /file>"], reason: "the others are not its own" },
  }),
];
