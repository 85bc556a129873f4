import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { expect, test } from "vitest";

import { readModelFolder } from "../../../src/embedders/local/model-folder.ts";
import { pooled } from "../../../src/embedders/local/sentence-model.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const smallest = { "model.onnx": "weights", "tokenizer.json": "{}" };

async function write(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

async function read(files: Readonly<Record<string, string>>) {
  await using folder = await tempFolder();
  await write(folder.path, files);
  return await readModelFolder(folder.path);
}

test("a folder with nothing but a model and its tokenizer is enough", async () => {
  const model = await read(smallest);
  expect(model).toMatchObject({ tokensMax: 512, pooling: "mean" });
});

test("the quantised model is taken where there are several", async () => {
  const { modelPath } = await read({
    ...smallest,
    "onnx/model.onnx": "x",
    "onnx/model_quantized.onnx": "x",
  });
  expect(modelPath).toMatch(/onnx\/model_quantized\.onnx$/);
});

test("sentence-transformers' own files say how long a text may be and how it is pooled", async () => {
  const model = await read({
    ...smallest,
    "sentence_bert_config.json": `{"max_seq_length": 256, "do_lower_case": false}`,
    "tokenizer_config.json": `{"model_max_length": 512}`,
    "1_Pooling/config.json": `{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}`,
  });
  expect(model).toMatchObject({ tokensMax: 256, pooling: "first" });
});

test("a tokenizer's own limit counts, unless it means that there is none", async () => {
  const withLimit = (limit: number) =>
    read({ ...smallest, "tokenizer_config.json": `{"model_max_length": ${limit}}` });
  expect((await withLimit(384)).tokensMax).toBe(384);
  expect((await withLimit(1e30)).tokensMax).toBe(512);
});

test("two folders of the same model have one fingerprint; another model or use has another", async () => {
  const same = await Promise.all([read(smallest), read(smallest)]);
  const others = await Promise.all([
    read({ ...smallest, "model.onnx": "other weights" }),
    read({ ...smallest, "tokenizer.json": `{"a":1}` }),
    read({ ...smallest, "sentence_bert_config.json": `{"max_seq_length": 128}` }),
    read({ ...smallest, "1_Pooling/config.json": `{"pooling_mode_cls_token": true}` }),
  ]);
  expect(same[0].fingerprint).toBe(same[1].fingerprint);
  expect(new Set([same[0], ...others].map(({ fingerprint }) => fingerprint)).size).toBe(5);
});

test("what is missing or wrong is said by its file", async () => {
  await expect(read({ "tokenizer.json": "{}" })).rejects.toThrow(/has none of .*model\.onnx/);
  await expect(read({ "model.onnx": "x" })).rejects.toThrow(/has no tokenizer\.json/);
  await expect(read({ ...smallest, "tokenizer.json": "<html>" })).rejects.toThrow(
    /tokenizer\.json/,
  );
  const maximum = `{"pooling_mode_max_tokens": true, "pooling_mode_mean_tokens": false}`;
  await expect(read({ ...smallest, "1_Pooling/config.json": maximum })).rejects.toThrow(/pools/);
});

test("tokens are pooled by their mean or by the first; a pooled output is left as it is", () => {
  const data = Float32Array.of(1, 2, 3, 4, 5, 6);
  const tokens = { data, dims: [1, 3, 2] };
  expect(pooled(tokens, "mean")).toEqual(Float32Array.of(9, 12));
  expect(pooled(tokens, "first")).toEqual(Float32Array.of(1, 2));
  expect(pooled({ data, dims: [1, 6] }, "mean")).toEqual(data);
});
