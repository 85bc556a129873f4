import type { Endpoint } from "../../protocol/endpoints.ts";
import type { SseEvent } from "../../protocol/sse.ts";
import { eventStrings } from "./event-strings.ts";
import type { FoundString } from "./event-strings.ts";

/** So much of a stream's text is kept, as it was written; of the rest only the characters are counted. */
export const keptCharactersMax = 65_536;

/** After so many pieces they are made one: what is left is the text alone, and not the events it was cut from. */
const piecesPerRun = 64;

/**
 * What a stream has delivered: the text of the answer, its thoughts, refusals and the names and arguments of its
 * tool calls, in the order in which they came. Runs for every event of every stream; budget 0.3 µs an event,
 * which is why nothing is parsed: the text is cut out as it stands, and read when somebody asks for it.
 */
export class DeliveredText {
  readonly #find: (event: SseEvent, found: FoundString) => void;
  readonly #found: FoundString;
  #characters = 0;
  /** JSON's escapes and all: runs of pieces, and the pieces since the last run. */
  #runs = "";
  #pieces = "";
  #piecesCount = 0;
  #isTruncated = false;

  constructor(endpoint: Endpoint, stringsOf: typeof eventStrings = eventStrings) {
    this.#find = stringsOf(endpoint);
    this.#found = (data, start, end, characters) => {
      this.#take(data, start, end, characters);
    };
  }

  add(events: readonly SseEvent[]): void {
    for (const event of events) this.#find(event, this.#found);
  }

  /** All that came, whether it was kept or not: UTF-16 units, as `String.length` has them. */
  get characters(): number {
    return this.#characters;
  }

  /** What of it was kept. Costs a pass over it each time. */
  get text(): string {
    return unescaped(this.#runs + this.#pieces);
  }

  /** Whether more came than was kept. */
  get isTruncated(): boolean {
    return this.#isTruncated;
  }

  #take(data: string, start: number, end: number, characters: number): void {
    this.#characters += characters;
    if (this.#isTruncated) return;
    const room = keptCharactersMax - this.#runs.length - this.#pieces.length;
    if (end - start > room) {
      this.#isTruncated = true;
      this.#pieces += wholeEscapes(data.slice(start, start + room));
    } else {
      this.#pieces += data.slice(start, end);
    }
    if (this.#isTruncated || ++this.#piecesCount === piecesPerRun) this.#closeRun();
  }

  #closeRun(): void {
    this.#pieces.charCodeAt(0); // Makes V8 copy the pieces into one text, so that it lets go of the events.
    this.#runs += this.#pieces;
    this.#pieces = "";
    this.#piecesCount = 0;
  }
}

/** Without an escape that was cut in two: what begins with a backslash so near to the end. */
function wholeEscapes(escaped: string): string {
  let at = escaped.lastIndexOf("\\");
  if (at === -1 || at < escaped.length - longestEscape) return escaped;
  while (escaped[at - 1] === "\\") at--;
  return escaped.slice(0, at);
}

const longestEscape = "\\uffff".length;

function unescaped(escaped: string): string {
  if (!escaped.includes("\\")) return escaped;
  try {
    return String(JSON.parse(`"${escaped}"`));
  } catch {
    // A vendor's JSON was none. What was meant can be read all the same.
    return escaped;
  }
}
