import { z } from "zod";

import { toForget } from "../../../pipeline/judge/calibration/calibration-bounds.ts";
import { anchorRunsMax } from "../../../pipeline/judge/evaluators/judge-store.ts";
import type {
  AnchorRun,
  JudgeStore,
  StoredCalibration,
  StoredEvaluator,
} from "../../../pipeline/judge/evaluators/judge-store.ts";
import { asText, asTexts, runScript, withFailures } from "./commands.ts";
import type { RedisCommands } from "./commands.ts";
import { tag } from "./keys.ts";

/**
 * What is kept of judges, in Redis. Two that put a calibration at once may leave one more than the bounds say, until the
 * next one. Its calls reject with `store_unavailable` where Redis does not answer.
 */
export function redisJudgeStore(inner: RedisCommands): JudgeStore {
  const redis = withFailures(inner);
  return {
    async listEvaluators() {
      const [texts, meant] = await Promise.all([
        redis.call("HVALS", versionsKey),
        redis.call("HGETALL", namesKey),
      ]);
      return toStoredEvaluators(asTexts(texts), fieldsOf(meant));
    },
    async putEvaluator({ name, version, definition, createdAtMs }, { versionsMax }) {
      const json = JSON.stringify({ name, version, definition, createdAtMs });
      const values = [name, version, json, versionsMax];
      const made = await runScript(redis, putScript, [versionsKey, namesKey], values);
      if (made === -1) return "full";
      return made === 1 ? "created" : "known";
    },
    async hideEvaluator(name) {
      return (await redis.call("HDEL", namesKey, name)) === 1;
    },
    async putCalibration(calibration, anchors) {
      const gone = toForget([...(await allCalibrations(redis)), calibration]);
      const { id } = calibration;
      const items = calibration.anchors === null ? "" : JSON.stringify(anchors);
      const made = [id, JSON.stringify(calibration), items, gone.calibrations.length];
      const values = [...made, ...gone.calibrations, ...gone.anchors];
      await runScript(redis, putCalibrationScript, calibrationKeys, values);
    },
    async listCalibrations(evaluator) {
      const all = await allCalibrations(redis);
      return evaluator === undefined ? all : all.filter((each) => each.evaluator === evaluator);
    },
    async getAnchors(calibrationId) {
      const text = asText(await redis.call("HGET", anchorsKey, calibrationId));
      return text === undefined ? undefined : z.array(z.unknown()).parse(JSON.parse(text));
    },
    async putAnchorRun(calibrationId, run) {
      for (;;) {
        const before = asText(await redis.call("HGET", runsKey, calibrationId));
        const after = JSON.stringify(withRun(toRuns(before), run));
        const values = [calibrationId, before ?? "", after];
        if ((await runScript(redis, putRunsScript, calibrationKeys, values)) !== 0) return;
      }
    },
    async listAnchorRuns(calibrationIds) {
      if (calibrationIds.length === 0) return [];
      const texts = asTexts(await redis.call("HMGET", runsKey, ...calibrationIds));
      return texts.map((text) => toRuns(text ?? undefined));
    },
  };
}

const versionsKey = `${tag}:judge:version`;
const namesKey = `${tag}:judge:name`;
const runsKey = `${tag}:judge:run`;
const anchorsKey = `${tag}:judge:anchors`;
const calibrationsKey = `${tag}:judge:calibration`;
const calibrationKeys = [calibrationsKey, anchorsKey, runsKey];

/** ARGV: name, version, JSON, how many versions there may be. -1: there is no room, 0: it is known, 1: it is new. */
const putScript = `
local versions, names = KEYS[1], KEYS[2]
local name, version, json, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local field = name .. '@' .. version
local isNew = redis.call('HEXISTS', versions, field) == 0
if isNew and redis.call('HLEN', versions) >= most then
  for _, known in ipairs(redis.call('HKEYS', versions)) do
    local knownName = string.match(known, '^[^@]+')
    if knownName ~= name and redis.call('HEXISTS', names, knownName) == 0 then
      redis.call('HDEL', versions, known)
    end
  end
  if redis.call('HLEN', versions) >= most then return -1 end
end
if isNew then redis.call('HSET', versions, field, json) end
redis.call('HSET', names, name, version)
return isNew and 1 or 0`;

/** ARGV: id, JSON, anchors or "", how many calibrations go; these; those whose anchors go. */
const putCalibrationScript = `
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if ARGV[3] ~= '' then redis.call('HSET', KEYS[2], ARGV[1], ARGV[3]) end
local whole = tonumber(ARGV[4])
for at = 5, #ARGV do
  redis.call('HDEL', KEYS[2], ARGV[at])
  if at < 5 + whole then
    redis.call('HDEL', KEYS[1], ARGV[at])
    redis.call('HDEL', KEYS[3], ARGV[at])
  end
end
return 1`;

/** ARGV: id, the runs as they were or "", the runs. 0: someone else was first, -1: there is no such calibration. */
const putRunsScript = `
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return -1 end
if (redis.call('HGET', KEYS[3], ARGV[1]) or '') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
return 1`;

const versionJson = z.object({
  name: z.string(),
  version: z.string(),
  definition: z.record(z.string(), z.unknown()),
  createdAtMs: z.number(),
});

function toStoredEvaluators(
  texts: readonly (string | null)[],
  meant: ReadonlyMap<string, string>,
): StoredEvaluator[] {
  return texts
    .map((text) => versionJson.parse(JSON.parse(text ?? "")))
    .filter(({ name }) => meant.has(name))
    .map((each) => ({ ...each, isCurrent: meant.get(each.name) === each.version }))
    .sort(byNameAndAge);
}

function byNameAndAge(left: StoredEvaluator, right: StoredEvaluator): number {
  if (left.name !== right.name) return left.name < right.name ? -1 : 1;
  if (left.createdAtMs !== right.createdAtMs) return left.createdAtMs - right.createdAtMs;
  return left.version < right.version ? -1 : 1;
}

/** Pairs of names and values, one after the other. */
function fieldsOf(reply: unknown): ReadonlyMap<string, string> {
  const texts = asTexts(reply);
  const fields = new Map<string, string>();
  for (let at = 0; at < texts.length; at += 2) fields.set(texts[at] ?? "", texts[at + 1] ?? "");
  return fields;
}

const calibrationJson = z.object({
  id: z.string(),
  evaluator: z.string(),
  version: z.string(),
  model: z.string(),
  report: z.record(z.string(), z.unknown()),
  anchors: z.object({ count: z.number(), kappa: z.number().nullable() }).nullable(),
  createdAtMs: z.number(),
});

/** The newest first. */
async function allCalibrations(redis: RedisCommands): Promise<readonly StoredCalibration[]> {
  const texts = asTexts(await redis.call("HVALS", calibrationsKey));
  return texts
    .map((text) => calibrationJson.parse(JSON.parse(text ?? "")))
    .sort((left, right) => (left.id < right.id ? 1 : -1));
}

const runsJson = z.array(
  z.object({ day: z.string(), kappa: z.number().nullable(), n: z.number(), failed: z.number() }),
);

const toRuns = (text: string | undefined): readonly AnchorRun[] =>
  text === undefined ? [] : runsJson.parse(JSON.parse(text));

/** The newest day first. */
const withRun = (runs: readonly AnchorRun[], run: AnchorRun): readonly AnchorRun[] =>
  [run, ...runs.filter(({ day }) => day !== run.day)]
    .sort((left, right) => (left.day < right.day ? 1 : -1))
    .slice(0, anchorRunsMax);
