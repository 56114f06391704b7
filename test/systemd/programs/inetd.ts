/** Serves HTTP on the listening socket that is standard input. */
import * as http from "node:http";
import { inetdSocket } from "duphandle";

const server = http.createServer((_, response) => response.end("from inetd"));
await inetdSocket().toServer(server);
