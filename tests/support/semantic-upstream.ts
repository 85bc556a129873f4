import { completion, startScriptedUpstream, whole } from "./scripted-upstream.ts";
import type { Script, ScriptedUpstream, SeenRequest } from "./scripted-upstream.ts";

/** A provider, its embeddings and its judge, all scripted: for the semantic cache through the whole gateway. */
export interface SemanticUpstream extends AsyncDisposable {
  readonly upstream: ScriptedUpstream;
  readonly embeddings: ScriptedUpstream;
  /** Questions that were asked of the model `m`, in order. */
  readonly asked: readonly string[];
  /** How often answers were compared. */
  readonly checkCount: number;
  readonly embeddedCount: number;
}

const dimensions = 64;

export async function startSemanticUpstream(): Promise<SemanticUpstream> {
  const asked: string[] = [];
  let checkCount = 0;
  let embeddedCount = 0;
  const script: Script = (response, request, socket) => {
    if (request.json?.["model"] === "judge") {
      checkCount += 1;
      const verdict = verdictOn(lastMessage(request));
      return whole(completion(verdict, { usage: judgeUsage }))(response, request, socket);
    }
    const question = lastMessage(request);
    asked.push(question);
    // No two answers are the same word for word.
    return whole(completion(`On "${question}", no. ${asked.length}`))(response, request, socket);
  };
  const upstream = await startScriptedUpstream(script);
  const embeddings = await startScriptedUpstream((response, request, socket) => {
    const { input } = request.json ?? {};
    const texts = (Array.isArray(input) ? input : [input]).map(String);
    embeddedCount += texts.length;
    const data = texts.map((text, index) => ({
      object: "embedding",
      index,
      embedding: vectorOf(text),
    }));
    return whole({ object: "list", model: "e", data })(response, request, socket);
  });
  return {
    upstream,
    embeddings,
    asked,
    get checkCount() {
      return checkCount;
    },
    get embeddedCount() {
      return embeddedCount;
    },
    [Symbol.asyncDispose]: async () => {
      await upstream[Symbol.asyncDispose]();
      await embeddings[Symbol.asyncDispose]();
    },
  };
}

export const judgeUsage = { prompt_tokens: 200, completion_tokens: 1, total_tokens: 201 };

/** A judge that never errs: answers quote their question, and questions about the same menu are the same. */
function verdictOn(comparison: string): "SAME" | "DIFFERENT" {
  const menus = [...comparison.matchAll(/On "[^"]*?(\w+) menu/g)].map(([, menu]) => menu);
  return menus.length === 2 && new Set(menus).size === 1 ? "SAME" : "DIFFERENT";
}

function lastMessage({ json }: SeenRequest): string {
  const messages = json?.["messages"] as readonly { readonly content: string }[];
  return messages.at(-1)?.content ?? "";
}

/** The words of a text, each in a place of its own: texts with the same words have the same vector. */
function vectorOf(text: string): number[] {
  const vector = Array.from({ length: dimensions }, () => 0);
  for (const word of text.toLowerCase().split(/\W+/)) {
    let hash = 7;
    for (const letter of word) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 1_000_003;
    const place = hash % dimensions;
    vector[place] = (vector[place] ?? 0) + 1;
  }
  return vector;
}
