import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test, vi } from "vitest";

import { installEmbedder } from "../../../scripts/embedder/install.ts";
import { modelSources } from "../../../scripts/embedder/sources.ts";
import type { ModelSource } from "../../../scripts/embedder/sources.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const tampered: ModelSource = {
  name: "a mirror that was tampered with",
  files: [{ from: "model.onnx", to: "model.onnx", bytes: 4, sha256: "0".repeat(64) }],
  fetchInto: async (folder) => {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "model.onnx"), "evil");
  },
};

const absent: ModelSource = {
  name: "a hub that is out of reach",
  files: tampered.files,
  fetchInto: () => Promise.reject(new Error("fetch failed", { cause: new Error("ENOTFOUND") })),
};

test("a model of another sha256 is not installed, and what was there stays", async () => {
  const said = vi.spyOn(console, "log").mockReturnValue(undefined);
  await using parent = await tempFolder();
  const folder = join(parent.path, "embedder");
  await mkdir(folder);
  await writeFile(join(folder, "mine.txt"), "mine");
  await expect(installEmbedder(folder, [absent, tampered])).rejects.toThrow(
    /out of reach: fetch failed: ENOTFOUND\n.*tampered with: model\.onnx has the sha256/,
  );
  expect(await readFile(join(folder, "mine.txt"), "utf8")).toBe("mine");
  expect(await readdir(parent.path)).toEqual(["embedder"]);
  expect(said.mock.calls.flat()).toContain(
    "Fetching all-MiniLM-L6-v2 (int8) from a hub that is out of reach",
  );
  said.mockRestore();
});

test("every source has the same files, each with its size and its sha256", () => {
  for (const { files } of modelSources) {
    expect(files.map(({ to }) => to)).toEqual(["onnx/model_quantized.onnx", "tokenizer.json"]);
    for (const { sha256 } of files) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  }
});
