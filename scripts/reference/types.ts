/** Types of the doc comments' JSON, as TypeScript. */
import type { FunctionShape, Parameter, Property } from "./model.ts";

/** A parameter of a generic. */
export interface TypeParameter {
  readonly name: string;
  readonly constraint?: TsType;
  readonly default?: TsType;
}

/** The part of a type's JSON that its kind decides. */
type Shape =
  | { readonly kind: "keyword"; readonly value: string }
  | { readonly kind: "literal"; readonly repr: string; readonly value: { readonly kind: string } }
  | { readonly kind: "typeQuery"; readonly repr: string }
  | { readonly kind: "this" }
  | { readonly kind: "array" | "parenthesized" | "rest" | "optional"; readonly value: TsType }
  | { readonly kind: "union" | "intersection" | "tuple"; readonly value: readonly TsType[] }
  | { readonly kind: "infer"; readonly value: { readonly typeParam: TypeParameter } }
  | { readonly kind: "fnOrConstructor"; readonly value: FunctionType }
  | {
    readonly kind: "typeRef";
    readonly value: { readonly typeName: string; readonly typeParams?: readonly TsType[] | null };
  }
  | {
    readonly kind: "typeOperator";
    readonly value: { readonly operator: string; readonly tsType: TsType };
  }
  | {
    readonly kind: "indexedAccess";
    readonly value: { readonly objType: TsType; readonly indexType: TsType };
  }
  | {
    readonly kind: "conditional";
    readonly value: {
      readonly checkType: TsType;
      readonly extendsType: TsType;
      readonly trueType: TsType;
      readonly falseType: TsType;
    };
  }
  | {
    readonly kind: "typeLiteral";
    readonly value: {
      readonly properties?: readonly Property[];
      readonly indexSignatures?: readonly IndexSignature[];
      readonly methods?: readonly (FunctionShape & { readonly name: string })[];
      readonly callSignatures?: readonly FunctionShape[];
    };
  };

/** A type. */
export type TsType = Shape;

interface FunctionType {
  readonly params: readonly Parameter[];
  readonly tsType: TsType;
}

interface IndexSignature {
  readonly readonly?: boolean;
  readonly params: readonly Parameter[];
  readonly tsType: TsType;
}

/** A type as it is written. A kind that this does not know is an error, so nothing is left out. */
export function typeText(type: TsType): string {
  switch (type.kind) {
    case "keyword":
      return type.value;
    case "this":
      return "this";
    case "literal":
      return type.value.kind === "string" ? JSON.stringify(type.repr) : type.repr;
    case "typeQuery":
      return `typeof ${type.repr}`;
    case "typeRef":
      return type.value.typeName + typeArguments(type.value.typeParams ?? []);
    case "array":
      return `${inner(type.value)}[]`;
    case "parenthesized":
      return `(${typeText(type.value)})`;
    case "optional":
      return `${typeText(type.value)}?`;
    case "rest":
      return `...${typeText(type.value)}`;
    case "union":
      return type.value.map(member).join(" | ");
    case "intersection":
      return type.value.map((part) => part.kind === "union" ? inner(part) : member(part)).join(
        " & ",
      );
    case "tuple":
      return `[${type.value.map(typeText).join(", ")}]`;
    case "typeOperator":
      return `${type.value.operator} ${inner(type.value.tsType)}`;
    case "indexedAccess":
      return `${inner(type.value.objType)}[${typeText(type.value.indexType)}]`;
    case "infer":
      return `infer ${type.value.typeParam.name}`;
    case "fnOrConstructor":
      return `(${parametersText(type.value.params)}) => ${typeText(type.value.tsType)}`;
    case "conditional": {
      const { checkType, extendsType, trueType, falseType } = type.value;
      const question = `${typeText(checkType)} extends ${typeText(extendsType)}`;
      return `${question} ? ${typeText(trueType)} : ${typeText(falseType)}`;
    }
    case "typeLiteral": {
      const { indexSignatures = [], properties = [], methods = [], callSignatures = [] } =
        type.value;
      const members = [
        ...callSignatures.map((call) => `${signatureText(call)};`),
        ...indexSignatures.map(indexText),
        ...properties.map(propertyText),
        ...methods.map((method) => `${method.name}${signatureText(method)};`),
      ];
      return `{ ${members.join(" ")} }`;
    }
  }
  throw new Error(`Cannot write a type of the kind ${(type as { kind: string }).kind}`);
}

/** A property as it is written in a class or an interface. */
export function propertyText(property: Property): string {
  const { name, tsType, readonly: isReadonly, optional, isStatic, isAbstract } = property;
  const before = [
    property.accessibility === "protected" && "protected",
    isStatic && "static",
    isAbstract && "abstract",
    isReadonly && "readonly",
  ].filter((word) => typeof word === "string");
  return [...before, `${name}${optional ? "?" : ""}: ${typeText(tsType)};`].join(" ");
}

/** A function's type parameters, parameters and result, as they follow its name. */
export function signatureText({ typeParams = [], params, returnType }: FunctionShape): string {
  const result = returnType === undefined ? "" : `: ${typeText(returnType)}`;
  return `${typeParametersText(typeParams)}(${parametersText(params)})${result}`;
}

/** What stands between the parentheses of a function. */
export function parametersText(params: readonly Parameter[]): string {
  return params.map((param) => {
    switch (param.kind) {
      case "identifier":
        return `${param.name}${param.optional ? "?" : ""}: ${typeText(param.tsType)}`;
      case "assign": // what the default is, its description says
        return `${param.left.name}?: ${typeText(param.left.tsType)}`;
      case "rest":
        return `...${param.arg.name}: ${typeText(param.tsType)}`;
    }
    throw new Error(`Cannot write a parameter of the kind ${(param as { kind: string }).kind}`);
  }).join(", ");
}

/** What stands between the angle brackets of a declaration, with them. */
export function typeParametersText(parameters: readonly TypeParameter[]): string {
  if (parameters.length === 0) return "";
  return `<${
    parameters.map(({ name, constraint, default: usual }) =>
      name + (constraint === undefined ? "" : ` extends ${typeText(constraint)}`) +
      (usual === undefined ? "" : ` = ${typeText(usual)}`)
    ).join(", ")
  }>`;
}

function typeArguments(types: readonly TsType[]): string {
  return types.length === 0 ? "" : `<${types.map(typeText).join(", ")}>`;
}

/** A type inside another: what would bind differently there has parentheses. */
function inner(type: TsType): string {
  const loose = ["union", "intersection", "fnOrConstructor", "conditional", "typeOperator"];
  return loose.includes(type.kind) ? `(${typeText(type)})` : typeText(type);
}

/** A type in a union, where only arrows and questions would bind differently. */
function member(type: TsType): string {
  const isLoose = type.kind === "fnOrConstructor" || type.kind === "conditional";
  return isLoose ? `(${typeText(type)})` : typeText(type);
}

function indexText({ readonly: isReadonly, params, tsType }: IndexSignature): string {
  return `${isReadonly ? "readonly " : ""}[${parametersText(params)}]: ${typeText(tsType)};`;
}
