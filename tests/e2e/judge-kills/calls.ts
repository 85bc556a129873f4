/** A call as a client of the proof makes it. Provider and judge read in its prompt what they are to do. */
export interface Call {
  /** `<tenant>-<number>`: unlike any other; the client's own request id. */
  readonly label: string;
  readonly tenant: string;
  readonly kind: CallKind;
  /** Of a stream, with so long between them. */
  readonly pieces: number;
  readonly paceMs: number;
}

/** `broken`: the stream breaks off; `left`: its client goes after the first piece. */
export type CallKind = "whole" | "streamed" | "broken" | "left";

export function drawCall(random: () => number, tenant: string, number: number): Call {
  const draw = random();
  const kind = draw < 0.5 ? "whole" : draw < 0.84 ? "streamed" : draw < 0.92 ? "broken" : "left";
  return {
    label: `${tenant}-${number}`,
    tenant,
    kind,
    pieces: 2 + Math.floor(random() * 8),
    paceMs: 1 + Math.floor(random() * 8),
  };
}

/** Stands in every question and every answer, and has to stand nowhere else when all is judged. */
export const secretOf = (label: string): string => `secret-of-${label}-end`;

/** Whose secrets are in there. */
export const secretsIn = (text: string): Set<string> =>
  new Set([...text.matchAll(/secret-of-([a-z]+-\d+)-end/g)].map(([, label = ""]) => label));

export const questionOf = (call: Call): string =>
  JSON.stringify({ ...call, question: `What is ${secretOf(call.label)}?` });

export const answerTo = (label: string): string => `That is ${secretOf(label)}.`;

export function callIn(question: string): Call {
  return JSON.parse(question) as Call;
}
