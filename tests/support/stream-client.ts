/** A client that reads a stream as it comes, and can say what it has got so far. */
export interface StreamClient {
  readonly response: Response;
  /** What has arrived. */
  readonly text: string;
  /** The `data` of every event that has arrived whole. */
  readonly data: readonly string[];
  /** Reads on until this text has come. Rejects if the stream ends or breaks off before. */
  untilText(wanted: string): Promise<void>;
  /** Reads to the end: `whole`, or `cut` where the connection broke off. */
  toEnd(): Promise<"whole" | "cut">;
  /** Leaves. */
  cancel(): Promise<void>;
}

export function readStream(response: Response): StreamClient {
  if (response.body === null) throw new Error("the answer has no body");
  const body: ReadableStream<Uint8Array> = response.body;
  const reader = body.getReader();
  const parts: Uint8Array[] = [];
  const read = async (): Promise<boolean> => {
    const { done, value } = await reader.read();
    if (value !== undefined) parts.push(value);
    return !done;
  };
  const text = (): string => Buffer.concat(parts).toString("utf8");
  return {
    response,
    get text() {
      return text();
    },
    get data() {
      return dataOf(text());
    },
    untilText: async (wanted) => {
      while (!text().includes(wanted)) {
        if (!(await read())) throw new Error(`the stream ended before ${wanted}: ${text()}`);
      }
    },
    toEnd: async () => {
      try {
        while (await read());
        return "whole";
      } catch {
        return "cut"; // What fetch says of a connection that ends before its last chunk.
      }
    },
    cancel: () => reader.cancel(),
  };
}

/** The `data` of each event of a stream, as the specification reads it. */
export function dataOf(stream: string): string[] {
  return stream
    .split(/\r\n\r\n|\n\n|\r\r/)
    .map((block) =>
      block
        .split(/\r\n|\r|\n/)
        .filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(line[5] === " " ? 6 : 5))
        .join("\n"),
    )
    .filter((data) => data !== "");
}

/** The chunks of a chat stream, without the marker at its end. */
export const chunksOf = (data: readonly string[]): ChatChunk[] =>
  data.filter((text) => text !== "[DONE]").map((text) => JSON.parse(text) as ChatChunk);

export interface ChatChunk {
  readonly choices: readonly {
    readonly delta: {
      readonly content?: string;
      readonly reasoning_content?: string;
      readonly tool_calls?: readonly ToolCallPiece[];
    };
    readonly finish_reason: string | null;
  }[];
  readonly usage?: unknown;
  readonly error?: { readonly message: string; readonly code: string | null };
}

export interface ToolCallPiece {
  readonly index: number;
  readonly id?: string;
  readonly type?: string;
  readonly function?: { readonly name?: string; readonly arguments?: string };
}

export const contentOf = (chunks: readonly ChatChunk[]): string =>
  chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
