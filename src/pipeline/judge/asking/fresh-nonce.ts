import { randomBytes } from "node:crypto";

/** 72 bits: enough that nobody who writes a text guesses what it will be marked with. */
export const freshNonce = (): string => randomBytes(9).toString("hex");
