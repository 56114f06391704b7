// How a command runs in the rootfs, and the commands that make a Wine prefix.

import { NAMESPACES } from "../host.ts";
import type { HostCommand } from "../host.ts";

/** The oldest Wine that the runtimes start on. */
export const WINE_MAJOR = 10;

/** The major version in what `wine --version` says, such as `wine-10.0 (Debian 10.0~repack-6)`. */
export function wineMajor(version: string): number | undefined {
  const major = /^wine-(\d+)/.exec(version)?.[1];
  return major === undefined ? undefined : Number(major);
}

/**
 * Runs as process 1 of its own namespaces: the Wine server and the services go when it ends.
 *
 * A run gets the rootfs under an overlay in memory: it can neither harm the rootfs nor see what another
 * run did to the registry, and two runs at once do not share a Wine server.
 */
const SCRIPT = `
set -e
mode=$1 root=$2 session=$3 cwd=$4
shift 4
mkdir -p "$session/mnt"
mount -t tmpfs -o mode=755 duphandle "$session/mnt"
cd "$session/mnt"
mkdir lower upper work merged
if [ "$mode" = setup ]; then
  mount --bind "$root" merged
else
  # Bound to a plain name first: a path with a comma or a colon is no overlay option.
  mount --bind "$root" lower
  mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged
  mkdir -p merged/d
  [ ! -d "$session/drive" ] || mount --bind "$session/drive" merged/d
fi
mkdir -p merged/run/duphandle
mount -t proc proc merged/proc
mount --rbind /dev merged/dev
code=0
# Not exec: process 1 has to stay a shell, which reaps the orphans.
chroot merged /bin/sh -c 'cd "$0" && exec "$@"' "$cwd" "$@" || code=$?
exit "$code"
`;

/** What every program under Wine gets to see, in the rootfs. */
const ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: "/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/wine",
  HOME: "/root",
  LANG: "C.UTF-8",
  XDG_RUNTIME_DIR: "/run/duphandle",
  WINEDEBUG: "-all",
};

/**
 * The command line for a command inside the rootfs, and its environment. In mode "setup" it changes
 * the rootfs; in mode "run" the rootfs stays as it is, and the session's `drive` folder is at `/d`.
 */
export function inRootfs(
  mode: "setup" | "run",
  root: string,
  session: string,
  command: readonly string[],
  { cwd = "/", env = {} }: { cwd?: string; env?: Readonly<Record<string, string>> } = {},
): HostCommand {
  const script = ["sh", "-c", SCRIPT, "sh", mode, root, session, cwd];
  return ["unshare", [...NAMESPACES, ...script, ...command], { env: { ...ENVIRONMENT, ...env } }];
}

/** What turns an empty Wine prefix into our Windows. The last one waits until all of it is on disk. */
export function prefixCommands(wine: string): string[][] {
  const temp = (name: string): string[] => //
  [wine, "reg", "add", "HKCU\\Environment", "/f", "/v", name, "/d", "D:\\temp"];
  return [
    [wine, "wineboot", "--init"],
    // Bun cannot follow a path that leaves the file system of its drive's root (EBADFD), so the project
    // and the temporary files have a drive, and a file system, to themselves.
    temp("TEMP"),
    temp("TMP"),
    ["wineserver", "--wait"],
  ];
}
