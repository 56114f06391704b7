/** As no_ffi.mjs, by `require`. */
"use strict";
const { duplicate, HandleError } = require("duphandle");
require("duphandle/posix");
require("duphandle/register");
require("duphandle/win32");

console.log("imported");
try {
  duplicate(0);
} catch (error) {
  console.log(error instanceof HandleError, error.code, error.message);
}
