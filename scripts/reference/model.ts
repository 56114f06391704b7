/** What `deno doc --json` says of the entry points, as far as the reference uses it. */
import { spawnSync } from "node:child_process";
import { relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { denoPath } from "../binaries.mjs";
import { root } from "../runtimes.ts";
import type { TsType, TypeParameter } from "./types.ts";

/** A tag of a doc comment, such as `@param`. */
export interface Tag {
  readonly kind: string;
  readonly name?: string;
  readonly doc?: string;
  readonly tsType?: TsType;
}

/** A doc comment. */
export interface JsDoc {
  readonly doc?: string;
  readonly tags?: readonly Tag[];
}

/** A parameter of a function; one with a default value is an `assign` around its name. */
export type Parameter =
  | {
    readonly kind: "identifier";
    readonly name: string;
    readonly optional: boolean;
    readonly tsType: TsType;
  }
  | {
    readonly kind: "assign";
    readonly left: { readonly kind: "identifier"; readonly name: string; readonly tsType: TsType };
  }
  | {
    readonly kind: "rest";
    readonly arg: { readonly kind: "identifier"; readonly name: string };
    readonly tsType: TsType;
  };

/** What a function takes and gives. */
export interface FunctionShape {
  readonly params: readonly Parameter[];
  readonly returnType?: TsType;
  readonly typeParams?: readonly TypeParameter[];
}

/** A property of a class, an interface or a type. */
export interface Property {
  readonly name: string;
  readonly jsDoc?: JsDoc;
  readonly tsType: TsType;
  readonly readonly?: boolean;
  readonly optional?: boolean;
  readonly isStatic?: boolean;
  readonly isAbstract?: boolean;
  readonly accessibility?: string;
}

/** A method or an accessor of a class. */
export interface Method {
  readonly name: string;
  readonly jsDoc?: JsDoc;
  readonly kind: "method" | "getter" | "setter";
  readonly functionDef: FunctionShape;
  readonly isStatic?: boolean;
  readonly isAbstract?: boolean;
  readonly accessibility?: string;
}

/** A constructor. */
export interface Constructor {
  readonly jsDoc?: JsDoc;
  readonly params: readonly Parameter[];
  readonly accessibility?: string;
}

/** A class without what is private. */
export interface ClassShape {
  readonly isAbstract?: boolean;
  readonly extends?: string;
  readonly implements?: readonly TsType[];
  readonly constructors?: readonly Constructor[];
  readonly methods?: readonly Method[];
  readonly properties?: readonly Property[];
}

/** An interface. */
export interface InterfaceShape {
  readonly extends?: readonly TsType[];
  readonly properties?: readonly Property[];
}

interface Place {
  readonly location: { readonly filename: string; readonly line: number };
  readonly jsDoc?: JsDoc;
}

/** One declaration; a function with overloads has several. */
export type Declaration =
  & Place
  & (
    | { readonly kind: "function"; readonly def: FunctionShape & { readonly hasBody?: boolean } }
    | { readonly kind: "class"; readonly def: ClassShape }
    | { readonly kind: "interface"; readonly def: InterfaceShape }
    | { readonly kind: "typeAlias"; readonly def: TypeAliasShape }
    | { readonly kind: "variable"; readonly def: { readonly tsType: TsType } }
  );

/** A type with a name. */
export interface TypeAliasShape {
  readonly tsType: TsType;
  readonly typeParams?: readonly TypeParameter[];
}

/** What users import by a name. */
export interface ExportedSymbol {
  readonly name: string;
  readonly declarations: readonly Declaration[];
}

/** A module that users import. */
export interface Entry {
  readonly module_doc: JsDoc;
  readonly symbols: readonly ExportedSymbol[];
}

/** Reads the entry points; the keys are their paths from the top folder. */
export function readEntries(paths: readonly string[]): Map<string, Entry> {
  const command = ["doc", "--quiet", "--json", ...paths];
  const { status, stdout, stderr } = spawnSync(denoPath(root), command, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`Cannot read the doc comments: ${stderr}`);
  const { nodes } = JSON.parse(stdout) as { nodes: Record<string, Entry> };
  return new Map(paths.map((path) => {
    const entry = nodes[pathToFileURL(`${root}${sep}${path}`).href];
    if (entry === undefined) throw new Error(`Cannot find ${path} in what deno doc says`);
    return [path, entry];
  }));
}

/** The file that a symbol is in, from the top folder. */
export function fileOf({ declarations }: ExportedSymbol): string {
  const { location } = declarations[0] as Declaration;
  return relative(root, fileURLToPath(location.filename)).replaceAll("\\", "/");
}
