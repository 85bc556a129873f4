/** Everything of a request that tells its answers from all others', whatever is asked: who asks, and in which way. */
export interface CachedPlace {
  readonly tenant: string;
  readonly endpoint: "chat" | "messages";
  readonly model: string;
  readonly pin: string | undefined;
  readonly system: string | undefined;
  readonly turns: readonly string[];
  readonly seed: number | undefined;
  readonly format: string | undefined;
  readonly tool: string | undefined;
  readonly beta: string | undefined;
}

/** What each may be; the first is the usual one. */
export type PlaceChoices = { readonly [Name in keyof CachedPlace]: readonly CachedPlace[Name][] };

/** They are near one another: what a key leaves out, or writes sloppily, makes two of them one. */
export const placeChoices: PlaceChoices = {
  tenant: ["acme", "acme2", "ACME", "globex"],
  endpoint: ["chat", "messages"],
  model: ["m", "test/m", "untold"],
  pin: [undefined, "test"],
  system: [undefined, "Be brief.", "Be brief", "be brief."],
  turns: [[], ["Hi", "Hello."], ["Hello.", "Hi"]],
  seed: [undefined, 1, 10],
  format: [undefined, "json_object", "text"],
  tool: [undefined, "look", "look_up"],
  beta: [undefined, "a", "b"],
};

const placeNames = Object.keys(placeChoices) as readonly (keyof CachedPlace)[];

const pick = <Item>(items: readonly Item[], random: () => number): Item => {
  // `undefined` is one of them now and then.
  return items[Math.floor(random() * items.length)] as Item;
};

export const usualPlace = (choices: PlaceChoices): CachedPlace => {
  const usual: object = Object.fromEntries(placeNames.map((name) => [name, choices[name][0]]));
  return usual as CachedPlace;
};

/** The same but for so many of its parts. */
export function strayed(
  place: CachedPlace,
  { choices, count, random }: { choices: PlaceChoices; count: number; random: () => number },
): CachedPlace {
  let moved = place;
  for (let turn = 0; turn < count; turn += 1) {
    const name = pick(placeNames, random);
    const others = (choices[name] as readonly unknown[]).filter((choice) => choice !== moved[name]);
    if (others.length > 0) moved = { ...moved, [name]: pick(others, random) };
  }
  return moved;
}

/** The same request of another tenant. */
function ofAnother(
  place: CachedPlace,
  { choices, random }: { choices: PlaceChoices; random: () => number },
): CachedPlace {
  const others = choices.tenant.filter((tenant) => tenant !== place.tenant);
  return { ...place, tenant: pick(others, random) };
}

/** So many of which each tenant has as many, some of them the same but for the tenant. */
export function somePlaces(
  count: number,
  { choices, random }: { choices: PlaceChoices; random: () => number },
): ReadonlyMap<string, CachedPlace> {
  const places = new Map<string, CachedPlace>();
  for (let turn = 0; turn < count; turn += 1) {
    const tenant = choices.tenant[turn % choices.tenant.length] ?? "";
    const usual = { ...usualPlace(choices), tenant };
    const place = { ...strayed(usual, { choices, count: turn % 4, random }), tenant };
    places.set(placeText(place), place);
  }
  return places;
}

/** One of them, the same of another tenant, or something near one: a third of each. */
export function probeNear(
  places: readonly CachedPlace[],
  { choices, random }: { choices: PlaceChoices; random: () => number },
): CachedPlace {
  const place = pick(places, random);
  const kind = random();
  if (kind < 1 / 3) return place;
  if (kind < 2 / 3) return ofAnother(place, { choices, random });
  return strayed(place, { choices, count: 1 + Math.floor(random() * 3), random });
}

export const placeText = (place: CachedPlace): string =>
  JSON.stringify(placeNames.map((name) => place[name] ?? null));

/** The request that asks `question` there. */
export function bodyAt(place: CachedPlace, question: string): Record<string, unknown> {
  const { endpoint, model, system, turns, seed, format, tool } = place;
  const isChat = endpoint === "chat";
  const said = turns.map((content, index) => ({
    role: index % 2 === 0 ? "user" : "assistant",
    content,
  }));
  const systemTurn = isChat && system !== undefined ? [{ role: "system", content: system }] : [];
  const parameters = { type: "object", properties: {} };
  const chatTool = { type: "function", function: { name: tool, parameters } };
  const messagesTool = { name: tool, input_schema: parameters };
  return {
    model,
    temperature: 0,
    messages: [...systemTurn, ...said, { role: "user", content: question }],
    ...(isChat ? {} : { max_tokens: 100, ...(system !== undefined && { system }) }),
    ...(seed !== undefined && (isChat ? { seed } : { top_k: seed })),
    ...(format !== undefined &&
      (isChat ? { response_format: { type: format } } : { stop_sequences: [format] })),
    ...(tool !== undefined && { tools: [isChat ? chatTool : messagesTool] }),
  };
}

export function headersAt({ beta, pin }: CachedPlace): Record<string, string> {
  return {
    ...(beta !== undefined && { "anthropic-beta": beta }),
    ...(pin !== undefined && { "x-sentinel-provider": pin }),
  };
}
