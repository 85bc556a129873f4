import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { cacheMark, invalid, textOr } from "../wire.ts";
import type { Block } from "../wire.ts";

/**
 * The content of an OpenAI message as Anthropic's blocks. Texts without a visible character are left out,
 * because Anthropic refuses them. `path` names the content in messages to the caller.
 * (https://platform.claude.com/docs/en/build-with-claude/vision and …/pdf-support, read 2026-11-21)
 */
export function toBlocks(content: unknown, path: string): Block[] {
  if (typeof content === "string") return textBlock(content, {});
  if (!Array.isArray(content)) return [];
  return content.flatMap((part: unknown, index) =>
    isJsonObject(part) ? toBlock(part, `${path}[${index}]`) : [],
  );
}

/** The mark of a whole message goes on its last block, unless that one has its own. */
export function withCacheMark(blocks: readonly Block[], message: JsonObject): readonly Block[] {
  const last = blocks.at(-1);
  if (message["cache_control"] == null || last === undefined) return blocks;
  return [...blocks.slice(0, -1), { ...cacheMark(message), ...last }];
}

export function textBlock(text: string, marks: JsonObject): Block[] {
  return text.trim() === "" ? [] : [{ type: "text", text, ...marks }];
}

/** Blocks that clients who know Anthropic's API write themselves. */
const nativeTypes = new Set<unknown>([
  "image",
  "document",
  "search_result",
  "container_upload",
  "tool_reference",
]);

function toBlock(part: JsonObject, path: string): Block[] {
  switch (part["type"]) {
    case "text":
      return textBlock(textOr(part["text"], ""), cacheMark(part));
    case "refusal":
      return textBlock(textOr(part["refusal"], ""), cacheMark(part));
    case "image_url":
      return [{ ...imageBlock(part, path), ...cacheMark(part) }];
    case "file":
      return [{ ...fileBlock(part, path), ...cacheMark(part) }];
    case "input_audio":
      throw invalid(path, "is audio, which Claude does not take.");
    default:
      if (nativeTypes.has(part["type"])) return [part];
      throw invalid(`${path}.type`, `is '${String(part["type"])}', which Claude does not take.`);
  }
}

function imageBlock(part: JsonObject, path: string): Block {
  const given = part["image_url"];
  const url = isJsonObject(given) ? given["url"] : given;
  const param = `${path}.image_url.url`;
  if (typeof url !== "string") throw invalid(param, "must be a URL or a data URL.");
  const data = readDataUrl(url, param);
  // A PDF may come as an image, as clients of other gateways send it; a text is taken for a mistake.
  if (data !== undefined && textTypes.test(data.mediaType)) throw invalid(param, "is no image.");
  if (data !== undefined) return blockOf(data, param);
  return { type: "image", source: { type: "url", url: webUrl(url, param) } };
}

function fileBlock(part: JsonObject, path: string): Block {
  const file = isJsonObject(part["file"]) ? part["file"] : {};
  const { filename, file_data: fileData, file_id: fileId, file_url: fileUrl } = file;
  const title = typeof filename === "string" && filename !== "" ? { title: filename } : {};
  const param = `${path}.file`;
  if (typeof fileData === "string")
    return { ...fileDataBlock(fileData, `${param}.file_data`, title) };
  if (typeof fileUrl === "string") {
    const url = webUrl(fileUrl, `${param}.file_url`);
    return { type: "document", source: { type: "url", url }, ...title };
  }
  // Ids of Anthropic's Files API; OpenAI's begin with `file-` and mean nothing there.
  if (typeof fileId === "string" && fileId.startsWith("file_")) {
    return { type: "document", source: { type: "file", file_id: fileId }, ...title };
  }
  throw invalid(param, "must have 'file_data' (a data URL) or the id of a file at Anthropic.");
}

/** How a PDF begins (`%PDF-`), in base64: some clients leave the head of the data URL out. */
const pdfBegin = "JVBERi0";

function fileDataBlock(fileData: string, param: string, title: JsonObject): Block {
  if (/^https?:/i.test(fileData)) {
    return { type: "document", source: { type: "url", url: fileData }, ...title };
  }
  const data = fileData.startsWith(pdfBegin)
    ? { mediaType: "application/pdf", base64: fileData }
    : readDataUrl(fileData, param);
  if (data === undefined) throw invalid(param, "must be a data URL.");
  const block = blockOf(data, param);
  return block["type"] === "document" ? { ...block, ...title } : block;
}

interface InlineData {
  readonly mediaType: string;
  readonly base64: string;
}

/** (RFC 2397) Undefined for what is no data URL. */
function readDataUrl(url: string, param: string): InlineData | undefined {
  if (!/^data:/i.test(url)) return undefined;
  const comma = url.indexOf(",");
  if (comma === -1) throw invalid(param, "is a data URL without data.");
  const [mediaType = "", ...flags] = url.slice("data:".length, comma).toLowerCase().split(";");
  const data = url.slice(comma + 1);
  const isBase64 = flags.some((flag) => flag.trim() === "base64");
  const base64 = isBase64 ? data : Buffer.from(decodePercent(data, param)).toString("base64");
  return { mediaType: mediaType.trim(), base64 };
}

function decodePercent(text: string, param: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) throw invalid(param, "is a data URL that cannot be decoded.");
    throw error;
  }
}

const imageTypes = new Set(["image/jpeg", "image/png", "image/gif", "image/webp"]);
const textTypes = /^(?:text\/.+|application\/(?:json|xml|yaml|x-yaml))$/;

function blockOf({ mediaType, base64 }: InlineData, param: string): Block {
  const type = mediaType === "image/jpg" ? "image/jpeg" : mediaType;
  if (imageTypes.has(type)) {
    return { type: "image", source: { type: "base64", media_type: type, data: base64 } };
  }
  if (type === "application/pdf") {
    return { type: "document", source: { type: "base64", media_type: type, data: base64 } };
  }
  if (textTypes.test(type)) {
    const data = Buffer.from(base64, "base64").toString("utf8");
    return { type: "document", source: { type: "text", media_type: "text/plain", data } };
  }
  const what = type === "" ? "has no media type" : `has the media type '${type}'`;
  throw invalid(param, `${what}; Claude takes JPEG, PNG, GIF, WebP, PDF and text.`);
}

function webUrl(url: string, param: string): string {
  if (/^https?:\/\//i.test(url)) return url;
  throw invalid(param, "must be an http(s) URL or a data URL.");
}
