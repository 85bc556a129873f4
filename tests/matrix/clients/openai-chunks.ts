import type OpenAI from "openai";
import type { ChatCompletionChunk } from "openai/resources/chat/completions";

/** An assistant's message with the fields that other vendors' thoughts and signatures come in. */
export interface GatheredMessage {
  readonly message: {
    readonly role: "assistant";
    readonly content: string | null;
    readonly refusal?: string | null;
    readonly reasoning_content?: string;
    readonly thinking_blocks?: readonly unknown[];
    readonly extra_content?: unknown;
    readonly tool_calls?: readonly {
      readonly id: string;
      readonly type: string;
      readonly function: { readonly name: string; readonly arguments: string };
    }[];
  };
  readonly model: string;
  readonly finishReason: string;
  readonly usage: OpenAI.CompletionUsage | undefined;
  readonly textPieces: number;
}

type Delta = ChatCompletionChunk["choices"][number]["delta"] & {
  readonly reasoning_content?: string | null;
  readonly thinking_blocks?: readonly unknown[];
  readonly extra_content?: unknown;
};

/**
 * Puts a stream together as its readers do, and insists on what OpenAI's streams hold to: one id and model
 * throughout, the role first, one finish reason at the end, and usage once, last, without a choice.
 */
export function gatherChunks(chunks: readonly ChatCompletionChunk[]): GatheredMessage {
  const withChoice = chunks.filter(({ choices }) => choices.length > 0);
  const [first] = withChoice;
  if (first === undefined) throw new Error("a stream without a choice");
  insist(
    chunks.every(({ id, model }) => id === first.id && model === first.model),
    "one id and one model throughout",
    chunks,
  );
  insist(
    chunks.every((chunk: { readonly object: string }) => chunk.object === "chat.completion.chunk"),
    "each a chat.completion.chunk",
    chunks,
  );
  insist(first.choices[0]?.delta.role === "assistant", "the role in the first chunk", chunks);
  const finishes = withChoice.filter(({ choices }) => choices[0]?.finish_reason != null);
  insist(finishes.length === 1 && finishes[0] === withChoice.at(-1), "one finish, last", chunks);
  const usages = chunks.filter(({ usage }) => usage != null);
  insist(usages.length <= 1, "usage once", chunks);
  const [last] = usages;
  insist(last === undefined || last === chunks.at(-1), "usage in the last chunk", chunks);
  insist(last === undefined || last.choices.length === 0, "usage without a choice", chunks);
  const deltas = withChoice.map(({ choices }) => (choices[0]?.delta ?? {}) as Delta);
  return {
    message: messageOf(deltas),
    model: first.model,
    finishReason: finishes[0]?.choices[0]?.finish_reason ?? "",
    usage: last?.usage ?? undefined,
    textPieces: deltas.filter(({ content }) => content != null && content !== "").length,
  };
}

function messageOf(deltas: readonly Delta[]): GatheredMessage["message"] {
  const joined = (pick: (delta: Delta) => string | null | undefined): string =>
    deltas.map((delta) => pick(delta) ?? "").join("");
  const content = joined((delta) => delta.content);
  const refusal = joined((delta) => delta.refusal);
  const reasoning = joined((delta) => delta.reasoning_content);
  const blocks = deltas.flatMap((delta) => delta.thinking_blocks ?? []);
  const extra = deltas.map((delta) => delta.extra_content).find((value) => value != null);
  const calls = gatherCalls(deltas);
  return {
    role: "assistant",
    content: content === "" && (calls.length > 0 || refusal !== "") ? null : content,
    ...(refusal === "" ? {} : { refusal }),
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(blocks.length === 0 ? {} : { thinking_blocks: blocks }),
    ...(extra === undefined ? {} : { extra_content: extra }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

type Call = NonNullable<GatheredMessage["message"]["tool_calls"]>[number];

function gatherCalls(deltas: readonly Delta[]): Call[] {
  const calls: Call[] = [];
  for (const piece of deltas.flatMap(({ tool_calls }) => tool_calls ?? [])) {
    const known = calls[piece.index];
    if (known === undefined) {
      insist(piece.index === calls.length, "indices from 0, without gaps", piece);
      calls.push(firstPiece(piece));
    } else calls[piece.index] = laterPiece(known, piece);
  }
  insist(new Set(calls.map(({ id }) => id)).size === calls.length, "distinct ids", calls);
  return calls;
}

type Piece = NonNullable<Delta["tool_calls"]>[number];

function firstPiece({ index, id = "", type, function: fn = {}, ...rest }: Piece): Call {
  const { name = "", arguments: json = "" } = fn;
  insist(id !== "", `an id in the first piece of call ${index}`, rest);
  insist(type === "function", `a type in the first piece of call ${index}`, rest);
  insist(name !== "", `a name in the first piece of call ${index}`, rest);
  return { id, type: "function", function: { name, arguments: json }, ...rest };
}

function laterPiece(known: Call, { index, id, type: _type, function: fn, ...rest }: Piece): Call {
  const isNamed = id != null || fn?.name != null;
  insist(!isNamed, `id and name only in the first piece of call ${index}`, { id, fn });
  const { name, arguments: sofar } = known.function;
  return { ...known, ...rest, function: { name, arguments: sofar + (fn?.arguments ?? "") } };
}

function insist(isSo: boolean, what: string, seen: unknown): void {
  if (!isSo) throw new Error(`OpenAI's streams have ${what}: ${JSON.stringify(seen)}`);
}
