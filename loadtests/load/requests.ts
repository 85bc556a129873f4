/** What the scenarios ask: about 1 KB, as an app with some instructions sends it. */
const instructions =
  "You are the assistant of a shop that repairs and sells bicycles. Answer in the language of the customer, in at most three sentences, and only from the facts that follow. Never promise a date that is not in the facts; when something is missing, say so and offer to hand over to a colleague. Orders placed before noon leave the warehouse the same day; delivery takes two to four working days. A return is free within thirty days if the part was not mounted.";

export const chatPath = "/v1/chat/completions";

/** No two runs ask the same, so that what one has left in a cache does not help the next. */
const run = Date.now().toString(36);
let questionCount = 0;

/** A chat that nobody has asked before. Its temperature has the cache look and store. */
export const freshChat = (model: string, more: object = {}): string =>
  chatAbout(model, `ticket ${++questionCount}`, more);

/** The same chat for the same name. */
export const chatAbout = (model: string, about: string, more: object = {}): string =>
  JSON.stringify({
    model,
    temperature: 0,
    max_tokens: 128,
    messages: [
      { role: "system", content: instructions },
      { role: "user", content: `Run ${run}, ${about}: when will the parts arrive at my house?` },
    ],
    ...more,
  });
