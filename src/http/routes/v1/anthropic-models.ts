import { Failure } from "../../../errors.ts";
import type { ListedModel } from "../../../providers/model-lists.ts";

/** Anthropic's list of models, and one of them. (https://docs.claude.com/en/api/models-list, read 2026-11-21) */
export interface AnthropicModel {
  readonly type: "model";
  readonly id: string;
  readonly display_name: string;
  /** The epoch's beginning where it is not known, as with Anthropic. */
  readonly created_at: string;
}

export interface AnthropicModelPage {
  readonly data: readonly AnthropicModel[];
  readonly has_more: boolean;
  readonly first_id: string | null;
  readonly last_id: string | null;
}

export interface ModelPageQuery {
  readonly limit: string | undefined;
  readonly afterId: string | undefined;
  readonly beforeId: string | undefined;
}

const limitMax = 1_000;

/** All of them unless a limit is given: who does not ask for pages does not look for a second one. */
export function toAnthropicPage(
  models: readonly ListedModel[],
  { limit, afterId, beforeId }: ModelPageQuery,
): AnthropicModelPage {
  const count = limit === undefined ? models.length : readLimit(limit);
  const after = afterId === undefined ? 0 : positionOf(models, afterId, "after_id") + 1;
  const before = beforeId === undefined ? models.length : positionOf(models, beforeId, "before_id");
  const isBackwards = beforeId !== undefined && afterId === undefined;
  const start = isBackwards ? Math.max(0, before - count) : after;
  const end = Math.min(before, start + count);
  const data = models.slice(start, end).map(toAnthropicModel);
  return {
    data,
    has_more: isBackwards ? start > 0 : end < before,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
  };
}

export function toAnthropicModel(model: ListedModel): AnthropicModel {
  const { id, created, display_name: name, created_at: createdAt } = model;
  return {
    type: "model",
    id,
    display_name: typeof name === "string" ? name : id,
    created_at: typeof createdAt === "string" ? createdAt : isoTime(created),
  };
}

/** Providers send what they like; beyond what a date can be, it is as good as unknown. */
function isoTime(seconds: unknown): string {
  const date = new Date(typeof seconds === "number" ? seconds * 1_000 : 0);
  return Number.isNaN(date.getTime()) ? new Date(0).toISOString() : date.toISOString();
}

function readLimit(limit: string): number {
  const count = Number(limit);
  if (/^\d+$/.test(limit) && count >= 1 && count <= limitMax) return count;
  const message = `limit must be a whole number from 1 to ${limitMax}.`;
  throw new Failure("invalid_value", message, { param: "limit" });
}

function positionOf(models: readonly ListedModel[], id: string, param: string): number {
  const position = models.findIndex((model) => model.id === id);
  if (position !== -1) return position;
  throw new Failure("invalid_value", `${param} must be the id of a model in the list.`, { param });
}
