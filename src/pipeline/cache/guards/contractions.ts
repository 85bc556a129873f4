/**
 * "What's" is "what is". Only what has one reading is expanded: "I'd" (had, would) and "John's" (is, has, of
 * John) stay as they are.
 */
export function expandContractions(text: string): string {
  return text
    .replaceAll(/[‘’ʼ`´]/g, "'")
    .replaceAll(/\b(?:can't|cant|cannot)\b/gi, "can not")
    .replaceAll(/\b(?:won't|wont)\b/gi, "will not")
    .replaceAll(/\bshan't\b/gi, "shall not")
    .replaceAll(/\blet's\b/gi, "let us")
    .replaceAll(/\bain't\b/gi, "is not")
    .replaceAll(
      /\b(is|are|was|were|do|does|did|has|have|had|could|would|should|must|need|might)(?:n't|nt)\b/gi,
      "$1 not",
    )
    .replaceAll(/\b(i)(?:'m|m)\b/gi, "$1 am")
    .replaceAll(/\b(\p{L}+)'re\b/giu, "$1 are")
    .replaceAll(/\b(\p{L}+)'ve\b/giu, "$1 have")
    .replaceAll(/\b(?:(i|you|they|we)ve)\b/gi, "$1 have")
    .replaceAll(/\b(\p{L}+)'ll\b/giu, "$1 will")
    .replaceAll(/\b(what|where|who|when|how|why|that|there|here|it|he|she)'s\b/gi, "$1 is")
    .replaceAll(/\b(what|where|who|how|that|there)s\b/gi, "$1 is");
}
