/** The work, by `import`. */
import * as duphandle from "duphandle";
import * as posix from "duphandle/posix";
import "duphandle/register";
import * as win32 from "duphandle/win32";
import work from "./work.cjs";

work({ duphandle, posix, win32 }, "file.txt").then((did) => console.log(JSON.stringify(did)));
