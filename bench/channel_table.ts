/** The results of the channels as tables of text. */
import type { ChannelRow } from "./channels.ts";
import { ARRAY_BYTES } from "./channel_cost.ts";
import { align, metOrNot } from "./table.ts";

/** Three tables: what is streamed, the round trips, the arrays. */
export function channelTables(rows: readonly ChannelRow[]): string {
  return [streamedTable(rows), roundTripTable(rows), arrayTable(rows)].join("\n\n");
}

function streamedTable(rows: readonly ChannelRow[]): string {
  const head = ["handles streamed", "a message", "a second", "of C", "of Python", "target"];
  const lines = rows.filter((row) => row.kind === "streamed").map((row) => [
    row.label,
    `${row.handles}`,
    `${Math.round(row.perSecond / 1000)}k`,
    row.ofC?.toFixed(2) ?? "",
    row.ofPython?.toFixed(2) ?? "",
    row.target === undefined ? "" : `≥ ${row.target.least}: ${metOrNot(row.target)}`,
  ]);
  return align([head, ...lines], "<>>>><");
}

function roundTripTable(rows: readonly ChannelRow[]): string {
  const head = [
    "a handle there, an answer back",
    "µs",
    "without a handle",
    "to that and C's handle",
    "target",
  ];
  const lines = rows.filter((row) => row.kind === "roundTrip").map((row) => [
    row.label,
    row.withHandle.toFixed(1),
    row.without.toFixed(1),
    row.ratio?.toFixed(2) ?? "",
    row.target === undefined ? "" : `≤ ${row.target.most}: ${metOrNot(row.target)}`,
  ]);
  return align([head, ...lines], "<>>><");
}

function arrayTable(rows: readonly ChannelRow[]): string {
  const head = [
    `an array of ${ARRAY_BYTES / 2 ** 20} MiB`,
    "",
    "MiB/s",
    "own socket",
    "ratio",
    "target",
    "CPU ms to send",
    "own socket",
    "to receive",
    "own socket",
  ];
  const lines = rows.filter((row) => row.kind === "array").map((row) => [
    row.label,
    row.direction === "there" ? "to the child" : "from the child",
    row.perSecond.toFixed(0),
    row.ofSocket.toFixed(0),
    row.ratio.toFixed(2),
    `≥ ${row.target.least}: ${metOrNot(row.target)}`,
    ...[...row.sendMs, ...row.receiveMs].map((ms) => ms.toFixed(1)),
  ]);
  return align([head, ...lines], "<<>>><>>>>");
}
