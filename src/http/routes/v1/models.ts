import { Hono } from "hono";

import { Failure } from "../../../errors.ts";
import type { ListedModel } from "../../../providers/model-lists.ts";
import { mayUseModel } from "../../../tenants/tenant.ts";
import type { AppEnv } from "../../context.ts";
import { dialectOf } from "../../dialect.ts";
import { toAnthropicModel, toAnthropicPage } from "./anthropic-models.ts";

export interface ModelsDeps {
  readonly listModels: () => Promise<readonly ListedModel[]>;
}

/** `GET /v1/models` and `/v1/models/{id}`: what this key may call, aliases included, in the caller's dialect. */
export function modelsRoutes(deps: ModelsDeps): Hono<AppEnv> {
  const allowed = async (identity: AppEnv["Variables"]["identity"]): Promise<ListedModel[]> => {
    const models = await deps.listModels();
    if (identity.kind === "platform") return [...models];
    return models.filter((model) => mayUseModel(identity.caller, model.id));
  };
  const routes = new Hono<AppEnv>();
  routes.get("/", async (c) => {
    const models = await allowed(c.get("identity"));
    if (dialectOf(c.env.incoming) === "openai") return c.json({ object: "list", data: models });
    const { limit, after_id: afterId, before_id: beforeId } = c.req.query();
    return c.json(toAnthropicPage(models, { limit, afterId, beforeId }));
  });
  routes.get("/:id{.+}", async (c) => {
    const id = c.req.param("id");
    const model = (await allowed(c.get("identity"))).find((candidate) => candidate.id === id);
    if (model !== undefined) {
      const isForOpenAi = dialectOf(c.env.incoming) === "openai";
      return c.json(isForOpenAi ? model : toAnthropicModel(model));
    }
    const message = `The model '${id}' does not exist, or this key may not use it.`;
    throw new Failure("model_not_found", message, { param: "model" });
  });
  return routes;
}
