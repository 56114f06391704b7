/**
 * `import` and `require` of entry points in one process: there is one implementation. The first argument
 * says which comes first: "import", "require", or "turns", where it is the one and the other by turns.
 * The other arguments are the entry points.
 */
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const [, , first, ...entryPoints] = process.argv;

/** The two ways to get at an entry point. */
const ways = [(name) => import(name), (name) => require(name)];

/** The way that is taken in this round for the entry point of this number. */
function wayOf(round, index) {
  if (first === "turns") return ways[(round + index) % 2];
  return ways[(round + (first === "require")) % 2];
}

const rounds = [{}, {}];
for (const [round, modules] of rounds.entries()) {
  for (const [index, name] of entryPoints.entries()) {
    modules[name] = await wayOf(round, index)(name);
  }
}
const [one, other] = rounds;

/** The names of an entry point, without those that only one kind of module has. */
const namesOf = (module) =>
  Object.keys(module).filter((name) => !["default", "module.exports", "__esModule"].includes(name));

/** The names that are not the same thing on both sides. */
const differing = entryPoints.flatMap((name) =>
  namesOf({ ...one[name], ...other[name] })
    .filter((exported) => one[name][exported] !== other[name][exported])
    .map((exported) => `${name} ${exported}`)
);

/** Those of a subject that are something else in "duphandle". */
const main = one["duphandle"];
const foreign = entryPoints.flatMap((name) =>
  namesOf(other[name])
    .filter((exported) => exported in main && other[name][exported] !== main[exported])
    .map((exported) => `${name} ${exported}`)
);

const { duplicate, OwnedHandle } = other["duphandle/handle"];
const made = main.duplicate(0);
const again = duplicate(made);
let error;
try {
  duplicate(1 << 20);
} catch (thrown) {
  error = thrown;
}
console.log(JSON.stringify({
  empty: entryPoints.filter((name) => namesOf(one[name]).length === 0),
  differing,
  foreign,
  crossing: [made instanceof OwnedHandle, again instanceof main.OwnedHandle],
  error: error instanceof main.HandleError,
}));
again.close();
made.close();
