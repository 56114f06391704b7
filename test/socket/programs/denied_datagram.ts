/** Has Deno, which may not use the network, take a UDP socket; reports the error and whether it is still open. */
import { identityOf } from "../../../ffi/posix/identity.ts";
import { udp } from "../../support/endpoints.ts";
import { report } from "../../support/report.ts";

const { handle } = udp("UDP4");
const { raw } = handle;
const inode = identityOf(raw)?.inode;
const socket = handle.toDatagram();
const { message } = await new Promise<Error>((resolve) => socket.once("error", resolve));
report({ message, isOpen: identityOf(raw)?.inode === inode });
process.exit(0);
