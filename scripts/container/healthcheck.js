import { get } from "node:http";

/*
 * The image's health check: exit code 0 if Sentinel takes traffic. In Node, as the image has no curl. Plain JavaScript and
 * `node:http`, as it runs every few seconds: with types or `fetch` it would take half as long again.
 */
const port = process.env.SENTINEL_PORT || "8000";
const answerMs = 3_000;

const request = get(
  { host: "127.0.0.1", port, path: "/health/ready", timeout: answerMs },
  (response) => {
    response.resume();
    process.exitCode = response.statusCode === 200 ? 0 : 1;
    if (process.exitCode !== 0) console.error(`/health/ready: ${response.statusCode}`);
  },
);
request.on("timeout", () => request.destroy(new Error(`no answer within ${answerMs} ms`)));
request.on("error", (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
