import { expect, test } from "vitest";

import { openProgress } from "../../../../src/cli/cache/progress.ts";
import { retryAfterMs } from "../../../../src/cli/cache/refusal.ts";
import {
  concurrency,
  endpoint,
  headers,
  tags,
  ttlSeconds,
} from "../../../../src/cli/cache/warm-options.ts";

test("on a terminal one line is written over and over, and what is noted stays above it", () => {
  const written: string[] = [];
  let nowMs = 0;
  const terminal = { isTTY: true, columns: 10, write: (text: string) => written.push(text) };
  const progress = openProgress(terminal, () => nowMs);
  progress.show(() => "1 line");
  progress.show(() => "never seen");
  nowMs = 100;
  progress.show(() => "a line that is too long\u001b[31m");
  progress.note("line 3 failed\u0007");
  progress.end();
  const erase = "\r\u001b[2K";
  expect(written).toEqual([
    `${erase}1 line`,
    `${erase}a line th`,
    erase,
    "line 3 failed?\n",
    erase,
  ]);
});

test("elsewhere only what is noted is written", () => {
  const written: string[] = [];
  const progress = openProgress({ write: (text: string) => written.push(text) });
  progress.show(() => "1 line");
  progress.note("line 3 failed");
  progress.end();
  expect(written).toEqual(["line 3 failed\n"]);
});

test.each([
  [{ "retry-after-ms": "250", "retry-after": "1" }, 250],
  [{ "retry-after": "2" }, 2_000],
  [{ "retry-after": "0.5" }, 500],
  [{ "retry-after": "Sat, 21 Nov 2026 12:00:05 GMT" }, 5_000],
  [{ "retry-after": "Sat, 21 Nov 2026 11:00:00 GMT" }, 0],
  [{ "retry-after": "soon" }, undefined],
  [{ "retry-after-ms": "-1" }, undefined],
  [{}, undefined],
])("%j is a wait of %s ms", (given, waitMs) => {
  const nowMs = Date.UTC(2026, 10, 21, 12);
  expect(retryAfterMs(new Headers(given as Record<string, string>), nowMs)).toBe(waitMs);
});

test.each([
  [concurrency, "0"],
  [concurrency, "257"],
  [ttlSeconds, "0"],
  [ttlSeconds, "2592001"],
  [tags, "team"],
  [tags, ","],
  [endpoint, "/v1/moderations"],
  [(text: string) => headers(text, undefined), "no header"],
  [(text: string) => headers(text, undefined), "authorization: Bearer x"],
  [(text: string) => headers(text, undefined), "x-sentinel-cache: no-store"],
  [(text: string) => headers(text, undefined), "a: b\r\nc: d"],
])("%o refuses %j", (read, text) => {
  expect(() => read(text)).toThrow(/^It must|cannot be given/);
});

test("options that are right are taken as they are", () => {
  expect([concurrency("256"), ttlSeconds("2592000"), tags("team=a")]).toEqual([
    256,
    2_592_000,
    "team=a",
  ]);
  expect(endpoint("/v1/messages")).toBe("messages");
  const first = headers("Anthropic-Beta:  a,b ", undefined);
  expect(headers("openai-beta: c=d", first)).toEqual({
    "anthropic-beta": "a,b",
    "openai-beta": "c=d",
  });
});
