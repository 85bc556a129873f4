/** Questions of a shop's customers, each of which can be asked in several ways that mean the same. */

const actions =
  "clean,repair,store,return,install,paint,measure,wash,polish,replace,open,move".split(",");
const kinds = "copper,brass,wooden,garden,kitchen,leather,cotton,marble,bamboo,silver".split(",");
const things =
  "kettle,lamp,chair,mirror,blanket,bucket,ladder,curtain,basket,clock,table,teapot".split(",");

/** How many topics there are. */
export const topicCount = actions.length * kinds.length * things.length;

interface Topic {
  readonly action: string;
  readonly thing: string;
}

function topicOf(index: number): Topic {
  // A stride without a common divisor: neighbours in number are not neighbours in words.
  const place = (index * 611) % topicCount;
  const action = actions[place % actions.length] ?? "";
  const kind = kinds[Math.floor(place / actions.length) % kinds.length] ?? "";
  const thing = things[Math.floor(place / actions.length / kinds.length)] ?? "";
  return { action, thing: `${kind} ${thing}` };
}

export function plainQuestion(index: number): string {
  const { action, thing } = topicOf(index);
  return `How do I ${action} the ${thing}?`;
}

const courtesies = [
  (text: string) => `please, ${text}`,
  (text: string) => `Hello, ${text}`,
  (text: string) => `Hi, ${text} please?`,
  (text: string) => `Hey, kindly, ${text}`,
  (text: string) => `Hello, please, ${text}?`,
];

/** The same words with other courtesies and articles: one normal form with the plain question. */
export function politeQuestion(index: number, variant = 0): string {
  const { action, thing } = topicOf(index);
  const wrap = courtesies[variant % courtesies.length] ?? ((text: string) => text);
  const article = variant % 2 === 0 ? "" : "a ";
  return wrap(`how do I ${action} ${article}${thing}`);
}

const rewordings = [
  ({ action, thing }: Topic) => `How can someone ${action} the ${thing} well?`,
  ({ action, thing }: Topic) => `I want to ${action} the ${thing}, how do I do that?`,
  ({ action, thing }: Topic) => `Tell me how to ${action} the ${thing} at home`,
  ({ action, thing }: Topic) => `How does one ${action} the ${thing} properly?`,
  ({ action, thing }: Topic) => `How would I simply ${action} the ${thing} at home?`,
];

/** Other words that mean the same. */
export function rewordedQuestion(index: number, variant = 0): string {
  const reword = rewordings[variant % rewordings.length] ?? rewordings[0];
  return reword?.(topicOf(index)) ?? "";
}

/** Ways in which a question can be asked. */
export const waysCount = 5;

/** What a text is about, where it is about one of the topics; otherwise how it begins. */
export function aboutOf(text: string): string {
  const words = new Set(text.toLowerCase().match(/\p{L}+/gu) ?? []);
  const found = [actions, kinds, things].map((list) => list.find((word) => words.has(word)));
  if (found.every((word) => word !== undefined)) return found.join(" ");
  return text
    .slice(0, 40)
    .replaceAll(/["\s]+/g, " ")
    .trim();
}
