/** Sends a text through the socket that it was given. */
import { inherited } from "duphandle";
import { sendText } from "../../support/sockets.ts";

using socket = inherited("socket");
sendText(socket.raw, "from the child");
