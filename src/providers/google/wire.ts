/**
 * What Gemini is sent, as far as it is written here. Answers are read as they come, field by field.
 * (https://ai.google.dev/api/generate-content, https://ai.google.dev/api/caching#Content, read 2026-11-21)
 */
export interface Content {
  readonly role: "user" | "model";
  readonly parts: readonly Part[];
}

export type Part =
  | { readonly text: string; readonly thoughtSignature?: string }
  | MediaPart
  | FunctionCallPart
  | FunctionResponsePart;

export type MediaPart = InlinePart | FilePart;

export interface InlinePart {
  /** `data` is base64. */
  readonly inlineData: { readonly mimeType: string; readonly data: string };
  readonly thoughtSignature?: string;
}

export interface FilePart {
  readonly fileData: { readonly fileUri: string; readonly mimeType?: string };
}

export interface FunctionCallPart {
  readonly functionCall: {
    readonly id?: string;
    readonly name: string;
    readonly args: Readonly<Record<string, unknown>>;
  };
  readonly thoughtSignature?: string;
}

export interface FunctionResponsePart {
  readonly functionResponse: {
    readonly id: string;
    readonly name: string;
    readonly response: Readonly<Record<string, unknown>>;
    /** Images and other files of the result: Gemini 3 and later. */
    readonly parts?: readonly InlinePart[];
  };
}
