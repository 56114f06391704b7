// A small Debian with Wine in it, for machines whose own Wine is missing or too old.

import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isStamped, keyOf, renew } from "../cache.ts";
import type { Part } from "../cache.ts";
import { debianMirror } from "../debian.ts";
import { mustRun, NAMESPACES, runHost } from "../host.ts";
import { say, timed } from "../program.ts";
import { inRootfs, prefixCommands, WINE_MAJOR, wineMajor } from "./inside.ts";

// Debian 13 has Wine 10. Debian 12's Wine 8 lacks bcryptprimitives.dll, and V8's memory reservation
// fails on it.
const SUITE = "trixie";
const PACKAGES = "wine,wine64";
/** Bump when the steps below change. */
const RECIPE = "1";

/** Where Wine is inside the rootfs. */
export const ROOTFS_WINE = "/usr/lib/wine/wine64";

/** The rootfs as a part of the cache: a folder that holds it as `root`. */
export function rootfsPart(dir: string): Part {
  const root = join(dir, "root");
  const key = keyOf(
    RECIPE,
    SUITE,
    PACKAGES,
    String(WINE_MAJOR),
    ...prefixCommands("wine64").flat(),
  );
  return {
    isWhole: async () => isStamped(dir, key) && await works(root),
    async make() {
      if (process.getuid?.() !== 0) {
        throw new Error(
          `no Wine ${WINE_MAJOR} here: install it (the commands wine and wineserver), or run this as ` +
            "root on Debian, where it makes its own",
        );
      }
      await timed(
        `making a Debian ${SUITE} with Wine (a minute or two, 2.2 GB)`,
        () =>
          renew(dir, async () => {
            await install(root);
            await makeWindows(root);
            if (!await works(root)) {
              throw new Error(
                "the Wine just installed does not run: are mount, unshare and overlay allowed?",
              );
            }
            return key;
          }),
      );
    },
  };
}

/** Debian, with Wine in it. */
async function install(root: string): Promise<void> {
  mkdirSync(root);
  await installDebootstrap();
  // In namespaces of its own: debootstrap mounts /proc in the new system, and when it is killed midway
  // that must not stay behind. There the folder has a plain name, for debootstrap is a shell script
  // that a blank in a path breaks.
  const script = `mount --bind "$1" /mnt && ` +
    `debootstrap --variant=minbase --include=${PACKAGES} ${SUITE} /mnt "$2"`;
  const command = ["sh", "-c", script, "sh", root, debianMirror()];
  await mustRun("unshare", [...NAMESPACES, "--mount-proc", ...command]);
  writeFileSync(join(root, "etc/hosts"), "127.0.0.1 localhost\n");
}

/** Wine's Windows in that Debian. */
async function makeWindows(root: string): Promise<void> {
  say("making its Windows");
  // In one go: the Wine server has to live on until it has written the registry.
  const commands = prefixCommands(ROOTFS_WINE).map((words) => `'${words.join("' '")}'`);
  await mustRun(...inRootfs("setup", root, dirname(root), ["sh", "-c", commands.join(" && ")]));
  symlinkSync("/d", join(root, "root/.wine/dosdevices/d:"));
}

/** Whether Wine runs and has its Windows: a quick check; the stamp says that all of it was made. */
async function works(root: string): Promise<boolean> {
  if (!existsSync(join(root, "root/.wine/system.reg"))) return false;
  if (!existsSync(join(root, "root/.wine/drive_c/windows/system32/ntdll.dll"))) return false;
  // With all that a run needs, so that a machine without overlays says so early.
  const [command, args, options] = inRootfs("run", root, dirname(root), [ROOTFS_WINE, "--version"]);
  const { code, output } = await runHost(command, args, options);
  return code === 0 && (wineMajor(output) ?? 0) >= WINE_MAJOR;
}

async function installDebootstrap(): Promise<void> {
  const found = await runHost("sh", ["-c", "command -v debootstrap"]);
  if (found.code === 0) return;
  say("installing debootstrap");
  const install = ["install", "--yes", "--no-install-recommends", "debootstrap"];
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  if ((await runHost("apt-get", install, { env })).code === 0) return;
  // The machine's package lists may be missing or older than the mirror.
  await mustRun("apt-get", ["update"], { env });
  await mustRun("apt-get", install, { env });
}
