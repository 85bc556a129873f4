import { APIError } from "openai";

/** What the official client threw; anything but one of its own errors fails the test. */
export function apiError(thrown: unknown): APIError {
  if (isApiError(thrown)) return thrown;
  throw thrown;
}

/** The error with which a call of the official client ends. */
export async function rejection(asked: PromiseLike<unknown>): Promise<APIError> {
  try {
    await asked;
  } catch (error) {
    return apiError(error);
  }
  throw new Error("it was answered");
}

const isApiError = (thrown: unknown): thrown is APIError => thrown instanceof APIError;
