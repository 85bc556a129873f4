import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { fault } from "./request-fault.ts";
import type { MediaPart } from "../wire.ts";

/**
 * Images, audio, video and documents of a message as Gemini takes them. What is inlined goes on inlined; an
 * address goes on as an address, for Google to fetch: Sentinel fetches nothing on a client's behalf.
 * (https://ai.google.dev/gemini-api/docs/file-input-methods, read 2026-11-21)
 */

/** Undefined for a part that is no media at all. Throws `invalid_value`. */
export function mediaPart(part: JsonObject, param: string): MediaPart | undefined {
  switch (part["type"]) {
    case "image_url":
      return fromUrl(urlOf(part["image_url"]), `${param}.image_url`);
    case "video_url":
      return fromUrl(urlOf(part["video_url"]), `${param}.video_url`);
    case "input_audio":
      return fromAudio(part["input_audio"], `${param}.input_audio`);
    case "file":
      return fromFile(part["file"], `${param}.file`);
    default:
      return undefined;
  }
}

/** `{url}`, or the address itself, which some clients write. */
function urlOf(value: unknown): unknown {
  return isJsonObject(value) ? value["url"] : value;
}

function fromUrl(url: unknown, param: string): MediaPart {
  if (typeof url !== "string") throw fault(param, `'${param}' must have a 'url'.`);
  if (/^data:/i.test(url)) return { inlineData: readDataUrl(url, param) };
  if (!/^(?:https?|gs):\/\//i.test(url)) {
    throw fault(
      param,
      `'${param}' must be a data URL ('data:image/png;base64,...') or an address.`,
    );
  }
  const mimeType = mimeTypeByName(url.replace(/[?#].*$/s, ""));
  return { fileData: { fileUri: url, ...(mimeType === undefined ? {} : { mimeType }) } };
}

function fromAudio(audio: unknown, param: string): MediaPart {
  if (!isJsonObject(audio) || typeof audio["data"] !== "string") {
    throw fault(param, `'${param}' must have base64 'data' and a 'format'.`);
  }
  const format = audio["format"];
  const mimeType = typeof format === "string" ? `audio/${format}` : "";
  if (!isMimeType(mimeType))
    throw fault(`${param}.format`, `'${param}.format' must be wav or mp3.`);
  return { inlineData: { mimeType, data: audio["data"] } };
}

function fromFile(file: unknown, param: string): MediaPart {
  if (!isJsonObject(file)) throw fault(param, `'${param}' must be an object.`);
  const { file_data: data, file_id: id, filename } = file;
  if (typeof data === "string") {
    if (/^(?:data:|https?:\/\/|gs:\/\/)/i.test(data)) return fromUrl(data, `${param}.file_data`);
    const byName = typeof filename === "string" ? mimeTypeByName(filename) : undefined;
    return { inlineData: { mimeType: byName ?? "application/pdf", data } };
  }
  // A file that was uploaded to Google; one that is at OpenAI cannot be had from here.
  if (typeof id === "string" && /^https:\/\//i.test(id)) return { fileData: { fileUri: id } };
  throw fault(`${param}.file_data`, `Inline the file as '${param}.file_data', a data URL.`);
}

/** Throws `invalid_value` if it is none. */
function readDataUrl(url: string, param: string): { mimeType: string; data: string } {
  const comma = url.indexOf(",");
  if (comma === -1) throw fault(param, `The data URL in '${param}' has no data.`);
  const [mimeType = "", ...settings] = url.slice("data:".length, comma).split(";");
  if (mimeType !== "" && !isMimeType(mimeType)) {
    throw fault(param, `The data URL in '${param}' has no valid media type.`);
  }
  const written = url.slice(comma + 1);
  const isBase64 = settings.some((setting) => setting.trim().toLowerCase() === "base64");
  const data = isBase64 ? written : fromPercentEncoded(written, param);
  return { mimeType: mimeType === "" ? "text/plain" : mimeType.toLowerCase(), data };
}

function fromPercentEncoded(text: string, param: string): string {
  try {
    return Buffer.from(decodeURIComponent(text)).toString("base64");
  } catch {
    throw fault(param, `The data URL in '${param}' is neither base64 nor percent-encoded.`);
  }
}

function isMimeType(text: string): boolean {
  return /^[a-z]+\/[\w.+-]{1,100}$/i.test(text);
}

/** (https://ai.google.dev/gemini-api/docs/image-understanding and its siblings, read 2026-11-21) */
const mimeTypes = new Map([
  ["png", "image/png"],
  ["jpg", "image/jpeg"],
  ["jpeg", "image/jpeg"],
  ["webp", "image/webp"],
  ["gif", "image/gif"],
  ["heic", "image/heic"],
  ["heif", "image/heif"],
  ["pdf", "application/pdf"],
  ["txt", "text/plain"],
  ["md", "text/markdown"],
  ["html", "text/html"],
  ["csv", "text/csv"],
  ["xml", "text/xml"],
  ["json", "application/json"],
  ["wav", "audio/wav"],
  ["mp3", "audio/mp3"],
  ["ogg", "audio/ogg"],
  ["flac", "audio/flac"],
  ["aac", "audio/aac"],
  ["mp4", "video/mp4"],
  ["mov", "video/quicktime"],
  ["webm", "video/webm"],
  ["mpeg", "video/mpeg"],
]);

function mimeTypeByName(name: string): string | undefined {
  const extension = /\.(\w{2,4})$/.exec(name)?.[1];
  return extension === undefined ? undefined : mimeTypes.get(extension.toLowerCase());
}
