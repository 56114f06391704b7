/** Has Node, which may not use the network, serve a listening socket; reports the error. */
import { type HandleError, listenOn } from "duphandle";
import { report } from "../../support/report.ts";

const error = await listenOn({ port: 0 }).toServer().catch((error: unknown) => error);
const { code, status, message } = error as HandleError;
report({ code, status, message });
