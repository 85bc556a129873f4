import type { Ask, ClientName, Mode, Reply } from "./ask.ts";
import type { Stage } from "./stage.ts";
import type { Answer, Vendor } from "./vendors/vendor.ts";

/** One cell of the matrix, while it is tested. */
export interface Cell {
  readonly vendor: Vendor;
  readonly clientName: ClientName;
  readonly mode: Mode;
  readonly stage: Stage;
  /** Asks, with the client and in the mode of this cell. */
  readonly ask: (ask: Ask, onText?: (text: string) => void) => Promise<Reply>;
  /** Asks, when the model says this. */
  readonly askFor: (answer: Partial<Answer>, ask: Ask) => Promise<Reply>;
}

/** `told`: the vendor cannot do it, or not all of it, and the test saw that the caller is told so. */
export type Verdict = "ok" | "told";

export interface Feature {
  readonly name: string;
  test(cell: Cell): Promise<Verdict>;
}

export const plainUsage = { input: 11, cached: 0, written: 0, output: 7, thoughts: 0 } as const;

export function makeCell(stage: Stage, clientName: ClientName, mode: Mode): Cell {
  const client = stage.client(clientName);
  return {
    vendor: stage.vendor,
    clientName,
    mode,
    stage,
    ask: (ask, onText) => client.ask(ask, mode, onText),
    askFor: (answer, ask) => {
      stage.answer({ finish: "stop", usage: plainUsage, ...answer });
      return client.ask(ask, mode);
    },
  };
}
