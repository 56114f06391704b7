/** Prints what findHandles() finds at a port, in a process of its own, as a line of JSON. */
import { findHandles } from "duphandle";

const found = findHandles({ port: Number(process.argv[2]) });
console.log(JSON.stringify({ found, hidden: found.hidden }));
