"""OpenAI's Python client, unmodified, asking everything twice at temperature 0.

Address and key come from OPENAI_BASE_URL and OPENAI_API_KEY. Prints one JSON object with what the client saw.
"""

import itertools
import json

import openai

client = openai.OpenAI(max_retries=0)
fresh = itertools.count()


def request(question):
    return {
        "model": "gpt-4o",
        "temperature": 0,
        "messages": [{"role": "user", "content": question}],
    }


def whole(question):
    raw = client.chat.completions.with_raw_response.create(**request(question))
    answer = raw.parse()
    return {
        "cache": raw.headers["x-sentinel-cache"],
        "id": answer.id,
        "text": answer.choices[0].message.content,
        "finish_reason": answer.choices[0].finish_reason,
        "total_tokens": answer.usage.total_tokens,
    }


def streamed(question):
    raw = client.chat.completions.with_raw_response.create(
        **request(question), stream=True, stream_options={"include_usage": True}
    )
    chunks = list(raw.parse())
    choices = [choice for chunk in chunks for choice in chunk.choices]
    return {
        "cache": raw.headers["x-sentinel-cache"],
        "id": chunks[0].id,
        "text": "".join(choice.delta.content or "" for choice in choices),
        "finish_reason": [one.finish_reason for one in choices if one.finish_reason][-1],
        "total_tokens": [chunk.usage.total_tokens for chunk in chunks if chunk.usage][-1],
    }


def embedded():
    raw = client.embeddings.with_raw_response.create(
        model="text-embedding-3-small", input="a sentence"
    )
    return {"cache": raw.headers["x-sentinel-cache"], "embedding": raw.parse().data[0].embedding}


def twice(first, second):
    question = f"Say hello, Python {next(fresh)}"
    return [first(question), second(question)]


print(
    json.dumps(
        {
            "pairs": [twice(*modes) for modes in itertools.product([whole, streamed], repeat=2)],
            "embedded": [embedded(), embedded()],
        }
    )
)
