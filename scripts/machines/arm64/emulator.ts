// The emulator of arm64 processors, and the arm64 C library: packages of Debian, unpacked, not installed.

import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isStamped, keyOf, removeTree, renew } from "../cache.ts";
import type { Part } from "../cache.ts";
import { debianMirror } from "../debian.ts";
import { mustRun, runHost } from "../host.ts";
import { timed } from "../program.ts";

// Debian 13's qemu is one static file that runs on any distribution, and knows newer calls than Debian 12's.
const SUITE = "trixie";
const EMULATOR = "qemu-user";
/** What the three runtimes link to. */
const LIBRARIES: readonly string[] = ["libc6", "libgcc-s1", "libstdc++6", "libatomic1"];
/** Bump when the steps below change. */
const RECIPE = "1";

/** What the part holds, below its folder. */
export const EMULATOR_FILE = "qemu-aarch64";
/** The folder where the emulator searches for a file before it searches the machine's own folders. */
export const LIBRARY_FOLDER = "libraries";

/** The emulator and the libraries as a part of the cache. */
export function emulatorPart(dir: string): Part {
  const key = keyOf(RECIPE, SUITE, EMULATOR, ...LIBRARIES);
  return {
    isWhole: async () => isStamped(dir, key) && await works(dir),
    make: () =>
      timed(
        "fetching the emulator and the arm64 C library (a few seconds, 100 MB)",
        () =>
          renew(dir, async () => {
            await unpack(dir, await download(join(dir, "apt")));
            removeTree(join(dir, "apt"));
            if (!await works(dir)) throw new Error("the emulator just fetched does not run");
            return key;
          }),
      ),
  };
}

/** Takes out of the downloaded packages what is needed. */
async function unpack(dir: string, downloads: string): Promise<void> {
  const libraries = join(dir, LIBRARY_FOLDER);
  // Debian's /lib is this link; the packages name their files both ways.
  mkdirSync(join(libraries, "usr/lib"), { recursive: true });
  symlinkSync("usr/lib", join(libraries, "lib"));
  for (const name of LIBRARIES) {
    await mustRun("dpkg-deb", ["--extract", fileOf(name, downloads), libraries]);
  }
  // The package has an emulator for every processor; only one leaves it.
  const extract = `dpkg-deb --fsys-tarfile "$1" | tar --extract --to-stdout "$2" > "$3"`;
  const file = join(dir, EMULATOR_FILE);
  const member = `./usr/bin/${EMULATOR_FILE}`;
  await mustRun("sh", ["-c", extract, "sh", fileOf(EMULATOR, downloads), member, file]);
  await mustRun("chmod", ["+x", file]);
}

async function works(dir: string): Promise<boolean> {
  if (!existsSync(join(dir, LIBRARY_FOLDER, "lib/ld-linux-aarch64.so.1"))) return false;
  const file = join(dir, EMULATOR_FILE);
  return existsSync(file) && (await runHost(file, ["--version"])).code === 0;
}

/** The downloaded package of this name: the rest of a file's name is its version and processor. */
function fileOf(name: string, folder: string): string {
  const file = readdirSync(folder).find((file) => file.startsWith(`${name}_`));
  if (file === undefined) throw new Error(`apt-get downloaded no ${name}`);
  return join(folder, file);
}

/**
 * Downloads the packages with an apt of our own: neither the machine's sources, nor its list of
 * processors, nor what is installed on it changes, and no root is needed. It verifies the signatures, as
 * always. The machine's own settings, such as a proxy, hold.
 */
async function download(dir: string): Promise<string> {
  for (const folder of ["lists/partial", "cache/archives/partial", "debs"]) {
    mkdirSync(join(dir, folder), { recursive: true });
  }
  const host = (await mustRun("dpkg", ["--print-architecture"])).trim();
  const keyring = ["pgp", "gpg"].map((end) => `/usr/share/keyrings/debian-archive-keyring.${end}`)
    .find((file) => existsSync(file));
  const options = [
    ...["arm64", host].map((name) => `arch+=${name}`),
    // Without one, the keys that apt trusts anyway.
    ...(keyring === undefined ? [] : [`signed-by=${keyring}`]),
  ].join(" ");
  writeFileSync(join(dir, "sources.list"), `deb [${options}] ${debianMirror()} ${SUITE} main\n`);
  const config = join(dir, "apt.conf");
  writeFileSync(config, aptConfig(dir, host));
  const apt = (...args: string[]) =>
    mustRun("apt-get", [`--config-file=${config}`, "--quiet", ...args], { cwd: join(dir, "debs") });
  await apt("update");
  await apt("download", ...LIBRARIES.map((name) => `${name}:arm64`), `${EMULATOR}:${host}`);
  rmSync(join(dir, "lists"), { recursive: true });
  return join(dir, "debs");
}

function aptConfig(dir: string, host: string): string {
  return `
#clear APT::Architectures;
// What the machine does after an update is about its own lists.
#clear APT::Update;
APT::Architecture "arm64";
APT::Architectures { "arm64"; "${host}"; };
APT::Update::Error-Mode "any";
// The user that apt switches to otherwise has no way into a cache in a home folder.
APT::Sandbox::User "";
Acquire::Languages "none";
Dir::State "${dir}/";
Dir::State::status "/dev/null";
Dir::State::lists "lists/";
Dir::Cache "${dir}/cache/";
Dir::Etc::sourcelist "${dir}/sources.list";
Dir::Etc::sourceparts "-";
`;
}
