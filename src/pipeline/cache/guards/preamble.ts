/**
 * "Could you please tell me how I ..." asks "how I ...". What is politeness or framing is cut off first, so
 * that its "you", its "not" and its question do not count.
 */
const openings: readonly RegExp[] = [
  /^(?:hi|hello|hey|ok|okay|so|well|um|please|kindly|thanks|good (?:morning|afternoon|evening)|dear \w+|sorry|excuse me|quick question)\b[\s,!.:;-]*(?:there\b[\s,!.]*|all\b[\s,!.]*)?/i,
  /^(?:can|could|would|will) (?:you|u|someone|anyone|somebody|anybody) (?:please |kindly |just |quickly |possibly )*(?:tell|show|teach|remind|inform|advise|let) (?:me|us)(?: know)?(?: about)?\b[\s,:]*/i,
  /^(?:can|could|would|will) (?:you|u|someone|anyone|somebody|anybody) (?:please |kindly |just |quickly |possibly )*(?:help|assist) (?:me|us)(?: out)?(?: with| to| by| in)?\b[\s,:]*/i,
  /^(?:can|could|would|will) (?:you|u) (?:please |kindly |just |quickly |possibly )*(?=(?:explain|describe|define|give|list|write|draft|compose|summari[sz]e|translate|create|generate|make|provide|suggest|recommend|find|fix|check|cancel|change|close|delete|remove|update|reset|block|unblock|send|compare|convert|solve|calculate|name|outline|rewrite|review|correct|prove|clarify|tell|show|add|set|book|order|plan)\b)/i,
  /^(?:tell|remind|inform) (?:me|us)(?: about)?\b[\s,:]*/i,
  /^(?:help) (?:me|us)(?: to| with)?\b[\s,:]*/i,
  /^(?:let me know|i have a question(?: about)?|my question is|question)\b[\s,:]*/i,
  /^i (?:would|'d) (?:like|love)(?: you)? to (?:know|understand|find out|learn|ask)(?: about)?\b[\s,:]*/i,
  /^i(?:'d| would) (?:like|love) (?:to (?:have|get|see)|(?=an?\b|some\b))\b[\s]*/i,
  /^i (?:just |really )*(?:want|need|wanted|wish|am trying|try|am looking)(?: you)? to (?:know|understand|find out|learn|ask|figure out)(?: about)?\b[\s,:]*/i,
  /^(?:i am|i was|just|was)(?: just)? (?:wondering|curious)(?: about)?\b[\s,:]*/i,
  /^(?:do|does|did|would) (?:you|anyone|anybody|someone|u)(?: happen to| guys)? know\b(?: about)?[\s,:]*/i,
  /^(?:i (?:do|did|really do) not (?:know|understand|get|see)|i am not sure|not sure|i can not (?:figure|work) out)(?: about)?[\s,:]+(?=(?:how|what|why|when|where|who|which|if|whether)\b)/i,
  /^(?:(?:i have )?no idea|any idea)\b(?: about)?[\s,:]*/i,
  /^(?:what i (?:want|need) to know is|the question is)\b[\s,:]*/i,
];

/** At most so many openings are cut off one after the other. */
const openingsMax = 5;

const endings =
  /(?:[\s,.!?]+(?:please|thanks|thank you|thx|pls|cheers|many thanks|thanks in advance|thank you in advance|asap|for me|to me|or not|right|you know))+[\s,.!?]*$/i;

const pleas =
  /(?<=\S)[\s,.!?]+(?:(?:please )?(?:can|could|would) (?:you|someone|anyone) (?:please )?(?:help|assist)(?: me)?(?: out)?(?: with (?:this|that|it))?|(?:please |pls )?help(?: me)?(?: out)?|how do i do (?:that|this|it)|what (?:can|do|should) i do)[\s,.!?]*$/i;

export interface Asked {
  readonly text: string;
  /** The framing ended in "if" or "whether": what follows is a yes-or-no question. */
  readonly isWhether: boolean;
}

export function withoutPreamble(text: string): Asked {
  let rest = text.trim();
  for (let count = 0; count < openingsMax; count++) {
    const before = rest;
    for (const opening of openings) rest = rest.replace(opening, "");
    if (rest === before) break;
  }
  rest = rest.replace(endings, "").replace(pleas, "").replace(endings, "");
  const whether = /^(?:if|whether)\b\s*/i.exec(rest);
  if (whether !== null && rest !== text.trim()) {
    return { text: rest.slice(whether[0].length), isWhether: true };
  }
  return rest === "" ? { text, isWhether: false } : { text: rest, isWhether: false };
}
