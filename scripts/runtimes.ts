/** The runtimes that the tests, the demo and the benchmark run on, and how each starts a script. */
import { fileURLToPath } from "node:url";
import { bunPath, denoPath, node20Path, nodePath } from "./binaries.mjs";

/** The names of the targets, as they are given on a command line. */
export type RuntimeName = "deno" | "bun" | "node" | "node20";

/** One runtime. */
export interface Runtime {
  readonly name: RuntimeName;
  /** The name and the FFI, for people. */
  readonly label: string;
  /** The command that starts a script, without the script. */
  readonly command: readonly string[];
}

/** The checkout's top folder. */
export const root: string = fileURLToPath(new URL("..", import.meta.url)).replace(/[\\/]$/, "");

/** The runtimes of this machine, by name. */
export const runtimes: Readonly<Record<RuntimeName, () => Runtime>> = {
  deno: () => ({
    name: "deno",
    label: "Deno (Deno.dlopen)",
    command: [denoPath(root), "run", "-A", "--quiet"],
  }),
  bun: () => ({ name: "bun", label: "Bun (bun:ffi)", command: [bunPath(root)] }),
  node: () => ({
    name: "node",
    label: "Node 26 (node:ffi)",
    command: [nodePath(root), "--disable-warning=ExperimentalWarning"],
  }),
  node20: () => ({
    name: "node20",
    label: "Node 20 (koffi)",
    // This Node does not read TypeScript by itself.
    command: [node20Path(root), "--import=tsx"],
  }),
};

/** The runtimes named by `--runtime=` arguments, or all; and the other arguments. */
export function selectRuntimes(
  args: readonly string[],
): { selected: Runtime[]; rest: string[] } {
  const option = "--runtime=";
  const names = args.filter((arg) => arg.startsWith(option)).map((arg) => arg.slice(option.length));
  const rest = args.filter((arg) => !arg.startsWith(option));
  const unknown = names.find((name) => !(name in runtimes));
  if (unknown !== undefined) {
    throw new Error(
      `Cannot use ${option}${unknown}: it must be ${Object.keys(runtimes).join(", ")}`,
    );
  }
  const wanted = names.length > 0 ? names : Object.keys(runtimes);
  return { selected: wanted.map((name) => runtimes[name as RuntimeName]()), rest };
}
