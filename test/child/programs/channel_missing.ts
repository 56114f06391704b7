/** Starts a program that is not there, with a channel or without, and does not listen for the error. */
import { spawn } from "duphandle";

const missing = "/there/is/no/such/program";
process.on("uncaughtException", (error: Error) => {
  console.log(`uncaught ${error.name}`);
  process.exit(7);
});
if (process.argv[2] === "none") spawn(missing, [], { stdio: "ignore" });
else await spawn(missing, [], { stdio: "ignore", channel: true }).channel.receive();
