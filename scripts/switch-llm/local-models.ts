/** The models that a local server has, by its list; none if it does not answer. */
export async function localModels(baseUrl: string): Promise<readonly string[]> {
  try {
    const response = await fetch(`${baseUrl}/models`, { signal: AbortSignal.timeout(answerMs) });
    const list: unknown = await response.json();
    if (typeof list !== "object" || list === null || !("data" in list)) return [];
    return Array.isArray(list.data) ? list.data.flatMap(idOf) : [];
  } catch {
    return []; // It does not run yet.
  }
}

const answerMs = 2_000;

function idOf(model: unknown): string[] {
  const id: unknown = typeof model === "object" && model !== null && "id" in model ? model.id : 0;
  return typeof id === "string" ? [id] : [];
}
