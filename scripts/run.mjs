/**
 * Does the set-up, then runs a script: `node scripts/run.mjs script.ts [arguments]`.
 *
 * This is the only script in plain JavaScript: it must run on whatever Node the machine has, before
 * anything is installed. The script itself runs on the pinned Node, which reads TypeScript.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, "node_modules", ".duphandle-setup");
const folders = [root, join(root, "scripts", "node20")];

setUp();
const { nodePath } = await import("./binaries.mjs");
installLibatomic(nodePath(root));
const result = spawnSync(nodePath(root), ["--no-warnings", ...process.argv.slice(2)], {
  stdio: "inherit",
});
if (result.error) throw result.error;
process.exitCode = result.status ?? 1;

/** Installs what the lock files pin, unless just that is installed. */
function setUp() {
  const wanted = fingerprint();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted && isWhole()) return;
  console.log("Installing the pinned runtimes and tools (once) …");
  for (const folder of folders) npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder);
  writeFileSync(stamp, wanted);
}

/** The pinned Node needs a library that a bare Debian does not have. */
function installLibatomic(node) {
  const { stderr, status } = spawnSync(node, ["--version"], { encoding: "utf8" });
  if (status === 0 || !stderr?.includes("libatomic.so.1")) return;
  const commands = [
    "apt-get update -qq",
    "apt-get install -y -qq --no-install-recommends libatomic1",
  ];
  if (process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) {
    console.log("Installing libatomic1, which Node 26 needs …");
    const options = { shell: true, stdio: ["ignore", "ignore", "inherit"] };
    if (commands.every((command) => spawnSync(command, options).status === 0)) return;
  }
  console.error("Node 26 does not start here: install libatomic (Debian: apt install libatomic1)");
  process.exit(1);
}

/** Whether the packages are there: the stamp outlives a folder that was emptied. */
function isWhole() {
  return folders.every((folder) => existsSync(join(folder, "node_modules", ".package-lock.json")));
}

function fingerprint() {
  const hash = createHash("sha256");
  for (const folder of folders) {
    hash.update(readFileSync(join(folder, "package-lock.json")));
    // The scripts and the exports that stand beside them install nothing.
    const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const dependencies = Object.entries(manifest).filter(([name]) => name.endsWith("ependencies"));
    hash.update(JSON.stringify(dependencies));
  }
  return hash.digest("hex");
}

function npm(args, cwd) {
  const cli = process.env["npm_execpath"];
  const [command, before] = cli?.endsWith(".js") ? [process.execPath, [cli]] : ["npm", []];
  const { status } = spawnSync(command, [...before, ...args, "--loglevel=error"], {
    cwd,
    stdio: ["ignore", "ignore", "inherit"],
    shell: process.platform === "win32" && command === "npm",
  });
  if (status === 0) return;
  console.error(`Cannot install in ${cwd}: npm ${args[0]} failed; see its message above`);
  process.exit(1);
}
