/** The runtimes that consumers have. */
import { bunPath, denoPath, nodePath } from "../../../scripts/binaries.mjs";
import { root } from "../../../scripts/runtimes.ts";
import { toolPath } from "./project.ts";

/** One runtime. */
export interface Consumer {
  readonly name: string;
  /** What starts a program. */
  command(): readonly string[];
  /** The packages that a user installs beside duphandle. */
  readonly packages: Readonly<Record<string, string>>;
}

/** The lines of Node that have pinned versions here. */
export type NodeLine = 20 | 22 | 24 | 26;

/** The Node of this line that is pinned: of 20 and 26 the oldest that there is a package of. */
export function nodeCommand(line: NodeLine): string {
  return toolPath(`node${line}-${process.platform}-${process.arch}`, "bin", "node");
}

/** The newest Node, which has an FFI. */
export const newestNode: readonly string[] = [
  nodePath(root),
  "--disable-warning=ExperimentalWarning",
];

/** Deno asks for nothing, and takes packages from node_modules. */
export const deno: string = denoPath(root);
export const bun: string = bunPath(root);

/** The Nodes that have no FFI unless they are told to. */
export const linesWithoutFfi: readonly NodeLine[] = [20, 22, 24, 26];

/** Every runtime. */
export const consumers: readonly Consumer[] = [
  ...linesWithoutFfi.map((line) => ({
    name: `Node ${line} with koffi`,
    command: () => [nodeCommand(line)],
    packages: { koffi: "koffi" },
  })),
  {
    name: "the first Node 26 with --experimental-ffi",
    command: () => [nodeCommand(26), "--experimental-ffi", "--disable-warning=ExperimentalWarning"],
    packages: {},
  },
  { name: "Node 26", command: () => newestNode, packages: {} },
  { name: "Bun", command: () => [bun], packages: {} },
  {
    name: "Deno",
    command: () => [deno, "run", "--quiet", "--no-prompt", "--allow-ffi", "--allow-read"],
    packages: {},
  },
];

/** One of each kind of runtime. */
export const runtimes: readonly Consumer[] = consumers.filter(({ name }) =>
  ["Node 20 with koffi", "Node 26", "Bun", "Deno"].includes(name)
);
