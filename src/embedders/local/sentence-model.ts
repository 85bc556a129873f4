import { toUnitLength } from "../../pipeline/cache/embedder.ts";
import { readModelFolder } from "./model-folder.ts";
import type { Pooling } from "./model-folder.ts";
import { loadRuntime } from "./runtime.ts";
import type { OutputTensor, Runtime, Session } from "./runtime.ts";

/** A sentence model in memory. One text at a time: padded into a batch, an int8 model gives other vectors. */
export interface SentenceModel {
  readonly id: string;
  readonly dimensions: number;
  readonly tokensMax: number;
  /** Undefined for a text that is longer than what the model reads. */
  embed(text: string): Promise<Float32Array | undefined>;
  close(): Promise<void>;
}

/** No tokenizer is asked about more: a token seldom has more than a few characters, and a limit is 512 tokens or so. */
const charactersPerTokenMax = 32;

/** Throws, in words for the operator, where the folder or what runs it is not as it should be. */
export async function openSentenceModel(folder: string, threads: number): Promise<SentenceModel> {
  const files = await readModelFolder(folder);
  const runtime = loadRuntime(folder);
  const tokenizer = runtime.createTokenizer(files.tokenizer, files.tokenizerConfig);
  const session = await runtime.createSession(files.modelPath, threads);
  const output = outputOf(session);

  const embed = async (text: string): Promise<Float32Array | undefined> => {
    if (text.length > files.tokensMax * charactersPerTokenMax) return undefined;
    const { ids } = tokenizer.encode(text);
    if (ids.length > files.tokensMax) return undefined;
    const tensors = await session.run(feedsOf(session, runtime, ids));
    const tensor = tensors[output];
    if (tensor === undefined) throw new Error(`the model has no output ${output}`);
    const vector = toUnitLength(pooled(tensor, files.pooling));
    if (vector === undefined) throw new Error("the model gave a vector without a direction");
    return vector;
  };

  const first = await embed("hello");
  return {
    id: `onnx-${files.fingerprint}`,
    dimensions: first?.length ?? 0,
    tokensMax: files.tokensMax,
    embed,
    close: () => session.release(),
  };
}

/** Models give the vectors of their tokens under one of these names, or first. */
function outputOf(session: Session): string {
  const known = ["sentence_embedding", "last_hidden_state", "token_embeddings"];
  const name =
    known.find((wanted) => session.outputNames.includes(wanted)) ?? session.outputNames[0];
  if (name === undefined) throw new Error("the model has no output");
  return name;
}

function feedsOf(
  session: Session,
  runtime: Runtime,
  ids: readonly number[],
): Record<string, unknown> {
  const dimensions = [1, ids.length];
  const tensor = (values: BigInt64Array): unknown => runtime.createTensor(values, dimensions);
  const feeds: Record<string, unknown> = {
    input_ids: tensor(BigInt64Array.from(ids, BigInt)),
    attention_mask: tensor(new BigInt64Array(ids.length).fill(1n)),
  };
  if (session.inputNames.includes("token_type_ids")) {
    feeds["token_type_ids"] = tensor(new BigInt64Array(ids.length));
  }
  return feeds;
}

/** One vector of the tokens'; of a model that has done so itself, that one. */
export function pooled({ data, dims }: OutputTensor, pooling: Pooling): Float32Array {
  const size = dims.at(-1) ?? 0;
  const rows = pooling === "first" || dims.length === 2 ? 1 : data.length / size;
  const sum = new Float64Array(size);
  for (let index = 0; index < rows * size; index++) {
    const column = index % size;
    sum[column] = (sum[column] ?? 0) + (data[index] ?? 0);
  }
  // Its length becomes 1, so that the sum serves as the mean.
  return Float32Array.from(sum);
}
