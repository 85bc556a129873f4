import { once } from "node:events";
import { parseArgs } from "node:util";

import { progressLine, whereToLook } from "./demo/places.ts";
import { startDemo } from "./demo/start-demo.ts";
import type { Demo } from "./demo/start-demo.ts";
import { summaryOf } from "./demo/summary.ts";

/**
 * `npm run demo`: Sentinel with stand-ins for providers and a minute of varied traffic, in one process, so that
 * metrics, dashboards and reports have something to show. It leaves nothing behind; Ctrl-C ends it.
 */
const usage = `npm run demo -- [options]

  --seconds N   how long clients talk to it; 60 if not given
  --forever     until Ctrl-C
  --stay        the gateway stays after the traffic, to be looked at, until Ctrl-C
  --scale N     so many times as busy; 1 is about 35 requests a second
  --port N      8000 if not given; another one is taken where that is in use
`;
const { values } = parseArgs({
  options: {
    port: { type: "string", default: "8000" },
    seconds: { type: "string", default: "60" },
    scale: { type: "string", default: "1" },
    forever: { type: "boolean", default: false },
    stay: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const [port = 0, seconds = 0, scale = 0] = [values.port, values.seconds, values.scale].map(Number);
const isNumbers = [port, seconds, scale].every((value) => value >= 0);
if (values.help || !isNumbers) {
  console.log(usage);
  process.exit(values.help ? 0 : 1);
}

const leaving = new AbortController();
const leave = (): void => {
  // Whoever asks twice does not want to wait.
  if (leaving.signal.aborted) process.exit(130);
  console.log("\nStopping …");
  leaving.abort();
};
process.on("SIGINT", leave);
process.on("SIGTERM", leave);

console.log("Starting Sentinel with stand-ins for its providers …");
await using demo = await startDemo({
  port,
  scale,
  seconds: values.forever ? undefined : seconds,
  log: (sentence) => console.log(sentence),
  signal: leaving.signal,
});
if (!leaving.signal.aborted) await watch(demo);
console.log("What was stored is deleted now.");

async function watch(demo: Demo): Promise<void> {
  console.log(whereToLook(demo));
  const startedMs = performance.now();
  const isTerminal = process.stdout.isTTY;
  const show = (): void => {
    const line = progressLine(demo, (performance.now() - startedMs) / 1_000);
    if (isTerminal) process.stdout.write(`\r\x1b[2K${line.slice(0, process.stdout.columns - 1)}`);
    else console.log(line);
  };
  const timer = setInterval(show, isTerminal ? 500 : 10_000);
  await demo.traffic;
  clearInterval(timer);
  show();
  console.log(`\n\n${await summaryOf(demo)}\n`);
  if (!values.stay || leaving.signal.aborted) return;
  console.log(`No more traffic comes. Sentinel stays on ${demo.url} until Ctrl-C.`);
  await once(leaving.signal, "abort");
}
