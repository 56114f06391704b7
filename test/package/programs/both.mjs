/** `import` and `require` in one process: there is one implementation. */
import * as duphandle from "duphandle";
import * as posix from "duphandle/posix";
import * as win32 from "duphandle/win32";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const required = require("duphandle");
const pairs = [
  [duphandle, required],
  [posix, require("duphandle/posix")],
  [win32, require("duphandle/win32")],
];

/** The names that are not the same thing on both sides. */
const differing = pairs.flatMap(([imported, script]) =>
  Object.keys({ ...script, ...imported }).filter((name) =>
    !["default", "module.exports"].includes(name) && imported[name] !== script[name]
  )
);

const made = duphandle.duplicate(0);
const again = required.duplicate(made);
let error;
try {
  required.duplicate(1 << 20);
} catch (thrown) {
  error = thrown;
}
console.log(JSON.stringify({
  many: pairs.every(([imported]) => Object.keys(imported).length > 20),
  differing,
  crossing: [made instanceof required.OwnedHandle, again instanceof duphandle.OwnedHandle],
  error: error instanceof duphandle.HandleError,
}));
again.close();
made.close();
