/**
 * Where the pinned runtimes are. They come as ordinary packages, one per system and processor, and
 * are called by their path: none of their install scripts has to run.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";

const { platform, arch } = process;
const exe = platform === "win32" ? ".exe" : "";

/** @param {string} root @returns {string} */
export function denoPath(root) {
  const libc = platform === "linux" ? "-glibc" : "";
  return find(root, [`@deno/${platform}-${arch}${libc}/deno${exe}`]);
}

/** @param {string} root @returns {string} */
export function bunPath(root) {
  const system = platform === "win32" ? "windows" : platform;
  const processor = arch === "arm64" ? "aarch64" : arch;
  return find(root, [
    `@oven/bun-${system}-${processor}-baseline/bin/bun${exe}`,
    `@oven/bun-${system}-${processor}/bin/bun${exe}`,
  ]);
}

/** The newest Node, which has `node:ffi`. @param {string} root @returns {string} */
export function nodePath(root) {
  const system = platform === "win32" ? "win" : platform;
  return find(root, [
    `node-${system}-${arch}/bin/node${exe}`,
    `node-bin-${system}-${arch}/bin/node${exe}`,
  ]);
}

/** The oldest line of Node that is supported, which has no FFI. @param {string} root @returns {string} */
export function node20Path(root) {
  return nodePath(join(root, "scripts", "node20"));
}

/** @param {string} root @param {string[]} candidates @returns {string} */
function find(root, candidates) {
  const paths = candidates.map((candidate) => join(root, "node_modules", candidate));
  const found = paths.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new Error(
    `Cannot find ${paths.join(" or ")}: no such package for ${platform} on ${arch}; run the set-up`,
  );
}
