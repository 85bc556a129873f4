import { expect, test } from "vitest";

import { redisAddressOf } from "../../src/stores/redis/address.ts";
import { slotOf } from "../../src/stores/redis/slot.ts";
import { hashTag, keysOf, periodTtlMs } from "../../src/stores/redis/limits/keys.ts";

test("one URL is one server, with its user, password, database and TLS", () => {
  expect(redisAddressOf(["rediss://user:p%40ss@cache.example.com:6380/3"])).toEqual({
    kind: "single",
    node: { host: "cache.example.com", port: 6380 },
    isTls: true,
    username: "user",
    password: "p@ss",
    database: 3,
  });
  expect(redisAddressOf(["redis://[::1]"])).toMatchObject({ node: { host: "::1", port: 6379 } });
});

test("several URLs are a cluster, and share what one of them says of the password", () => {
  expect(redisAddressOf(["redis://a:7000", "redis://:secret@b:7001"])).toMatchObject({
    kind: "cluster",
    nodes: [
      { host: "a", port: 7000 },
      { host: "b", port: 7001 },
    ],
    password: "secret",
  });
});

test("?sentinel= makes them Redis Sentinels of that master", () => {
  const urls = ["redis://:p@s1/2?sentinel=mymaster&sentinel_password=other", "redis://s2:26380"];
  expect(redisAddressOf(urls)).toMatchObject({
    kind: "sentinel",
    masterName: "mymaster",
    sentinelPassword: "other",
    password: "p",
    database: 2,
    nodes: [
      { host: "s1", port: 26379 },
      { host: "s2", port: 26380 },
    ],
  });
});

test.each([
  [["redis://a", "rediss://b"], /mixed/],
  [["redis://a/x"], /database's number/],
  [["redis://a/1", "redis://b"], /database 0 alone/],
  [["redis://a?sentinels=m"], /does not know/],
  [[], /empty/],
])("what cannot be meant is refused in a sentence: %j", (urls, sentence) => {
  expect(() => redisAddressOf(urls)).toThrow(sentence);
});

test("slots are those of the cluster's specification", () => {
  expect(slotOf("123456789")).toBe(0x31c3);
  expect(slotOf("foo")).toBe(12182);
  expect(slotOf("{user1000}.following")).toBe(slotOf("{user1000}.followers"));
  expect(slotOf("foo{}{bar}")).not.toBe(slotOf("bar"));
  expect(slotOf("foo{{bar}}zap")).toBe(slotOf("{bar"));
});

test("a tenant's keys have one slot whatever its id holds, and no two tenants share a key", () => {
  const ids = ["acme", "{", "}", "a}b", "{a}", "%7D", "%", "ä 日本", "a:b"];
  const rates = ids.map((id) => keysOf(id).rates);
  expect(new Set(rates).size).toBe(ids.length);
  for (const id of ids) {
    const { running, holds, budget } = keysOf(id);
    const slots = [running("{k}"), holds, budget("d:20261121"), hashTag(id)].map(slotOf);
    expect(new Set(slots)).toEqual(new Set([slotOf(keysOf(id).rates)]));
  }
});

test("periods are kept longer than they last, and the total for ever", () => {
  const days = ["d:20261121", "w:20261116", "m:202611", "t"].map(
    (id) => periodTtlMs(id) / 86_400_000,
  );
  expect(days).toEqual([10, 21, 70, 0]);
});
