import { expect, test } from "vitest";

import { Failure } from "../../../../src/errors.ts";
import { readCacheControls } from "../../../../src/pipeline/cache/controls.ts";
import type { CacheControls } from "../../../../src/pipeline/cache/controls.ts";

const plain: CacheControls = {
  reads: true,
  writes: true,
  optsIn: false,
  onlyIfCached: false,
  ttlSeconds: undefined,
};

test.each<[string | undefined, Partial<CacheControls>]>([
  [undefined, {}],
  ["on", { optsIn: true }],
  ["ON", { optsIn: true }],
  [" no-cache ", { reads: false }],
  ["no-store", { reads: false, writes: false }],
  ["no-cache, no-store", { reads: false, writes: false }],
  ["only-if-cached", { onlyIfCached: true, optsIn: true }],
  ["on,only-if-cached", { onlyIfCached: true, optsIn: true }],
  ["refresh", { reads: false, optsIn: true }],
  ["on, no-cache", { reads: false, optsIn: true }],
])("%s asks the cache for %j", (header, effect) => {
  expect(readCacheControls({ "x-sentinel-cache": header })).toEqual({ ...plain, ...effect });
});

test("a time to live is read whatever else is asked", () => {
  expect(readCacheControls({ "x-sentinel-cache-ttl": "60" })).toEqual({ ...plain, ttlSeconds: 60 });
  const both = { "x-sentinel-cache": "on", "x-sentinel-cache-ttl": " 2592000 " };
  expect(readCacheControls(both)).toEqual({ ...plain, optsIn: true, ttlSeconds: 2_592_000 });
});

test.each([
  "",
  "off",
  "true",
  "on,",
  "on, maybe",
  "constructor",
  "on, no-store",
  "refresh,no-store",
  "only-if-cached, no-cache",
  "only-if-cached, refresh",
  "only-if-cached,no-store",
  `${"no-cache,".repeat(1_000)}nonsense`,
])("'%s' is refused by name", (header) => {
  expect(refusalOf({ "x-sentinel-cache": header })).toMatchObject({
    status: 400,
    body: { param: "x-sentinel-cache", code: "invalid_value" },
  });
});

test.each(["", "0", "-1", "1.5", "1e3", "ten", "2592001", "99999999999999999999", "1, 2"])(
  "a time to live of '%s' is refused by name",
  (header) => {
    expect(refusalOf({ "x-sentinel-cache-ttl": header })).toMatchObject({
      status: 400,
      body: { param: "x-sentinel-cache-ttl", code: "invalid_value" },
    });
  },
);

function refusalOf(headers: Record<string, string>): Failure {
  try {
    readCacheControls(headers);
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown;
  }
  throw new Error("It was not refused.");
}
