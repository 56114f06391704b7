/** Listens at the path that is its argument, and is killed. */
import { HandleChannel } from "duphandle";

await HandleChannel.listen(process.argv[2] as string, () => {});
process.kill(process.pid, "SIGKILL");
setInterval(() => {}, 1000);
