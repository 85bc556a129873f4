import { Hono } from "hono";
import type { Context } from "hono";

import { namedEvaluatorSchema } from "../../../config/judge-config.ts";
import { Failure } from "../../../errors.ts";
import { newestOfEach } from "../../../pipeline/judge/calibration/calibration-bounds.ts";
import { toEvaluator } from "../../../pipeline/judge/evaluators/evaluator-definition.ts";
import type { FoundEvaluator } from "../../../pipeline/judge/evaluators/evaluator-definition.ts";
import type {
  JudgeStore,
  StoredCalibration,
} from "../../../pipeline/judge/evaluators/judge-store.ts";
import { versionOf } from "../../../pipeline/judge/evaluators/version.ts";
import type { AdminChange } from "../../admin-change.ts";
import type { AppEnv } from "../../context.ts";
import type { Page } from "../../cursor-page.ts";
import { requirePlatform } from "../../middleware/require-admin.ts";
import { readAdminJson } from "../../read-admin-json.ts";
import { noSuch } from "./fields.ts";
import type { JudgeRoutesDeps } from "./judge-deps.ts";
import { addCalibration, listCalibrations } from "./judge-calibrations.ts";
import { evaluateNow } from "./judge-now.ts";
import { presentJudge, presentProblem, presentWholeJudge } from "./present-judge.ts";
import type { CalibrationHistory } from "./present-judge.ts";

/** Versions of all names together: each is held in memory, and may be some 50 KB. */
export const versionsMax = 500;

/** `/admin/v1/judges`, for the platform admin: what judges answers, and how well it does. */
export function judgeRoutes(deps: JudgeRoutesDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  const now = evaluateNow(deps);
  routes.use(requirePlatform);
  routes.get("/", (c) => listJudges(c, deps));
  routes.post("/", (c) => createJudge(c, deps));
  routes.get("/:name", (c) => getJudge(c, deps));
  routes.delete("/:name", (c) => deleteJudge(c, deps));
  routes.post("/:name/evaluate", (c) => now(c, findJudge(c, deps)));
  routes.get("/:name/calibrations", (c) => listCalibrations(c, nameIn(findJudge(c, deps)), deps));
  routes.post("/:name/calibrations", (c) => addCalibration(c, nameIn(findJudge(c, deps)), deps));
  return routes;
}

type OneJudge = Context<AppEnv, "/:name">;

const nameIn = ({ evaluator }: FoundEvaluator): string => evaluator.name;

/** By its name, or by `name@version`. Throws `not_found`. */
function findJudge(c: Context<AppEnv, "/:name">, { evaluators }: JudgeRoutesDeps): FoundEvaluator {
  const found = evaluators.find(c.req.param("name"));
  if (found === undefined) throw noSuch("judge");
  return found;
}

async function listJudges(c: Context<AppEnv>, deps: JudgeRoutesDeps): Promise<Response> {
  const { evaluators, store } = deps;
  const histories = await historiesOf(await store.listCalibrations(), store);
  const page: Page<object> = {
    object: "list",
    data: [
      ...evaluators
        .list()
        .map((found) => presentJudge(found, historiesOfVersion(found, histories))),
      ...evaluators.problems().map(presentProblem),
    ],
    has_more: false,
    next_cursor: null,
  };
  return c.json(page);
}

async function getJudge(c: OneJudge, deps: JudgeRoutesDeps): Promise<Response> {
  return c.json(await whole(findJudge(c, deps), deps));
}

async function whole(found: FoundEvaluator, { evaluators, store }: JudgeRoutesDeps) {
  const name = nameIn(found);
  const histories = await historiesOf(await store.listCalibrations(name), store);
  const ofVersion = historiesOfVersion(found, histories);
  return presentWholeJudge(found, evaluators.versions(name), ofVersion);
}

/** The newest calibration of each evaluator, version and model, with its runs. */
async function historiesOf(
  calibrations: readonly StoredCalibration[],
  store: Pick<JudgeStore, "listAnchorRuns">,
): Promise<readonly CalibrationHistory[]> {
  const newest = newestOfEach(calibrations);
  const runs = await store.listAnchorRuns(newest.map(({ id }) => id));
  return newest.map((calibration, at) => ({ calibration, runs: runs[at] ?? [] }));
}

const historiesOfVersion = (
  { evaluator, version }: FoundEvaluator,
  histories: readonly CalibrationHistory[],
): readonly CalibrationHistory[] =>
  histories.filter(
    ({ calibration }) =>
      calibration.evaluator === evaluator.name && calibration.version === version,
  );

async function createJudge(c: Context<AppEnv>, deps: JudgeRoutesDeps): Promise<Response> {
  const { name, ...definition } = await readAdminJson(c, namedEvaluatorSchema);
  requireOwn(name, deps);
  const evaluator = toEvaluator(name, definition, "admin");
  const version = versionOf(evaluator);
  const createdAtMs = deps.clock.epochMs();
  const made = { name, version, definition, createdAtMs };
  const outcome = await deps.store.putEvaluator(made, { versionsMax });
  if (outcome === "full") {
    const message = `There are ${versionsMax} versions of evaluators already. Delete evaluators that nobody uses.`;
    throw new Failure("conflict", message);
  }
  await changed(deps, "judge.set", `${name}@${version}`);
  const found = deps.evaluators.find(`${name}@${version}`) ?? { evaluator, version, createdAtMs };
  return c.json(await whole(found, deps), outcome === "created" ? 201 : 200);
}

async function deleteJudge(c: OneJudge, deps: JudgeRoutesDeps): Promise<Response> {
  const name = c.req.param("name");
  if (name.includes("@")) {
    const message = "Versions are not deleted one by one. Name the evaluator without its version.";
    throw new Failure("invalid_value", message, { param: "name" });
  }
  requireOwn(name, deps);
  if (!(await deps.store.hideEvaluator(name))) throw noSuch("judge");
  await changed(deps, "judge.deleted", name);
  return c.json({ name, object: "judge.deleted", deleted: true });
}

/** Throws `conflict` for an evaluator that was not made here. */
function requireOwn(name: string, { evaluators }: JudgeRoutesDeps): void {
  const source = evaluators.find(name)?.evaluator.source;
  if (source === undefined || source === "admin") return;
  const message =
    source === "yaml"
      ? `The evaluator '${name}' comes from the configuration file. Change it there.`
      : `The evaluator '${name}' comes with Sentinel, and stays as it is. What a tenant has judged is in its policy.`;
  throw new Failure("conflict", message, { param: "name" });
}

async function changed(
  deps: JudgeRoutesDeps,
  action: AdminChange["action"],
  subject: string,
): Promise<void> {
  await deps.onJudgesChanged();
  deps.onChange?.({ action, by: "platform", subject });
}
