/** The table: every function of the library, and how it is called under faults. */
import { publicNames } from "./exports.ts";
import { channelSubjects } from "./functions/channel.ts";
import { fileSubjects } from "./functions/file.ts";
import { handleSubjects } from "./functions/handle.ts";
import { poolSubjects } from "./functions/pool.ts";
import { posixSubjects } from "./functions/posix.ts";
import { processSubjects } from "./functions/process.ts";
import { socketSubjects } from "./functions/socket.ts";
import { streamSubjects } from "./functions/stream.ts";
import { systemdSubjects } from "./functions/systemd.ts";
import { upgradeSubjects } from "./functions/upgrade.ts";
import type { Subject } from "./subject.ts";

/** All lines. */
export const subjects: readonly Subject[] = [
  ...handleSubjects,
  ...fileSubjects,
  ...processSubjects,
  ...poolSubjects,
  ...posixSubjects,
  ...channelSubjects,
  ...socketSubjects,
  ...streamSubjects,
  ...systemdSubjects,
  ...upgradeSubjects,
];

/** Exports that make no system call on Linux, and why. */
const withoutCalls: Readonly<Record<string, string>> = {
  "HandleError": "makes an object",
  "BorrowedHandle": "its constructor is private",
  "ForeignHandle": "is made on Windows only",
  "ForeignHandle#close": "is made on Windows only",
  "ForeignHandle#Symbol(Symbol.dispose)": "is made on Windows only",
  "Handle": "is abstract",
  "HandleChannel": "its constructor is private",
  "HandleChannel#pid": "reads a field",
  "HandleChannel#closed": "reads a field",
  "HandleChannel#ref": "sets a field",
  "HandleChannel#unref": "sets a field",
  "HandleServer": "its constructor is private",
  "HandleTracker": "its constructor is private",
  "OwnedHandle": "its constructor is protected",
  "PooledDescriptor": "its constructor is private",
  "PooledDescriptor#closed": "reads a field",
  "ProcessHandle": "its constructor is private",
  "Upgrade": "its constructor is private",
  "duplicateSocket": "is for Windows: ENOTSUP",
  "socketFromInfo": "is for Windows: ENOTSUP",
  "watchdogInterval": "reads two variables",
};

/** What is wrong with the table: an export that no line covers, or a name that is no export. */
export async function tableProblems(): Promise<string[]> {
  const names = await publicNames();
  const covered = [...subjects.flatMap(({ covers }) => covers), ...Object.keys(withoutCalls)];
  return [
    ...names.filter((name) => !covered.includes(name))
      .map((name) => `${name} has no line in the table of scripts/faults`),
    ...covered.filter((name) => !names.includes(name))
      .map((name) => `${name} is in the table of scripts/faults, and is no export`),
  ];
}
