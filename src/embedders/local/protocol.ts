/** What the main thread and the thread that holds the model say to each other. */
export interface ThreadSettings {
  readonly folder: string;
  /** Processor threads for one text. */
  readonly threads: number;
}

export type ToThread = { readonly id: number; readonly text: string } | { readonly close: true };

export type FromThread =
  | { readonly kind: "ready"; readonly modelId: string; readonly dimensions: number }
  | { readonly kind: "vector"; readonly id: number; readonly vector: Float32Array }
  | { readonly kind: "too_long"; readonly id: number; readonly tokensMax: number }
  | { readonly kind: "error"; readonly id: number; readonly message: string };
