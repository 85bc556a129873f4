/**
 * An embedding as OpenAI's SDKs ask for it: base64 of 32-bit floats, little-endian.
 * (https://platform.openai.com/docs/api-reference/embeddings/create, read 2026-11-21)
 */
export function embeddingBase64(numbers: readonly unknown[]): string {
  const bytes = Buffer.allocUnsafe(numbers.length * 4);
  numbers.forEach((number, index) => bytes.writeFloatLE(Number(number), index * 4));
  return bytes.toString("base64");
}
