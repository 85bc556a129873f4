"""Anthropic's Python client, unmodified: address and key come from ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY.

Prints one JSON object with what the client saw.
"""

import json

import anthropic

client = anthropic.Anthropic(max_retries=0)
model = "gpt-5"
question = {"role": "user", "content": "How is the weather in Zürich and 東京?"}
tools = [
    {
        "name": "get_weather",
        "input_schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    }
]


def asking(content):
    return {
        "model": model,
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": content}],
    }


def whole():
    message = client.messages.create(**asking("Say hello"))
    return {
        "text": message.content[0].text,
        "stop_reason": message.stop_reason,
        "usage": [message.usage.input_tokens, message.usage.output_tokens],
        "request_id": message._request_id,
    }


def streamed():
    with client.messages.stream(**asking("Say hello")) as stream:
        pieces = list(stream.text_stream)
        message = stream.get_final_message()
    return {
        "text": "".join(pieces),
        "pieces": len(pieces),
        "usage": [message.usage.input_tokens, message.usage.output_tokens],
    }


def with_tools():
    with client.messages.stream(
        model=model, max_tokens=1000, messages=[question], tools=tools
    ) as stream:
        message = stream.get_final_message()
    calls = [block for block in message.content if block.type == "tool_use"]
    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": "fine"} for call in calls
    ]
    answer = client.messages.create(
        model=model,
        max_tokens=1000,
        messages=[
            question,
            {"role": "assistant", "content": message.content},
            {"role": "user", "content": results},
        ],
        tools=tools,
    )
    return {
        "stop_reason": message.stop_reason,
        "cities": [call.input["city"] for call in calls],
        "text": answer.content[0].text,
    }


def thought():
    message = client.messages.create(**asking("Think"))
    return [[block.type, getattr(block, "thinking", None)] for block in message.content]


def counted():
    request = asking("Say hello")
    del request["max_tokens"]
    return client.messages.count_tokens(**request).input_tokens


def failure(ask):
    try:
        ask()
    except anthropic.APIError as error:
        return {
            "class": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "body": error.body,
        }
    return None


def broken_off():
    text = ""

    def read():
        nonlocal text
        with client.messages.stream(**asking("Break off")) as stream:
            for piece in stream.text_stream:
                text += piece

    return {**(failure(read) or {}), "text": text}


wrong_key = anthropic.Anthropic(max_retries=0, api_key="sk-ant-wrong")
print(
    json.dumps(
        {
            "whole": whole(),
            "streamed": streamed(),
            "tools": with_tools(),
            "thought": thought(),
            "counted": counted(),
            "models": [model.type for model in client.models.list()],
            "wrong_key": failure(lambda: wrong_key.messages.create(**asking("Say hello"))),
            "wrong_model": failure(
                lambda: client.messages.create(**{**asking("Say hello"), "model": "no-such-model"})
            ),
            "broken_off": broken_off(),
        }
    )
)
