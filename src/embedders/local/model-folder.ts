import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

/** A sentence model as `sentence-transformers` and the hubs lay it out on disk. */
export interface ModelFolder {
  readonly modelPath: string;
  readonly tokenizer: object;
  readonly tokenizerConfig: object;
  /** What the model was trained to read, its special tokens included. */
  readonly tokensMax: number;
  readonly pooling: Pooling;
  /** Of everything that shapes a vector; where the folder is does not matter. */
  readonly fingerprint: string;
}

/** How a text's vector comes from its tokens' vectors: their mean, or the first one. */
export type Pooling = "mean" | "first";

/** The first that is there is used: int8 has a quarter of the size, and nearly the same directions. */
const modelFiles = [
  "onnx/model_quantized.onnx",
  "onnx/model_int8.onnx",
  "onnx/model.onnx",
  "model_quantized.onnx",
  "model.onnx",
];

const sentenceSchema = z.looseObject({ max_seq_length: z.int().min(2).optional() });
const tokenizerConfigSchema = z.looseObject({ model_max_length: z.number().optional() });
const poolingSchema = z.looseObject({
  pooling_mode_cls_token: z.boolean().optional(),
  pooling_mode_mean_tokens: z.boolean().optional(),
});

/** Models that say nothing were trained on no more. */
const tokensMaxDefault = 512;

/** Reads what describes the model; throws, saying which file it is, where the folder is not of a sentence model. */
export async function readModelFolder(folder: string): Promise<ModelFolder> {
  const modelPath = await findModel(folder);
  const tokenizerText = await readText(join(folder, "tokenizer.json"));
  if (tokenizerText === undefined) throw new Error(`${folder} has no tokenizer.json`);
  const tokenizerConfig = await readJson(
    join(folder, "tokenizer_config.json"),
    tokenizerConfigSchema,
  );
  const sentence = await readJson(join(folder, "sentence_bert_config.json"), sentenceSchema);
  const pooling = poolingOf(await readJson(join(folder, "1_Pooling/config.json"), poolingSchema));
  const tokensMax = sentence.max_seq_length ?? sensible(tokenizerConfig.model_max_length);
  const hash = createHash("sha256").update(await readFile(modelPath));
  hash.update(JSON.stringify([tokenizerText, tokenizerConfig, tokensMax, pooling]));
  return {
    modelPath,
    tokenizer: parsed(tokenizerText, join(folder, "tokenizer.json"), z.looseObject({})),
    tokenizerConfig,
    tokensMax,
    pooling,
    fingerprint: hash.digest("hex").slice(0, 16),
  };
}

async function findModel(folder: string): Promise<string> {
  for (const file of modelFiles) {
    const path = join(folder, file);
    if (await isFile(path)) return path;
  }
  throw new Error(`${folder} has none of ${modelFiles.join(", ")}`);
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false; // Not there, or not for us: the next one may be.
  }
}

function poolingOf(config: z.infer<typeof poolingSchema>): Pooling {
  if (config.pooling_mode_cls_token === true) return "first";
  if (config.pooling_mode_mean_tokens === false) {
    throw new Error("the model pools its tokens neither by their mean nor by the first");
  }
  return "mean";
}

/** Tokenizers without a limit have 10³⁰ for it. */
function sensible(modelMaxLength: number | undefined): number {
  const isLimit =
    modelMaxLength !== undefined && Number.isInteger(modelMaxLength) && modelMaxLength < 100_000;
  return isLimit ? modelMaxLength : tokensMaxDefault;
}

/** An absent file is an empty object. */
async function readJson<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): Promise<z.output<Schema>> {
  return parsed((await readText(path)) ?? "{}", path, schema);
}

function parsed<Schema extends z.ZodType>(
  text: string,
  path: string,
  schema: Schema,
): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(`${path} is not what it should be`, { cause: error });
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, "code") === "ENOENT") return undefined;
    throw error;
  }
}
