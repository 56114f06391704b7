/** The work, by `require`. */
"use strict";
const duphandle = require("duphandle");
const posix = require("duphandle/posix");
require("duphandle/register");
const win32 = require("duphandle/win32");
const work = require("./work.cjs");

work({ duphandle, posix, win32 }, "file.txt").then((did) => console.log(JSON.stringify(did)));
