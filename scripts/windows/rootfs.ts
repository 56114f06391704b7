// A small Debian with Wine in it, for machines whose own Wine is missing or too old.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { isStamped, keyOf, removeTree, stamp } from "./cache.ts";
import type { Part } from "./cache.ts";
import { mustRun, runHost, say } from "./host.ts";
import { inRootfs, prefixCommands, WINE_MAJOR, wineMajor } from "./inside.ts";

// Debian 13 has Wine 10. Debian 12's Wine 8 lacks bcryptprimitives.dll, and V8's memory reservation
// fails on it.
const SUITE = "trixie";
const PACKAGES = "wine,wine64";
/** Bump when the steps below change. */
const RECIPE = "1";

/** Where Wine is inside the rootfs. */
export const ROOTFS_WINE = "/usr/lib/wine/wine64";

/** The fields of one apt source that matter here. */
interface AptSource {
  uris: string[];
  suites: string[];
  components: string[];
}

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
      const started = Date.now();
      say(`making a Debian ${SUITE} with Wine (a minute or two, 2.2 GB)`);
      removeTree(dir);
      mkdirSync(root, { recursive: true });
      await installDebootstrap();
      // In namespaces of its own: debootstrap mounts /proc in the new system, and when it is killed
      // midway that must not stay behind. There the folder has a plain name, for debootstrap is a
      // shell script that a blank in a path breaks.
      const install = `debootstrap --variant=minbase --include=${PACKAGES} ${SUITE} /mnt "$2"`;
      await mustRun("unshare", [
        ...["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"],
        ...["sh", "-c", `mount --bind "$1" /mnt && ${install}`, "sh", root, debianMirror()],
      ]);
      writeFileSync(join(root, "etc/hosts"), "127.0.0.1 localhost\n");
      say("making its Windows");
      // In one go: the Wine server has to live on until it has written the registry.
      const commands = prefixCommands(ROOTFS_WINE).map((words) => `'${words.join("' '")}'`);
      await mustRun(...inRootfs("setup", root, dir, ["sh", "-c", commands.join(" && ")]));
      symlinkSync("/d", join(root, "root/.wine/dosdevices/d:"));
      if (!await works(root)) {
        throw new Error(
          "the Wine just installed does not run: are mount, unshare and overlay allowed?",
        );
      }
      stamp(dir, key);
      say(`done after ${Math.round((Date.now() - started) / 1000)} s`);
    },
  };
}

/** Whether Wine runs and has its Windows: a look, for the stamp is the real proof. */
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

/** The mirror that this machine installs Debian itself from. */
export function debianMirror(): string {
  const release = readFileSync("/etc/os-release", "utf8");
  const codename = /^VERSION_CODENAME="?([\w-]+)/m.exec(release)?.[1] ?? "stable";
  // Other sources of the machine are not Debian, and security or backports are not all of it.
  const names = [codename, "stable", "testing", "unstable", "sid"];
  for (const source of aptSources()) {
    if (!source.components.includes("main")) continue;
    if (!source.suites.some((suite) => names.includes(suite))) continue;
    const uri = source.uris.map(resolveMirrorList).find((uri) => /^https?:/.test(uri));
    if (uri !== undefined) return uri;
  }
  throw new Error("no Debian mirror in /etc/apt/sources.list or /etc/apt/sources.list.d");
}

/** `mirror+file:` names a list of mirrors instead of being one. */
function resolveMirrorList(uri: string): string {
  const list = /^mirror\+file:\/*(\/.*)$/.exec(uri)?.[1];
  if (list === undefined) return uri;
  return readFileSync(list, "utf8").split("\n").find((line) => /^https?:/.test(line))
    ?.split(/\s/)[0] ?? "";
}

function aptSources(): AptSource[] {
  const dir = "/etc/apt/sources.list.d";
  const files = (existsSync(dir) ? readdirSync(dir).sort() : []).map((name) => join(dir, name));
  return ["/etc/apt/sources.list", ...files].filter((file) => existsSync(file)).flatMap((file) => {
    const text = readFileSync(file, "utf8").replace(/^\s*#.*\n?/gm, "");
    if (file.endsWith(".sources")) return text.split(/\n\s*\n/).map(parseStanza);
    return file.endsWith(".list") ? text.split("\n").map(parseLine) : [];
  });
}

/** A deb822 stanza; lines that begin with a blank continue the field before. */
function parseStanza(stanza: string): AptSource {
  const field = (name: string): string[] => {
    const value = new RegExp(`^${name}:(.*(?:\n[ \t].*)*)`, "im").exec(stanza)?.[1] ?? "";
    return value.split(/\s+/).filter((word) => word !== "");
  };
  const usable = field("Types").includes("deb") && !/^Enabled:\s*no/im.test(stanza);
  return {
    uris: usable ? field("URIs") : [],
    suites: field("Suites"),
    components: field("Components"),
  };
}

/** A line of the older form: `deb [options] uri suite component…`. */
function parseLine(line: string): AptSource {
  const words = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.*)$/.exec(line);
  if (words === null) return { uris: [], suites: [], components: [] };
  const [, uri = "", suite = "", components = ""] = words;
  return { uris: [uri], suites: [suite], components: components.split(/\s+/) };
}
