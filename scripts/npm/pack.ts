/** Packs the built package, as npm would publish it, and says how large it is. */
import { spawnSync } from "node:child_process";
import { MAX_PACKED } from "./description.ts";

/** What npm says of a packed package. */
interface Packed {
  readonly filename: string;
  /** Bytes of the packed file. */
  readonly size: number;
  /** Bytes of what is in it. */
  readonly unpackedSize: number;
  readonly entryCount: number;
}

/**
 * Packs the package into its own folder.
 *
 * @throws when it is larger than it may be
 */
export function pack(folder: string): void {
  const { status, stdout } = spawnSync("npm", ["pack", "--json", "--loglevel=error"], {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    shell: process.platform === "win32",
  });
  if (status !== 0) throw new Error("Cannot pack: npm failed; see its message above");
  const [packed] = JSON.parse(stdout) as [Packed];
  const { filename, size, unpackedSize, entryCount } = packed;
  console.log(
    `${filename}: ${kilobytes(size)} packed, ${kilobytes(unpackedSize)} unpacked, ` +
      `${entryCount} files`,
  );
  if (size > MAX_PACKED) {
    throw new Error(`Cannot publish ${size} bytes: the package may have ${MAX_PACKED}`);
  }
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
