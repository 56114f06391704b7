/** What users can call: read from the entry points, so that nothing new is forgotten. */
import { entryPoints } from "../npm/description.ts";

/** The name of an export of an entry point: those of `duphandle/posix` have names of their own. */
function nameOf(entryPoint: string, name: string): string {
  return entryPoint === "./posix" && name !== "HandleError" ? `posix.${name}` : name;
}

/** The functions, classes and members of classes that users can call. */
export async function publicNames(): Promise<string[]> {
  const names = new Set<string>(["FileHandle#duplicate"]);
  for (const [entryPoint, path] of Object.entries(entryPoints)) {
    // Windows has its own calls: on Linux each is ENOTSUP.
    if (entryPoint === "./win32") continue;
    const module = await import(`../../${path}`) as Record<string, unknown>;
    for (const [name, value] of Object.entries(module)) {
      if (typeof value !== "function") continue;
      for (const member of membersOf(nameOf(entryPoint, name), value)) names.add(member);
    }
  }
  return [...names];
}

function membersOf(name: string, value: object): string[] {
  const prototype = (value as { prototype?: object }).prototype;
  const isClass = prototype !== undefined && /^class\b/.test(String(value));
  if (!isClass) return [name];
  const own = ["length", "name", "prototype"];
  return [
    name,
    ...Object.getOwnPropertyNames(value).filter((each) => !own.includes(each))
      .map((each) => `${name}.${each}`),
    ...Reflect.ownKeys(prototype).filter((each) => each !== "constructor")
      .map((each) => `${name}#${nameOfMember(each)}`)
      // By these, two copies of the library know each other's handles: they are not for users.
      .filter((each) => !each.includes("#Symbol(duphandle.")),
  ];
}

/** Node 20 has symbols of its own for disposal. */
function nameOfMember(member: string | symbol): string {
  return String(member).replace("Symbol(nodejs.", "Symbol(Symbol.");
}
