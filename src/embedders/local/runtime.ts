import { createRequire } from "node:module";
import { join } from "node:path";

/**
 * What is used of `onnxruntime-node` and `@huggingface/tokenizers`. Their types stand here because both are optional:
 * Sentinel is checked and runs without them.
 */
export interface Runtime {
  readonly createSession: (modelPath: string, threads: number) => Promise<Session>;
  readonly createTensor: (values: BigInt64Array, dimensions: readonly number[]) => unknown;
  readonly createTokenizer: (tokenizer: object, config: object) => Tokenizer;
}

export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Record<string, unknown>): Promise<Readonly<Record<string, OutputTensor>>>;
  release(): Promise<void>;
}

export interface OutputTensor {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

export interface Tokenizer {
  encode(text: string): { readonly ids: readonly number[] };
}

interface OnnxRuntime {
  readonly InferenceSession: {
    create(modelPath: string, options: object): Promise<Session>;
  };
  readonly Tensor: new (
    type: "int64",
    values: BigInt64Array,
    dimensions: readonly number[],
  ) => unknown;
}

interface Tokenizers {
  readonly Tokenizer: new (tokenizer: object, config: object) => Tokenizer;
}

/** Sentinel's own dependencies are looked at first, then what `npm run embedder:install` put beside the model. */
export function loadRuntime(folder: string): Runtime {
  const places = [createRequire(import.meta.url), createRequire(join(folder, "package.json"))];
  const onnx = load(places, "onnxruntime-node") as OnnxRuntime;
  const tokenizers = load(places, "@huggingface/tokenizers") as Tokenizers;
  return {
    createSession: (modelPath, threads) =>
      onnx.InferenceSession.create(modelPath, {
        executionProviders: ["cpu"],
        graphOptimizationLevel: "all",
        executionMode: "sequential",
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        logSeverityLevel: 3,
      }),
    createTensor: (values, dimensions) => new onnx.Tensor("int64", values, dimensions),
    createTokenizer: (tokenizer, config) => new tokenizers.Tokenizer(tokenizer, config),
  };
}

function load(places: readonly NodeJS.Require[], name: string): unknown {
  for (const require of places) {
    const path = find(require, name);
    if (path !== undefined) return require(path);
  }
  throw new Error(`the package ${name} is not installed (npm run embedder:install does it)`);
}

function find(require: NodeJS.Require, name: string): string | undefined {
  try {
    return require.resolve(name);
  } catch {
    return undefined; // Not in this place: there may be another.
  }
}
