/** The programs of README.md as they stand there, with the commands and the permissions that it prints. */
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "../../scripts/runtimes.ts";
import { type Project, project } from "./support/project.ts";
import { type Consumer, deno, newestNode, runtimes } from "./support/runtimes.ts";

const readme = fs.readFileSync(path.join(root, "README.md"), "utf8");

/** A program of README.md. */
interface Program {
  /** What it imports from the package. */
  readonly imports: string;
  readonly code: string;
  /** The arguments for Deno, as they are below it. */
  readonly flags: string;
}

const NAME = "main.mjs";
const programs: readonly Program[] = [
  ...readme.matchAll(/^```ts\n(.*?)^```$.*?`deno (run [^`]*main\.mjs)`/gms),
].map(([, code = "", flags = ""]) => {
  const [, imports = ""] = /^import \{ (.+) \} from "duphandle";$/m.exec(code) ?? [];
  return { imports, code, flags };
});

const firstLine = ({ code }: Program): string => code.split("\n")[0] ?? "";

/** What each is there to show: all that it prints, with one kind of quotes. */
const printed: Readonly<Record<string, (program: Program) => RegExp | string>> = {
  "duplicate": () => /^([3-9]|[1-9]\d+)\n$/,
  "copyFileHandle": ({ code }) => code,
  "redirect": () =>
    /^captured: \[\s*"from console\.log",\s+"from the system",\s+"from a child",\s+"",?\s*\]\n$/,
  "inherited, inheritedNames, spawn": (program) => `the child reads: ${firstLine(program)}\n`,
  "duplicate, inherited, inheritedNames, spawn": () => "hello from the child\n",
  "allowTake, duplicate, openProcess": (program) => `taken: ${firstLine(program)}\n`,
  // The third letter of the program; 3 rounds of 1000 files.
  "DescriptorPool, duplicate": () =>
    /^\{\s*resident: 16,\s+parked: 984,\s+hits: 0,\s+faults: 3000,?\s*\} p\n$/,
};

/** What a runtime is started with. Deno takes what README.md says, the others the program alone. */
function argumentsFor(
  { name }: Consumer,
  { flags }: Program,
): readonly string[] {
  return name === "Deno" ? flags.split(" ") : [NAME];
}

/** What was said besides that the FFI of Node is experimental. */
function complaints(errors: string): string {
  return errors.replaceAll(
    /^\(.*(ExperimentalWarning: FFI|--trace-warnings).*\n/gm,
    "",
  );
}

describe("the programs of README.md", () => {
  test("are all there, and each has its command below it", () => {
    expect(programs.map(({ imports }) => imports)).toEqual(
      Object.keys(printed),
    );
    expect(programs).toHaveLength([...readme.matchAll(/^```ts$/gm)].length);
    expect(readme).toContain(`save it as \`${NAME}\``);
    for (const command of [`node ${NAME}`, `bun ${NAME}`]) {
      expect(readme).toContain(command);
    }
  });

  describe.for(runtimes)("in $name", (runtime) => {
    test.concurrent.for(programs)("$imports", async (program, { expect }) => {
      const files = { [NAME]: program.code };
      using user = project({ files, packages: runtime.packages });
      const before = fs.readdirSync(user.folder);
      const [executable = ""] = runtime.command();
      const { code, output, errors } = await user.run([
        ...[executable, ...argumentsFor(runtime, program)],
      ]);
      expect({ code, errors: complaints(errors) }).toEqual({
        code: 0,
        errors: "",
      });
      const expected = printed[program.imports]?.(program) ?? "";
      if (typeof expected === "string") expect(output).toBe(expected);
      else expect(output.replaceAll("'", '"')).toMatch(expected);
      expect(fs.readdirSync(user.folder)).toEqual(before);
    });
  });
});

/** A row of the table of permissions. */
interface Row {
  readonly what: string;
  /** The programs/permitted.mjs that it is about, by name. */
  readonly works: readonly string[];
  /** The cells for Deno and Node. */
  readonly cells: readonly [deno: string, node: string];
}

/** What the first row means by "whatever is not below". */
const others = [
  ...["access", "duplicateMany", "openProcess", "allowTake"],
  ...["inspectHandle", "listHandles", "isSameObject", "trackHandles"],
];

