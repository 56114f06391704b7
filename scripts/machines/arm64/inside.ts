// How an arm64 program runs on another processor, together with every program that it starts.

import { join } from "node:path";
import { mustRun, NAMESPACES, runHost } from "../host.ts";
import type { HostCommand } from "../host.ts";
import { EMULATOR_FILE, LIBRARY_FOLDER } from "./emulator.ts";

/**
 * The first bytes of a 64-bit ELF program or library for arm64, and which of their bits count: all but
 * the operating system's, and the one that tells a program from a position-independent one.
 */
const MAGIC =
  "\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00:" +
  "\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff";

/**
 * Runs as process 1 of its own namespaces.
 *
 * Since Linux 6.7 each user namespace has a binfmt_misc of its own. In this one the kernel starts arm64
 * programs with the emulator, so that they can start each other by their path, as anywhere; the machine
 * itself learns nothing of it. F: the emulator is opened now, and needs no path later; the path here is
 * relative because the kernel's longest is 127 bytes, and a colon would end it. P: programs keep the
 * name that they were started by.
 */
const SCRIPT = `
set -e
folder=$1 session=$2 cwd=$3
shift 3
mount -t binfmt_misc binfmt_misc "$session/binfmt"
cd "$folder"
printf %s ':duphandle:M::${MAGIC}:${EMULATOR_FILE}:FP' > "$session/binfmt/register"
cd "$cwd"
code=0
# Not exec: process 1 has to stay a shell, which reaps the orphans.
"$@" || code=$?
exit "$code"
`;

/** The user namespace is what takes the place of being root. */
const UNSHARE = ["--user", "--map-root-user", ...NAMESPACES, "--mount-proc"];

/** Where things are. */
export interface Places {
  /** The folder of the emulator. */
  readonly emulator: string;
  /** A folder of this run, with the folders `binfmt` and `temp` in it. */
  readonly session: string;
  /** The folder to start in. */
  readonly cwd: string;
}

/** The command line for a command among which may be arm64 programs, and its environment. */
export function inArm64(
  { emulator, session, cwd }: Places,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): HostCommand {
  const script = ["sh", "-c", SCRIPT, "sh", emulator, session, cwd];
  return ["unshare", [...UNSHARE, ...script, ...command], {
    env: {
      ...process.env,
      TMPDIR: join(session, "temp"),
      // Read by the emulator, which every child of a program gets as well.
      QEMU_LD_PREFIX: join(emulator, LIBRARY_FOLDER),
      ...env,
    },
  }];
}

/** Throws, with what to do about it, unless the kernel lets us do the above. */
export async function checkKernel(places: Places): Promise<void> {
  const allowed = await runHost("unshare", [...UNSHARE, "true"]);
  if (allowed.code !== 0) {
    throw new Error(
      `no user namespaces here (${allowed.output.trim()}): allow them, or run this as root`,
    );
  }
  try {
    await mustRun(...inArm64(places, ["true"]));
  } catch (cause) {
    throw new Error(
      "no binfmt_misc of our own here: it needs Linux 6.7 or newer, with the module loaded " +
        "(modprobe binfmt_misc)",
      { cause },
    );
  }
}
