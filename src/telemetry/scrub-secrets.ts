/**
 * Takes out of a text what looks like a credential, wherever it stands: an error's message may quote an address, a header
 * or a key. Each pattern looks at each stretch of the text once, so that a long one costs no more than its length. Runs for
 * errors alone, never for a request.
 */
export function scrubSecrets(text: string): string {
  let scrubbed = text;
  for (const [pattern, replacement] of patterns) scrubbed = scrubbed.replace(pattern, replacement);
  return scrubbed;
}

const hidden = "[redacted]";

const patterns: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // Sentinel's own keys and those of vendors, by how they begin.
  [/\b(?:sk|pk|rk|xai|pplx)-[\w*.-]{6,}/g, hidden],
  [/\b(?:gsk|hf|r8|ghp|gho|ghs)_\w{6,}/g, hidden],
  [/\bAIza[\w-]{10,}/g, hidden],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{12,}/g, hidden],
  // Three parts of base64url with points between them. It begins where such a stretch does, and nowhere inside it.
  [/(?<![\w-])eyJ[\w-]{4,}\.[\w-]{2,}(?:\.[\w-]*)?/g, hidden],
  [/\b(Bearer|Basic)\s{1,4}[\w.~+/=-]{4,}/gi, `$1 ${hidden}`],
  // User and password of an address, and everything that stands behind a ? or & in one.
  [/:\/\/[^\s/?#"'<>]*@/g, `://${hidden}@`],
  [/([?&][\w.%~-]{1,64}=)[^&\s"'#<>]+/g, `$1${hidden}`],
  // By their names, as headers, settings and JSON have them.
  [
    /((?:api[-_]?key|[-_]token|authorization|password|passwd|secret|cookie)["']?\s{0,4}[:=]\s{0,4}["']?)[^\s"',;{}[\]]{4,}/gi,
    `$1${hidden}`,
  ],
];
