import { hash } from "node:crypto";

/**
 * Gemini takes names of up to 64 letters, digits, underscores, dots, colons and dashes that start with a
 * letter or an underscore (newer models: up to 128). (https://ai.google.dev/api/caching#FunctionDeclaration, read 2026-11-21)
 */
const allowed = /^[A-Za-z_][\w.:-]{0,63}$/;
const nameLengthMax = 64;
const hashLength = 8;

/** The tools' names as Gemini takes them, and back. The same name gives the same other name in every turn. */
export class ToolNames {
  readonly #toClient = new Map<string, string>();

  toGemini(name: string): string {
    if (allowed.test(name)) return name;
    const kept = name.replaceAll(/[^\w.:-]/g, "_").replace(/^(?![A-Za-z_])/, "_");
    const suffix = `_${hash("sha256", name, "hex").slice(0, hashLength)}`;
    const made = kept.slice(0, nameLengthMax - suffix.length) + suffix;
    this.#toClient.set(made, name);
    return made;
  }

  toClient(name: string): string {
    return this.#toClient.get(name) ?? name;
  }
}
