import { expect, test } from "vitest";

import { listWithAnyKey } from "../../../src/providers/model-lists.ts";
import type { ListedModel } from "../../../src/providers/model-lists.ts";

const models = [{ id: "m", created: 0 }];

/** A vendor that takes these keys; what it was asked with is noted. */
function vendorTaking(...good: string[]) {
  const asked: string[] = [];
  const list = ([key = ""]: readonly string[]): Promise<readonly ListedModel[]> => {
    asked.push(key);
    return good.includes(key) ? Promise.resolve(models) : Promise.reject(new Error(`not ${key}`));
  };
  return { asked, list };
}

test("a refused key does not hide the vendor's models", async () => {
  const { asked, list } = vendorTaking("sk-good");
  expect(await listWithAnyKey(["sk-bad", "sk-good", "sk-more"], list)).toBe(models);
  expect(asked).toEqual(["sk-bad", "sk-good"]);
});

test("a vendor without a list is asked with a few keys only, and its first answer counts", async () => {
  const { asked, list } = vendorTaking();
  await expect(listWithAnyKey(["a", "b", "c", "d"], list)).rejects.toThrow("not a");
  expect(asked).toEqual(["a", "b", "c"]);
});

test("a server that needs no key is asked without one", async () => {
  expect(await listWithAnyKey([], vendorTaking("").list)).toBe(models);
});
