/** The runtimes that consumers have. */
import { bunPath, denoPath, node20Path, nodePath } from "../../../scripts/binaries.mjs";
import { ESM, SCRIPT } from "../../../scripts/npm/description.ts";
import { root } from "../../../scripts/runtimes.ts";
import { toolPath } from "./project.ts";

/** The folders of the two kinds of module. */
export type Kind = typeof ESM | typeof SCRIPT;

/** One runtime. */
export interface Consumer {
  readonly name: string;
  /** What starts a program. */
  command(): readonly string[];
  /** The folder of the package that it loads modules from. */
  readonly kind: Kind;
  /** The packages that a user installs beside duphandle. */
  readonly packages: Readonly<Record<string, string>>;
}

/** The lines of Node that have pinned versions here. */
export type NodeLine = 20 | 22 | 24 | 26;

/** The Node of this line that is pinned: of 20 and 26 the oldest that there is a package of. */
export function nodeCommand(line: NodeLine | "22first"): string {
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
    kind: (line === 20 ? SCRIPT : ESM) as Kind,
    packages: { koffi: "koffi" },
  })),
  // Lines 20 and 22 have versions whose `require` takes ES modules, and versions before those.
  {
    name: "the last Node 20 with koffi",
    command: () => [node20Path(root)],
    kind: ESM,
    packages: { koffi: "koffi" },
  },
  {
    name: "the first Node 22 with koffi",
    command: () => [nodeCommand("22first")],
    kind: SCRIPT,
    packages: { koffi: "koffi" },
  },
  {
    name: "the first Node 26 with --experimental-ffi",
    command: () => [nodeCommand(26), "--experimental-ffi", "--disable-warning=ExperimentalWarning"],
    kind: ESM,
    packages: {},
  },
  { name: "Node 26", command: () => newestNode, kind: ESM, packages: {} },
  { name: "Bun", command: () => [bun], kind: ESM, packages: {} },
  {
    name: "Deno",
    command: () => [deno, "run", "--quiet", "--no-prompt", "--allow-ffi", "--allow-read"],
    kind: ESM,
    packages: {},
  },
];

/** One of each kind of runtime. */
export const runtimes: readonly Consumer[] = consumers.filter(({ name }) =>
  ["Node 20 with koffi", "Node 26", "Bun", "Deno"].includes(name)
);
