import { Failure } from "../../../errors.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { encodeExtras, mergeExtras } from "../carried-extras.ts";
import { isWholeObject } from "../tool-input.ts";

/** Where the blocks of an answer go as they come about: one at a time, numbered from 0. */
export interface BlockSink {
  start(index: number, block: StartedBlock): void;
  /** More of the open block: text, thought, or a tool's arguments as JSON text. */
  add(index: number, piece: string): void;
  /** `signature` belongs to a `thinking` block. */
  stop(index: number, signature: string | undefined): void;
}

export type StartedBlock =
  | { readonly type: "text" }
  | { readonly type: "thinking" }
  | { readonly type: "tool_use"; readonly id: string; readonly name: string };

/**
 * Puts what a chat's answer holds into Anthropic's blocks, of which only one may be open. The first block goes
 * out as it comes; later ones wait until it is known to be whole, which matters where a provider mixes the
 * pieces of parallel tool calls. Runs once per piece of a stream; budget 1 µs.
 *
 * What a provider wants back goes into the signature of the `thinking` block before the block it belongs to;
 * where there is none, into one without thoughts.
 */
export class MessageBlocks {
  readonly #sink: BlockSink;
  readonly #model: string;
  /** The first is open; the others wait. */
  #queue: Block[] = [];
  #tail: Block | undefined;
  #count = 0;
  readonly #calls = new Map<number, ToolBlock>();
  /** Extras that no `thinking` block has taken along yet. */
  #held: Extras = noExtras();

  /** `model` is the provider's name for it. */
  constructor(sink: BlockSink, model: string) {
    this.#sink = sink;
    this.#model = model;
  }

  get hasToolCalls(): boolean {
    return this.#calls.size > 0;
  }

  text(piece: string): void {
    if (piece === "") return;
    const tail = this.#tail;
    if (tail?.type === "text") this.#add(tail, piece);
    else {
      this.#releaseHeld();
      this.#push({ type: "text", waiting: [piece] });
    }
  }

  reasoning(piece: string): void {
    if (piece === "") return;
    const tail = this.#tail;
    if (tail?.type === "thinking") this.#add(tail, piece);
    else this.#pushThinking(piece);
  }

  /** `place` tells the calls of one answer apart. */
  toolStart(place: number, call: ToolCallStart): void {
    if (call.extras !== undefined) this.#hold({ message: {}, calls: [[call.id, call.extras]] });
    this.#releaseHeld();
    const { id, name } = call;
    const block: ToolBlock = { type: "tool_use", id, name, waiting: [], json: "", isOver: false };
    this.#calls.set(place, block);
    this.#push(block);
  }

  /** Whether the call at this place has begun. */
  hasTool(place: number): boolean {
    return this.#calls.has(place);
  }

  toolArguments(place: number, piece: string): void {
    const block = this.#calls.get(place);
    if (block === undefined || piece === "") return;
    if (block.isOver) {
      if (piece.trim() === "") return;
      throw new Failure("upstream_error", "The provider went on with a tool call that was whole.");
    }
    block.json += piece;
    this.#add(block, piece);
    if (this.#queue.length > 1) this.#advance();
  }

  /** Extras that came after their tool call had begun. */
  toolExtras(place: number, extras: JsonObject): void {
    const block = this.#calls.get(place);
    if (block !== undefined) this.#hold({ message: {}, calls: [[block.id, extras]] });
  }

  messageExtras(extras: JsonObject): void {
    this.#hold({ message: extras, calls: [] });
  }

  /**
   * Closes what is open. Extras that come after a text are kept only where tools were called: no provider
   * needs those of a turn that is over, and clients look for its text in the last block.
   */
  end(): void {
    if (this.hasToolCalls || this.#count + this.#queue.length === 0) this.#releaseHeld();
    while (this.#queue.length > 0) this.#closeFirst();
  }

  #hold({ message, calls }: { message: JsonObject; calls: readonly [string, JsonObject][] }): void {
    const tail = this.#tail;
    const extras = tail?.type === "thinking" ? tail.extras : this.#held;
    extras.message = mergeExtras(extras.message, message);
    for (const [id, fields] of calls) extras.calls.set(id, fields);
  }

  #releaseHeld(): void {
    const { message, calls } = this.#held;
    if (calls.size > 0 || Object.keys(message).length > 0) this.#pushThinking("");
  }

  #pushThinking(piece: string): void {
    const extras = this.#held;
    this.#held = noExtras();
    this.#push({ type: "thinking", waiting: piece === "" ? [] : [piece], extras });
  }

  #push(block: Block): void {
    this.#queue.push(block);
    this.#tail = block;
    if (this.#queue.length === 1) this.#openFirst();
    else this.#advance();
  }

  #add(block: Block, piece: string): void {
    if (block === this.#queue[0]) this.#sink.add(this.#count, piece);
    else block.waiting.push(piece);
  }

  /** Closes the blocks before the last that are known to be whole. */
  #advance(): void {
    for (;;) {
      const [first, second] = this.#queue;
      if (first === undefined || second === undefined) return;
      if (first.type === "tool_use" && !isWholeObject(first.json)) return;
      this.#closeFirst();
    }
  }

  #openFirst(): void {
    const [first] = this.#queue;
    if (first === undefined) return;
    this.#sink.start(this.#count, first);
    for (const piece of first.waiting) this.#sink.add(this.#count, piece);
  }

  #closeFirst(): void {
    const first = this.#queue.shift();
    if (first === undefined) return;
    if (first.type === "tool_use") first.isOver = true;
    if (first === this.#tail) this.#tail = undefined;
    const signature =
      first.type === "thinking" ? encodeExtras({ model: this.#model, ...first.extras }) : undefined;
    this.#sink.stop(this.#count, signature);
    this.#count++;
    this.#openFirst();
  }
}

export interface ToolCallStart {
  readonly id: string;
  readonly name: string;
  /** What the provider wants back with this call. */
  readonly extras: JsonObject | undefined;
}

interface Extras {
  message: JsonObject;
  readonly calls: Map<string, JsonObject>;
}

const noExtras = (): Extras => ({ message: {}, calls: new Map() });

/** `waiting` holds the pieces that came before the block was opened. */
type Block =
  | { readonly type: "text"; readonly waiting: string[] }
  | { readonly type: "thinking"; readonly waiting: string[]; readonly extras: Extras }
  | ToolBlock;

interface ToolBlock {
  readonly type: "tool_use";
  readonly id: string;
  readonly name: string;
  readonly waiting: string[];
  /** All of its arguments so far. */
  json: string;
  isOver: boolean;
}