const [, section = ""] = /^## Permissions\n(.*?)^## /ms.exec(readme) ?? [];
const rows: readonly Row[] = [...section.matchAll(/^\| (`.*) \|$/gm)].map(
  ([, line = ""]) => {
    const [what = "", ...cells] = line.split("|").map((cell) => cell.trim());
    const works = [...what.matchAll(/`([^`]+)`/g)].map(([, name]) => name as string);
    if (what.includes("whatever is not below")) works.push(...others);
    return { what, works, cells: [cells[0] ?? "", cells[1] ?? ""] };
  },
);

/** Where a piece of work is done. */
interface Places {
  /** What programs/visited.mjs listens at. */
  readonly visited: string;
  /** `P` of README.md. */
  readonly path: string;
  /** Its `PROGRAM`. */
  readonly program: string;
}

/** The flags of a cell, for these places. */
function flagsOf(cell: string, { path: at, program }: Places): string[] {
  return [...cell.matchAll(/--allow-[\w-]+(?:=[^\s`]+)?/g)].map(([flag]) => {
    if (/^--allow-fs-\w+$/.test(flag)) return `${flag}=${path.dirname(at)}`; // "of its folder"
    return flag.replaceAll(/\bP\b/g, at).replace(/\bPROGRAM\b/, program);
  });
}

const permitting = [
  {
    name: "Deno",
    cell: 0,
    command: () => [deno, "run", "--quiet", "--no-prompt", "--allow-ffi"],
  },
  {
    name: "Node 26",
    cell: 1,
    // Node itself reads the modules of the program.
    command: ({ folder }: Project) => [
      ...[
        ...newestNode,
        "--disable-warning=SecurityWarning",
        "--permission",
        "--allow-ffi",
      ],
      `--allow-fs-read=${folder}`,
    ],
  },
] as const;

// That --allow-ffi is needed, and that the error says so, is in test/ffi/load.test.ts.
describe("the table of permissions", () => {
  test("is read whole", () => {
    expect(section).toContain("beside `--allow-ffi`");
    expect(rows).toHaveLength(section.split("\n| ").length - 3);
    expect(
      rows.map(({ cells }) => flagsOf(cells.join(" "), placesIn("/")).length),
    ).toEqual(
      [0, 2, 1, 3, 1, 4],
    );
  });

  const cases = permitting.flatMap((runtime) => rows.map((row) => ({ ...row, runtime })));
  test.concurrent.for(cases)(
    "is right about $what in $runtime.name, and a flag less is too few",
    async ({ works, cells, runtime }, { expect }) => {
      using user = project({ programs: ["permitted.mjs", "visited.mjs"] });
      const outcomes = async (places: Places, flags: readonly string[]) =>
        JSON.parse(
          await user.output([
            ...[...newestNode, "visited.mjs", places.visited],
            ...[...runtime.command(user), ...flags, "permitted.mjs"],
            ...[JSON.stringify(places), ...works],
          ]),
        ) as Record<string, string>;
      const cell = cells[runtime.cell];
      using all = project({ installed: false });
      const flags = flagsOf(cell, placesIn(all.folder));
      const done = Object.fromEntries(works.map((name) => [name, "done"]));
      expect(await outcomes(placesIn(all.folder), flags)).toEqual(done);
      for (const [missing, flag] of flags.entries()) {
        // What could not be removed stays there.
        using fewer = project({ installed: false });
        const places = placesIn(fewer.folder);
        const rest = flagsOf(cell, places).toSpliced(missing, 1);
        for (
          const [name, outcome] of Object.entries(await outcomes(places, rest))
        ) {
          expect(outcome, `${name} without ${flag}`).toMatch(sayingOf(flag));
        }
      }
    },
  );
});

function placesIn(folder: string): Places {
  const inFolder = (name: string): string => path.join(folder, name);
  const [program = ""] = newestNode;
  // What is visited is elsewhere than what is listened at: Node permits folders.
  return { visited: `${folder}.v`, path: inFolder("p"), program };
}

/** What an error must say about a flag. Node's own names no flag for reading, and has the permission. */
function sayingOf(flag: string): RegExp {
  const [name = ""] = flag.split("=");
  return name === "--allow-fs-read" ? /--allow-fs-read|FileSystemRead/ : new RegExp(name);
}
