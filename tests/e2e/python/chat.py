"""OpenAI's Python client, unmodified: address and key come from OPENAI_BASE_URL and OPENAI_API_KEY.

Prints one JSON object with what the client saw.
"""

import json

import openai

client = openai.OpenAI(max_retries=0)
model = "gpt-4o"
question = {"role": "user", "content": "How is the weather in Zürich and 東京?"}
tools = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
]


def whole():
    answer = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Say hello"}]
    )
    return {
        "text": answer.choices[0].message.content,
        "finish_reason": answer.choices[0].finish_reason,
        "total_tokens": answer.usage.total_tokens,
        "request_id": answer._request_id,
    }


def streamed():
    pieces, usage = [], []
    for chunk in client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "Say hello"}],
        stream=True,
        stream_options={"include_usage": True},
    ):
        pieces += [choice.delta.content for choice in chunk.choices if choice.delta.content]
        usage += [chunk.usage.total_tokens] if chunk.usage else []
    return {"text": "".join(pieces), "pieces": len(pieces), "usage": usage}


def with_tools():
    with client.chat.completions.stream(model=model, messages=[question], tools=tools) as stream:
        message = stream.get_final_completion().choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": "fine"} for call in message.tool_calls
    ]
    turn = message.to_dict()
    answer = client.chat.completions.create(
        model=model, messages=[question, turn, *results], tools=tools
    )
    return {
        "cities": [json.loads(call.function.arguments)["city"] for call in message.tool_calls],
        "text": answer.choices[0].message.content,
    }


def embedded():
    answer = client.embeddings.create(model="text-embedding-3-small", input="a sentence")
    return answer.data[0].embedding


def failure(ask):
    try:
        ask()
    except openai.APIError as error:
        return {
            "class": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "code": error.code,
            "param": error.param,
        }
    return None


def broken_off():
    pieces = []

    def read():
        for chunk in client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "Break off"}], stream=True
        ):
            pieces.extend(choice.delta.content or "" for choice in chunk.choices)

    return {**failure(read), "text": "".join(pieces)}


def ask(client=client, **fields):
    hello = {"model": model, "messages": [{"role": "user", "content": "Say hello"}]}
    return lambda: client.chat.completions.create(**{**hello, **fields})


print(
    json.dumps(
        {
            "whole": whole(),
            "streamed": streamed(),
            "tools": with_tools(),
            "embedding": embedded(),
            "wrong_key": failure(ask(client.with_options(api_key="sk-unknown"))),
            "wrong_type": failure(ask(temperature="hot")),
            "wrong_model": failure(ask(model="no-such-model")),
            "broken_off": broken_off(),
        }
    )
)
