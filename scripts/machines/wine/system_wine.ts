// The machine's own Wine, where it has one that is new enough: nothing to install, no root needed.

import { existsSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { isStamped, keyOf, renew } from "../cache.ts";
import type { Part } from "../cache.ts";
import { mustRun, runHost } from "../host.ts";
import { say } from "../program.ts";
import { prefixCommands, WINE_MAJOR, wineMajor } from "./inside.ts";

/** The Wine that is on the PATH. */
export interface SystemWine {
  command: string;
  version: string;
}

/** Finds a Wine that the runtimes start on. Newer ones have no `wine64` any more. */
export async function systemWine(): Promise<SystemWine | undefined> {
  for (const command of ["wine64", "wine"]) {
    const found = await runHost("sh", ["-c", `command -v ${command} && command -v wineserver`]);
    if (found.code !== 0) continue;
    const version = (await runHost(command, ["--version"])).output.trim();
    if ((wineMajor(version) ?? 0) >= WINE_MAJOR) return { command, version };
  }
  return undefined;
}

/** A Wine prefix for these runs alone, without the user's settings and Wine server. */
export function prefixPart(wine: SystemWine, dir: string): Part {
  const key = keyOf(wine.command, wine.version, ...prefixCommands(wine.command).flat());
  return {
    isWhole: () => Promise.resolve(isStamped(dir, key) && existsSync(join(dir, "system.reg"))),
    async make() {
      say(`making a Windows with ${wine.version}`);
      await renew(dir, async () => {
        const env = systemEnvironment(dir);
        for (const [command = "", ...args] of prefixCommands(wine.command)) {
          await mustRun(command, args, { env, onKill: () => void endServer(dir) });
        }
        return key;
      });
    },
  };
}

/** Drive D of the prefix is the session's: one prefix serves one session at a time. */
export function mountDrive(dir: string, drive: string): void {
  const link = join(dir, "dosdevices/d:");
  rmSync(link, { force: true });
  symlinkSync(drive, link);
}

/** What every program under Wine gets to see. */
export function systemEnvironment(dir: string): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "/usr/bin:/bin",
    HOME: process.env["HOME"] ?? dir,
    LANG: "C.UTF-8",
    XDG_RUNTIME_DIR: process.env["XDG_RUNTIME_DIR"] ?? dir,
    WINEDEBUG: "-all",
    WINEPREFIX: dir,
  };
}

/** Ends the prefix's Wine server, and with it every program that runs in the prefix. */
export async function endServer(dir: string): Promise<void> {
  const options = { env: systemEnvironment(dir), tidying: true };
  // Fails when none runs, which is as well.
  await runHost("wineserver", ["--kill"], options);
  await runHost("wineserver", ["--wait"], options);
}
