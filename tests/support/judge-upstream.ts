import type { ServerResponse } from "node:http";

import { chatChunk, completion, done, stream, whole } from "./scripted-upstream.ts";
import type { Script, SeenRequest } from "./scripted-upstream.ts";

/** What a call of the judge takes, by the provider's count. */
export const judgeUsage = { prompt_tokens: 400, completion_tokens: 30, total_tokens: 430 } as const;

export type JudgeReply = (request: SeenRequest) => string | object;

/** Everything that a judge was shown, in one text. */
export const shownTo = ({ json }: SeenRequest): string => JSON.stringify(json?.["messages"] ?? []);

/** Only a judge is told to answer by a schema here. */
export const isOfJudge = ({ json }: SeenRequest): boolean =>
  json?.["response_format"] !== undefined;

/** A verdict as the schema wants it. */
export const verdictOf = (label: string, reason = "It fits."): string =>
  JSON.stringify({ reason, label });

/**
 * A provider that, asked to judge, says what `reply` gives: a text is the content of a completion, an object the whole answer,
 * whose `status` is HTTP's. To everybody else it answers with the question.
 */
export function judgingScript(reply: JudgeReply): Script {
  return (response, request, socket) => {
    if (!isOfJudge(request)) {
      const answer = `You asked: ${lastQuestion(request)}`;
      const script =
        request.json?.["stream"] === true
          ? stream([chatChunk({ content: answer }), chatChunk({}, "stop"), done])
          : whole(completion(answer));
      return script(response, request, socket);
    }
    const said = reply(request);
    if (typeof said === "string") {
      return whole(completion(said, { usage: judgeUsage }))(response, request, socket);
    }
    respond(response, said);
    return undefined;
  };
}

function respond(response: ServerResponse, said: object): void {
  const {
    status = 200,
    headers = {},
    ...body
  } = said as {
    readonly status?: number;
    readonly headers?: Record<string, string>;
  };
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

function lastQuestion({ json }: SeenRequest): string {
  const messages = json?.["messages"];
  const last: unknown = Array.isArray(messages) ? messages.at(-1) : undefined;
  const content: unknown =
    last === null || typeof last !== "object" ? "" : Reflect.get(last, "content");
  return typeof content === "string" ? content : "";
}
