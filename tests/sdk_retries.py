#!/usr/bin/env python3
"""Records how often the official SDKs call again after an answer: `fixtures/sdk_retries.json`, which the tests read.

    tests/sdk_retries.py FOLDER > tests/fixtures/sdk_retries.json

A server answers every request alike, by status and headers as the guard's refusals have them, and counts. The SDKs
are used with their own settings. It needs `openai` and `anthropic` for this Python, and for `node` those that
`clients_js.py` has installed into FOLDER.
"""

import http.server
import json
import pathlib
import subprocess
import sys
import threading

#: Status, x-should-retry, retry-after.
ANSWERS = [
    (status, *headers)
    for status in (400, 401, 402, 403, 404, 405, 408, 409, 413, 415, 429, 502, 503, 504)
    for headers in ((None, None), ("false", None), ("true", None), ("true", "0"))
]
JS = """
import { createRequire } from "node:module";
const [folder, url, which] = process.argv.slice(1);
const require = createRequire(folder + "/here.js");
const SDK = require(which).default;
const client = new SDK({ baseURL: url, apiKey: "k" });
const body = { model: "m", max_tokens: 1, messages: [{ role: "user", content: "x" }] };
try { which === "openai" ? await client.chat.completions.create(body) : await client.messages.create(body); }
catch (error) { if (!error.status) throw error; }
"""


class Server(http.server.ThreadingHTTPServer):
    """Answers every request alike."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.count = None, 0
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.server.count += 1
        status, should_retry, retry_after = self.server.answer
        body = b'{"error":{"message":"no","type":"x","code":"y"}}'
        self.send_response(status)
        for name, value in (("x-should-retry", should_retry), ("retry-after", retry_after), ("content-type", "application/json"), ("content-length", str(len(body)))):
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def python(name, url):
    import anthropic
    import openai

    body = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}
    try:
        if name == "openai":
            openai.OpenAI(base_url=url, api_key="k").chat.completions.create(**body)
        else:
            anthropic.Anthropic(base_url=url, api_key="k").messages.create(**body)
    except (openai.APIStatusError, anthropic.APIStatusError):
        pass


def javascript(name, url, folder):
    package = "openai" if name == "openai" else "@anthropic-ai/sdk"
    subprocess.run(["node", "--input-type=module", "-e", JS, folder, url, package], check=True)


def main():
    import anthropic
    import openai

    folder = str(pathlib.Path(sys.argv[1]).resolve())
    version = lambda name: json.loads(pathlib.Path(folder, "node_modules", name, "package.json").read_text())["version"]
    sdks = [
        (f"openai {openai.__version__} (Python)", lambda url: python("openai", url)),
        (f"anthropic {anthropic.__version__} (Python)", lambda url: python("anthropic", url)),
        (f"openai {version('openai')} (JavaScript)", lambda url: javascript("openai", url, folder)),
        (f"@anthropic-ai/sdk {version('@anthropic-ai/sdk')} (JavaScript)", lambda url: javascript("anthropic", url, folder)),
    ]
    server = Server()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    rows = []
    for name, call in sdks:
        for answer in ANSWERS:
            server.answer, server.count = answer, 0
            call(url)
            status, should_retry, retry_after = answer
            rows.append({"sdk": name, "status": status, "should_retry": should_retry, "retry_after": retry_after, "requests": server.count})
            print(rows[-1], file=sys.stderr)
    print("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]")


if __name__ == "__main__":
    main()
