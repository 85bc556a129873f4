import { listOf, modelName, strictFields, text, wholeNumber } from "../../../config/field-types.ts";
import {
  anchorSchema,
  anchorsMax,
  subjectSchema,
} from "../../../pipeline/judge/calibration/anchor.ts";
import {
  calibrationItemSchema,
  calibrationItemsMax,
} from "../../../pipeline/judge/calibration/calibration-item.ts";

/** `POST /admin/v1/judges/{name}/evaluate` */
export const evaluateSchema = strictFields({
  model: modelName().optional(),
  subject: subjectSchema,
});

/** `POST /admin/v1/judges/{name}/calibrations` */
export const calibrateSchema = strictFields({
  version: text({ pattern: /^[0-9a-f]{12}$/, rule: "must be the version that judged the items" }),
  model: modelName(),
  items: listOf(calibrationItemSchema, { min: 1, max: calibrationItemsMax }),
  anchors: listOf(anchorSchema, { max: anchorsMax }).default([]),
  seed: wholeNumber({ min: 0, max: 4_294_967_295 }).optional(),
  resamples: wholeNumber({ min: 100, max: 10_000 }).optional(),
});
