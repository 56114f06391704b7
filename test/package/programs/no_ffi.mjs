/** Node without an FFI: importing works, and the first call says what to install. */
import { duplicate, HandleError } from "duphandle";
import "duphandle/posix";
import "duphandle/register";
import "duphandle/win32";

console.log("imported");
try {
  duplicate(0);
} catch (error) {
  console.log(error instanceof HandleError, error.code, error.message);
}
