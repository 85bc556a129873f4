/** What a scraper reads out of one line of either text format. */
export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** As it was written. */
  readonly valueText: string;
  readonly exemplar: ParsedExemplar | undefined;
}

export interface ParsedExemplar {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly epochSeconds: number;
}

export interface ParsedExposition {
  readonly types: ReadonlyMap<string, string>;
  readonly help: ReadonlyMap<string, string>;
  readonly samples: readonly ParsedSample[];
  /** Whether the last line is `# EOF`. */
  readonly isEnded: boolean;
}

/** Reads a document as strictly as a scraper does: what it cannot read is an error. */
export function parseExposition(text: string): ParsedExposition {
  if (!text.endsWith("\n")) throw new Error("The last line has no end");
  const lines = text.slice(0, -1).split("\n");
  const isEnded = lines.at(-1) === "# EOF";
  const types = new Map<string, string>();
  const help = new Map<string, string>();
  const samples: ParsedSample[] = [];
  for (const line of isEnded ? lines.slice(0, -1) : lines) {
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/s.exec(line);
    const [, kind, name = "", rest = ""] = comment ?? [];
    if (kind === undefined) samples.push(parseSample(line));
    else if (types.has(name) && kind === "TYPE") throw new Error(`Two families ${name}`);
    else (kind === "TYPE" ? types : help).set(name, rest);
  }
  return { types, help, samples, isEnded };
}

function parseSample(line: string): ParsedSample {
  const reader = new Reader(line);
  const name = reader.take(/[a-zA-Z_:][a-zA-Z0-9_:]*/y);
  const labels = reader.isAt("{") ? readLabels(reader) : {};
  reader.take(/ /y);
  const valueText = reader.take(/\S+/y);
  const exemplar = reader.isAt(" ") ? readExemplar(reader) : undefined;
  reader.end();
  return { name, labels, value: numberOf(valueText), valueText, exemplar };
}

function readExemplar(reader: Reader): ParsedExemplar {
  reader.take(/ # /y);
  const labels = readLabels(reader);
  reader.take(/ /y);
  const value = numberOf(reader.take(/\S+/y));
  reader.take(/ /y);
  return { labels, value, epochSeconds: Number(reader.take(/\d+\.\d{3}/y)) };
}

function readLabels(reader: Reader): Record<string, string> {
  const labels: Record<string, string> = {};
  reader.take(/\{/y);
  while (!reader.isAt("}")) {
    const name = reader.take(/[a-zA-Z_][a-zA-Z0-9_]*/y);
    reader.take(/="/y);
    const escaped = reader.take(/(?:[^"\\\n]|\\["\\n])*/y);
    reader.take(/",?/y);
    labels[name] = escaped.replace(/\\(.)/g, (_, char) => (char === "n" ? "\n" : String(char)));
  }
  reader.take(/\}/y);
  return labels;
}

function numberOf(text: string): number {
  if (text === "+Inf" || text === "-Inf") return Number(`${text}inity`);
  if (!/^(NaN|[-+]?\d+(\.\d+)?(e[-+]?\d+)?)$/.test(text)) throw new Error(`No number: ${text}`);
  return Number(text);
}

class Reader {
  readonly #line: string;
  #at = 0;

  constructor(line: string) {
    this.#line = line;
  }

  isAt(text: string): boolean {
    return this.#line.startsWith(text, this.#at);
  }

  take(sticky: RegExp): string {
    sticky.lastIndex = this.#at;
    const [found] = sticky.exec(this.#line) ?? [];
    if (found === undefined) {
      throw new Error(`Expected ${sticky.source} at ${this.#at} of ${JSON.stringify(this.#line)}`);
    }
    this.#at += found.length;
    return found;
  }

  end(): void {
    if (this.#at !== this.#line.length) throw new Error(`More than a sample: ${this.#line}`);
  }
}
